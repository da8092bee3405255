def grade(name):
    return ord(name)

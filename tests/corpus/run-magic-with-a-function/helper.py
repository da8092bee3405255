def triple(x):
    return factor * x

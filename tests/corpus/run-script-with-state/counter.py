calls = []


def count(name):
    calls.append(name)
    return len(calls)

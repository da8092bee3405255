product = factor * 7


def triple(x):
    return factor * x

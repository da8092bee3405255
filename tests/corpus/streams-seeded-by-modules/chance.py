import numpy


def begin(seed):
    numpy.random.seed(seed)

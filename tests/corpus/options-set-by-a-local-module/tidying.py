import numpy


def tidy():
    numpy.set_printoptions(precision=2)


def shorten():
    numpy.set_printoptions(threshold=5)

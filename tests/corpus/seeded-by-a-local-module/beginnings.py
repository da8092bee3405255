import random

import numpy


def set_seed(number):
    random.seed(number)
    numpy.random.seed(number)


def prepare():
    set_seed(5)

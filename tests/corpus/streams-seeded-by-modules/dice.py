import random

random.seed(3)


def throw():
    return random.randint(1, 6)

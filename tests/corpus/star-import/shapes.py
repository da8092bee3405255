"""Areas and volumes."""

UNIT = "cm"


def square(side: float) -> float:
    return side**2


def cube(side: float) -> float:
    return side**3

"""A module in a folder that only the notebook puts on the path."""

UNIT = "bar"


class Gauge:
    def __init__(self, level):
        self.level = level

    def value(self):
        return f"{self.level} {UNIT}"

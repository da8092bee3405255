"""Functions for all."""

import operator

LIMIT = 2


def highest(rows):
    return ordered(rows)[-LIMIT:]


def ordered(rows):
    return sorted(rows, key=operator.neg)


class Tally:
    def __init__(self, rows):
        self.rows = rows

    def share(self):
        return [round(r / sum(self.rows), 2) for r in self.rows]

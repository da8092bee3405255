import collections
import sqlite3


def _numbers():
    n = 0
    while True:
        n += 1
        yield n


_all = _numbers()
_letters = iter("abcdef")
_round = collections.deque([1, 2, 3])
_notes = sqlite3.connect(":memory:")
_notes.execute("create table notes (what)")


def number():
    return next(_all)


def letter():
    return next(_letters)


def turn():
    _round.rotate(1)
    return _round[0]


def note(what):
    _notes.execute("insert into notes values (?)", (what,))
    return _notes.execute("select count(*) from notes").fetchone()[0]

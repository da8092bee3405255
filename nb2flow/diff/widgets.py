"""What two notebooks have around their cells, without the widgets that both have.

The state of widgets can be most of a file, and a version changes little of it. It is a member for each widget's model;
models that are the same in both versions, byte for byte, are left out on both sides before anything is parsed, so the
result serves for telling what differs only. It works where one member stands a line, and leaves any other as it is.
Source of the form: https://ipywidgets.readthedocs.io/en/stable/embedding.html
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # that module imports the fast parser
    from nb2flow.diff.long_texts import Stretch

_STATES = b'"application/vnd.jupyter.widget-state+json": {\n'
_STATE = b'"state": {\n'


def without_common_widgets(first: Stretch, second: Stretch, unit: bytes, least: int) -> tuple[Stretch, Stretch]:
    """Both stretches, if they have `least` bytes, without the models that both have; `unit` indents by one level."""
    if min(first[2] - first[1], second[2] - second[1]) < least:
        return first, second
    places = _place(*first, unit), _place(*second, unit)
    if places[0] is None or places[1] is None:
        return first, second
    between = b',\n%s"' % (5 * unit)
    models = first[0][slice(*places[0])].split(between), second[0][slice(*places[1])].split(between)
    both = set(models[0]).intersection(models[1])
    rest = [[model for model in side if model not in both] for side in models]
    for side, others in zip(models, rest, strict=True):
        names = {model.partition(b'"')[0] for model in chain(both, others)}
        if len(names) < len(side):
            return first, second  # of two with one name the last counts
    return _with(first, places[0], between.join(rest[0])), _with(second, places[1], between.join(rest[1]))


def _with(stretch: Stretch, place: tuple[int, int], models: bytes) -> Stretch:
    data, start, stop = stretch
    first, last = place
    text = data[start : first if models else first - 1] + models + data[last:stop]
    return text, 0, len(text)


def _place(text: bytes, start: int, stop: int, unit: bytes) -> tuple[int, int] | None:
    """Where the models are, from behind the first one's quote up to the last one's end; None if not as they usually
    are."""
    states, state = b"\n%s%s" % (3 * unit, _STATES), b"\n%s%s" % (4 * unit, _STATE)
    found = text.find(states, start, stop)
    opened = text.find(b'%s%s"' % (state, 5 * unit), max(found, start), stop)
    last = text.find(b"\n%s}" % (4 * unit), opened, stop)
    if min(found, opened, last) < 0:
        return None
    if any(text.find(name, last, stop) >= 0 for name in (states, state[: -len(b"{\n")])):
        return None  # of two with one name the last counts
    return opened + len(state) + len(5 * unit) + len(b'"'), last

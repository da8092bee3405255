"""The state of Python's logging, as plain values: levels, flags and handlers of every logger that is not as made.

A handler that writes to the standard streams with an ordinary formatter can be told and made anew. Any other handler
stands for itself, which no pickle takes: steps that would need it run as one.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

_FRESH: Any = (logging.NOTSET, False, True, [])
_ROOT, _DISABLE = "", "disabled up to"


def capture() -> dict[str, Any]:
    """Logger name -> (level, disabled, propagate, handlers)."""
    manager = logging.Logger.manager
    known = {name: x for name, x in list(manager.loggerDict.items()) if isinstance(x, logging.Logger)}
    known[_ROOT] = logging.getLogger()
    states = {name: _state(logger) for name, logger in known.items()}
    found: dict[str, Any] = {name: state for name, state in states.items() if state != _FRESH}
    found[_DISABLE] = manager.disable
    return found


def apply(values: dict[str, Any]) -> None:
    """Bring loggers into the given states."""
    for name, state in values.items():
        if name == _DISABLE:
            logging.disable(state)
            continue
        logger = logging.getLogger(name or None)
        level, logger.disabled, logger.propagate, handlers = state
        logger.setLevel(level)
        if [_told(h) for h in logger.handlers] != handlers:
            for handler in list(logger.handlers):
                logger.removeHandler(handler)
            for told in handlers:
                logger.addHandler(_made(told))


def _state(logger: logging.Logger) -> Any:
    return (logger.level, bool(logger.disabled), bool(logger.propagate), [_told(h) for h in logger.handlers])


def _told(handler: Any) -> Any:
    if type(handler) is logging.NullHandler:
        return ("null",)
    stream = getattr(handler, "stream", None)
    names: list[str] = [name for name in ("stdout", "stderr") if stream is getattr(sys, name)]
    form = handler.formatter
    plain = form is None or (type(form) is logging.Formatter and type(form._style) is logging.PercentStyle)
    if type(handler) is not logging.StreamHandler or not names or not plain or handler.filters:
        return handler
    return ("stream", names[0], handler.level, None if form is None else (form._fmt, form.datefmt))


def _made(told: Any) -> logging.Handler:
    if told[0] == "null":
        return logging.NullHandler()
    _, stream, level, form = told
    handler = logging.StreamHandler(getattr(sys, stream))
    handler.setLevel(level)
    if form is not None:
        handler.setFormatter(logging.Formatter(*form))
    return handler

"""How a file is written, read off its bytes, so that what is made from it differs in nothing but contents.

Order is the objects' own; everything else (indentation, lists of lines or strings, escapes, line ends) is here. What
differs within a file, because somebody wrote it by hand, is made even.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from nb2flow.diff.layout import split_cell

_OBJECT = re.compile(rb"\s*\{")
_INDENT = re.compile(rb'\{\s*?\n([ \t]+)"')
_SOURCE = re.compile(rb'(?<!\\)"source": ?([\["])')


class Form(NamedTuple):
    """How a file is written: its indentation, whether texts are lists of lines, and so on; `marks` are those of `<>&`
    that are escaped, as for a web page."""

    indent: str | None = " "
    spaced: bool = True
    escaped: bool = False
    lists: bool = True
    line_end: str = "\n"
    last_line_end: bool = True
    marks: str = ""


def form_of(data: bytes | None) -> Form:
    """The form of a file, so that one made from it differs in nothing but contents; of no file the usual form."""
    if not data or _OBJECT.match(data) is None:
        return Form()
    escapes = b"\\u" in data
    indent, source, end = _INDENT.search(data), _SOURCE.search(data), data.find(b"\n")
    return Form(
        None if indent is None else indent.group(1).decode("ascii"),
        b'": ' in data,
        escapes and data.isascii(),
        source is None or source.group(1) == b"[",
        "\r\n" if data[end - 1 : end] == b"\r" else "\n",
        data.endswith(b"\n"),
        "".join(c for c in "<>&" if escapes and b"\\u00%02x" % ord(c) in data and c.encode("ascii") not in data),
    )


def writes(notebook: Any, form: Form | None = None, *, split: bool = False) -> bytes:
    """A notebook as the bytes of a file; in the usual form, if none is given: indented by one, UTF-8, a line end at the
    end. With `split`, joined texts become lists of lines first, where the form has those."""
    form = form or Form()
    if split and form.lists and isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
        notebook = {**notebook, "cells": [split_cell(cell) for cell in notebook["cells"]]}
    separators = ("," if form.indent or not form.spaced else ", ", ": " if form.spaced else ":")
    text = json.dumps(notebook, indent=form.indent, ensure_ascii=form.escaped, separators=separators)
    for mark in form.marks:
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    text += "\n" if form.last_line_end else ""
    if form.line_end != "\n":
        text = text.replace("\n", form.line_end)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair can only be written as an escape
        return writes(notebook, form._replace(escaped=True))

"""The edit script from one notebook's file to another's, in nbdime's form, with as little of them read as it takes."""

from __future__ import annotations

from nb2flow.diff.document import empty, reads
from nb2flow.diff.edits import Edit, nbdime_edits
from nb2flow.diff.lifting import Lifted, MisreadError
from nb2flow.diff.match import match
from nb2flow.diff.shared import reads_both


def edit_script(
    first: bytes | None, second: bytes | None, names: tuple[str, str], lifted: Lifted | None = None
) -> list[Edit]:
    """The edits between two files' bytes (None: no file), with stand-ins for long texts if `lifted` is there to put
    them back (`Lifted.restore`). Raises `NotebookError`."""
    if first is None or second is None:
        base, remote = (empty(n) if d is None else reads(d, n) for d, n in zip((first, second), names, strict=True))
        return nbdime_edits(base, remote, match(base.cells, remote.cells))
    try:
        base, remote = reads_both(first, second, names, exact=True, lifted=lifted)
        return nbdime_edits(base, remote, match(base.cells, remote.cells), lifted)
    except MisreadError:
        return edit_script(first, second, names)

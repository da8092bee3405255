"""Notebook documents: bytes to a `Notebook`, JSON values back to bytes.

The only file of this room that touches the disk. It reads nbformat 4 by itself, for nbformat and jsonschema cost more
to import than most commands take; nbformat is loaded for older formats alone. It is strict about what carries meaning
(cells, their kind, their source) and lenient about the rest, and every refusal is one `NotebookError` with one
diagnostic.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from nb2flow.errors import Diagnostic, EnvironmentFault, NotebookError, Place, Severity
from nb2flow.integers import holds_long_integers
from nb2flow.notebook.model import Cell, CellKind, Notebook
from nb2flow.notebook.names import nearest, unique

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KINDS: Mapping[str, CellKind] = {"code": "code", "markdown": "markdown", "raw": "raw"}
_KERNEL_LANGUAGES = {"ir": "R", "julia": "julia", "sagemath": "sage", "scala": "scala", "bash": "bash"}


def read(path: Path) -> Notebook:
    """Reads the notebook file at `path`; raises NotebookError (NB101 … NB109) saying what is wrong with it."""
    return parse(_load(path), path.stem, str(path))


def reads(data: bytes, name: str) -> Notebook:
    """Reads a notebook from the bytes of its file; `name` is the file's stem. Raises NotebookError (NB104 … NB109)."""
    return parse(data, name, f"{name}.ipynb")


def writes(document: Mapping[str, Any]) -> bytes:
    """The bytes of a notebook file for these JSON values: the same values always give the same bytes.

    Laid out as Jupyter does (indent 1, sorted keys, UTF-8, final newline, sources as lists of lines).
    """
    import msgspec

    cells = [_with_lines(c) if isinstance(c, Mapping) else c for c in document.get("cells", ())]
    values = {**document, "cells": cells}
    try:
        # The same bytes as with `indent=1`, for which Python has no encoder in C.
        text = json.dumps(values, sort_keys=True, ensure_ascii=False)
        return msgspec.json.format(text.encode(), indent=1) + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair in a source: only an escape can hold it
        return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode("ascii")
    except msgspec.DecodeError:  # a number that JSON does not have
        return (json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a notebook file in one piece: readers see the old file or the new one. Raises EnvironmentFault."""
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(writes(document))
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise EnvironmentFault(f"cannot write {path}: {error.strerror or error}") from error


def parse(data: bytes, name: str, label: str) -> Notebook:
    """Makes a `Notebook` of a file's bytes; `label` is what messages call the file."""
    return of_values(_decoded(data, label), name, label)


def of_values(document: Any, name: str, label: str) -> Notebook:
    """Makes a `Notebook` of the JSON values of a file."""
    notes: list[Diagnostic] = []
    raw = _checked(document, label, notes)
    metadata = _mapping(raw.get("metadata"), "the notebook's metadata", notes)
    cells = _cells(raw["cells"], label, notes)
    if not cells:
        _refuse("NB108", f"{label} has no cells", "there is nothing to make a pipeline of: add code cells")
    code = [c for c in cells if c.kind == "code"]
    if not code:
        _refuse("NB109", f"{label} has no code cells: all {len(cells)} are text", "a pipeline needs code to run")
    if not any(c.source.strip() for c in code):
        _refuse("NB109", f"{label} has no code: all of its code cells are empty", "a pipeline needs code to run")
    language, kernel = _kernel(metadata)
    return Notebook(name, cells, language, kernel, metadata, raw, tuple(notes))


def _refuse(code: str, message: str, hint: str, cause: BaseException | None = None) -> NoReturn:
    diagnostic = Diagnostic(code, Severity.ERROR, message, hint=hint)
    raise NotebookError(message, hint=hint, diagnostics=(diagnostic,)) from cause


def _load(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            found = sorted(p.name for p in path.glob("*.ipynb"))[:3]
            hint = f"name a notebook in it, such as {path / found[0]}" if found else "name a notebook file (.ipynb)"
            _refuse("NB102", f"{path} is a folder, not a notebook", hint)
        if not stat.S_ISREG(mode):
            _refuse("NB102", f"{path} is not a regular file", "name a notebook file (.ipynb)")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        near = nearest(path.name, (name for name in _neighbours(path) if name != path.name))
        hint = f"did you mean {path.with_name(near)}?" if near else "check the path"
        hint = f"it is a link to {path.readlink()}, which is not there" if path.is_symlink() else hint
        _refuse("NB101", f"there is no file {path}", hint, error)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _refuse("NB103", f"{path} cannot be read: {reason}", "check the path and its permissions", error)


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(p.name for p in path.parent.glob("*.ipynb"))
    except OSError:
        return []


def values_of(data: bytes) -> Any:
    """The JSON values of a file that was written as a notebook, integers of any length as they are."""
    import orjson

    return json.loads(data) if holds_long_integers(data) else orjson.loads(data)


def _decoded(data: bytes, label: str) -> Any:
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return values_of(data)
    except (ValueError, RecursionError):
        pass
    try:  # the standard library also takes NaN, half surrogates and UTF-16, which notebooks in the wild contain
        return json.loads(data)
    except UnicodeDecodeError as error:
        _refuse("NB104", f"{label} is not JSON: it is not UTF-8 text", "a notebook is a JSON file", error)
    except json.JSONDecodeError as error:
        what = f"line {error.lineno}, column {error.colno}: {error.msg}" if data.strip() else "it is empty"
        _refuse("NB104", f"{label} is not JSON: {what}", _not_json_hint(data, label), error)
    except (RecursionError, ValueError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        _refuse("NB104", f"{label} cannot be read as JSON: {what}", "a notebook is a JSON file", error)


def _not_json_hint(data: bytes, label: str) -> str:
    if not data.strip():
        return "save the notebook again, or take it from version control"
    if data.startswith(b"version https://git-lfs"):
        return "this is a Git LFS pointer: run `git lfs pull`"
    if re.search(rb"^<{7} ", data, re.MULTILINE):
        return "the file holds unresolved merge conflicts (`<<<<<<<`): resolve them first"
    if label.endswith((".py", ".md", ".Rmd", ".qmd")):
        return "turn it into a notebook first, for instance with `jupytext --to ipynb`"
    return "a notebook is a JSON file; was it cut off while it was being saved?"


def _checked(document: Any, label: str, notes: list[Diagnostic]) -> dict[str, Any]:
    """The document as nbformat 4, or a refusal."""
    no_notebook = "a notebook is a JSON object with `nbformat` and `cells`"
    if not isinstance(document, dict):
        _refuse("NB105", f"{label} is JSON but not a notebook: it is a {_json_kind(document)}", no_notebook)
    version = document.get("nbformat")
    cells = document.get("cells", document.get("worksheets"))
    if not isinstance(cells, list):
        what = "it has no list of cells" if cells is None else f"its cells are a {_json_kind(cells)}, not a list"
        if isinstance(version, int) and version > 4:
            _refuse("NB106", *_unsupported(label, version))
        _refuse("NB105", f"{label} is JSON but not a notebook: {what}", no_notebook)
    if version is None and "cells" in document:
        notes.append(_odd("the file does not say which notebook format it has; it is read as format 4"))
        version = 4
    if not isinstance(version, int) or isinstance(version, bool):
        _refuse("NB105", f"{label} is JSON but not a notebook: `nbformat` is {version!r}, not a number", no_notebook)
    if version > 4 or version < 1:
        _refuse("NB106", *_unsupported(label, version))
    if version < 4:
        upgraded = _upgraded(document, version, label)
        message = f"{label} has notebook format {version}; it was read as format 4 (the file itself is not changed)"
        notes.append(Diagnostic("NB107", Severity.INFO, message, hint="save it in JupyterLab to upgrade it for good"))
        return upgraded
    return {**document, "cells": cells}


def _unsupported(label: str, version: int) -> tuple[str, str]:
    message = f"{label} has notebook format {version}, which this nb2flow does not know (it reads formats 1 to 4)"
    return message, "save it as notebook format 4, or upgrade nb2flow"


def _upgraded(document: dict[str, Any], version: int, label: str) -> dict[str, Any]:
    import nbformat
    from nbformat import reader

    try:
        joined = reader.reads(json.dumps(document))  # type: ignore[no-untyped-call]
        upgraded = nbformat.convert(joined, 4)  # type: ignore[no-untyped-call]
    except (nbformat.ValidationError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"{label} has notebook format {version} and cannot be upgraded: {error}"
        _refuse("NB105", what.splitlines()[0][:300], "open and save it in JupyterLab", error)
    plain: dict[str, Any] = json.loads(json.dumps(upgraded))
    for cell in plain["cells"]:
        cell.pop("id", None)  # nbformat draws them at random; ours are the same each time
    return plain


def _cells(values: list[Any], label: str, notes: list[Diagnostic]) -> tuple[Cell, ...]:
    given = [v.get("id") if isinstance(v, dict) else None for v in values]
    taken = {i for i in given if isinstance(i, str)}
    seen: set[str] = set()
    cells = []
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            what = f"{label} is not a notebook: cell {index} is a {_json_kind(value)}, not an object"
            _refuse("NB105", what, "open and save it in JupyterLab")
        cell_id = given[index]
        if not isinstance(cell_id, str) or not _ID.fullmatch(cell_id):
            cell_id = unique(f"cell-{index}", taken | seen)
        elif cell_id in seen:
            fresh = unique(cell_id[:60], taken | seen)
            notes.append(_odd(f"cell {index} has the id of an earlier cell; it is called {fresh}", index, fresh))
            cell_id = fresh
        seen.add(cell_id)
        cells.append(_cell(index, cell_id, value, label, notes))
    return tuple(cells)


def _cell(index: int, cell_id: str, value: dict[str, Any], label: str, notes: list[Diagnostic]) -> Cell:
    cell_type = value.get("cell_type")
    kind = _KINDS.get(cell_type) if isinstance(cell_type, str) else None
    if kind is None:
        what = f"cell {index} has the type {cell_type!r}; it is taken for text"
        notes.append(_odd(what, index, cell_id))
        kind = "raw"
    source = value.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    elif source is None:
        source = ""
    elif not isinstance(source, str):
        what = f"{label} is not a notebook: the source of cell {index} is a {_json_kind(source)}, not text"
        _refuse("NB105", what, "open and save it in JupyterLab")
    if not source.isascii() and any("\ud800" <= c <= "\udfff" for c in source):
        notes.append(
            _odd(f"cell {index} holds characters that are not valid Unicode; they are replaced", index, cell_id)
        )
        source = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    metadata = _mapping(value.get("metadata"), f"the metadata of cell {index}", notes, index, cell_id)
    tags = _tags(metadata.get("tags"), index, cell_id, notes)
    attachments = _mapping(value.get("attachments"), f"the attachments of cell {index}", notes, index, cell_id)
    return Cell(index, cell_id, kind, source, tags, metadata, attachments)


def _tags(value: Any, index: int, cell_id: str, notes: list[Diagnostic]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        notes.append(_odd(f"the tags of cell {index} are a {_json_kind(value)}, not a list", index, cell_id))
        return ()
    tags = tuple(dict.fromkeys(t for t in value if isinstance(t, str)))
    if not all(isinstance(t, str) for t in value):
        notes.append(_odd(f"cell {index} has a tag that is not text", index, cell_id))
    return tags


def _mapping(
    value: Any, what: str, notes: list[Diagnostic], index: int | None = None, cell_id: str | None = None
) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if value is not None:
        notes.append(_odd(f"{what} should be an object but is a {_json_kind(value)}", index, cell_id))
    return {}


def _odd(message: str, index: int | None = None, cell_id: str | None = None) -> Diagnostic:
    place = Place(cell=index, cell_id=cell_id)
    return Diagnostic("NB110", Severity.WARNING, message, place, "open and save the notebook in JupyterLab")


def _kernel(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The language (`python` for every spelling of it) and the kernel's name."""
    spec, info = metadata.get("kernelspec"), metadata.get("language_info")
    spec = spec if isinstance(spec, dict) else {}
    info = info if isinstance(info, dict) else {}
    kernel = spec.get("name")
    kernel = kernel if isinstance(kernel, str) and kernel.strip() else ""
    language = spec.get("language") or info.get("name")
    if not isinstance(language, str) or not language.strip():
        language = next((v for k, v in _KERNEL_LANGUAGES.items() if re.match(rf"{k}\b", kernel.lower())), "python")
    if re.fullmatch(r"i?python[0-9.]*", language.strip().lower()):
        language = "python"
    return language.strip(), kernel or "python3"


def _with_lines(cell: Mapping[str, Any]) -> dict[str, Any]:
    source = cell.get("source")
    return {**cell, "source": source.splitlines(keepends=True)} if isinstance(source, str) else dict(cell)


def _json_kind(value: Any) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "true/false value"),
        (int, "number"),
        (float, "number"),
        (str, "text"),
        (list, "list"),
        (dict, "mapping"),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), "null")

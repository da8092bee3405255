"""What a notebook needs, as a table by step and as JSON values. Pure."""

from __future__ import annotations

import shlex

from nb2flow.environment.model import Environment, Need, StepNeeds
from nb2flow.views.diagnostics import to_value as diagnostic_value
from nb2flow.views.runs import columns
from nb2flow.views.terminal import Terminal
from nb2flow.views.words import counted, size


def draw(found: Environment, terminal: Terminal) -> str:
    """Step by step what is imported and where it comes from; then the lock in one line."""
    head = f"{terminal.paint(found.notebook, 'bold')}: kernel {found.kernel}, Python {found.python} ({found.program})"
    rows = [row for step in found.steps for row in _rows(step, found, terminal)]
    plain = sorted({n.module for s in found.steps for n in s.needs if n.kind == "stdlib"})
    parts = [head]
    if rows:
        parts.append(columns(rows, terminal, ("STEP", "NEEDS", "FROM")))
    else:
        said = f" ({', '.join(plain)})" if plain else ""
        parts.append(f"It imports nothing but the standard library{said}: any image with ipykernel runs it.")
    if rows and plain:
        parts.append(terminal.paint(f"standard library: {', '.join(plain)}", "dim"))
    return "\n\n".join(parts)


def last_words(found: Environment, path: str, terminal: Terminal) -> str:
    """How many packages the lock has, and what to type next."""
    path = shlex.quote(path)
    rows = [
        (f"nb2flow env {path} --lock -o requirements.txt", "write the lock"),
        (f"nb2flow image build {path} --tag NAME:TAG", "make the image of its steps"),
    ]
    own = {d for s in found.steps for n in s.needs for d in n.distributions}
    locked = f"{counted(len(found.lock), 'package')} in the lock: {counted(len(own), 'package')} that the notebook uses"
    told = columns(((terminal.paint(c, "cyan"), terminal.paint(w, "dim")) for c, w in rows), terminal)
    return f"{locked}, the kernel, and what these require\n" + "\n".join(f"  {line}" for line in told.splitlines())


def _rows(step: StepNeeds, found: Environment, terminal: Terminal) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    name = step.step
    for need in step.needs:
        if need.kind != "stdlib" and not (need.kind == "local" and need.via):
            rows.append((name, need.module, _source(need, found, terminal)))
            name = ""
    for file in step.files:
        told = f"file, {size(file.size)}" if file.size else "file or folder"
        words = told if file.travels else terminal.paint(f"{told}, does not travel", "yellow")
        rows.append((name, file.path, words))
        name = ""
    return rows


def _source(need: Need, found: Environment, terminal: Terminal) -> str:
    versions = {pin.name: pin.line for pin in found.lock}
    if need.kind == "local":
        words = f"local module {need.file}"
    elif need.kind == "missing":
        words = terminal.paint("not installed", "dim" if need.optional else "red")
        words += " (optional)" if need.optional else ""
    else:
        words = ", ".join(versions.get(d, f"{d} (not in the lock)") for d in need.distributions)
    told = [f"by {need.via}"] if need.via else []
    told += [f"for {need.because}"] if need.because else []
    return f"{words}  {terminal.paint('; '.join(told), 'dim')}".rstrip() if told else words


def to_value(found: Environment) -> dict[str, object]:
    """What a notebook needs as JSON values with stable keys."""
    return {
        "notebook": found.notebook,
        "kernel": found.kernel,
        "python": found.python,
        "program": found.program,
        "steps": [
            {
                "step": step.step,
                "needs": [_need_value(need) for need in step.needs],
                "files": [{"path": f.path, "size": f.size, "travels": f.travels} for f in step.files],
            }
            for step in found.steps
        ],
        "lock": [
            {"name": p.name, "version": p.version, "url": p.url, "line": p.line, "by": list(p.by)} for p in found.lock
        ],
        "problems": [diagnostic_value(d) for d in found.problems],
    }


def _need_value(need: Need) -> dict[str, object]:
    return {
        "module": need.module,
        "kind": need.kind,
        "distributions": list(need.distributions),
        "file": need.file,
        "how": need.how,
        "optional": need.optional,
        "because": need.because,
        "via": need.via,
        "cell": need.place.cell,
        "line": need.place.line,
    }

"""A warning that one kernel would not have shown again is taken out of the later step's notebook."""

from __future__ import annotations

from nb2flow.engine.repeats import repeated, without
from nb2flow.runs.manifest import Manifest, Observed, Warned

WHO = ("FutureWarning", "old", "lib.py", "3")
TEXT = "lib.py:3: FutureWarning: old\n"


def step(*warned: Warned, changes: int = 0, imports: tuple[tuple[str, int], ...] = ()) -> Manifest:
    return Manifest(observed=Observed(warned=warned, filter_changes=changes, filter_imports=imports))


def warning(after: int = 0, imports: int = 0) -> Warned:
    return Warned(who=WHO, text=TEXT, after=after, imports=imports)


def test_the_second_step_repeats_the_first() -> None:
    assert repeated(["a", "b"], {"a": step(warning()), "b": step(warning())}, {}) == {"b": (TEXT,)}


def test_code_of_cells_warns_in_every_cell() -> None:
    own = Warned(
        who=("RuntimeWarning", "zero", "/tmp/ipykernel_7/123.py", "2"), text="123.py:2: RuntimeWarning: zero\n"
    )
    assert repeated(["a", "b"], {"a": step(own), "b": step(own)}, {}) == {}


def test_passes_of_one_loop_warn_once() -> None:
    def own(process: int) -> Warned:
        file = f"/tmp/ipykernel_{process}/123.py"
        return Warned(who=("RuntimeWarning", "zero", file, "2"), text=f"{file}:2: RuntimeWarning: zero\n")

    seen = {name: step(own(k)) for k, name in enumerate(("a-0", "a-1", "b-0"))}
    assert repeated(list(seen), seen, {"a-0": "a", "a-1": "a", "b-0": "b"}) == {"a-1": (own(1).text,)}


def test_a_changed_filter_between_them_makes_python_forget() -> None:
    assert repeated(["a", "b"], {"a": step(warning(), changes=1), "b": step(warning())}, {}) == {}
    assert repeated(["a", "u", "b"], {"a": step(warning()), "u": step(changes=2), "b": step(warning())}, {}) == {}
    assert repeated(["a", "b"], {"a": step(warning()), "b": step(warning(after=1), changes=1)}, {}) == {}


def test_a_library_changes_filters_only_when_it_is_first_imported() -> None:
    first = step(warning(after=0, imports=1), imports=(("lib", 5),))
    again = step(warning(after=0, imports=1), imports=(("lib", 5),))
    other = step(warning(after=0, imports=1), imports=(("other", 5),))
    assert repeated(["a", "b"], {"a": first, "b": again}, {}) == {"b": (TEXT,)}
    assert repeated(["a", "b"], {"a": first, "b": other}, {}) == {}


def test_nothing_is_said_of_steps_after_one_that_failed() -> None:
    assert repeated(["a", "x", "b"], {"a": step(warning()), "b": step(warning())}, {}) == {}


def test_the_text_leaves_standard_error_of_the_authors_cells_only() -> None:
    def cell(role: str, *outputs: dict[str, object]) -> dict[str, object]:
        return {"cell_type": "code", "metadata": {"nb2flow": {"role": role}}, "outputs": list(outputs)}

    err = {"output_type": "stream", "name": "stderr", "text": TEXT}
    more = {"output_type": "stream", "name": "stderr", "text": "kept\n" + TEXT}
    out = {"output_type": "stream", "name": "stdout", "text": TEXT}
    document = {"cells": [cell("replay", err), cell("author", err, out), cell("author", more)]}
    cells = without(document, [TEXT, TEXT])["cells"]
    assert cells[0]["outputs"] == [err]
    assert cells[1]["outputs"] == [out]
    assert cells[2]["outputs"] == [{**more, "text": "kept\n"}]

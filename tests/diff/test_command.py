"""The commands as a user calls them: what they print, where from, and their exit codes."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path

import pytest
from diff.conftest import FIRST, SECOND, Run
from diff.making import Json, code, dump, md, nb, numbered, result, stream

from nb2flow.cli.diff import merge_main


def test_exit_codes(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    a, b = files
    assert nbdiff(a, a) == (0, "", "")
    assert nbdiff(a, b)[0] == 1
    status, out, err = nbdiff(a, tmp_path / "none.ipynb")
    assert (status, out) == (2, "")
    assert "none.ipynb is neither a file nor a revision" in err or "git" in err


def test_noise_alone_is_no_change(tmp_path: Path, nbdiff: Run) -> None:
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(numbered(FIRST, "x")))
    b.write_bytes(dump(numbered(FIRST, "y")))
    status, out, _ = nbdiff(a, b)
    assert status == 0
    assert "no content change" in out
    assert "noise folded: cell ids changed (3 cells)" in out
    status, out, _ = nbdiff("--noise", a, b)
    assert "3 cells" in out
    status, out, _ = nbdiff("-i", a, b)
    assert (status, out.count("id:")) == (1, 3)


def test_text(files: tuple[Path, Path], nbdiff: Run) -> None:
    _, out, _ = nbdiff(*files)
    assert "cells: 1 added, 1 modified" in out
    assert "- x = 1\n+ x = 10\n  y = 2\n" in out
    assert "@@ cell 4 added (code)\n+ z = 3\n" in out


def test_colours_and_words(files: tuple[Path, Path], nbdiff: Run) -> None:
    _, coloured, _ = nbdiff("--color=always", *files)
    assert "\x1b[31m- \x1b[0m\x1b[31mx = \x1b[0m\x1b[1;97;41m1\x1b[0m" in coloured
    _, plain, _ = nbdiff("--color-words", *files)
    assert "x = [-1-]{+10+}" in plain


def test_stat_and_names(files: tuple[Path, Path], nbdiff: Run) -> None:
    assert nbdiff("--stat", *files)[1] == f" {files[1]} | cells: 1 added, 1 modified\n"
    assert nbdiff(files[0], "--name-only", files[1])[1] == f"{files[1]}\n"


def test_parts_can_be_chosen_and_left_out(tmp_path: Path, nbdiff: Run) -> None:
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(nb(code("x = 1", stream("1\n"), tags=["a"]))))
    b.write_bytes(dump(nb(code("x = 2", stream("2\n"), tags=["b"]))))

    def shown(*flags: str) -> list[bool]:
        out = nbdiff(*flags, a, b)[1]
        return ["+ x = 2" in out, "+ 2" in out, "tags:" in out]

    assert shown() == [True, True, True]
    assert shown("-s") == [True, False, False]
    assert shown("-o") == [False, True, False]
    assert shown("-O", "-M") == [True, False, False]
    assert shown("-S") == [False, True, True]
    assert nbdiff("-s", "-O", a, b)[0] == 2


def test_outputs_are_cut_shown_whole_or_folded(tmp_path: Path, nbdiff: Run) -> None:
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(nb(code("x", stream("".join(f"old {k}\n" for k in range(50)))))))
    b.write_bytes(dump(nb(code("x", stream("".join(f"new {k}\n" for k in range(50)))))))
    assert nbdiff(a, b)[1].count("- old") <= 20
    assert nbdiff("--full-outputs", a, b)[1].count("+ new") == 50
    assert "old" not in nbdiff("--fold-outputs", a, b)[1]
    assert "  with 1 output\n" in nbdiff("/dev/null", b)[1]
    assert nbdiff("--full-outputs", "/dev/null", b)[1].count("    + new") == 50
    assert "new" not in nbdiff("--full-outputs", "-O", "/dev/null", b)[1]


def test_json_is_a_patch_and_fits_the_published_schema(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    import jsonschema

    schema = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "diff.schema.json").read_text())
    _, out, _ = nbdiff("--json", *files)
    found = json.loads(out)
    jsonschema.validate(found, schema)
    assert found["summary"]["added"] == 1
    patch = tmp_path / "changes.json"
    patch.write_text(out)
    status, patched, _ = nbdiff(files[0], patch, command="patch_main")
    assert status == 0
    assert json.loads(patched) == SECOND


def test_nbdimes_form_is_a_patch_too(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    patch = tmp_path / "changes.json"
    assert nbdiff("--out", patch, *files)[0] == 1
    assert json.loads(patch.read_text())[0]["op"] == "patch"
    target = tmp_path / "patched.ipynb"
    assert nbdiff(files[0], patch, "-o", target, command="patch_main") == (0, "", "")
    assert nbdiff(target, files[1])[0] == 0


def test_nbdimes_form_holds_the_chosen_parts(tmp_path: Path, nbdiff: Run) -> None:
    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(nb(code("x = 1", stream("1\n"), count=1), minor=4)))
    b.write_bytes(dump(nb(code("x = 2", stream("2\n"), count=2), minor=5)))

    def keys(*flags: str) -> list[str]:
        found = json.loads(nbdiff(*flags, "--out", "-", a, b)[1])
        inner = [e["key"] for cells in found if cells["key"] == "cells" for cell in cells["diff"] for e in cell["diff"]]
        return sorted([*inner, *(e["key"] for e in found if e["key"] != "cells")])

    assert keys() == ["execution_count", "nbformat_minor", "outputs", "source"]
    assert keys("-s") == ["source"]
    assert keys("-O", "-D") == ["source"]


def test_a_patch_that_does_not_fit_is_refused(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    patch = tmp_path / "changes.json"
    patch.write_text(nbdiff("--json", *files)[1])
    other = tmp_path / "other.ipynb"
    other.write_bytes(dump(nb(md("# Wines", id="a1"), code("x = 7\ny = 2", id="b2"), code("print(x + y)", id="c3"))))
    before = other.read_bytes()
    status, out, err = nbdiff(other, patch, "-o", other, command="patch_main")
    assert (status, out) == (2, "")
    assert "the diff does not fit: something else is there" in err
    assert other.read_bytes() == before
    patch.write_text(json.dumps({"format": "nb2flow.diff", "version": 9, "edits": []}))
    assert "only version 1 is known" in nbdiff(files[0], patch, command="patch_main")[2]
    assert "is no output of nbdiff" in nbdiff(files[0], files[1], command="patch_main")[2]


def test_a_patch_applies_where_only_other_places_differ(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    patch = tmp_path / "changes.json"
    patch.write_text(nbdiff("--json", *files)[1])
    other = json.loads(dump(FIRST))
    other["metadata"]["mine"] = 1
    other["cells"][2]["source"] = "print(x * y)"
    target = tmp_path / "other.ipynb"
    target.write_bytes(dump(other))
    status, out, _ = nbdiff(target, patch, command="patch_main")
    assert status == 0
    patched = json.loads(out)
    assert [c["source"] for c in patched["cells"]] == ["# Wines", "x = 10\ny = 2", "print(x * y)", "z = 3"]


@pytest.mark.parametrize("form", ["--json", "--out"])
def test_a_patched_notebook_keeps_the_form_of_the_file(nbdiff: Run, tmp_path: Path, form: str) -> None:
    def write(name: str, source: str) -> Path:
        notebook = {"nbformat": 4, "metadata": {}, "nbformat_minor": 4, "cells": [{**code(source), "source": source}]}
        path = tmp_path / name
        path.write_bytes(json.dumps(notebook, indent=4).replace("\n", "\r\n").encode())
        return path

    a, b, patch, patched = (
        write("a.ipynb", "x = 1\ny"),
        write("b.ipynb", "x = 2\ny"),
        tmp_path / "p",
        tmp_path / "c.ipynb",
    )
    out = nbdiff("--json", a, b)[1] if form == "--json" else nbdiff("--out", "-", a, b)[1]
    patch.write_text(out)
    assert nbdiff(a, patch, "-o", patched, command="patch_main")[0] == 0
    assert patched.read_bytes() == b.read_bytes()


def test_html_is_one_harmless_page(tmp_path: Path, nbdiff: Run) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a>"
    a, b, page = tmp_path / "a.ipynb", tmp_path / "b.ipynb", tmp_path / "page.html"
    a.write_bytes(dump(nb(md("text"), code("x", result(1, text_html=f"<b>1</b>{evil}")))))
    b.write_bytes(dump(nb(md(f"text **bold** {evil}\n\n{evil}"), code("x", result(1, text_html=f"<b>2</b>{evil}")))))
    assert nbdiff("--html", page, a, b)[0] == 1
    text = page.read_text(encoding="utf-8")
    assert text.count("<script>") == 1  # the page's own
    assert "onerror=alert" not in text.replace("onerror=alert(1)&gt;", "")
    assert 'href="javascript' not in text
    assert 'http-equiv="Content-Security-Policy"' in text
    assert "<strong>bold</strong>" in text


def test_standard_input(files: tuple[Path, Path], nbdiff: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(dump(SECOND))))
    status, out, _ = nbdiff(files[0], "-")
    assert status == 1
    assert "+++ standard input" in out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(dump(SECOND))))
    assert nbdiff("--stat", files[0], "-")[1] == " standard input | cells: 1 added, 1 modified\n"


def test_standard_input_can_be_read_but_once(files: tuple[Path, Path], nbdiff: Run) -> None:
    for command, words in (("main", ["-", "-"]), ("merge_main", [files[0], "-", "-"]), ("patch_main", ["-", "-"])):
        status, out, err = nbdiff(*words, command=command)
        assert (status, out) == (2, "")
        assert "can stand for one version only" in err


def test_a_script_is_not_merged(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("# %%\nx = 1\n")
    status, out, err = nbdiff(files[0], files[1], script, command="merge_main")
    assert (status, out) == (2, "")
    assert "would lose them" in err


def test_steps_of_two_runs(tmp_path: Path, nbdiff: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for run, value in (("run-1", "0.5"), ("run-2", "0.7")):
        folder = tmp_path / ".nb2flow" / "runs" / run / "executed"
        folder.mkdir(parents=True)
        (folder / "train.ipynb").write_bytes(dump(nb(code("score", result(1, text_plain=value)))))
    monkeypatch.chdir(tmp_path)
    status, out, _ = nbdiff("run-1:train", "run-2:train")
    assert status == 1
    assert "- 0.5" in out
    assert "+ 0.7" in out
    status, _, err = nbdiff("run-1:train", "run-2:fit")
    assert status == 2
    assert err == "nbdiff: no notebook of a step fit is in the run run-2\n  there are train\n"
    assert "run-3:fit is neither a step of a run here nor a blob" in nbdiff("run-1:train", "run-3:fit")[2]
    assert "nothing says what to compare it with" in nbdiff("run-1:train")[2]


def test_outside_a_repository_two_files_are_asked_for(
    nbdiff: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert nbdiff()[2] == "nbdiff: here is no git repository, and only git knows revisions\n  name two files\n"


BROKEN: dict[str, bytes] = {
    "no json": b"hello",
    "cut": dump(FIRST)[:100],
    "a list": b"[1, 2]",
    "an object": b'{"a": 1}',
    "a number": b"7",
    "binary": b"\x89PNG\r\n\x1a\n\x00\xff",
    "deep": b"[" * 100_000,
}
ODD: dict[str, bytes] = {
    "empty": b"",
    "NaN": dump(nb(code("x", t=float("nan")))),
    "surrogate": dump(nb(code("x"))).replace(b'"x"', b'"\\ud800"'),
    "cells of all kinds": json.dumps({"cells": [None, 1, "x", [], {}, {"cell_type": 5, "source": {}}]}).encode(),
    "null everywhere": json.dumps({"cells": None, "metadata": None, "nbformat": None}).encode(),
    "huge number": dump(nb(code("x", big=10**40))),
    "newer": dump({**FIRST, "nbformat": 5}),
    "duplicate keys": dump(FIRST).replace(b'"metadata": {}', b'"metadata": {}, "metadata": {}'),
    "bom": b"\xef\xbb\xbf" + dump(FIRST),
    "utf-16": dump(FIRST).decode().encode("utf-16"),
}


@pytest.mark.parametrize("form", ["", "--json", "--out=-", "--html=-", "--stat"])
@pytest.mark.parametrize("name", [*BROKEN, *ODD])
def test_broken_files_give_a_comparison_or_one_message(
    name: str, form: str, files: tuple[Path, Path], nbdiff: Run, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.ipynb"
    bad.write_bytes({**BROKEN, **ODD}[name])
    for pair in ((bad, files[0]), (files[0], bad)):
        status, out, err = nbdiff(*([form] if form else []), *pair)
        if name in BROKEN:
            assert status == 2
            assert out == ""
            assert err.startswith("nbdiff: ")
            assert err.count("\n") <= 2
        else:
            assert status in (0, 1)
            assert err == ""


def test_a_script_stands_on_one_side(files: tuple[Path, Path], nbdiff: Run, tmp_path: Path) -> None:
    script = tmp_path / "wines.py"
    script.write_text("# %% [markdown]\n# # Wines\n\n# %%\nx = 1\ny = 2\n\n# %%\nprint(x * y)\n")
    status, out, err = nbdiff(files[0], script)
    try:
        import jupytext  # noqa: F401
    except ImportError:
        assert status == 2
        assert "pip install jupytext" in err
    else:
        assert status == 1
        assert "1 cell modified" in out


def test_a_script_that_jupytext_cannot_read_is_told(
    files: tuple[Path, Path], nbdiff: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jupytext(types.ModuleType):
        def reads(self, text: str, fmt: str) -> None:
            raise RuntimeError(f"while parsing a flow sequence\nexpected ',' in {fmt}")

    monkeypatch.setitem(sys.modules, "jupytext", Jupytext("jupytext"))
    script = tmp_path / "wines.md"
    script.write_text("---\njupyter: [a\n---\n# Wines\n")
    status, out, err = nbdiff(files[0], script)
    assert (status, out) == (2, "")
    assert err == f"nbdiff: {script} cannot be read by jupytext: while parsing a flow sequence\n"


def test_a_notebook_of_many_megabytes_with_one_changed_value(nbdiff: Run, tmp_path: Path) -> None:
    def notebook(value: int) -> Json:
        return nb(code("print(x)", stream("1234567\n" * 500_000 + str(value))))

    a, b = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    a.write_bytes(dump(notebook(1)))
    b.write_bytes(dump(notebook(2)))
    status, out, _ = nbdiff(a, b)
    assert status == 1
    assert "- 1\n" in out
    assert "499997 unchanged lines" in out


@pytest.mark.parametrize(
    ("strategy", "code_", "kept"), [("inline", 1, "<<<<<<<"), ("use-remote", 0, "x = 3"), ("union", 0, "x = 2\\nx = 3")]
)
def test_a_merge_by_a_strategy_that_decides_ends_without_conflicts(
    tmp_path: Path, strategy: str, code_: int, kept: str
) -> None:
    for k in (1, 2, 3):
        (tmp_path / f"{k}.ipynb").write_bytes(dump(numbered(nb(code(f"x = {k}"), md("y")))))
    names = [str(tmp_path / f"{k}.ipynb") for k in (1, 2, 3)]
    assert merge_main([*names, "-m", strategy, "-o", str(tmp_path / "m.ipynb")]) == code_
    assert kept in json.dumps("".join(json.loads((tmp_path / "m.ipynb").read_bytes())["cells"][0]["source"]))


def test_nbdimes_way_to_call_nbmerge_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in (1, 2):
        (tmp_path / f"{k}.ipynb").write_bytes(dump(numbered(nb(code(f"print({k})")), str(k))))
    flags = ["--no-color", "--no-git", "--no-use-diff", "--no-ignore-transients", "--log-level", "INFO"]
    assert merge_main([*flags, str(tmp_path / "1.ipynb"), str(tmp_path / "1.ipynb")]) == 0
    assert json.loads(capsys.readouterr().out)["cells"][0]["source"] == "print(1)"


def test_a_missing_file_is_named_also_outside_of_repositories(
    nbdiff: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.ipynb").write_bytes(dump(nb(code("x"))))
    code_, _, said = nbdiff("absent.ipynb", "b.ipynb")
    assert code_ == 2
    assert "absent.ipynb is neither a file nor a revision" in said

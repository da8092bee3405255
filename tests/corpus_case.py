"""The cases of the corpus: folders `corpus/<name>/` with a notebook and what it needs, found on disk.

A notebook says in its metadata, key `corpus`, what is special about it: `{"refused": true}` when `check` must find
errors, `{"not_run": "why"}` when it can be planned but not executed here.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from nb2flow.app.analysis import Analysis, analyse

CORPUS = Path(__file__).parent / "corpus"
NOTEBOOK = "notebook.ipynb"
GOLDEN = ("flow.json", "plan.yaml")


@dataclass(frozen=True)
class Case:
    """One case."""

    folder: Path
    refused: bool
    not_run: str

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def runs(self) -> bool:
        """Whether the notebook can be executed in the tests' environment."""
        return not self.refused and not self.not_run

    def copy(self, target: Path) -> Path:
        """Copy the notebook and what it needs to a new folder, a project of its own; returns the notebook's path."""
        shutil.copytree(self.folder, target, ignore=shutil.ignore_patterns(*GOLDEN, "__pycache__"))
        (target / "nb2flow.toml").touch()
        return target / NOTEBOOK

    def analysis(self, target: Path) -> Analysis:
        """The notebook, copied to a new folder and analysed there."""
        return analyse(self.copy(target))

    def __str__(self) -> str:
        return self.name


def _case(folder: Path) -> Case:
    special = json.loads((folder / NOTEBOOK).read_bytes())["metadata"].get("corpus", {})
    return Case(folder, bool(special.get("refused")), str(special.get("not_run", "")))


CASES = [_case(path.parent) for path in sorted(CORPUS.glob(f"*/{NOTEBOOK}"))]

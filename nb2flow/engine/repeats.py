"""Warnings that one kernel would not have shown again. Pure.

Python shows a warning once for each place in the code, as long as the filters stay as they are. Steps have kernels of
their own, so the second step to warn of the same thing shows it again. When a run has ended, such repetitions are taken
out of the executed notebooks: what is left is what the notebook itself would show, whatever the order of the steps was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nb2flow.runs.manifest import Manifest

# Cells are files of their process, named by their content: that of the same cell is the same but for the process.
_CELL = re.compile(r"ipykernel_\d+")


def repeated(
    steps: Sequence[str], manifests: Mapping[str, Manifest], instance_of: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """For each step, the texts that an earlier one (document order) has shown, with no filter changed since.

    Before each cell IPython forgets what the code of cells has shown (its issue 6611), so a step that warns by it
    repeats no other: only the instances of one step do (`instance_of` has them), which are passes of a loop in a cell.

    A module that an earlier step has loaded would not be loaded again by one kernel: what its import does to the
    filters counts only the first time.
    """
    shown: dict[tuple[str, ...], int] = {}  # who warned -> changes of the filters until then, counted over all steps
    total = 0
    loaded: set[str] = set()
    found: dict[str, tuple[str, ...]] = {}
    for name in steps:
        manifest = manifests.get(name)
        if manifest is None:  # it failed or was not run: what it would have shown cannot be told
            shown.clear()
            continue
        seen = manifest.observed
        by_import = [0]
        for module, count in seen.filter_imports:
            by_import.append(by_import[-1] + (0 if module in loaded else count))
        texts: list[str] = []
        new: dict[tuple[str, ...], int] = {}
        for warning in seen.warned:
            who = tuple(_CELL.sub("", part) for part in warning.who)
            if any(_CELL.search(part) for part in warning.who[2:3]):
                if name not in instance_of:
                    continue
                who = (*who, instance_of[name])
            now = total + warning.after + by_import[min(warning.imports, len(by_import) - 1)]
            if shown.get(who) == now:
                texts.append(warning.text)
            new[who] = now
        shown.update(new)
        total += seen.filter_changes + by_import[-1]
        loaded.update(module for module, _ in seen.filter_imports)
        if texts:
            found[name] = tuple(texts)
    return found


def without(document: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """The executed notebook with each of the texts taken out once, from the standard error of the author's cells."""
    left = list(texts)
    cells = []
    for cell in document.get("cells", []):
        if cell.get("metadata", {}).get("nb2flow", {}).get("role") == "author" and cell.get("outputs"):
            cell = {**cell, "outputs": _without(cell["outputs"], left)}
        cells.append(cell)
    return {**document, "cells": cells}


def _without(outputs: list[dict[str, Any]], left: list[str]) -> list[dict[str, Any]]:
    kept = []
    for output in outputs:
        if output.get("output_type") == "stream" and output.get("name") == "stderr":
            text = output["text"] if isinstance(output["text"], str) else "".join(output["text"])
            for repeated_text in list(left):
                if repeated_text in text:
                    text = text.replace(repeated_text, "", 1)
                    left.remove(repeated_text)
            if not text:
                continue
            output = {**output, "text": text}
        kept.append(output)
    return kept

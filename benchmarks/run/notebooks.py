"""The notebooks that the benchmarks measure, made from nothing: trivial steps, waiting steps, and a thousand cells as
people write them.

Steps have the tags of Kale 2.3, which nb2flow reads too, so that both tools see the same file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nb2flow.engine import RunRequest

CELLS_OF_A_STEP = 20


class Cell(NamedTuple):
    """A code cell, or Markdown when `tags` is None."""

    source: str
    tags: tuple[str, ...] | None = ()


def write(path: Path, cells: Iterable[Cell]) -> Path:
    """Write a notebook for the kernel `python3` and return its path."""
    written = []
    for number, cell in enumerate(cells):
        one: dict[str, object] = {"id": f"cell-{number}", "metadata": {}, "source": cell.source.splitlines(True)}
        if cell.tags is None:
            one["cell_type"] = "markdown"
        else:
            one |= {"cell_type": "code", "execution_count": None, "outputs": []}
            one["metadata"] = {"tags": list(cell.tags)} if cell.tags else {}
        written.append(one)
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    document = {"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def request(path: Path, jobs: int) -> RunRequest:
    """A run of such a notebook, planned, as the command line would ask for it."""
    from nb2flow.app.analysis import analyse
    from nb2flow.app.compiling import compiled
    from nb2flow.engine import RunRequest
    from nb2flow.flow.first_imports import first_imports
    from nb2flow.runtime.bundle import runtime_digest, runtime_files

    analysis = analyse(path)
    made = compiled(analysis)
    return RunRequest(
        run_id="benchmark",
        compiled=made,
        notebook=path,
        home=path.parent / ".nb2flow",
        kernel=analysis.notebook.kernel,
        runtime=runtime_files(),
        runtime_digest=runtime_digest(),
        environ=dict(os.environ),
        jobs=jobs,
        imports=first_imports(analysis.notebook, made.sources()),
    )


def linear(steps: int, work: float) -> Iterator[Cell]:
    """A chain of steps, each needing the one before; each takes `work` seconds (asleep: it must not be disturbed)."""
    yield Cell("import time", ("imports",))
    yield Cell("value_0 = 1", _tags(0))
    for n in range(1, steps):
        yield Cell(f"time.sleep({work})\nvalue_{n} = value_{n - 1} + {n}", _tags(n))
        yield Cell(f"print(value_{n})")


def wide(branches: int, seconds: float) -> Iterator[Cell]:
    """Steps that need nothing of one another, and each take some seconds."""
    yield Cell("import time", ("imports",))
    for n in range(branches):
        yield Cell(f"time.sleep({seconds})\nbranch_{n} = {n}", (f"step:branch{n}",))


def one_step(library: str = "") -> tuple[list[Cell], list[Cell]]:
    """Two steps of which the second is the trivial one to measure; and its cells alone, as papermill gets them. All
    begin with the import of `library`, if there is one."""
    cells = [Cell("rows = [start + n for n in range(10)]"), Cell("total = sum(rows)"), Cell("print(total)")]
    ours = [Cell("start = 1", ("step:first",)), Cell(cells[0].source, ("step:second", "prev:first")), *cells[1:]]
    bare = [Cell(f"start = 1\n{cells[0].source}"), *cells[1:]]
    if library:
        cells[1:2] = ours[2:3] = bare[1:2] = [Cell(f"total = {library}.DataFrame({{'row': rows}}).row.sum()")]
        ours.insert(0, Cell(f"import {library}", ("imports",)))
        bare.insert(0, Cell(f"import {library}"))
    return ours, bare


def constants(count: int) -> Iterator[Cell]:
    """A notebook of `count` cells that each do one sum."""
    yield Cell("value_0 = 1", _tags(0))
    for n in range(1, count):
        step, first = divmod(n, CELLS_OF_A_STEP)
        yield Cell(f"value_{n} = value_{n - 1} + {n}", () if first else _tags(step))


def realistic(count: int, *, magics: bool) -> Iterator[Cell]:
    """A notebook of `count` code cells as people write them, in sections of twenty with a heading each.

    Without `magics` those cells are plain Python (Kale converts no notebook with a magic in a step).
    """
    head = _head(magics=magics)
    yield from head
    made, section = len(head), 0
    while made < count:
        yield Cell(f"## Part {section}: another look at the same customers\n\nWhat changed since the last one?", None)
        for place, source in enumerate(_section(section, magics=magics)[: count - made]):
            yield Cell(source, _tags(section) if place == 0 else ())
            made += 1
        section += 1


def _tags(step: int) -> tuple[str, ...]:
    return (f"step:s{step}",) if step == 0 else (f"step:s{step}", f"prev:s{step - 1}")


def _head(*, magics: bool) -> list[Cell]:
    imports = """\
        import json
        import re
        from collections import Counter, defaultdict
        from pathlib import Path

        import matplotlib.pyplot as plt
        import numpy as np
        import pandas as pd
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import accuracy_score, roc_auc_score
        from sklearn.model_selection import train_test_split
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler"""
    options = 'pd.set_option("display.max_columns", 30)\nplt.rcParams["figure.figsize"] = (9, 4)'
    helpers = """\
        def shares(frame, column):
            \"\"\"How often each value is there.\"\"\"
            counts = frame[column].value_counts(dropna=False)
            return (counts / counts.sum()).round(3)


        def cleaned(text):
            return re.sub(r"[^a-z ]+", " ", text.lower()).strip()


        class Scoreboard:
            def __init__(self):
                self.rows = []

            def add(self, name, score):
                self.rows.append({"name": name, "score": float(score)})

            def best(self):
                return max(self.rows, key=lambda row: row["score"])"""
    first = "%matplotlib inline\n%load_ext autoreload\n%autoreload 2" if magics else "plt.ioff()"
    return [
        Cell(dedent(imports), ("imports",)),
        Cell(first, ("imports",)),
        Cell(options, ("imports",)),
        Cell(dedent(helpers), ("functions",)),
    ]


def _section(k: int, *, magics: bool) -> list[str]:
    """The twenty cells of section `k`, each using what cells above made, a few what the section before made."""
    earlier = f"scores_{k - 1}" if k else "[]"
    plain_or_magic = [
        (f"len(raw_{k})", f"%timeit -n 1 -r 1 raw_{k}.describe()"),
        (f"Path('part_{k}').mkdir(exist_ok=True)", f"!mkdir -p part_{k} && ls part_{k}"),
        (f"drawn_{k} = rng_{k}.normal(size=1000)", f"%%time\ndrawn_{k} = rng_{k}.normal(size=1000)"),
    ]
    count, folder, draw = (pair[magics] for pair in plain_or_magic)
    cells = f"""\
        raw_{k} = pd.read_csv("data/customers_{k}.csv", parse_dates=["since"])
        raw_{k}.head()
        ---
        raw_{k}.info()
        ---
        {{count}}
        ---
        missing = raw_{k}.isna().sum()
        missing[missing > 0].sort_values(ascending=False)
        ---
        clean_{k} = raw_{k}.dropna(subset=["age", "income"]).copy()
        clean_{k}["age"] = clean_{k}["age"].clip(18, 99)
        clean_{k}["log_income"] = np.log1p(clean_{k}["income"])
        ---
        clean_{k}.loc[clean_{k}["income"] < 0, "income"] = np.nan
        clean_{k}["note"] = clean_{k}["note"].fillna("").map(cleaned)
        ---
        shares(clean_{k}, "region")
        ---
        rng_{k} = np.random.default_rng({k})
        ---
        {{draw}}
        ---
        words_{k} = Counter()
        for note in clean_{k}["note"]:
            for word in note.split():
                if len(word) > 3 and word not in ("this", "that"):
                    words_{k}[word] += 1
        ---
        groups_{k} = clean_{k}.groupby("region").agg(mean_income=("income", "mean"), people=("age", "size"))
        groups_{k} = groups_{k}.reset_index().sort_values("people", ascending=False)
        groups_{k}
        ---
        fig, axes = plt.subplots(1, 2)
        axes[0].hist(clean_{k}["age"], bins=30, color="tab:blue")
        axes[0].set_title("Age")
        axes[1].bar(groups_{k}["region"], groups_{k}["mean_income"])
        fig.tight_layout()
        plt.show()
        ---
        def add_ratios_{k}(frame, columns=("income", "age")):
            for column in columns:
                frame[column + "_ratio"] = frame[column] / frame[column].mean()
            return frame
        ---
        features_{k} = add_ratios_{k}(clean_{k}[["age", "income", "log_income"]].copy())
        features_{k} = features_{k}.fillna(features_{k}.median())
        target_{k} = (clean_{k}["left"] == "yes").astype(int)
        ---
        x_train_{k}, x_test_{k}, y_train_{k}, y_test_{k} = train_test_split(
            features_{k}, target_{k}, test_size=0.25, random_state={k}, stratify=target_{k}
        )
        ---
        models_{k} = {{{{
            "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
            "forest": RandomForestClassifier(n_estimators=100, random_state={k}),
        }}}}
        scores_{k} = list({earlier})
        for name, model in models_{k}.items():
            model.fit(x_train_{k}, y_train_{k})
            guess = model.predict_proba(x_test_{k})[:, 1]
            scores_{k}.append((name, {k}, roc_auc_score(y_test_{k}, guess)))
        ---
        board_{k} = Scoreboard()
        for name, part, score in scores_{k}:
            board_{k}.add(f"{{{{name}}}} of part {{{{part}}}}", score)
        print("best so far:", board_{k}.best())
        ---
        plt.figure()
        plt.plot([score for *_, score in scores_{k}], marker="o", label="AUC")
        plt.axhline(0.5, linestyle="--", color="grey")
        plt.legend()
        plt.show()
        ---
        {{folder}}
        ---
        try:
            with open("part_{k}/scores.json", "w") as file:
                json.dump([list(row) for row in scores_{k}], file)
        except OSError as error:
            print("not written:", error)"""
    # Sources with several lines would break the indentation that is taken away: they are put in last.
    parts = dedent(cells).split("\n---\n")
    return [part.format(count=count, draw=draw, folder=folder) for part in parts]

"""What variables share is still shared after they are carried, and what they do not share is not."""

from __future__ import annotations

import argparse
import math
import types
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime.carrying import carry, problems_of
from runtime.stepping import Steps

from nb2flow.runtime import carrier, groups

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Box:
    """An object with attributes, for nested structures."""

    def __init__(self) -> None:
        self.content: Any = None


def identities(value: Any) -> Any:
    """The shape of a structure in which each mutable object has the number of its first visit."""
    numbers: dict[int, int] = {}

    def visit(thing: Any) -> Any:
        if isinstance(thing, (list, dict, set, bytearray, Box)):
            if id(thing) in numbers:
                return ("again", numbers[id(thing)])
            numbers[id(thing)] = len(numbers)
        if isinstance(thing, (list, tuple)):
            return (type(thing).__name__, *map(visit, thing))
        if isinstance(thing, dict):
            return ("dict", *((key, visit(item)) for key, item in thing.items()))
        if isinstance(thing, Box):
            return ("box", visit(thing.content))
        return repr(thing) if not isinstance(thing, set) else ("set", sorted(thing))

    return visit(value)


@st.composite
def tangled(draw: st.DrawFn) -> dict[str, Any]:
    """Variables whose values are nested structures that refer to each other, in cycles too."""
    kinds: list[Any] = draw(st.lists(st.sampled_from([list, dict, Box, set, bytearray]), min_size=1, max_size=8))
    nodes = [kind() for kind in kinds]
    atoms = st.one_of(st.integers(), st.text(max_size=5), st.none(), st.floats(allow_nan=False), st.binary(max_size=9))
    parts = st.one_of(atoms, st.sampled_from(nodes), st.tuples(st.sampled_from(nodes), atoms))
    for node in nodes:
        if isinstance(node, list):
            node.extend(draw(st.lists(parts, max_size=4)))
        elif isinstance(node, dict):
            node.update(draw(st.dictionaries(st.text(max_size=3), parts, max_size=4)))
        elif isinstance(node, Box):
            node.content = draw(parts)
        elif isinstance(node, set):
            node.update(draw(st.sets(st.integers(), max_size=4)))
        else:
            node.extend(draw(st.binary(max_size=9)))
    values = draw(st.lists(st.one_of(parts, st.lists(parts, max_size=3)), min_size=1, max_size=6))
    return {f"v{index}": value for index, value in enumerate(values)}


@given(values=tangled())
@quick
def test_identity_graphs_survive(tmp_path: Path, values: dict[str, Any]) -> None:
    carried, _ = carry(tmp_path, **values)
    names = sorted(values)
    assert identities([carried[n] for n in names]) == identities([values[n] for n in names])


def reachable(value: Any) -> set[int]:
    """Ids of the mutable objects that a structure reaches."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, tuple):
            waiting.extend(thing)
        elif isinstance(thing, (list, dict, set, bytearray, Box)) and id(thing) not in seen:
            seen.add(id(thing))
            parts = {list: list, dict: lambda d: d.values(), Box: lambda box: [box.content]}.get(type(thing))
            waiting.extend(parts(thing) if parts else ())
    return seen


@given(values=tangled())
@quick
def test_what_was_met_is_the_same_whoever_is_asked(values: dict[str, Any]) -> None:
    values["texts"] = [str(number) for number in range(10)]
    found = []
    for seen in (carrier._MEMORY_IS_SEEN, False):
        with patch.object(carrier, "_MEMORY_IS_SEEN", seen):
            pickler = carrier.Carrier(frozenset())
            pickler.dump(values)
            found.append(sorted((type(thing).__name__, id(thing)) for thing in pickler.met()))
    by_collector, by_pickler = found
    assert by_collector == by_pickler


@given(values=tangled())
@quick
def test_groups_are_the_variables_that_reach_a_common_object(tmp_path: Path, values: dict[str, Any]) -> None:
    expected: list[tuple[set[str], set[int]]] = []
    for name, value in values.items():
        names, ids = {name}, reachable(value)
        for other in [group for group in expected if group[1] & ids]:
            expected.remove(other)
            names, ids = names | other[0], ids | other[1]
        expected.append((names, ids))
    _, groups = carry(tmp_path, **values)
    assert sorted(map(sorted, groups)) == sorted(sorted(names) for names, _ in expected)


def slices() -> st.SearchStrategy[tuple[slice, ...]]:
    one = st.builds(
        slice,
        st.one_of(st.none(), st.integers(-6, 6)),
        st.one_of(st.none(), st.integers(-6, 6)),
        st.sampled_from([None, 1, 2, -1, -2]),
    )
    return st.tuples(one, one)


@given(
    cuts=st.lists(slices(), min_size=2, max_size=5),
    fortran=st.booleans(),
    kind=st.sampled_from(["float64", "int16", "complex64", "object", "datetime64[s]", "S3"]),
    transposed=st.integers(0, 4),
)
@quick
def test_views_share_memory_as_they_did(
    tmp_path: Path, cuts: list[tuple[slice, ...]], fortran: bool, kind: str, transposed: int
) -> None:
    base = np.array(np.arange(30).reshape(5, 6).astype(kind), order="F" if fortran else "C")
    views = {f"v{i}": base[cut].T if i == transposed else base[cut] for i, cut in enumerate(cuts)}
    carried, _ = carry(tmp_path, **views)
    for name, view in views.items():
        assert carried[name].dtype == view.dtype
        assert np.array_equal(carried[name], view)
        assert carried[name].flags.writeable
    marks = {"float64": -1.5, "datetime64[s]": np.datetime64("2001-01-01"), "S3": b"!!!"}
    for name, view in views.items():
        if view.size:
            index = (0, 0)
            view[index] = carried[name][index] = marks.get(kind, -7)
            for other, original in views.items():
                assert np.array_equal(carried[other], original), (name, other)


def test_a_slice_does_not_take_its_base_along(tmp_path: Path) -> None:
    big = np.zeros((1000, 1000))
    carried, _ = carry(tmp_path, row=big[5], column=big[100:, 500], block=big[10:20, :10])
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 40_000
    assert carried["row"].shape == (1000,)


def test_disjoint_slices_are_apart(tmp_path: Path) -> None:
    data = np.arange(100_000.0)
    table = data.reshape(100, 1000)
    _, groups = carry(tmp_path, train=data[:80_000], test=data[80_000:], x=1)
    assert sorted(map(sorted, groups)) == [["test"], ["train"], ["x"]]
    _, groups = carry(tmp_path, x=table[:, :-1], y=table[:, -1])
    assert sorted(map(sorted, groups)) == [["x"], ["y"]]
    carried, groups = carry(tmp_path, even=data[::2], odd=data[1::2], some=data[::4])
    assert sorted(map(sorted, groups)) == [["even", "some"], ["odd"]]
    assert np.array_equal(carried["some"], data[::4])


def test_a_variable_whose_parts_share_memory_keeps_that(tmp_path: Path) -> None:
    data = np.arange(10_000.0)
    carried, _ = carry(tmp_path, pair={"all": data, "head": data[:10], "again": data})
    pair = carried["pair"]
    pair["head"][3] = -1
    assert pair["all"][3] == -1
    assert pair["again"] is pair["all"]


def test_windows_of_an_array_are_not_copied_out(tmp_path: Path) -> None:
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(10_000.0), 1000)
    carried, _ = carry(tmp_path, windows=windows)
    assert np.array_equal(carried["windows"][77], windows[77])
    assert not carried["windows"].flags.writeable
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 100_000


def test_kinds_of_arrays(tmp_path: Path) -> None:
    masked = np.ma.array(np.arange(5.0), mask=[0, 1, 0, 0, 1], fill_value=-9)
    matrix = np.array([[1, 2], [3, 4]]).view(np.matrix)
    records = np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]).view(np.recarray)
    frozen = np.arange(3)
    frozen.flags.writeable = False
    carried, _ = carry(
        tmp_path, masked=masked, raw=masked.data, matrix=matrix, flat=np.asarray(matrix), records=records,
        field=records["a"], frozen=frozen, empty=np.empty((0, 3)), scalar=np.float64(1.5), zero=np.array(7),
        text=np.array(["a", "bcd"]),
    )  # fmt: skip
    carried["raw"][0] = 50
    carried["flat"][0, 0] = 9
    carried["field"][1] = 4
    assert carried["masked"][0] == 50
    assert carried["masked"].mask.tolist() == [False, True, False, False, True]
    assert carried["masked"].fill_value == -9
    assert type(carried["matrix"]) is np.matrix
    assert carried["matrix"][0, 0] == 9
    assert carried["records"].a[1] == 4
    assert not carried["frozen"].flags.writeable
    assert carried["empty"].shape == (0, 3)
    assert type(carried["scalar"]) is np.float64
    assert carried["zero"].shape == ()
    assert carried["text"].tolist() == ["a", "bcd"]


def test_a_row_of_an_array_of_records_is_a_part_of_it(tmp_path: Path) -> None:
    table = np.zeros(3, dtype=[("n", "i4"), ("at", "f4", (2,))])
    records = table.view(np.recarray)
    alone = np.zeros(2, dtype=[("o", object)])[1]
    loaded, groups = carry(tmp_path, table=table, row=table[1], record=records[2], records=records, alone=alone)
    assert {"table", "row", "record", "records"} in groups and {"alone"} in groups
    loaded["row"]["n"], loaded["record"].n = 7, 8
    loaded["table"]["at"][1] = 4
    assert loaded["table"]["n"].tolist() == [0, 7, 8] == loaded["records"].n.tolist()
    assert loaded["row"]["at"].tolist() == [4, 4] and type(loaded["record"]) is np.record
    assert loaded["alone"]["o"] == 0


def test_an_array_over_a_bytearray_is_refused_with_it(tmp_path: Path) -> None:
    memory = bytearray(100)
    found = problems_of(memory=memory, view=np.frombuffer(memory, dtype="u1"))
    assert "the memory of an array that is saved too" in found["memory"]
    assert problems_of(view=np.frombuffer(memory, dtype="u1")) == {}


def test_a_file_mapped_for_writing_is_refused(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "data", dtype="f8", mode="w+", shape=(10,))
    assert "writes to a file" in problems_of(part=mapped[2:])["part"]
    mapped.flush()
    read = np.memmap(tmp_path / "data", dtype="f8", mode="r", shape=(10,))
    carried, _ = carry(tmp_path / "store", read=read)
    assert carried["read"].tolist() == [0.0] * 10


def pandas_family() -> dict[str, Any]:
    frame = pd.DataFrame(
        {
            "a": np.arange(2000),
            "b": np.arange(2000) * 1.0,
            "c": ["x"] * 2000,
            "d": pd.Categorical(["u", "v"] * 1000),
            "e": pd.date_range("2020", periods=2000),
            "f": np.arange(2000),
        }
    )
    return {
        "frame": frame,
        "column": frame["a"],
        "values": frame["b"].to_numpy(),
        "index": pd.Index(frame["f"]),
        "part": frame[["a", "b"]],
        "text": frame["c"],
        "half": frame.iloc[:1000],
        "dates": frame["e"],
        "labels": frame["d"],
    }


CHANGES = [
    lambda v: v["column"].__setitem__(0, 99),
    lambda v: v["frame"].isetitem(1, v["frame"]["b"] + 1),
    lambda v: v["frame"].iloc.__setitem__((1, 5), 77),
    lambda v: v["text"].iloc.__setitem__(0, "z"),
    lambda v: v["half"].iloc.__setitem__((0, 0), 55),
    lambda v: v["frame"].iloc.__setitem__((0, 0), 44),
    lambda v: v["dates"].iloc.__setitem__(0, pd.Timestamp("1999-01-01")),
    lambda v: v["part"].iloc.__setitem__((0, 0), 5),
    lambda v: v["frame"].loc.__setitem__((0, "c"), "q"),
    lambda v: v["labels"].iloc.__setitem__(0, "v"),
]


@pytest.mark.filterwarnings("ignore")
@given(order=st.permutations(range(len(CHANGES))), count=st.integers(1, len(CHANGES)))
@settings(quick, max_examples=25)
def test_changes_to_pandas_objects_show_where_they_did(tmp_path: Path, order: list[int], count: int) -> None:
    here = pandas_family()
    there, _ = carry(tmp_path, **pandas_family())
    for change in order[:count]:
        CHANGES[change](here)
        CHANGES[change](there)
        for name, value in here.items():
            assert pd.DataFrame(value).head(3).equals(pd.DataFrame(there[name]).head(3)), (name, change)


def test_pandas_objects_come_back_as_they_were(tmp_path: Path) -> None:
    levels = pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["k", "n"])
    values = {
        "wide": pd.DataFrame(np.arange(8.0).reshape(4, 2), index=levels, columns=["p", "q"]),
        "nullable": pd.Series([1, None, 3], dtype="Int64", name="n"),
        "missing": pd.Series(["a", None], dtype="string"),
        "zones": pd.Series(pd.date_range("2020", periods=3, tz="Europe/Berlin")),
        "periods": pd.period_range("2020", periods=3, freq="M").to_series(),
        "empty": pd.DataFrame(),
        "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        "range": pd.RangeIndex(3, 30, 3, name="r"),
    }
    carried, _ = carry(tmp_path, **values)
    for name, value in values.items():
        assert type(carried[name]) is type(value)
        assert carried[name].equals(value), name
    assert carried["wide"].index.names == ["k", "n"]
    assert carried["range"].name == "r"


def test_immutable_things_do_not_tie_variables_together(tmp_path: Path) -> None:
    import datetime
    import enum
    import pathlib

    class_of = enum.Enum("class_of", "A B", module=__name__)
    globals()["class_of"] = class_of
    shared = [
        datetime.datetime(2020, 1, 1), pathlib.PurePosixPath("x"), pd.NA, pd.NaT, np.dtype("f8"), np.float64(2.5),
        class_of.A, slice(1), (1, "a"), pd.Timestamp("2020"), frozenset([1]), len, Box, np.add,
    ]  # fmt: skip
    carried, groups = carry(tmp_path, one=list(shared), other=dict(enumerate(shared)))
    assert len(groups) == 2
    assert carried["one"][6] is class_of.A
    assert carried["one"][2] is pd.NA


def test_two_consumers_do_not_disturb_each_other(steps: Steps) -> None:
    steps.run("load", "import numpy as np\na = np.zeros(100_000)\nv = a[10:]", save=["a", "v"])
    for name in ("fit-a", "fit-b"):
        printed = steps.run(name, "v[0] += 1; print(a[10], a.flags.writeable)", load={"load": ["a", "v"]})
        assert printed == "1.0 True"


def test_aliases_cross_processes(steps: Steps) -> None:
    steps.run("load", "a = [1]\nb = a\nc = {'k': a}\nd = [1]", save=["a", "b", "c", "d"])
    code = "a.append(2); print(b, c['k'] is a, d)"
    assert steps.run("use", code, load={"load": ["a", "b", "c", "d"]}) == "[1, 2] True [1]"
    outputs = steps.manifest("load")["outputs"]
    assert outputs["a"]["blob"] == outputs["b"]["blob"] == outputs["c"]["blob"] != outputs["d"]["blob"]


def test_many_mapped_blobs_stay_within_the_limit_of_open_files(steps: Steps) -> None:
    names = [f"a{i}" for i in range(400)]
    steps.run("load", "import numpy as np\nfor i in range(400): globals()[f'a{i}'] = np.full(10_000, i)", save=names)
    code = "print(sum(int(globals()[n][7]) for n in NAMES), all(globals()[n].flags.writeable for n in NAMES))"
    setup = f"NAMES = {names}\nimport resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))"
    assert steps.run("use", code, load={"load": names}, setup=setup) == f"{sum(range(400))} True"


def test_a_read_only_view_shows_what_its_dictionary_becomes(tmp_path: Path) -> None:
    options = {"a": 1}
    loaded, _ = carry(tmp_path, options=options, view=types.MappingProxyType(options))
    loaded["options"]["b"] = 2
    assert dict(loaded["view"]) == {"a": 1, "b": 2}


def test_a_parser_of_arguments_hides_what_it_hid(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=3)
    loaded, _ = carry(tmp_path, parser=parser, group=parser.add_argument_group("more"))
    loaded["group"].add_argument("--m")
    assert vars(loaded["parser"].parse_args(["--n", "4"])) == {"n": 4, "m": None}
    assert "SUPPRESS" not in loaded["parser"].format_help()


def _sets() -> list[set[Any]]:
    words = [f"word{n * 7919 % 1000}" for n in range(300)]
    found: list[set[Any]] = [set(words[:n]) for n in (3, 5, 8, 20, 70, 300)]
    found += [set(dict.fromkeys(words[:n])) for n in (5, 20, 70)]
    found += [set(words[:40]) | {1, 2.5, None is None, ("a", 1)}, {n * 7919 % 1000 for n in range(60)}]
    for left in (2, 10, 100):
        some = set(words)
        some.difference_update(words[left:])
        found.append(some)
    return found


@pytest.mark.parametrize("number", range(len(_sets())))
def test_a_set_gives_its_elements_in_the_same_order(number: int, tmp_path: Path) -> None:
    some = _sets()[number]
    carried, together = carry(tmp_path, some=some, holder={"of": some}, box=[1])
    assert list(carried["some"]) == list(some)
    assert carried["holder"]["of"] is carried["some"]
    assert carried["holder"].keys() == {"of"}
    assert {"some", "holder"} in together


def test_sets_of_what_has_another_hash_elsewhere_are_carried_as_they_come(tmp_path: Path) -> None:
    boxes = {Box() for _ in range(50)}
    carried, _ = carry(tmp_path, boxes=boxes)
    assert len(carried["boxes"]) == 50


def test_numbers_that_are_none_stay_the_ones_of_numpy_and_python(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": np.array(["x", np.nan], dtype=object)})
    carried, _ = carry(tmp_path, listed=[np.nan, math.nan, 1.0], counts={np.nan: 3}, table=table, own=[float("nan")])
    assert carried["listed"][0] is np.nan
    assert carried["listed"][1] is math.nan
    assert carried["counts"][np.nan] == 3
    assert carried["table"]["a"].array[1] is np.nan
    assert carried["own"][0] != carried["own"][0]


def test_columns_of_text_hold_no_number_that_is_none(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": pd.Series(["x", "y"], dtype=pd.StringDtype("python", na_value=np.nan))})
    assert b"G\x7f\xf8" not in groups.pickle_groups({"table": table})[0][0].stream
    carried, _ = carry(tmp_path, table=table)
    assert carried["table"].dtypes["a"].na_value is np.nan
    assert carried["table"].equals(table)

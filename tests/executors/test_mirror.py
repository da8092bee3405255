"""A run in two places: what one side sends the other has, whatever is tried twice and in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from nb2flow.errors import EnvironmentFault
from nb2flow.executors.pods.mirror import RunMirror
from nb2flow.executors.pods.store import Store
from nb2flow.pods.contract import DriverOrder, RunPlace, decode_order, encode
from nb2flow.profiles import Profile, Volume
from nb2flow.runs.events import AnyEvent, RunStarted, StepNoted
from nb2flow.runs.folders import Home

RUN = "nb-aaaa2222"


def side(tmp_path: Path, name: str) -> tuple[Home, RunMirror]:
    home = Home(tmp_path / name)
    home.create()
    home.run(RUN).create()
    return home, RunMirror(Store(str(tmp_path / "store")), home, RUN)


def events(count: int) -> list[AnyEvent]:
    return [StepNoted(at=float(i), step="a", text=f"note {i}") for i in range(count)]


def test_files_arrive_and_only_what_changed_is_sent_again(tmp_path: Path) -> None:
    here, sending = side(tmp_path, "here")
    there, fetching = side(tmp_path, "there")
    folder = here.run(RUN)
    folder.plan.write_text("{}")
    folder.executed("a").write_text("1")
    sending.send_files()
    (tmp_path / "store" / RunPlace(RUN).files / "executed" / "a.ipynb").write_text("not sent again")
    sending.send_files()
    fetching.fetch_files()
    assert there.run(RUN).plan.read_text() == "{}"
    assert there.run(RUN).executed("a").read_text() == "not sent again"
    folder.executed("a").write_text("grown")
    sending.send_files()
    fetching.fetch_files()
    assert there.run(RUN).executed("a").read_text() == "grown"


def test_results_of_the_run_come_along_and_earlier_ones_do_not(tmp_path: Path) -> None:
    here = Home(tmp_path / "here")
    here.results.mkdir(parents=True)
    (here.results / "earlier.json").write_text("1")
    _, sending = side(tmp_path, "here")
    (here.results / "new.json").write_text("2")
    sending.send_files()
    there, fetching = side(tmp_path, "there")
    fetching.fetch_files()
    assert [path.name for path in there.results.iterdir()] == ["new.json"]


@pytest.mark.parametrize(
    "name",
    ["lock", "elsewhere.json", "steps/../lock", "executed/[0].ipynb", "other/a.json", "executed/.hidden", "../x"],
)
def test_a_name_that_is_none_of_ours_becomes_no_path(tmp_path: Path, name: str) -> None:
    there, fetching = side(tmp_path, "there")
    fetching._store.write(f"{RunPlace(RUN).files}/{name}", b"x")
    before = sorted(there.path.rglob("*"))
    fetching.fetch_files()
    assert sorted(there.path.rglob("*")) == before


def test_events_arrive_once_and_in_order_whatever_was_sent_twice(tmp_path: Path) -> None:
    _, mirror = side(tmp_path, "here")
    all_events = events(7)
    mirror.send_events(0, all_events[:1])
    mirror.send_events(1, all_events[1:3])  # arrived, but nobody knew
    mirror.send_events(1, all_events[1:5])
    mirror.send_events(5, all_events[5:])
    mirror.send_events(7, [])
    assert mirror.events(0) == all_events
    assert mirror.events(2) == all_events[2:]
    assert mirror.events(7) == []


def test_events_after_a_gap_wait_for_what_is_missing(tmp_path: Path) -> None:
    _, mirror = side(tmp_path, "here")
    mirror.send_events(0, [RunStarted(at=0.0, pid=1, jobs=1)])
    mirror.send_events(3, events(2))
    assert len(mirror.events(0)) == 1


def test_an_order_is_read_as_it_was_written_and_another_version_is_refused() -> None:
    profile = Profile("p", image="i", store="s3://b", volumes=(Volume("c", "/mnt"),), node={"a": "b"})
    order = DriverOrder(run_id=RUN, profile=profile, notebook="nb.ipynb", files={"a.csv": "0" * 64})
    assert decode_order(encode(order)) == order
    with pytest.raises(EnvironmentFault, match="the driver's order has version 99"):
        decode_order(encode(DriverOrder(run_id=RUN, profile=profile, notebook="nb.ipynb", version=99)))

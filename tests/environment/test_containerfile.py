"""The Containerfile: its bytes, and that nothing of a notebook or a profile becomes an instruction."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nb2flow.environment.containerfile import Image, containerfile
from nb2flow.errors import UsageError

IMAGE = Image("python:3.11-slim", "3.11.5", "training", "nb2flow-1.0-py3-none-any.whl")


def test_the_bytes_are_those_reviewed() -> None:
    assert containerfile(IMAGE) == (Path(__file__).parent / "golden" / "Containerfile").read_text()


def test_locks_that_do_not_hold_for_the_image_leave_the_rest_to_pip() -> None:
    lines = containerfile(replace(IMAGE, exact=False, ours_exact=False)).splitlines()
    installs = [line for line in lines if "--requirement" in line]
    assert len(installs) == 2
    assert not any("--no-deps" in line for line in installs)


def test_the_kernel_is_there_by_both_names_and_an_odd_name_is_left_out() -> None:
    def kernels(name: str) -> list[str]:
        lines = containerfile(replace(IMAGE, kernel=name)).splitlines()
        return [json.loads(line[4:])[-1] for line in lines if '"ipykernel"' in line]

    assert kernels("training") == ["python3", "training"]
    assert kernels("python3") == ["python3"]
    assert kernels('x"]\nRUN ["sh') == ["python3"]


@pytest.mark.parametrize("base", ["python:3.11\nRUN true", "a b", "", "-x"])
def test_a_base_that_is_no_name_is_refused(base: str) -> None:
    with pytest.raises(UsageError):
        containerfile(replace(IMAGE, base=base))

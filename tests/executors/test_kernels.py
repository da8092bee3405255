"""Finding kernels as Jupyter does, with real kernelspecs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from nb2flow.errors import EnvironmentFault
from nb2flow.executors import kernels


def install(folder: Path, name: str, argv: list[str], **more: object) -> None:
    place = folder / "kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python", **more}))


def test_the_same_kernels_are_found_as_by_jupyter_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    install(first, "Mine", ["/first/python"], env={"A": "1"})
    install(second, "mine", ["/second/python"])
    install(second, "other", ["python3", "-m", "x"])
    (second / "kernels" / "broken").mkdir()
    (second / "kernels" / "broken" / "kernel.json").write_text("{")
    monkeypatch.setenv("JUPYTER_PATH", f"{first}:{second}")
    found = kernels.installed()
    theirs = KernelSpecManager().get_all_specs()
    assert set(found) == set(theirs)
    assert found["mine"].argv == ("/first/python",)
    assert found["mine"].env == {"A": "1"}
    assert found["other"].argv[0] == sys.executable
    assert kernels.find("MINE").folder == first / "kernels" / "Mine"


def test_a_missing_kernel_is_told_with_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "mine", ["/first/python"])
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault, match=r"'ir' is not installed; installed are: mine, python3") as caught:
        kernels.find("ir")
    assert "--kernel" in caught.value.hint


def test_the_fingerprint_changes_with_what_can_change_results(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    python.parent.mkdir()
    packages.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    spec = kernels.KernelSpec("mine", tmp_path, (str(python), "-m", "ipykernel_launcher"), "python")
    prints = [kernels.fingerprint(spec, {}), kernels.fingerprint(spec, {"PYTHONHASHSEED": "1"})]
    (packages / "pandas-3.0.dist-info").mkdir()
    prints.append(kernels.fingerprint(spec, {}))
    (packages / "pandas-3.0.dist-info").rename(packages / "pandas-3.1.dist-info")
    prints.append(kernels.fingerprint(spec, {}))
    python.write_text("#!/bin/sh\nexit\n")
    prints.append(kernels.fingerprint(spec, {}))

    built = packages / "own-1.0.dist-info"
    built.mkdir()
    (built / "direct_url.json").write_text("{}")
    prints.append(kernels.fingerprint(spec, {}))
    os.utime(built, (1, 1))  # installed again from its folder, with the same version
    prints.append(kernels.fingerprint(spec, {}))
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "one-1.0.dist-info").mkdir(parents=True)
    (packages / "more.pth").write_text(f"import site\n{elsewhere}\nnot there\n")
    prints.append(kernels.fingerprint(spec, {}))
    (elsewhere / "one-1.0.dist-info").rename(elsewhere / "one-1.1.dist-info")
    prints.append(kernels.fingerprint(spec, {}))
    of_user = {"PYTHONUSERBASE": str(tmp_path / "user")}
    (tmp_path / "user" / "lib" / "python3.11" / "site-packages" / "two-1.0.dist-info").mkdir(parents=True)
    prints.append(kernels.fingerprint(spec, of_user))
    assert kernels.fingerprint(spec, {**of_user, "PYTHONNOUSERSITE": "1"}) == prints[-2]
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    assert kernels.fingerprint(spec, of_user) == prints[-2]
    assert len(set(prints)) == len(prints)
    assert kernels.fingerprint(spec, {}) == kernels.fingerprint(spec, {"PYTHONHASHSEED": "0"})

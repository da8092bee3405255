"""Requests made of the OpenAPI document, right ones and wrong ones: the server keeps to what the document says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server_process import Jupyter

_SECONDS = 60
_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"


@pytest.mark.slow
def test_the_server_keeps_to_its_document(server: Jupyter, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            str(program), "--no-color", "run", f"http://127.0.0.1:{server.port}{server.base}nb2flow/v1/openapi.json",
            f"--url=http://127.0.0.1:{server.port}{server.base.rstrip('/')}",
            "--header", f"Authorization: token {server.token}", f"--checks={_CHECKS}",
            "--phases=examples,coverage,fuzzing", f"--max-time={_SECONDS}", "--generation-deterministic",
            "--max-examples=20", "--continue-on-failure",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-20_000:]
    assert "Test cases" in done.stdout

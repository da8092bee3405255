"""What is copied into a kernel's path stands alone."""

from __future__ import annotations

import ast
import sys

from nb2flow.runtime.bundle import runtime_digest, runtime_files


def test_every_module_is_in_the_bundle_but_the_bundle_itself() -> None:
    files = runtime_files()
    assert {"__init__.py", "session.py", "blob.py"} <= set(files)
    assert "bundle.py" not in files
    assert list(files) == sorted(files)


def test_the_digest_is_stable_and_hexadecimal() -> None:
    assert runtime_digest() == runtime_digest()
    assert int(runtime_digest(), 16) > 0


def test_the_runtime_imports_the_standard_library_and_itself_only() -> None:
    for name, content in runtime_files().items():
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [] if node.level else [str(node.module)]
            else:
                continue
            assert {m.partition(".")[0] for m in modules} <= sys.stdlib_module_names, (name, modules)


def test_the_runtime_is_python_3_8() -> None:
    for name, content in runtime_files().items():
        tree = ast.parse(content, filename=name, feature_version=(3, 8))
        futures = [node.names[0].name for node in tree.body if isinstance(node, ast.ImportFrom) and not node.level]
        assert "annotations" in futures, name

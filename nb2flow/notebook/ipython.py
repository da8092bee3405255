"""IPython's parser of its own syntax, without the rest of IPython: that takes longer to import than most notebooks to
be understood."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import cast


@cache
def transform_cell() -> Callable[[str], str]:
    """What turns the text of a cell into Python (`TransformerManager.transform_cell`). SyntaxError from it."""
    return cast("Callable[[str], str]", _parser().TransformerManager().transform_cell)


def _parser() -> ModuleType:
    name = "IPython.core.inputtransformer2"
    spec = None if "IPython" in sys.modules or threading.active_count() > 1 else find_spec("IPython")
    if spec is None or not spec.submodule_search_locations:
        return import_module(name)
    # The parser needs nothing of the package but its folder; no other thread is there to see a package without content.
    package = ModuleType("IPython")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["IPython"] = package
    try:
        return import_module(name)
    except (ImportError, AttributeError):  # a version that needs more
        pass
    finally:
        for loaded in [key for key in sys.modules if key.partition(".")[0] == "IPython"]:
            del sys.modules[loaded]
    return import_module(name)

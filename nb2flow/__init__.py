"""nb2flow: a tagged notebook becomes a pipeline of step notebooks and runs.

`nb2flow.load(RUN, NAME)` gives a value that a run saved (see `nb2flow.app.kept`).
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`load`, once it is asked for: what needs nothing of it starts sooner, and no room comes to depend on another."""
    if name == "load":
        from importlib import import_module

        return import_module("nb2flow.app.kept").load
    raise AttributeError(f"module 'nb2flow' has no attribute {name!r}")

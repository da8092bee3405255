"""nb2flow: a tagged notebook becomes a pipeline of step notebooks and runs."""

__version__ = "0.1.0"

"""Notebooks: documents, the tag language, and which cells form which step."""

from nb2flow.notebook.codes import CODES
from nb2flow.notebook.document import of_values, read, reads, values_of, write, writes
from nb2flow.notebook.layout import SPLITS, lay_out
from nb2flow.notebook.names import nearest

__all__ = ["CODES", "SPLITS", "lay_out", "nearest", "of_values", "read", "reads", "values_of", "write", "writes"]

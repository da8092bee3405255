"""Plans: the flow frozen into step notebooks, with content keys, as one versioned document."""

from nb2flow.plan.compile import compile_plan
from nb2flow.plan.document import dumps, from_values, loads, to_values
from nb2flow.plan.files import converted_files
from nb2flow.plan.keys import source_digest, step_keys
from nb2flow.plan.parameters import bind

__all__ = [
    "bind",
    "compile_plan",
    "converted_files",
    "dumps",
    "from_values",
    "loads",
    "source_digest",
    "step_keys",
    "to_values",
]

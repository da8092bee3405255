"""What manifests have in common, whoever they are for: their text, their names, their times. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nb2flow.errors import UsageError

NOTEBOOK = "nb2flow.dev/notebook"
PLAN = "nb2flow.dev/plan"
HEAD = "# Written by `nb2flow convert`: "
LONGEST_NAME = 40  # engines add to it, and pods' names hold the step's name too
_FIELD = r"[\d*/,\-A-Za-z?#]+"
_SCHEDULE = re.compile(rf"{_FIELD}( {_FIELD}){{4}}|@(yearly|annually|monthly|weekly|daily|midnight|hourly)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it starts: five fields as cron reads them, and a time zone's name (empty: the cluster's)."""

    cron: str
    timezone: str = ""

    def fields(self) -> str:
        """The five fields, or a word such as `@daily`. UsageError when they are none."""
        cron = " ".join(self.cron.split())
        if not _SCHEDULE.fullmatch(cron):
            raise UsageError(f"'{self.cron}' is no schedule", hint='five fields, such as "0 3 * * *" (every day at 3)')
        return cron


def to_yaml(manifest: Mapping[str, Any], about: str) -> str:
    """The manifest as YAML that begins with what it is; the same bytes for the same manifest."""
    import yaml

    made: str = yaml.dump(manifest, Dumper=_plain_dumper(), sort_keys=False, allow_unicode=True, width=120)
    return f"{HEAD}{about}\n{made}"


def _plain_dumper() -> Any:
    import yaml

    class Plain(yaml.SafeDumper):
        """Writes a value again where it is used again: people read it, and not every reader knows YAML's references."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    return Plain

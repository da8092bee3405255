"""The codes of the diagnostics of this room, each with the sentence that heads its section in the reference.

NB1xx: the document cannot be read, or was read with a reservation; NB2xx: tags, settings and how steps are drawn.
A code never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "NB101": "There is no such file",
    "NB102": "The path is not a regular file",
    "NB103": "The file cannot be read",
    "NB104": "The file is not JSON",
    "NB105": "The file is JSON but not a notebook",
    "NB106": "The notebook's format version is not supported",
    "NB107": "The notebook was upgraded from an older format",
    "NB108": "The notebook has no cells",
    "NB109": "The notebook has no code",
    "NB110": "Something odd in the document was passed over",
    "NB201": "A tag is nearly one of ours",
    "NB202": "A step's name was changed to be a DNS label",
    "NB203": "Nothing of a step's name can be used",
    "NB204": "A cell names two steps",
    "NB205": "A cell's tags exclude each other",
    "NB206": "A tag has no meaning on a cell that is not code",
    "NB207": "A setting stands on a cell outside any step",
    "NB208": "The cells of a step ask for different things",
    "NB209": "A cell's tags and its metadata differ",
    "NB210": "There is more than one parameters cell",
    "NB211": "The cells of a step are not contiguous",
    "NB212": "`after:` names no step",
    "NB213": "A step cannot come after itself",
    "NB214": "`after:` names a step further down",
    "NB215": "Orders among steps form a cycle",
    "NB216": "A step's name is spelt in two ways",
    "NB220": "A quantity cannot be understood",
    "NB221": "A number cannot be understood",
    "NB222": "A time cannot be understood",
    "NB223": "A KEY=VALUE pair cannot be understood",
    "NB224": "A name or reference cannot be understood",
    "NB225": "A switch is neither on nor off",
    "NB226": "A tag lacks its value",
    "NB227": "An entry of the `nb2flow` metadata is not known",
    "NB240": "The notebook is one step",
    "NB241": "There are no tags to split by",
    "NB242": "Step tags are ignored because another split was asked for",
    "NB243": "The notebook is not in Python",
    "NB244": "Nothing is left to run",
    "NB245": "A step has no code",
    "NB246": "The notebook is a step notebook",
    "NB247": "A cell was put in by papermill",
    "NB248": "Kale would leave out cells above its first tag",
}

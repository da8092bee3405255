"""The codes of the diagnostics of this room, each with the sentence that heads its section in the reference.

NB5xx: what the notebook needs to run elsewhere. A code never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "NB501": "A module is not installed",
    "NB502": "An optional module is not installed",
    "NB503": "A package is installed from a folder",
    "NB504": "A version that public indexes do not have",
    "NB505": "A module lies outside the notebook's folder",
    "NB506": "A file does not travel",
    "NB507": "An installed package lacks what it requires",
    "NB508": "The notebook installs packages itself",
}

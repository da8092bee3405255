"""The codes of the diagnostics of this room, each with the sentence that heads its section in the reference.

NB3xx: names and syntax in the code; NB4xx: what crosses, or cannot cross, the borders between steps.
A code never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "NB301": "A cell cannot be parsed",
    "NB302": "A name that nothing defines",
    "NB303": "A name that is defined only further down",
    "NB304": "A name that is defined only in a skipped cell",
    "NB305": "A star import cannot be resolved",
    "NB306": "A cell asks a person for input",
    "NB307": "The parameters cell does more than bind values",
    "NB308": "A parameter's default is not a literal",
    "NB309": "Packages are installed while the notebook runs",
    "NB310": "A step does not have what it is to show or to keep",
    "NB311": "A parameter is computed from another",
    "NB401": "Something cannot leave its kernel: steps were merged",
    "NB402": "Everything may be read or changed here",
    "NB403": "The order of steps forms a cycle",
    "NB404": "A step cannot run for each element by itself",
    "NB405": "A step runs over the whole list at once",
    "NB406": "A step gathers nothing",
}

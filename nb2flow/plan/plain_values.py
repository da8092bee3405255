"""Values written as JSON or YAML, where it matters that nobody reads another thing than the writer meant. Pure.

YAML 1.1, which PyYAML reads, takes `NO` for false, `12:30` for 750 and `010` for 8; YAML 1.2 takes none of them so.
Such a word is an `Unclear` here: text for who wants text, and refused where nothing says what was meant.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_EXPONENT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")  # needs no dot nor sign, as in YAML 1.2


class UnclearError(ValueError):
    """The text is well formed, and yet hardly what its writer meant."""


class Unclear(str):
    """A word that is text to some readers of YAML, and `other` to others."""

    __slots__ = ("other",)
    other: Any

    def why(self) -> str:
        """What to tell who wrote it."""
        return f'{self} may be read as text or as {self.other!r}: write "{self}", or {self.other!r} in plain words'


def from_json(text: str) -> Any:
    """The value in a JSON text. ValueError where it is none, UnclearError where a key stands twice."""
    return json.loads(text, object_pairs_hook=_object)


def from_yaml(text: str) -> Any:
    """The value in a YAML text. ValueError where it is none, UnclearError where it is hardly what was meant."""
    import yaml

    try:
        return yaml.load(text, _loader())
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise UnclearError(f"{next(n for n in names if names.count(n) > 1)!r} stands there twice")
    return made


@functools.cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's, but what is not clear is told."""

    def unclear(node: Any, other: Any) -> Unclear:
        word = Unclear(node.value)
        word.other = other
        return word

    def switch(loader: Any, node: Any) -> Any:
        value = loader.construct_yaml_bool(node)
        return value if node.value.lower() in ("true", "false") else unclear(node, value)

    def whole(loader: Any, node: Any) -> Any:
        value = loader.construct_yaml_int(node)
        return unclear(node, value) if ":" in node.value or _OCTAL.fullmatch(node.value) else value

    def number(loader: Any, node: Any) -> Any:
        if _EXPONENT.fullmatch(node.value):
            return float(node.value)
        value = loader.construct_yaml_float(node)
        return unclear(node, value) if ":" in node.value else value

    def mapping(loader: Any, node: Any) -> Any:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        for key, value in node.value:
            if names.count(key.value) > 1:
                raise UnclearError(f"{key.value!r} stands there twice")
            plain = node.flow_style and isinstance(key, yaml.ScalarNode) and key.style is None
            if plain and ":" in key.value and value.tag == "tag:yaml.org,2002:null" and not value.value:
                raise UnclearError(f"{key.value!r} lacks a space after its colon")
        return loader.construct_mapping(node, deep=True)

    for tag, construct in (("bool", switch), ("int", whole), ("float", number), ("map", mapping)):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", construct)
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
    return Loader

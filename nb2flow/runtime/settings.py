"""The resource `process:config`: options of libraries and of the interpreter, as a delta of sections and keys.

Covers the warnings filters, matplotlib's rcParams, pandas' options, NumPy's print options and error states, the
decimal context, scikit-learn's and PyTorch's, loggers, the recursion limit and the locale. It is a safety net:
configuration cells are replayed, which also catches what no registry shows. A library that was not imported at first is
compared with its own defaults.
"""

from __future__ import annotations

import importlib
import locale
import sys
import warnings
from pathlib import Path
from typing import Any

from . import loggers
from .faults import CannotLoad

_MISSING = object()
_NUMPY_PRINT = {
    "edgeitems": 3, "threshold": 1000, "floatmode": "maxprec", "precision": 8, "suppress": False, "linewidth": 75,
    "nanstr": "nan", "infstr": "inf", "sign": "-", "formatter": None, "legacy": False, "override_repr": None,
}  # fmt: skip
_NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_DECIMAL = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
_NOT_CARRIED = ("backend", "backend_fallback")  # rcParams that belong to the kernel


def capture(home: Path) -> dict[str, dict[str, Any]]:
    """Section -> key -> value, for the libraries that are imported."""
    sections: dict[str, dict[str, Any]] = {
        "warnings": {"filters": list(warnings.filters), "packages": {name.partition(".")[0] for name in sys.modules}},
        "logging": loggers.capture(),
        "interpreter": {"recursionlimit": sys.getrecursionlimit(), "locale": locale.setlocale(locale.LC_ALL)},
    }
    matplotlib, numpy = sys.modules.get("matplotlib"), sys.modules.get("numpy")
    pandas, decimal = sys.modules.get("pandas"), sys.modules.get("decimal")
    if hasattr(matplotlib, "rcParams"):
        sections["matplotlib"] = _rc_params(matplotlib.rcParams)  # type: ignore[union-attr]
        if not _has_drawn():  # the first figure makes pyplot interactive, whatever it was before
            del sections["matplotlib"]["interactive"]
        sections["colours"] = _colours()
    if hasattr(numpy, "get_printoptions"):
        sections["numpy print"] = numpy.get_printoptions()  # type: ignore[union-attr]
        sections["numpy errors"] = numpy.geterr()  # type: ignore[union-attr]
    if hasattr(pandas, "set_option"):
        sections["pandas"] = _pandas_options()
    if decimal is not None:
        context = decimal.getcontext()
        sections["decimal"] = {key: getattr(context, key) for key in _DECIMAL}
        sections["decimal"]["traps"] = {trap.__name__: on for trap, on in context.traps.items()}
        sections["decimal"]["flags"] = {flag.__name__: on for flag, on in context.flags.items()}
    sklearn = sys.modules.get("sklearn")
    if hasattr(sklearn, "get_config"):
        sections["sklearn"] = sklearn.get_config()  # type: ignore[union-attr]
    torch = sys.modules.get("torch")
    if hasattr(torch, "is_grad_enabled"):
        sections["torch"] = {name: get() for name, get in _torch(torch).items()}
    return sections


def delta(base: Any, now: Any, home: Path) -> Any:
    """The keys that differ, by section; None when none does."""
    changed = {}
    for section, values in now.items():
        before = base.get(section) if base else None
        if section == "warnings":
            differing = _filters_delta((before or values)["filters"], values["filters"])
        else:
            before = _defaults(section) if before is None else before
            differing = {k: v for k, v in values.items() if not _same(before.get(k, _MISSING), v)}
            if section == "matplotlib" and differing.get("interactive") and "interactive" not in before:
                del differing["interactive"]  # as the first figure makes it, in every step
        if differing:
            changed[section] = differing
    return changed or None


def is_changed(base: Any, now: Any) -> bool:
    """Whether the notebook itself seems to have changed an option: importing a library may add warnings filters, so
    when a package is new, only filters that concern no library in particular count."""
    changed = delta(base, now, Path()) or {}
    if base and "warnings" in changed and base["warnings"]["packages"] != now["warnings"]["packages"]:
        front, removed = changed["warnings"]["front"], changed["warnings"]["removed"]
        if not removed and not any(_is_general(f) for f in front if f not in base["warnings"]["filters"]):
            del changed["warnings"]
    if set(changed.get("decimal", ())) == {"flags"}:  # computing raises them, and hardly anybody asks
        del changed["decimal"]
    return bool(changed)


def _is_general(made: Any) -> bool:
    _, message, category, module, _ = made
    return message is None and module is None and category.__module__ == "builtins"


def merge(older: Any, newer: Any) -> Any:
    """Both, the newer one winning."""
    merged = {section: dict(values) for section, values in older.items()}
    for section, values in newer.items():
        if section == "warnings" and section in merged:
            values = _filters_merged(merged[section], values)
        merged.setdefault(section, {}).update(values)
    return merged


def apply(changed: Any, home: Path) -> None:
    """Set the options of a delta; CannotLoad when a library refuses one (it is another version)."""
    for section, values in changed.items():
        try:
            _APPLY[section](values)
        except (KeyError, ValueError, TypeError, AttributeError, ImportError, locale.Error) as error:
            raise CannotLoad(
                f"the {section} options of an earlier step cannot be set here ({type(error).__name__}: {error})"
            ) from None


def _rc_params(parameters: Any) -> dict[str, Any]:
    """A copy that does not make matplotlib choose a backend, as reading by key would."""
    return {
        key: list(value) if isinstance(value, list) else value
        for key, value in dict.items(parameters)
        if key not in _NOT_CARRIED
    }


def _has_drawn() -> bool:
    """Whether pyplot has chosen to draw into the notebook, as it does for the first figure."""
    chosen = getattr(sys.modules.get("matplotlib.pyplot"), "_backend_mod", None) is not None
    return chosen and str(dict.get(sys.modules["matplotlib"].rcParams, "backend")).endswith("inline")


def _colours() -> dict[str, Any]:
    """What the letters for colours stand for: seaborn's `set_theme` may change that."""
    names = getattr(sys.modules.get("matplotlib.colors"), "_colors_full_map", {})
    return {letter: tuple(names[letter]) for letter in "bgrcmyk" if isinstance(names.get(letter), (tuple, list))}


def _pandas_options() -> dict[str, Any]:
    """Every option by its dotted name, without the warnings that reading deprecated ones gives."""
    config = importlib.import_module("pandas._config.config")
    found: dict[str, Any] = {}
    waiting = [("", config._global_config)]
    while waiting:
        prefix, node = waiting.pop()
        for key, value in node.items():
            if isinstance(value, dict):
                waiting.append((f"{prefix}{key}.", value))
            else:
                found[prefix + key] = value
    return found


def _defaults(section: str) -> dict[str, Any]:
    """What a library that was imported in this step began with, as far as it can tell."""
    if section == "matplotlib":
        inline = sys.modules.get("matplotlib_inline.config")
        preset = inline.InlineBackend.instance().rc if hasattr(inline, "InlineBackend") else {}  # type: ignore[union-attr]
        values = {**_rc_params(sys.modules["matplotlib"].rcParamsOrig), **preset}
        return {key: value for key, value in values.items() if key != "interactive"}
    if section == "colours":
        colours = getattr(sys.modules.get("matplotlib.colors"), "BASE_COLORS", {})
        return {letter: tuple(value) for letter, value in colours.items()}
    if section == "pandas":
        config = importlib.import_module("pandas._config.config")
        return {key: option.defval for key, option in config._registered_options.items()}
    if section == "decimal":
        default = sys.modules["decimal"].DefaultContext
        values = {key: getattr(default, key) for key in _DECIMAL}
        traps = {trap.__name__: on for trap, on in default.traps.items()}
        return {**values, "traps": traps, "flags": dict.fromkeys(traps, False)}
    if section == "torch":
        return {"dtype": sys.modules["torch"].float32, "grad": True, "deterministic": False}
    if section == "sklearn":
        return dict(getattr(sys.modules.get("sklearn._config"), "_global_config", {}))
    known: dict[str, dict[str, Any]] = {"numpy print": _NUMPY_PRINT, "numpy errors": _NUMPY_ERRORS}
    return known.get(section, {})


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return bool(one == other)
    except (ValueError, TypeError):
        return False


def _filters_delta(base: list[Any], now: list[Any]) -> dict[str, Any]:
    """`front` are the filters that come before the part that did not change, `removed` those that are gone."""
    if base == now:
        return {}
    same = 0
    while same < min(len(base), len(now)) and base[-1 - same] == now[-1 - same]:
        same += 1
    front = now[: len(now) - same]
    return {"front": front, "removed": [f for f in base if f not in now], "reset": not now}


def _filters_merged(older: dict[str, Any], newer: dict[str, Any]) -> dict[str, Any]:
    if newer["reset"]:
        return newer
    kept = [f for f in older["front"] if f not in newer["front"] and f not in newer["removed"]]
    removed = [f for f in older["removed"] if f not in newer["front"]] + newer["removed"]
    return {"front": newer["front"] + kept, "removed": removed, "reset": older["reset"]}


def _apply_warnings(values: dict[str, Any]) -> None:
    unwanted = values["removed"] + values["front"]
    kept = [] if values["reset"] else [f for f in warnings.filters if f not in unwanted]
    warnings.filters[:] = values["front"] + kept  # type: ignore[index]
    with warnings.catch_warnings():  # leaving it tells the warnings module that its filters changed
        pass


def _apply_interpreter(values: dict[str, Any]) -> None:
    if "recursionlimit" in values:
        sys.setrecursionlimit(values["recursionlimit"])
    if "locale" in values:
        locale.setlocale(locale.LC_ALL, values["locale"])


def _apply_matplotlib(values: dict[str, Any]) -> None:
    if values.get("interactive") is False:
        pyplot = importlib.import_module("matplotlib.pyplot")
        pyplot.switch_backend(pyplot.get_backend())  # or the first figure does, which makes pyplot interactive again
    importlib.import_module("matplotlib").rcParams.update(values)


def _apply_colours(values: dict[str, Any]) -> None:
    colours = importlib.import_module("matplotlib.colors")
    colours._colors_full_map.update(values)
    colours._colors_full_map.cache.clear()


def _apply_numpy_print(values: dict[str, Any]) -> None:
    importlib.import_module("numpy").set_printoptions(**values)


def _apply_numpy_errors(values: dict[str, Any]) -> None:
    importlib.import_module("numpy").seterr(**values)


def _apply_pandas(values: dict[str, Any]) -> None:
    pandas = importlib.import_module("pandas")
    for key, value in values.items():
        pandas.set_option(key, value)


def _apply_decimal(values: dict[str, Any]) -> None:
    decimal = importlib.import_module("decimal")
    context = decimal.getcontext()
    for key, value in values.items():
        if key in ("traps", "flags"):
            for name, on in value.items():
                getattr(context, key)[getattr(decimal, name)] = on
        else:
            setattr(context, key, value)


def _torch(torch: Any) -> dict[str, Any]:
    return {
        "dtype": torch.get_default_dtype,
        "grad": torch.is_grad_enabled,
        "deterministic": torch.are_deterministic_algorithms_enabled,
    }


def _apply_torch(values: dict[str, Any]) -> None:
    torch = importlib.import_module("torch")
    known = {
        "dtype": torch.set_default_dtype,
        "grad": torch.set_grad_enabled,
        "deterministic": torch.use_deterministic_algorithms,
    }
    for key, value in values.items():
        known[key](value)


def _apply_sklearn(values: dict[str, Any]) -> None:
    importlib.import_module("sklearn").set_config(**values)


_APPLY = {
    "logging": loggers.apply,
    "warnings": _apply_warnings,
    "interpreter": _apply_interpreter,
    "matplotlib": _apply_matplotlib,
    "colours": _apply_colours,
    "numpy print": _apply_numpy_print,
    "numpy errors": _apply_numpy_errors,
    "pandas": _apply_pandas,
    "decimal": _apply_decimal,
    "sklearn": _apply_sklearn,
    "torch": _apply_torch,
}

"""The vocabulary in which facts about libraries are written: what a call does to state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")
Result = Literal["scalar", "fresh", "holds", "alias", "receiver", "iterator", "live", "unknown"]
FileUse = Literal["", "r", "w", "rw"]
# Values of `path_arg` that are no position: the receiver is the path; the path cannot be told.
RECEIVER, NOWHERE = 98, 99


@dataclass(frozen=True, slots=True)
class Call:
    """What a call does.

    touches: `none`, `self` (the receiver itself, not what it holds), `first` (its first argument), `second`, `deep`
    (everything that it can reach). keeps: the receiver holds the arguments from now on. result: how its value relates
    to them.
    rng: streams that it draws from; seeds: streams that it sets; config: process-wide settings that it changes
    (`config`, `config:plot`, `cwd`, `environ`, `syspath`, several with blanks between); file: how it uses the path in
    argument `path_arg`; binds: makes global names, which its first argument lists (as `sympy.var` does).
    """

    touches: Literal["none", "self", "first", "second", "deep"] = "none"
    result: Result = "fresh"
    keeps: bool = False
    rng: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    config: str = ""
    file: FileUse = ""
    path_arg: int = 0
    label: str = ""
    asks: bool = False
    barrier: str = ""
    draws: bool = False
    binds: bool = False


# Arguments of these names are changed by whatever takes them.
CHANGED_BY_NAME = frozenset(["out", "output", "dst", "ax", "cax", "fileobj", "stream", "evals_result"])
PURE = Call()
SCALAR = Call(result="scalar")
HOLDS = Call(result="holds")
ALIAS = Call(result="alias")
UNKNOWN = Call(touches="deep", result="unknown", keeps=True)
DRAWS_PLOT = Call(result="unknown", draws=True)
ADDRESS = "an address in the memory of another process"
NP, PY, TORCH = "rng:numpy", "rng:python", "rng:torch"


def each(names: str, fact: T) -> dict[str, T]:
    """The same fact for every one of the names (separated by blanks)."""
    return dict.fromkeys(names.split(), fact)


# How many arrays a function of NumPy reads; one more is where it puts its result.
ARRAYS_OF_UFUNCS = {
    **each(
        """
            sqrt cbrt square exp exp2 expm1 log log2 log10 log1p abs absolute fabs sign negative positive reciprocal
            sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh degrees radians deg2rad rad2deg
            floor ceil trunc rint isnan isinf isfinite invert bitwise_not logical_not conjugate
        """,
        1,
    ),
    **each(
        """
            add subtract multiply divide true_divide floor_divide power float_power mod fmod remainder maximum minimum
            fmax fmin logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift
            greater greater_equal less less_equal equal not_equal hypot arctan2 copysign gcd lcm dot matmul
        """,
        2,
    ),
}

"""Constraints and priors as plain values and back: a fixed list of kinds, made by the functions that users call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from limeform.errors import ArchiveError
from limeform.formula.expression import LONGEST
from limeform.restrict.arguments import Domain
from limeform.restrict.constraints import (
    Average,
    Bounds,
    Constraint,
    Function,
    Passes,
    Shape,
    Written,
    average,
    bounds,
    concave,
    convex,
    decreasing,
    increasing,
    passes,
)
from limeform.restrict.priors import Penalty, Prior, laplace, normal, uniform

Plain = dict[str, Any]


def stored_constraint(item: Constraint) -> Plain:
    """Return a constraint as JSON can hold it: its kind and the arguments of the function that makes it.

    Raises
    ------
    ArchiveError
        If it is a function of the user.
    """
    match item:
        case Shape():
            return {"kind": item.word, "term": item.term, "domain": _pair(item.domain)}
        case Passes():
            return {
                "kind": "passes",
                "term": item.term,
                "at": item.at,
                "value": item.value,
                "derivative": item.derivative,
            }
        case Average():
            points = None if item.domain is not None else [float(point) for point in item.at]
            weights = None if item.domain is not None else [float(weight) for weight in item.weights]
            over = {"at": points, "weights": weights, "domain": _pair(item.domain)}
            return {"kind": "average", "term": item.term, "value": item.value, **over}
        case Bounds():
            limits = {"lower": item.lower, "upper": item.upper, "domain": _pair(item.domain)}
            return {"kind": "bounds", "target": item.target, **limits}
        case Written():
            return {"kind": "text", "text": item.text}
        case Function():
            raise ArchiveError(_refusal(item, 'write it as text, such as "exp(x1) + x2**2 <= 4"'))


def stored_prior(item: Prior | Penalty) -> Plain:
    """Return a prior as JSON can hold it; see `stored_constraint`."""
    if isinstance(item, Penalty):
        raise ArchiveError(_refusal(item, "write it as lf.normal, lf.laplace or lf.uniform"))
    first, second = SPREADS[item.kind]
    about = {"target": item.target, "derivative": item.derivative, "domain": _pair(item.domain)}
    return {"kind": item.kind, first: float(item.center), second: float(item.spread), **about}


def constraint_of(tree: object) -> Constraint:
    """Return the constraint that `stored_constraint` was given.

    Raises
    ------
    ArchiveError
        If the kind is unknown, or a field is missing, surplus, or of another type.
    OptionError
        If a value is out of range.
    """
    found: Constraint = _made(tree, CONSTRAINTS, "constraint")
    return found


def prior_of(tree: object) -> Prior:
    """Return the prior that `stored_prior` was given; see `constraint_of`."""
    found: Prior = _made(tree, PRIORS, "prior")
    return found


def _refusal(item: object, instead: str) -> str:
    return (
        f"the fit cannot be saved: {item} is a function, and a file holds no code; {instead}, or pickle the results, "
        "which takes functions that can be imported"
    )


def _made(tree: object, kinds: Mapping[str, tuple[Callable[..., Any], Mapping[str, Any]]], what: str) -> Any:
    kind = tree.get("kind") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(kind, str) or kind not in kinds:
        raise ArchiveError(f"the file is damaged: {kind!r} is no kind of {what}")
    make, fields = kinds[kind]
    if set(tree) != {"kind", *fields}:
        raise ArchiveError(f"the file is damaged: the {what} {kind!r} has the fields {', '.join(map(str, tree))}")
    return make(**{name: read(tree[name], f"{name} of the {what} {kind!r}") for name, read in fields.items()})


def _pair(domain: Domain) -> list[float] | None:
    return None if domain is None else list(domain)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ArchiveError(f"the file is damaged: {what} is no text of at most {LONGEST} characters")
    return value


def number_of(value: object, what: str) -> float:
    """Return a number of a document, which may be infinite.

    Raises
    ------
    ArchiveError
        If it is none, not a number, or beyond all floating-point numbers.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ArchiveError(f"the file is damaged: {what} is no number")
    try:
        return float(value)
    except OverflowError as error:
        raise ArchiveError(f"the file is damaged: {what} is too large a number") from error


def _finite(value: object, what: str) -> float:
    number = number_of(value, what)
    if not np.isfinite(number):
        raise ArchiveError(f"the file is damaged: {what} is not finite")
    return number


def _whole(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 5:
        raise ArchiveError(f"the file is damaged: {what} is no order of a derivative")
    return value


def _points(value: object, what: str) -> list[float] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ArchiveError(f"the file is damaged: {what} is no list")
    return [_finite(item, what) for item in value]


def _ends(value: object, what: str) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ArchiveError(f"the file is damaged: {what} does not have two ends")
    return number_of(value[0], what), number_of(value[1], what)


_SHAPE = {"term": _text, "domain": _ends}
_ABOUT = {"target": _text, "derivative": _whole, "domain": _ends}

CONSTRAINTS: Mapping[str, tuple[Callable[..., Constraint], Mapping[str, Any]]] = {
    "increasing": (increasing, _SHAPE),
    "decreasing": (decreasing, _SHAPE),
    "convex": (convex, _SHAPE),
    "concave": (concave, _SHAPE),
    "passes": (passes, {"term": _text, "at": _finite, "value": _finite, "derivative": _whole}),
    "average": (average, {"term": _text, "value": _finite, "at": _points, "weights": _points, "domain": _ends}),
    "bounds": (bounds, {"target": _text, "lower": number_of, "upper": number_of, "domain": _ends}),
    "text": (Written, {"text": _text}),
}
"""Kinds of constraints: what makes them, and how each argument is read."""

SPREADS = {"normal": ("mean", "sd"), "laplace": ("mean", "scale"), "uniform": ("lower", "upper")}
"""What the two numbers of a prior are called."""

PRIORS: Mapping[str, tuple[Callable[..., Prior], Mapping[str, Any]]] = {
    "normal": (normal, {"mean": _finite, "sd": _finite, **_ABOUT}),
    "laplace": (laplace, {"mean": _finite, "scale": _finite, **_ABOUT}),
    "uniform": (uniform, {"lower": _finite, "upper": _finite, **_ABOUT}),
}
"""Kinds of priors, likewise."""

"""Whether a value is of the type that a dataclass declares for it."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np


def declared(known: type[Any]) -> dict[str, Any]:
    """Return the types of the fields of a dataclass."""
    return get_type_hints(known)


def fits(value: object, hint: Any) -> bool:
    """Return whether a value is of a declared type; of a type that is not understood, no value is.

    Parameters
    ----------
    value : object
        From a file.
    hint : type
        As `declared` returns it: numbers, text, arrays with their type of number, tuples, unions, classes.

    Examples
    --------
    >>> fits(1, float), fits(True, float), fits((1.0, "a"), tuple[float, str]), fits([1.0], tuple[float, ...])
    (True, False, True, False)
    """
    origin, parts = get_origin(hint), get_args(hint)
    if hint is None or hint is NoneType:
        return value is None
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype == get_args(parts[1])[0]
    if origin is tuple:
        return isinstance(value, tuple) and _fit_all(value, parts)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint in (int, str, bool):
        return type(value) is hint
    return isinstance(hint, type) and hint is not object and isinstance(value, hint)


def _fit_all(values: tuple[object, ...], parts: tuple[Any, ...]) -> bool:
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(fits(value, parts[0]) for value in values)
    return len(values) == len(parts) and all(fits(value, part) for value, part in zip(values, parts, strict=True))

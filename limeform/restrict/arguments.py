"""Checks of what the user gives to a constraint or prior: names, numbers, orders of derivatives, domains."""

from __future__ import annotations

import numbers

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limeform.errors import OptionError

FloatArray = NDArray[np.float64]
Domain = tuple[float, float] | None


def target_name(target: object, call: str) -> str:
    """Return the name that a constraint or prior is about.

    Raises
    ------
    OptionError
        If it is no text.
    """
    if not isinstance(target, str) or not target.strip():
        raise OptionError(f'{call}({target!r}): give the name of a curve, coefficient or variance, such as "dose"')
    return target


def finite_number(value: object, call: str, word: str) -> float:
    """Return a finite number.

    Parameters
    ----------
    value : object
        What the user gave.
    call, word : str
        The function and its argument, for the message.
    """
    number = any_number(value, call, word)
    if not np.isfinite(number):
        raise OptionError(f"{call}: {word} has to be a finite number, found {value!r}")
    return number


def any_number(value: object, call: str, word: str) -> float:
    """Return a number that may be infinite or missing; text, arrays and booleans are refused."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise OptionError(f"{call}: {word} has to be a number, found {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise OptionError(f"{call}: {word} is too large a number") from error


def numbers_of(values: ArrayLike, call: str, word: str) -> FloatArray:
    """Return finite numbers, shape (n,)."""
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise OptionError(f"{call}: {word} takes numbers, found {values!r}") from error
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise OptionError(f"{call}: {word} takes one finite number or a list of them, found {values!r}")
    return array


def order_of(derivative: object, call: str) -> int:
    """Return the order of a derivative, 0 to 5."""
    if isinstance(derivative, bool | np.bool_) or derivative not in range(6):
        raise OptionError(f"{call}: derivative={derivative!r} has to be a whole number from 0 to 5")
    return int(derivative)  # type: ignore[call-overload, no-any-return]


def domain_of(domain: object, call: str) -> Domain:
    """Return both ends of a domain, the smaller first; they may be infinite."""
    if domain is None:
        return None
    try:
        ends = np.asarray(domain, dtype=np.float64)
    except (TypeError, ValueError):
        ends = np.zeros(0)
    if ends.shape != (2,) or np.isnan(ends).any() or not ends[0] < ends[1]:
        raise OptionError(f"{call}: domain={domain!r}: give two numbers, the smaller first")
    return float(ends[0]), float(ends[1])

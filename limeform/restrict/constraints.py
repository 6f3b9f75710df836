"""What a user forbids: shapes and values of curves, bounds, equations and inequalities, functions of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from limeform.errors import OptionError
from limeform.restrict.arguments import Domain, any_number, domain_of, finite_number, numbers_of, order_of, target_name

Value = Callable[[pd.Series], object]


@dataclass(frozen=True)
class Shape:
    """A sign of a derivative of a curve on a domain.

    Attributes
    ----------
    term : str
        The curve.
    word : str
        What the user called it.
    order : int
        Order of the derivative: 1 for monotone, 2 for convex and concave.
    sign : int
        1 where the derivative must not be negative, -1 where it must not be positive.
    domain : tuple of float or None
        Where; everywhere if None.
    """

    term: str
    word: str
    order: int
    sign: int
    domain: Domain = None

    def __str__(self) -> str:
        """Return the constraint as it is written."""
        where = "" if self.domain is None else f", domain={self.domain}"
        return f'{self.word}("{self.term}"{where})'


@dataclass(frozen=True)
class Passes:
    """A value of a curve, or of one of its derivatives, at a point."""

    term: str
    at: float
    value: float
    derivative: int = 0

    def __str__(self) -> str:
        """Return the constraint as it is written."""
        order = f", derivative={self.derivative}" if self.derivative else ""
        return f'passes("{self.term}", at={self.at:g}, value={self.value:g}{order})'


@dataclass(frozen=True)
class Average:
    """A weighted average of the values of a curve, over points or over a domain."""

    term: str
    value: float
    at: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    domain: Domain = None

    def __str__(self) -> str:
        """Return the constraint as it is written."""
        over = f"domain={self.domain}" if self.domain is not None else f"at={len(self.at)} points"
        return f'average("{self.term}", value={self.value:g}, {over})'


@dataclass(frozen=True)
class Bounds:
    """Limits of a coefficient, of all coefficients of a term, of a curve, or of a variance parameter."""

    target: str
    lower: float = -np.inf
    upper: float = np.inf
    domain: Domain = None

    def __str__(self) -> str:
        """Return the constraint as it is written."""
        low = "" if self.lower == -np.inf else f", lower={self.lower:g}"
        high = "" if self.upper == np.inf else f", upper={self.upper:g}"
        return f'bounds("{self.target}"{low}{high})'


@dataclass(frozen=True)
class Written:
    """A constraint given as text, such as ``"x1 + 2*x2 <= 3"``."""

    text: str

    def __str__(self) -> str:
        """Return the text."""
        return self.text


@dataclass(frozen=True, eq=False)
class Function:
    """Limits of a function of the parameters."""

    function: Value
    lower: ArrayLike
    upper: ArrayLike
    jacobian: Value | None = None

    def __str__(self) -> str:
        """Return the name of the function."""
        return f"constraint({getattr(self.function, '__name__', 'function')})"


Constraint = Shape | Passes | Average | Bounds | Written | Function


def increasing(term: str, domain: Domain = None) -> Shape:
    """Require that a curve nowhere falls.

    Parameters
    ----------
    term : str
        Name of the curve, or of ordered levels (``difference``).
    domain : tuple of float, optional
        Where; everywhere if left out, beyond the bounds of the data too.

    Returns
    -------
    Constraint
        Conditions on the coefficients of the derivative, which hold everywhere: exact for a degree of at most 2. Above
        they are a little stricter than the shape, until the fit has cut the pieces where the derivative touches zero.
    """
    return Shape(target_name(term, "increasing"), "increasing", 1, 1, domain_of(domain, "increasing"))


def decreasing(term: str, domain: Domain = None) -> Shape:
    """Require that a curve nowhere rises; arguments as in `increasing`."""
    return Shape(target_name(term, "decreasing"), "decreasing", 1, -1, domain_of(domain, "decreasing"))


def convex(term: str, domain: Domain = None) -> Shape:
    """Require that the slope of a curve nowhere falls; see `increasing`. Exact at once for a degree of at most 3."""
    return Shape(target_name(term, "convex"), "convex", 2, 1, domain_of(domain, "convex"))


def concave(term: str, domain: Domain = None) -> Shape:
    """Require that the slope of a curve nowhere rises; see `increasing`. Exact at once for a degree of at most 3."""
    return Shape(target_name(term, "concave"), "concave", 2, -1, domain_of(domain, "concave"))


def passes(term: str, at: float, value: float, derivative: int = 0) -> Passes:
    """Require that a curve, or a derivative of it, has a value at a point.

    Parameters
    ----------
    term : str
        Name of the curve.
    at : float
        Exposure.
    value : float
        The value there.
    derivative : int
        0 for the curve, 1 for its slope, and so on.

    Returns
    -------
    Constraint
    """
    found: object = at
    if isinstance(found, str):
        raise OptionError(
            f"passes: at has to be a number, found {at!r}. For a level of difference() write its coefficient, "
            f"the effect against the first level, as text: {f'{term}[{at}] == {value}'!r}"
        )
    place, wanted = finite_number(at, "passes", "at"), finite_number(value, "passes", "value")
    return Passes(target_name(term, "passes"), place, wanted, order_of(derivative, "passes"))


def average(
    term: str, value: float, at: ArrayLike | None = None, weights: ArrayLike | None = None, domain: Domain = None
) -> Average:
    """Require that a weighted average of a curve has a value.

    Parameters
    ----------
    term : str
        Name of the curve.
    value : float
        The average.
    at : array, optional
        Exposures to average over.
    weights : array, optional
        Their weights; equal ones if left out. They need not sum to one.
    domain : tuple of float, optional
        Average over this range instead, exactly.

    Returns
    -------
    Constraint
    """
    if (at is None) == (domain is None):
        raise OptionError("average: give either at= (points, with weights= if they are not equal) or domain=")
    points = np.zeros(0) if at is None else numbers_of(at, "average", "at=")
    shares = np.ones(len(points)) if weights is None else numbers_of(weights, "average", "weights=")
    if shares.shape != points.shape or (len(shares) and not shares.sum() > 0):
        raise OptionError("average: weights= needs one number for each point of at=, with a positive sum")
    wanted = finite_number(value, "average", "value")
    return Average(target_name(term, "average"), wanted, tuple(points), tuple(shares), domain_of(domain, "average"))


def bounds(target: str, lower: float | None = None, upper: float | None = None, domain: Domain = None) -> Bounds:
    """Set limits.

    Parameters
    ----------
    target : str
        A coefficient, a term (all of its coefficients), a curve (its values, exactly for a degree of at most 1 and by
        its coefficients above), or a variance parameter: ``"sd(study)"``, ``"cor(study: 1, dose)"``, ``"sigma"``.
    lower, upper : float, optional
        The limits.
    domain : tuple of float, optional
        Where, for a curve: between its bounds if left out; beyond them its values are those of its tangent.

    Returns
    -------
    Constraint
    """
    call = f'bounds("{target_name(target, "bounds")}")'
    low = -np.inf if lower is None else any_number(lower, call, "lower")
    high = np.inf if upper is None else any_number(upper, call, "upper")
    if not low <= high or low == np.inf or high == -np.inf or (low, high) == (-np.inf, np.inf):
        raise OptionError(f"{call}: lower={lower!r}, upper={upper!r} leave no number or set no limit")
    return Bounds(target, low, high, domain_of(domain, call))


def constraint(
    function: Value, lower: ArrayLike = -np.inf, upper: ArrayLike = np.inf, jacobian: Value | None = None
) -> Function:
    """Set limits of a function of the parameters.

    Parameters
    ----------
    function : callable
        Takes a Series of parameters by the names in the summary (coefficients, then ``sd(...)``, ``cor(...)``,
        ``sigma``), returns one number or an array (m,).
    lower, upper : float or array (m,)
        The limits.
    jacobian : callable, optional
        Takes the same, returns the derivatives (m, number of parameters); checked against differences at the start.

    Returns
    -------
    Constraint
    """
    if not callable(function):
        raise OptionError(f"constraint takes a function of the parameters, found {type(function).__name__}")
    if jacobian is not None and not callable(jacobian):
        raise OptionError(f"constraint: jacobian= takes a function of the parameters, found {type(jacobian).__name__}")
    if np.all(np.asarray(lower) == -np.inf) and np.all(np.asarray(upper) == np.inf):
        raise OptionError("constraint: lower= or upper= is needed, as no limit was set")
    return Function(function, lower, upper, jacobian)


def as_constraints(given: Sequence[Constraint | str] | Constraint | str | None) -> tuple[Constraint, ...]:
    """Return the constraints of a model as a tuple, text read as `Written`.

    Raises
    ------
    OptionError
        If something is not a constraint.
    """
    items: tuple[object, ...] = () if given is None else tuple(given) if isinstance(given, list | tuple) else (given,)
    wrong = [item for item in items if not isinstance(item, Constraint | str)]
    if wrong:
        raise OptionError(
            f"constraints= takes text such as 'x1 <= 3', or lf.increasing(...) and its kin; found {wrong[0]!r}"
        )
    return tuple(Written(item) if isinstance(item, str) else cast(Constraint, item) for item in items)

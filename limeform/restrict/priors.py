"""What a user believes: prior distributions of coefficients, of derivatives of curves, and of variance parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from limeform.errors import OptionError
from limeform.restrict.arguments import Domain, domain_of, finite_number, order_of, target_name


@dataclass(frozen=True)
class Prior:
    """A distribution of a target.

    Attributes
    ----------
    kind : {"normal", "laplace", "uniform"}
        The distribution.
    target : str
        A coefficient, a term, a curve, or a variance parameter.
    center, spread : float
        Mean and standard deviation, or scale; the lower and the upper end of a uniform.
    derivative : int
        Of a curve: order of the derivative that the prior is about.
    domain : tuple of float or None
        Of a curve: where.
    """

    kind: str
    target: str
    center: float
    spread: float
    derivative: int = 0
    domain: Domain = None

    def __str__(self) -> str:
        """Return the prior as it is written."""
        about = f", derivative={self.derivative}" if self.derivative else ""
        return f'{self.kind}("{self.target}", {self.center:g}, {self.spread:g}{about})'


@dataclass(frozen=True, eq=False)
class Penalty:
    """A function of the parameters that is added to minus the log-likelihood."""

    function: Callable[[pd.Series], float]
    gradient: Callable[[pd.Series], object] | None = None
    hessian: Callable[[pd.Series], object] | None = None

    def __str__(self) -> str:
        """Return the name of the function."""
        return f"penalty({getattr(self.function, '__name__', 'function')})"


def normal(target: str, mean: float, sd: float, derivative: int = 0, domain: Domain = None) -> Prior:
    """Give a target a normal prior.

    Parameters
    ----------
    target : str
        A coefficient, a term (each of its coefficients), a curve, ``"sd(study)"``, ``"cor(study: 1, x)"``, ``"sigma"``.
    mean, sd : float
        Mean and standard deviation, in the units of the target.
    derivative : int
        Of a curve: order of the derivative. At the degree of the spline the derivative is constant on each segment, and
        each segment gets the prior (TCME's prior on the highest derivative); below, its B-spline coefficients do.
    domain : tuple of float, optional
        Of a curve: where; everywhere if left out.

    Returns
    -------
    Prior
    """
    return _prior("normal", target, mean, sd, "sd", derivative, domain)


def laplace(target: str, mean: float, scale: float, derivative: int = 0, domain: Domain = None) -> Prior:
    """Give a target a Laplace prior, density ``exp(-abs(x - mean) / scale) / (2 scale)``; arguments as in `normal`."""
    return _prior("laplace", target, mean, scale, "scale", derivative, domain)


def uniform(target: str, lower: float, upper: float, derivative: int = 0, domain: Domain = None) -> Prior:
    """Give a target a uniform prior between two limits; other arguments as in `normal`."""
    call = f'uniform("{target_name(target, "uniform")}")'
    low, high = finite_number(lower, call, "lower"), finite_number(upper, call, "upper")
    if not low < high:
        raise OptionError(f"{call}: lower={lower!r} has to lie below upper={upper!r}")
    return Prior("uniform", target, low, high, order_of(derivative, call), domain_of(domain, call))


def penalty(
    function: Callable[[pd.Series], float],
    gradient: Callable[[pd.Series], object] | None = None,
    hessian: Callable[[pd.Series], object] | None = None,
) -> Penalty:
    """Add a function of the parameters to minus the log-likelihood.

    Parameters
    ----------
    function : callable
        Takes a Series of parameters by the names in the summary, returns a number.
    gradient, hessian : callable, optional
        Derivatives, shapes (m,) and (m, m) for m parameters; differences where they are left out.

    Returns
    -------
    Penalty
    """
    if not callable(function):
        raise OptionError(f"penalty takes a function of the parameters, found {type(function).__name__}")
    for word, part in (("gradient", gradient), ("hessian", hessian)):
        if part is not None and not callable(part):
            raise OptionError(f"penalty: {word}= takes a function of the parameters, found {type(part).__name__}")
    return Penalty(function, gradient, hessian)


def as_priors(given: Sequence[Prior | Penalty] | Prior | Penalty | None) -> tuple[Prior | Penalty, ...]:
    """Return the priors of a model as a tuple.

    Raises
    ------
    OptionError
        If something is not a prior.
    """
    items = tuple(given) if isinstance(given, list | tuple) else () if given is None else (given,)
    wrong = [item for item in items if not isinstance(item, Prior | Penalty)]
    if wrong:
        raise OptionError(f"priors= takes lf.normal(...), lf.laplace, lf.uniform, lf.penalty; found {wrong[0]!r}")
    return items


def _prior(kind: str, target: str, center: float, spread: float, word: str, derivative: int, domain: Domain) -> Prior:
    call = f'{kind}("{target_name(target, kind)}")'
    middle, width = finite_number(center, call, "the mean"), finite_number(spread, call, word)
    if width <= 0:
        advice = "to fix a value use a constraint"
        raise OptionError(f"{call}: {word} has to be a positive number, found {spread!r}; {advice}")
    return Prior(kind, target, middle, width, order_of(derivative, call), domain_of(domain, call))

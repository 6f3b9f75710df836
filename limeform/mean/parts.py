"""The mean F(beta): linear columns, logarithms of ratios, expressions, and functions of the user.

A mean maps p parameters to n rows. It returns its value and Jacobian together, and, for weights given by row, the
weighted sum of its second derivatives (MATH §3, the part that Gauss-Newton leaves out).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.formula.expression import Node
from limeform.mean.jet import Jet, constant, evaluate, parameter

FloatArray = NDArray[np.float64]


class OutsideDomainError(ArithmeticError):
    """The mean has no value at these parameters: the logarithm of a number that is not positive, say."""


@dataclass(frozen=True, eq=False)
class Mean(ABC):
    """A function of p parameters with n values."""

    @abstractmethod
    def evaluate(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the value, shape (n,), and the Jacobian, shape (n, p).

        Raises
        ------
        OutsideDomainError
            Where there is no finite value.
        """

    @abstractmethod
    def curvature(self, beta: FloatArray, weights: FloatArray) -> FloatArray | None:
        """Return the sum over rows of ``weights`` times the second derivatives, shape (p, p); None if unknown."""

    def value(self, beta: FloatArray) -> FloatArray:
        """Return the value alone, shape (n,)."""
        return self.evaluate(beta)[0]

    def where_defined(self, beta: FloatArray) -> FloatArray:
        """Return the value, shape (n,), nan in rows that have none: for new data, of which no fit has seen to it."""
        return self.value(beta)


@dataclass(frozen=True, eq=False)
class Linear(Mean):
    """X beta.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        The columns.
    """

    x: FloatArray

    def evaluate(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return X beta and X."""
        return self.x @ beta, self.x

    def curvature(self, beta: FloatArray, weights: FloatArray) -> FloatArray | None:
        """Return zeros."""
        return np.zeros((len(beta), len(beta)))


@dataclass(frozen=True, eq=False)
class LogRatio(Mean):
    """ln<s, beta> - ln<r, beta>, TCME section 2.5.4.

    Attributes
    ----------
    alternative, reference : ndarray, shape (n, K)
        Basis at the exposure, or its average, and at the reference.
    """

    alternative: FloatArray
    reference: FloatArray

    def _curves(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        above, below = self.alternative @ beta, self.reference @ beta
        if not (min(above.min(), below.min()) > 0 and np.isfinite(above.sum() + below.sum())):
            raise OutsideDomainError("a curve under a logarithm is not positive")
        return above, below

    def evaluate(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the log-ratio and its Jacobian."""
        above, below = self._curves(beta)
        jacobian = self.alternative / above[:, None] - self.reference / below[:, None]
        return np.log(above) - np.log(below), jacobian

    def where_defined(self, beta: FloatArray) -> FloatArray:
        """Return the log-ratio, nan where either curve is not positive."""
        above, below = self.alternative @ beta, self.reference @ beta
        good = (above > 0) & (below > 0)
        return np.log(np.where(good, above, np.nan)) - np.log(np.where(good, below, np.nan))

    def curvature(self, beta: FloatArray, weights: FloatArray) -> FloatArray | None:
        """Return the weighted sum of the exact second derivatives."""
        above, below = self._curves(beta)
        upper = (self.alternative * (weights / above**2)[:, None]).T @ self.alternative
        lower = (self.reference * (weights / below**2)[:, None]).T @ self.reference
        return np.asarray(lower - upper, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Expression(Mean):
    """An expression of parameters and columns.

    Attributes
    ----------
    tree : Node
        The expression.
    parameters : tuple of str
        Names of the p parameters.
    columns : dict of str to ndarray, shape (n,)
        The columns.
    n : int
        Number of rows.
    """

    tree: Node
    parameters: tuple[str, ...]
    columns: dict[str, FloatArray]
    n: int

    def evaluate(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the expression and its exact Jacobian."""
        jet = self._jet(beta)
        return jet.value, jet.first.T

    def curvature(self, beta: FloatArray, weights: FloatArray) -> FloatArray | None:
        """Return the weighted sum of the exact second derivatives."""
        return np.asarray(self._jet(beta).second @ weights, dtype=np.float64)

    def where_defined(self, beta: FloatArray) -> FloatArray:
        """Return the expression, nan where it is not finite."""
        value = self._any_jet(beta).value
        return np.where(np.isfinite(value), value, np.nan)

    def _any_jet(self, beta: FloatArray) -> Jet:
        q = len(self.parameters)
        names = {name: constant(values, q, self.n) for name, values in self.columns.items()}
        names |= {name: parameter(beta[i], i, q, self.n) for i, name in enumerate(self.parameters)}
        return evaluate(self.tree, names, q, self.n)

    def _jet(self, beta: FloatArray) -> Jet:
        jet = self._any_jet(beta)
        if not (np.isfinite(jet.value).all() and np.isfinite(jet.first).all()):
            raise OutsideDomainError("the expression has no finite value")
        return jet


@dataclass(frozen=True, eq=False)
class UserFunction(Mean):
    """A function F(beta, data) of the user; second derivatives are left out (Gauss-Newton).

    Attributes
    ----------
    function : callable
        (Series of parameters, data frame) to the values, shape (n,).
    jacobian : callable or None
        The same arguments to the Jacobian, shape (n, p); central differences where there is none.
    names : tuple of str
        Names of the p parameters.
    data : DataFrame
        The rows.
    """

    function: Callable[[pd.Series, pd.DataFrame], object]
    jacobian: Callable[[pd.Series, pd.DataFrame], object] | None
    names: tuple[str, ...]
    data: pd.DataFrame

    def evaluate(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the values and the Jacobian."""
        value = self._call(beta)
        if self.jacobian is None:
            return value, self.differences(beta)
        jacobian = self._numbers(self.jacobian, beta, "the jacobian of mean=")
        if jacobian.shape != (len(self.data), len(beta)):
            shape = (len(self.data), len(beta))
            raise OptionError(f"the jacobian of mean= has shape {jacobian.shape}; it needs {shape} (rows, parameters)")
        return value, jacobian

    def curvature(self, beta: FloatArray, weights: FloatArray) -> FloatArray | None:
        """Return None: unknown."""
        return None

    def differences(self, beta: FloatArray) -> FloatArray:
        """Return the Jacobian by central differences, shape (n, p)."""
        steps = np.cbrt(np.finfo(np.float64).eps) * np.maximum(np.abs(beta), 1e-3)
        columns = []
        for j, step in enumerate(steps):
            up, down = beta.copy(), beta.copy()
            up[j] += step
            down[j] -= step
            columns.append((self._call(up) - self._call(down)) / (up[j] - down[j]))
        return np.column_stack(columns)

    def where_defined(self, beta: FloatArray) -> FloatArray:
        """Return the values, nan where they are not finite."""
        value = self._any_values(beta)
        return np.where(np.isfinite(value), value, np.nan)

    def _any_values(self, beta: FloatArray) -> FloatArray:
        value = self._numbers(self.function, beta, "mean=")
        if value.shape != (len(self.data),):
            raise OptionError(f"mean= returned an array of shape {value.shape} for {len(self.data)} rows of data")
        return value

    def _call(self, beta: FloatArray) -> FloatArray:
        value = self._any_values(beta)
        if not np.isfinite(value).all():
            raise OutsideDomainError("mean= returned a value that is not finite")
        return value

    def _numbers(
        self, function: Callable[[pd.Series, pd.DataFrame], object], beta: FloatArray, what: str
    ) -> FloatArray:
        """Call a function of the user; what fails as functions do outside of their domain has no value there."""
        try:
            with np.errstate(all="ignore"):
                result = function(pd.Series(beta, index=list(self.names)), self.data)
        except (ArithmeticError, ValueError) as error:
            raise OutsideDomainError(f"{what} raised {type(error).__name__}: {error}") from error
        except KeyError as error:
            known = f"the parameters are {', '.join(self.names)}, the columns {', '.join(map(str, self.data.columns))}"
            raise OptionError(f"{what} asks for {error}; {known}") from error
        except Exception as error:
            raise OptionError(f"{what} raised {type(error).__name__}: {error}") from error
        try:
            return np.asarray(result, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise OptionError(f"{what} has to return numbers: {error}") from error


@dataclass(frozen=True, eq=False)
class Total(Mean):
    """The sum of several means, each with parameters of its own.

    Attributes
    ----------
    parts : tuple of Mean
        The summands.
    slices : tuple of slice
        Which parameters each of them has.
    """

    parts: tuple[Mean, ...]
    slices: tuple[slice, ...]

    def evaluate(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sum of the values, and the Jacobians side by side."""
        pairs = [part.evaluate(beta[own]) for part, own in zip(self.parts, self.slices, strict=True)]
        value = np.sum([value for value, _ in pairs], axis=0)
        return np.asarray(value, dtype=np.float64), np.hstack([jacobian for _, jacobian in pairs])

    def where_defined(self, beta: FloatArray) -> FloatArray:
        """Return the sum of the values, nan where one of them is."""
        parts = [part.where_defined(beta[own]) for part, own in zip(self.parts, self.slices, strict=True)]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    def curvature(self, beta: FloatArray, weights: FloatArray) -> FloatArray | None:
        """Return the block-diagonal matrix of second derivatives; None if a part does not know its own."""
        total = np.zeros((len(beta), len(beta)))
        for part, own in zip(self.parts, self.slices, strict=True):
            block = part.curvature(beta[own], weights)
            if block is None:
                return None
            total[own, own] = block
        return total

"""Restrictions as numbers: affine rows, curved functions and prior rows in the natural parameters.

The natural parameters are phi = (beta, v): the p parameters of the mean, then k variance parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from limeform.design import Curve
from limeform.errors import OptionError
from limeform.formula.expression import Node
from limeform.mean.jet import Jet, evaluate, parameter
from limeform.restrict.constraints import Function
from limeform.restrict.functions import called, check_derivative, differences
from limeform.restrict.priors import Penalty
from limeform.restrict.variances import VarianceName

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AffineRows:
    """Rows of ``lower <= matrix @ phi <= upper``.

    Attributes
    ----------
    matrix : ndarray, shape (m, p + k)
        The rows.
    lower, upper : ndarray, shape (m,)
        Limits; equal for an equation.
    members : ndarray of int, shape (m,)
        Which constraint each row belongs to.
    """

    matrix: FloatArray
    lower: FloatArray
    upper: FloatArray
    members: NDArray[np.intp]

    def take(self, which: NDArray[np.bool_]) -> AffineRows:
        """Return some of the rows."""
        return AffineRows(self.matrix[which], self.lower[which], self.upper[which], self.members[which])

    def __len__(self) -> int:
        """Return the number of rows m."""
        return len(self.matrix)


@dataclass(frozen=True, eq=False)
class PriorRows:
    """Independent priors of linear combinations, ``matrix @ phi``.

    Attributes
    ----------
    matrix : ndarray, shape (m, p + k)
        The combinations.
    center, spread : ndarray, shape (m,)
        Means, and standard deviations or scales.
    members : ndarray of int, shape (m,)
        Which prior each row belongs to.
    """

    matrix: FloatArray
    center: FloatArray
    spread: FloatArray
    members: NDArray[np.intp]

    def standardised(self, phi: FloatArray) -> FloatArray:
        """Return (matrix @ phi - center) / spread, shape (m,)."""
        return (self.matrix @ phi - self.center) / self.spread

    def __len__(self) -> int:
        """Return the number of rows m."""
        return len(self.matrix)


@dataclass(frozen=True, eq=False)
class Curved(ABC):
    """A constraint ``lower <= g(phi) <= upper`` that is not linear, with m values.

    Attributes
    ----------
    lower, upper : ndarray, shape (m,)
        Limits.
    member : int
        Which constraint it is.
    """

    lower: FloatArray
    upper: FloatArray
    member: int

    @abstractmethod
    def value(self, phi: FloatArray) -> FloatArray:
        """Return g, shape (m,)."""

    @abstractmethod
    def jacobian(self, phi: FloatArray) -> FloatArray:
        """Return the derivatives of g, shape (m, p + k)."""

    @abstractmethod
    def hessian(self, phi: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return the second derivatives of ``multipliers @ g``, shape (p + k, p + k)."""


@dataclass(frozen=True, eq=False)
class CurvedExpression(Curved):
    """A constraint written as text, with exact derivatives.

    Attributes
    ----------
    tree : Node
        The expression.
    names : tuple of str
        Its q names.
    positions : ndarray of int, shape (q,)
        Where they are in phi.
    """

    tree: Node
    names: tuple[str, ...]
    positions: NDArray[np.intp]

    def _jet(self, phi: FloatArray) -> Jet:
        q = len(self.names)
        return evaluate(
            self.tree,
            {
                name: parameter(phi[j], i, q, 1)
                for i, (name, j) in enumerate(zip(self.names, self.positions, strict=True))
            },
            q,
            1,
        )

    def value(self, phi: FloatArray) -> FloatArray:
        """Return the expression, shape (1,)."""
        return np.asarray(self._jet(phi).value)

    def jacobian(self, phi: FloatArray) -> FloatArray:
        """Return its exact derivatives, shape (1, p + k)."""
        full = np.zeros((1, len(phi)))
        full[0, self.positions] = self._jet(phi).first[:, 0]
        return full

    def hessian(self, phi: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return its exact second derivatives."""
        full = np.zeros((len(phi), len(phi)))
        full[np.ix_(self.positions, self.positions)] = multipliers[0] * self._jet(phi).second[:, :, 0]
        return full


@dataclass(frozen=True, eq=False)
class CurvedFunction(Curved):
    """A function of the user; second derivatives are differences of the first.

    Attributes
    ----------
    given : Function
        What the user gave.
    names : tuple of str
        Names of the natural parameters.
    """

    given: Function
    names: tuple[str, ...]

    def value(self, phi: FloatArray) -> FloatArray:
        """Return the function's values."""
        values = called(self.given.function, phi, self.names, str(self.given)).ravel()
        if len(values) != len(self.lower):
            raise OptionError(f"{self.given} returned {len(values)} values where it returned {len(self.lower)} before")
        return values

    def jacobian(self, phi: FloatArray) -> FloatArray:
        """Return the user's Jacobian, or differences."""
        if self.given.jacobian is None:
            return differences(self.value, phi)
        m = len(self.lower)
        values = called(self.given.jacobian, phi, self.names, f"the jacobian of {self.given}")
        if values.size != m * len(phi):
            raise OptionError(
                f"the jacobian of {self.given} has {values.size} entries; it needs {m} x {len(phi)}, "
                f"one column for each of {', '.join(self.names)}"
            )
        return values.reshape(m, len(phi))

    def hessian(self, phi: FloatArray, multipliers: FloatArray) -> FloatArray:
        """Return differences of the Jacobian."""
        matrix = differences(lambda at: multipliers @ self.jacobian(at), phi)
        return (matrix + matrix.T) / 2

    def check(self, phi: FloatArray) -> None:
        """Refuse a Jacobian of the user that is not the derivative of the function.

        Raises
        ------
        OptionError
            Naming the parameter where both differ most.
        """
        if self.given.jacobian is None:
            return
        check_derivative(f"the jacobian of {self.given}", self.jacobian(phi), differences(self.value, phi), self.names)


@dataclass(frozen=True, eq=False)
class CurvedShape:
    """A limit of a curve or of a derivative, where that has degree two or more.

    Attributes
    ----------
    member : int
        Which constraint it is.
    curve : Curve
        The curve.
    order, sign : int
        Of the derivative; order 0 is the curve itself.
    low, high : float
        Ends of the domain; may be infinite unless the order is 0.
    limit : float
        The derivative times its sign is at least this.
    """

    member: int
    curve: Curve
    order: int
    sign: int
    low: float
    high: float
    limit: float = 0.0


@dataclass(frozen=True, eq=False)
class Restrictions:
    """All that restricts or informs the parameters of a model beyond the data.

    Attributes
    ----------
    names : tuple of str
        Names of the p parameters of the mean, then of the k variance parameters.
    variances : tuple of VarianceName
        The latter.
    labels, prior_labels : tuple of str
        Constraints and priors as they are written; those that the model added by itself come last.
    affine : AffineRows
        Linear constraints.
    curved : tuple of Curved
        The other ones.
    normals, laplaces : PriorRows
        Priors.
    uniforms : tuple of (int, float)
        Member and log density of each uniform prior, whose limits are among ``affine``.
    penalties : tuple of (int, Penalty)
        Member and function.
    curves : tuple of Curve
        The curves of the model, with what constraints say of their zero.
    notes : tuple of str
        What was done by itself, for the summary.
    shapes : tuple of CurvedShape
        Shapes and limits of curves whose rows ask for a little more than that.
    stricter : bool
        Whether a fit gave up making those rows exact.
    """

    names: tuple[str, ...]
    variances: tuple[VarianceName, ...]
    labels: tuple[str, ...]
    prior_labels: tuple[str, ...]
    affine: AffineRows
    curved: tuple[Curved, ...]
    normals: PriorRows
    laplaces: PriorRows
    uniforms: tuple[tuple[int, float], ...]
    penalties: tuple[tuple[int, Penalty], ...]
    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = field(default=())
    shapes: tuple[CurvedShape, ...] = field(default=())
    stricter: bool = False

    @property
    def n_mean(self) -> int:
        """Number of parameters of the mean, p."""
        return len(self.names) - len(self.variances)

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.labels or self.prior_labels)

    @property
    def leaves_free(self) -> bool:
        """Whether every value of the parameters is allowed, and the priors are smooth."""
        return not (len(self.affine) or self.curved or len(self.laplaces))

    @property
    def touches_mean(self) -> bool:
        """Whether a constraint or prior may involve a parameter of the mean."""
        return self._touch(slice(None, self.n_mean))

    @property
    def touches_variances(self) -> bool:
        """Whether a constraint or prior may involve a variance."""
        return self._touch(slice(self.n_mean, None))

    def _touch(self, columns: slice) -> bool:
        matrices = (self.affine.matrix, self.normals.matrix, self.laplaces.matrix)
        linear = any(matrix[:, columns].any() for matrix in matrices)
        return bool(linear or self.curved or self.penalties)

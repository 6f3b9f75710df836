"""The likelihood with priors, slacks and constraints, as the problem that a solver sees.

The solver's variables are x = (theta, psi, b, u): those of the joint likelihood, then one slack for each Laplace prior,
u >= |standardised value|. Restrictions are given in the natural parameters phi = (beta, v), smooth functions of x.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from limeform.likelihood import JointObjective
from limeform.likelihood.batched import FloatArray
from limeform.restrict import Restrictions, independent_equations, variance_values
from limeform.restrict.functions import penalty_gradient, penalty_hessian, penalty_value
from limeform.solve import LinearConstraints, NonlinearConstraints, Problem

BoolArray = NDArray[np.bool_]

SMALLEST_STRATUM = 1e-6
"""Least residual variance of one of several strata, in units of the common one."""


@dataclass(frozen=True, eq=False)
class Natural:
    """The natural parameters at one x.

    Attributes
    ----------
    phi : ndarray, shape (p + k,)
        Their values.
    first : ndarray, shape (p + k, t + p)
        Their derivatives in (theta, psi, b).
    second : ndarray, shape (k, t, t)
        Second derivatives of the variance parameters in (theta, psi); all others are zero.
    """

    phi: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True, eq=False)
class ConstraintRows:
    """The constraint rows that the solver is given, in its order, and what they are rows of.

    Attributes
    ----------
    linear : LinearConstraints or None
        Rows on b and the slacks, each scaled to length one.
    length : ndarray, shape (l,)
        By which each of them was divided.
    members : ndarray of int, shape (l + m,)
        Constraint of each linear, then each nonlinear row; -1 for the rows of slacks.
    """

    linear: LinearConstraints | None
    length: FloatArray
    members: NDArray[np.intp]


@dataclass
class Penalised:
    """Minus the log-likelihood less the log priors, in x = (theta, psi, b, u).

    Attributes
    ----------
    likelihood : JointObjective
        Minus the log-likelihood.
    restrictions : Restrictions
        Priors and constraints.
    floor : ndarray, shape (s,), or None
        Least log residual variances where there are several; those of `SMALLEST_STRATUM` if None.
    """

    likelihood: JointObjective
    restrictions: Restrictions
    floor: FloatArray | None = None
    _natural: tuple[FloatArray, Natural] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """See what involves the variance parameters."""
        p = self.likelihood.n_mean
        given = self.restrictions
        matrices = (given.affine.matrix, given.normals.matrix, given.laplaces.matrix)
        self.uses_variances = bool(any(matrix[:, p:].any() for matrix in matrices) or given.curved or given.penalties)

    @property
    def size(self) -> int:
        """Number of variables of the likelihood, t + p."""
        return self.likelihood.n_variance + self.likelihood.n_mean

    @property
    def n_slacks(self) -> int:
        """Number of slack variables."""
        return len(self.restrictions.laplaces)

    def natural(self, x: FloatArray) -> Natural:
        """Return the natural parameters with their derivatives at ``x``."""
        x = x[: self.size]
        if self._natural is None or not np.array_equal(self._natural[0], x):
            self._natural = x.copy(), self._make_natural(x)
        return self._natural[1]

    def _make_natural(self, x: FloatArray) -> Natural:
        model, names = self.likelihood, self.restrictions.variances
        t, p, k = model.n_variance, model.n_mean, len(names)
        first = np.zeros((p + k, t + p))
        first[:p, t:] = model.coordinates.fixed
        if not self.uses_variances:
            return Natural(np.append(model.beta(x), np.zeros(k)), first, np.zeros((k, t, t)))
        covariance = model.covariance.covariance(x[: model.n_theta])
        psi = x[model.n_theta : t]
        found = variance_values(names, covariance, model.coordinates.effects, psi, model.coordinates.variance)
        first[p:, :t] = found.first
        return Natural(np.append(model.beta(x), found.value), first, found.second)

    def value(self, x: FloatArray) -> float:
        """Return the objective at ``x``."""
        total = self.likelihood.value(x[: self.size]) + float(x[self.size :].sum())
        phi = self.natural(x).phi
        z = self.restrictions.normals.standardised(phi)
        total += 0.5 * float(z @ z)
        for _, penalty in self.restrictions.penalties:
            total += penalty_value(penalty, phi, self.restrictions.names)
        return total

    def gradient(self, x: FloatArray) -> FloatArray:
        """Return its gradient, shape (t + p + slacks,)."""
        slope = np.ones(len(x))
        slope[: self.size] = self.likelihood.gradient(x[: self.size])
        if len(self.restrictions.normals) or self.restrictions.penalties:
            here = self.natural(x)
            slope[: self.size] += self._prior_slope(here.phi) @ here.first
        return slope

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return its Hessian."""
        full = np.zeros((len(x), len(x)))
        s, t = self.size, self.likelihood.n_variance
        full[:s, :s] = self.likelihood.hessian(x[:s])
        given = self.restrictions
        if len(given.normals) or given.penalties:
            here = self.natural(x)
            rows = given.normals.matrix / given.normals.spread[:, None]
            curved = rows.T @ rows
            for _, penalty in given.penalties:
                curved = curved + penalty_hessian(penalty, here.phi, given.names)
            full[:s, :s] += here.first.T @ curved @ here.first
            full[:t, :t] += np.tensordot(self._prior_slope(here.phi)[given.n_mean :], here.second, axes=1)
        return full

    def _prior_slope(self, phi: FloatArray) -> FloatArray:
        """Return the derivatives of minus the log priors in phi."""
        given = self.restrictions
        slope = (given.normals.standardised(phi) / given.normals.spread) @ given.normals.matrix
        for _, penalty in given.penalties:
            slope = slope + penalty_gradient(penalty, phi, given.names)
        return np.asarray(slope, dtype=np.float64)

    # ------------------------------------------------------------------ constraints

    def rows(self) -> ConstraintRows:
        """Return the linear rows and the members of all rows."""
        given, model = self.restrictions, self.likelihood
        t, p, u = model.n_variance, model.n_mean, self.n_slacks
        fixed, origin = model.coordinates.fixed, model.coordinates.origin
        affine = given.affine.take(np.asarray(~given.affine.matrix[:, p:].any(axis=1)))
        matrix = affine.matrix[:, :p] @ fixed
        shift = affine.matrix[:, :p] @ origin
        length = np.linalg.norm(matrix, axis=1)
        length = np.where(length > 0, length, 1.0)
        matrix = matrix / length[:, None]
        keep = independent_equations(matrix, affine.lower == affine.upper)
        affine, matrix, shift, length = affine.take(keep), matrix[keep], shift[keep], length[keep]
        body = np.hstack([np.zeros((len(matrix), t)), matrix, np.zeros((len(matrix), u))])
        low, high = (affine.lower - shift) / length, (affine.upper - shift) / length
        slack_rows, slack_low = self._linear_slacks()
        body, low = np.vstack([body, slack_rows]), np.concatenate([low, slack_low])
        high = np.concatenate([high, np.full(len(slack_rows), np.inf)])
        members = [*affine.members, *[-1] * len(slack_rows), *self._nonlinear_members()]
        linear = LinearConstraints(body, low, high) if len(body) else None
        lengths = np.concatenate([length, np.ones(len(slack_rows))])
        return ConstraintRows(linear, lengths, np.array(members, dtype=np.intp))

    def _linear_slacks(self) -> tuple[FloatArray, FloatArray]:
        """Return rows and lower limits of u - z >= 0 and u + z >= 0 for Laplace priors on the mean."""
        prior, model = self.restrictions.laplaces, self.likelihood
        p, t = model.n_mean, model.n_variance
        own = np.flatnonzero(~prior.matrix[:, p:].any(axis=1))
        rows = np.zeros((2 * len(own), self.size + self.n_slacks))
        low = np.zeros(2 * len(own))
        for i, j in enumerate(own):
            z = prior.matrix[j, :p] / prior.spread[j]
            constant = (z @ model.coordinates.origin) - prior.center[j] / prior.spread[j]
            for sign, row in ((-1.0, 2 * i), (1.0, 2 * i + 1)):
                rows[row, t : t + p] = sign * z @ model.coordinates.fixed
                rows[row, self.size + j] = 1.0
                low[row] = -sign * constant
        return rows, low

    def _split(self) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.intp]]:
        """Return the affine rows that involve variance parameters with limits, and the Laplace priors that do."""
        p, given = self.likelihood.n_mean, self.restrictions
        mixed = given.affine.take(np.asarray(given.affine.matrix[:, p:].any(axis=1)))
        laplaces = np.flatnonzero(given.laplaces.matrix[:, p:].any(axis=1))
        return mixed.matrix, mixed.lower, mixed.upper, laplaces

    def _nonlinear_members(self) -> list[int]:
        p, given = self.likelihood.n_mean, self.restrictions
        mixed = given.affine.take(np.asarray(given.affine.matrix[:, p:].any(axis=1)))
        laplaces = self._split()[3]
        curved = [item.member for item in given.curved for _ in item.lower]
        return [*mixed.members, *curved, *[-1] * (2 * len(laplaces))]

    def nonlinear(self) -> NonlinearConstraints | None:
        """Return the constraints that are not linear in x."""
        matrix, lower, upper, laplaces = self._split()
        given = self.restrictions
        low = [lower, *(item.lower for item in given.curved), np.zeros(2 * len(laplaces))]
        high = [upper, *(item.upper for item in given.curved), np.full(2 * len(laplaces), np.inf)]
        if not sum(map(len, low)):
            return None
        prior = given.laplaces
        standard = prior.matrix[laplaces] / prior.spread[laplaces, None]
        center = prior.center[laplaces] / prior.spread[laplaces]

        def function(x: FloatArray) -> FloatArray:
            phi = self.natural(x).phi
            z, u = standard @ phi - center, x[self.size + laplaces]
            return np.concatenate([matrix @ phi, *(item.value(phi) for item in given.curved), u - z, u + z])

        def jacobian(x: FloatArray) -> FloatArray:
            here = self.natural(x)
            in_phi = [matrix, *(item.jacobian(here.phi) for item in given.curved), -standard, standard]
            full = np.zeros((sum(map(len, in_phi)), len(x)))
            full[:, : self.size] = np.vstack(in_phi) @ here.first
            rows = len(full) - 2 * len(laplaces) + np.arange(len(laplaces))
            full[rows, self.size + laplaces] = full[rows + len(laplaces), self.size + laplaces] = 1.0
            return full

        def hessian(x: FloatArray, multipliers: FloatArray) -> FloatArray:
            here, t = self.natural(x), self.likelihood.n_variance
            full = np.zeros((len(x), len(x)))
            slope, start = multipliers[: len(matrix)] @ matrix, len(matrix)
            for item in given.curved:
                own = multipliers[start : start + len(item.lower)]
                start += len(item.lower)
                slope = slope + own @ item.jacobian(here.phi)
                full[: self.size, : self.size] += here.first.T @ item.hessian(here.phi, own) @ here.first
            slope = (
                slope + (multipliers[start + len(laplaces) :] - multipliers[start : start + len(laplaces)]) @ standard
            )
            full[:t, :t] += np.tensordot(slope[given.n_mean :], here.second, axes=1)
            return full

        return NonlinearConstraints(function, jacobian, np.concatenate(low), np.concatenate(high), hessian)

    def problem(self, start: FloatArray, rows: ConstraintRows) -> Problem:
        """Return the solver's problem; ``start`` is (theta, psi, b), slacks are put where they belong."""
        z = np.abs(self.restrictions.laplaces.standardised(self.natural(start).phi))
        lower = np.full(self.size + self.n_slacks, -np.inf)
        if self.likelihood.n_psi > 1:
            # A stratum whose rows are fitted exactly would take the likelihood to infinity.
            floor = np.log(SMALLEST_STRATUM) if self.floor is None else self.floor
            lower[self.likelihood.n_theta : self.likelihood.n_variance] = floor
        return Problem(
            start=np.concatenate([start[: self.size], z + 1e-2]),
            value=self.value,
            gradient=self.gradient,
            hessian=self.hessian,
            lower=lower,
            linear=rows.linear,
            nonlinear=self.nonlinear(),
        )

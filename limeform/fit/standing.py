"""Where a restricted fit came to stand: active constraints with multipliers, priors, standard errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limeform.fit.estimate import ActiveConstraint
from limeform.fit.penalised import ConstraintRows, Penalised
from limeform.likelihood.batched import FloatArray
from limeform.restrict.functions import penalty_value
from limeform.solve import EvaluationError, Solution

BoolArray = NDArray[np.bool_]

AT_LIMIT = 1e-6
"""A row nearer to its limit than this, in working units, is active."""


def _values(penalised: Penalised, rows: ConstraintRows, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return values and limits of all rows in the solver's order, each shape (l + m,)."""
    parts = [] if rows.linear is None else [(rows.linear.matrix @ x, rows.linear.lower, rows.linear.upper)]
    curved = penalised.nonlinear()
    if curved is not None:
        parts.append((curved.function(x), curved.lower, curved.upper))
    empty = np.zeros(0)
    return (
        np.concatenate([empty, *(part[0] for part in parts)]),
        np.concatenate([empty, *(part[1] for part in parts)]),
        np.concatenate([empty, *(part[2] for part in parts)]),
    )


def at_limits(penalised: Penalised, rows: ConstraintRows, x: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Return which rows are at a limit, and which are equations; each shape (l + m,)."""
    values, lower, upper = _values(penalised, rows, x)
    near = AT_LIMIT * (1 + np.abs(values))
    equal = lower == upper
    return equal | (np.abs(values - lower) <= near) | (np.abs(values - upper) <= near), equal


def active_constraints(penalised: Penalised, rows: ConstraintRows, solution: Solution) -> tuple[ActiveConstraint, ...]:
    """List the constraints that hold the estimates back.

    Parameters
    ----------
    penalised : Penalised
        The problem.
    rows : ConstraintRows
        Its rows.
    solution : Solution
        Where it ended.

    Returns
    -------
    tuple of ActiveConstraint
        In the order of the user's list.
    """
    active, equal = at_limits(penalised, rows, solution.x)
    multipliers = np.abs(solution.constraint_multipliers)
    if len(multipliers) != len(active):
        multipliers = np.full(len(active), np.nan)
    lengths = np.concatenate([rows.length, np.ones(len(active) - len(rows.length))])
    per_sd = _per_standard_deviation(penalised)
    multipliers = multipliers / lengths
    multipliers[len(rows.length) : len(rows.length) + len(per_sd)] *= per_sd
    found = []
    for member, label in enumerate(penalised.restrictions.labels):
        own = rows.members == member
        if (own & active).any():
            here = own & active
            largest = float(np.nanmax(multipliers[here])) if np.isfinite(multipliers[here]).any() else np.nan
            found.append(ActiveConstraint(label, int(here.sum()), int(own.sum()), largest, bool(equal[own].all())))
    return tuple(found)


def _per_standard_deviation(penalised: Penalised) -> FloatArray:
    """Return what turns multipliers of limits on variances into those of limits on their roots, as users write them."""
    given, p = penalised.restrictions, penalised.likelihood.n_mean
    mixed = given.affine.take(np.asarray(given.affine.matrix[:, p:].any(axis=1)))
    factors = np.ones(len(mixed))
    for i, row in enumerate(mixed.matrix):
        used = np.flatnonzero(row)
        if len(used) == 1 and given.variances[used[0] - p].kind == "variance":
            limit = mixed.upper[i] if np.isfinite(mixed.upper[i]) else mixed.lower[i]
            factors[i] = 2.0 * np.sqrt(limit)
    return factors


def log_priors(penalised: Penalised, x: FloatArray) -> tuple[tuple[str, float], ...]:
    """Return each prior with its log density at ``x``; of a penalty, minus its value."""
    given = penalised.restrictions
    phi = penalised.natural(x).phi
    totals = np.zeros(len(given.prior_labels))
    z = given.normals.standardised(phi)
    np.add.at(totals, given.normals.members, -0.5 * z**2 - np.log(given.normals.spread) - 0.5 * np.log(2 * np.pi))
    z = given.laplaces.standardised(phi)
    np.add.at(totals, given.laplaces.members, -np.abs(z) - np.log(2 * given.laplaces.spread))
    for member, density in given.uniforms:
        totals[member] += density
    for member, penalty in given.penalties:
        totals[member] -= penalty_value(penalty, phi, given.names)
    return tuple(zip(given.prior_labels, totals.tolist(), strict=True))


def covariance_of_mean(penalised: Penalised, rows: ConstraintRows, solution: Solution) -> tuple[FloatArray, BoolArray]:
    """Return the inverse Hessian of the mean's parameters within the active constraints, and which of them are held.

    The variances are taken as known, as in an unrestricted fit. Active constraints count as equations.

    Parameters
    ----------
    penalised : Penalised
        The problem.
    rows : ConstraintRows
        Its rows.
    solution : Solution
        Where it ended.

    Returns
    -------
    covariance : ndarray, shape (p, p)
        NaN if the Hessian is not positive definite.
    held : ndarray of bool, shape (p,)
        Parameters that occur in an active inequality, or at the kink of a Laplace prior.
    """
    model, x = penalised.likelihood, solution.x
    t, p, fixed = model.n_variance, model.n_mean, model.coordinates.fixed
    active, equal = at_limits(penalised, rows, x)
    jacobian = _jacobian(penalised, rows, x)[:, t : t + p]
    user = rows.members >= 0
    kinks = penalised.restrictions.laplaces.standardised(penalised.natural(x).phi)
    kinked = penalised.restrictions.laplaces.matrix[np.abs(kinks) < AT_LIMIT][:, :p]
    binding = np.vstack([jacobian[active & user], kinked @ fixed])
    try:
        hessian = (
            penalised.hessian(x)[t : t + p, t : t + p]
            + _constraint_curvature(penalised, solution)[t : t + p, t : t + p]
        )
        within = null_space(binding)
        covariance = within @ np.linalg.inv(_positive(within.T @ hessian @ within)) @ within.T
    except (EvaluationError, np.linalg.LinAlgError):
        return np.full((p, p), np.nan), np.zeros(p, dtype=bool)
    inverse = np.linalg.inv(fixed) if p else fixed
    inequalities = np.vstack([jacobian[active & user & ~equal] @ inverse, kinked])
    sizes = np.abs(inequalities)
    held = (sizes > 1e-7 * sizes.max(axis=1, keepdims=True, initial=1e-300)).any(axis=0)
    matrix = fixed @ covariance @ fixed.T
    scale = np.diag(fixed @ fixed.T)
    fixed_by_equations = np.diag(matrix) <= 1e-10 * scale
    matrix[fixed_by_equations] = 0.0
    matrix[:, fixed_by_equations] = 0.0
    return np.asarray(matrix, dtype=np.float64), np.asarray(held)


def _jacobian(penalised: Penalised, rows: ConstraintRows, x: FloatArray) -> FloatArray:
    parts = [np.zeros((0, len(x)))]
    if rows.linear is not None:
        parts.append(rows.linear.matrix)
    curved = penalised.nonlinear()
    if curved is not None:
        parts.append(curved.jacobian(x))
    return np.vstack(parts)


def _constraint_curvature(penalised: Penalised, solution: Solution) -> FloatArray:
    curved = penalised.nonlinear()
    if curved is None or curved.hessian is None or not len(solution.constraint_multipliers):
        return np.zeros((len(solution.x), len(solution.x)))
    return curved.hessian(solution.x, solution.constraint_multipliers[-len(curved.lower) :])


def null_space(rows: FloatArray) -> FloatArray:
    """Return orthonormal columns that all rows are orthogonal to."""
    if not len(rows):
        return np.eye(rows.shape[1])
    _, values, vectors = np.linalg.svd(rows)
    rank = int((values > 1e-9 * values[0]).sum()) if values[0] > 0 else 0
    return np.asarray(vectors[rank:].T)


def _positive(matrix: FloatArray) -> FloatArray:
    """Return the matrix if it is positive definite."""
    np.linalg.cholesky(matrix)
    return matrix

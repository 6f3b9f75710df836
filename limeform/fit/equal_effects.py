"""The fit of a meta-analysis without random effects, within the same restrictions: what Cochran's Q is taken from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import BlockDiagonal
from limeform.fit.joint_model import JointModel
from limeform.fit.restricted import estimate_joint
from limeform.fit.standing import null_space
from limeform.likelihood import make_cells, reduce_rows
from limeform.restrict import Restrictions
from limeform.restrict.rows import PriorRows
from limeform.solve import Solver

FloatArray = NDArray[np.float64]

SMALLEST = 1e-9
"""Singular values below this share of the largest are those of columns that others explain."""


@dataclass(frozen=True)
class EqualEffects:
    """The fit with Gamma = 0.

    Attributes
    ----------
    columns : ndarray, shape (h, r)
        On the kept rows, independent columns of the mean that the equations leave free; of a nonlinear mean, its
        Jacobian at the estimates.
    q : float
        Weighted residual sum of squares; NaN where it is not given.
    distributed : bool
        Whether Q is chi-squared with h - r degrees of freedom where there is no heterogeneity.
    reason : str
        Why Q, or its p-value, is not given; empty if both are.
    """

    columns: FloatArray = field(repr=False)
    q: float
    distributed: bool
    reason: str


def equal_effects(model: JointModel, beta: FloatArray, solver: Solver) -> EqualEffects:
    """Fit the mean without random effects, as far as that means something.

    Parameters
    ----------
    model : JointModel
        The model at the weights of the fit, known sampling variances.
    beta : ndarray, shape (p,)
        Estimates of the mean's parameters.
    solver : Solver
        Solver.

    Returns
    -------
    EqualEffects
    """
    given, p = model.restrictions, model.restrictions.n_mean
    columns = _free_columns(model, beta)
    if model.mean is not None:
        reason = "Q is not given: it is the residual sum of squares of a linear mean, and this one is not linear"
        return EqualEffects(columns, np.nan, False, reason)
    if given.curved or given.penalties:
        what = "a penalty" if given.penalties else "a constraint that is not linear"
        return EqualEffects(columns, np.nan, False, f"Q is not given: {what} may involve the mean")
    alone = _without_random_effects(model)
    q = _weighted_squares(alone, estimate_joint(alone, solver).beta)
    limits = (given.affine.lower != given.affine.upper) & given.affine.matrix[:, :p].any(axis=1)
    priors = given.normals.matrix[:, :p].any() or given.laplaces.matrix[:, :p].any()
    if not (limits.any() or priors):
        return EqualEffects(columns, q, True, "")
    what = "priors inform" if priors else "inequalities restrict"
    reason = f"Q has no p-value: {what} the mean, so that its distribution is not chi-squared"
    return EqualEffects(columns, q, False, reason)


def _free_columns(model: JointModel, beta: FloatArray) -> FloatArray:
    """Return orthogonal columns that span what the mean of the kept rows can be near the estimates."""
    given, p = model.restrictions, model.restrictions.n_mean
    fixed, kept = model.products.coordinates.fixed, model.rows.weights > 0
    jacobian = model.rows.x if model.mean is None else model.mean.evaluate(beta)[1]
    equations = [given.affine.matrix[given.affine.lower == given.affine.upper][:, :p]]
    phi = np.concatenate([beta, np.ones(len(given.variances))])
    for item in given.curved:
        equations.append(item.jacobian(phi)[item.lower == item.upper][:, :p])
    free = jacobian[kept] @ fixed @ null_space(np.vstack(equations) @ fixed)
    left, values, _ = np.linalg.svd(free, full_matrices=False)
    return np.asarray(left[:, values > SMALLEST * values.max(initial=0.0)], dtype=np.float64)


def _without_random_effects(model: JointModel) -> JointModel:
    """Return the model with the mean and its restrictions alone."""
    n, coordinates = len(model.y), model.products.coordinates
    rows = replace(model.rows, z=np.zeros((n, 0)), cells=make_cells(np.zeros(n, np.int32), 1, None, 1))
    coordinates = replace(coordinates, effects=np.zeros((0, 0)))
    setup = replace(
        model.setup, rows=rows, covariance=BlockDiagonal(()), products=reduce_rows(model.y, rows, coordinates)
    )
    return replace(model, setup=setup, restrictions=_of_mean(model.restrictions), reml=False, first=None)


def _of_mean(given: Restrictions) -> Restrictions:
    """Return the linear restrictions that involve the mean alone."""
    p = given.n_mean

    def own(rows: PriorRows) -> PriorRows:
        which = ~rows.matrix[:, p:].any(axis=1)
        return PriorRows(rows.matrix[which][:, :p], rows.center[which], rows.spread[which], rows.members[which])

    affine = given.affine.take(np.asarray(~given.affine.matrix[:, p:].any(axis=1)))
    return replace(
        given,
        names=given.names[:p],
        variances=(),
        affine=replace(affine, matrix=affine.matrix[:, :p]),
        normals=own(given.normals),
        laplaces=own(given.laplaces),
    )


def _weighted_squares(model: JointModel, beta: FloatArray) -> float:
    residual = model.y - model.rows.x @ beta
    return float((model.rows.weights * model.rows.precision) @ residual**2)

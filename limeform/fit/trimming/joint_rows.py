"""What each row contributes to a fit in all parameters at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.fit.restricted import JointModel, joint_covariance
from limeform.likelihood import JointObjective, Objective, Point, Profile, Rows
from limeform.likelihood.contributions import Contributions, contributions
from limeform.likelihood.joint import JointPoint

FloatArray = NDArray[np.float64]


def row_contributions(model: JointModel, x: FloatArray, rows: Rows | None = None) -> Contributions:
    """Return what each row contributes at the variables ``x`` = (theta, psi, b) of a joint fit.

    ``rows`` are those of the model unless their precisions are not the model's, under the paper's interpolation.
    """
    joint = model.objective()
    point = joint.at(x)
    objective, profiled, y, own = _as_profiled(model, joint, point, model.rows if rows is None else rows)
    return contributions(objective, profiled, y, own)


def _as_profiled(
    model: JointModel, joint: JointObjective, point: JointPoint, rows: Rows
) -> tuple[Objective, Point, FloatArray, Rows]:
    """Return the joint objective at a point in the form of the profiled one, whose mean is linear."""
    coordinates, y, beta = joint.coordinates, model.y, -point.rho[:-1]
    if model.mean is not None:
        value, jacobian = model.mean.evaluate(joint.beta(point.x))
        coordinates = replace(coordinates, origin=np.zeros(len(beta)))
        rows, y = replace(rows, x=jacobian), model.y - value
    root = _root(joint_covariance(model, point.x), joint.coordinates.fixed)
    products = replace(point.products, coordinates=coordinates)
    objective = Objective.of(products, joint.covariance, joint.criterion.residual, joint.criterion.reml)
    profile = Profile(point.value, beta, root, 0.0, 1.0)
    return objective, Point(point.x[: joint.n_variance], point.covariance, point.reduction, profile), y, rows


def _root(covariance: FloatArray, fixed: FloatArray) -> FloatArray:
    """Return a root of the covariance of the mean's parameters in working coordinates; zeros where it is unknown."""
    if not len(fixed) or not np.isfinite(covariance).all():
        return np.zeros_like(fixed)
    back = np.linalg.solve(fixed, np.linalg.solve(fixed, covariance).T)
    values, vectors = np.linalg.eigh((back + back.T) / 2)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))

"""Where a restricted fit begins: a start at which all functions have a value, and that meets the constraints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.errors import InfeasibleError
from limeform.fit.joint_model import JointModel
from limeform.fit.penalised import Penalised
from limeform.fit.starts import default_start
from limeform.likelihood import Objective, ResidualVariance
from limeform.mean import OutsideDomainError
from limeform.restrict.functions import NoValueError, check_penalty, shown
from limeform.restrict.impossible import refuse_impossible
from limeform.restrict.rows import CurvedFunction
from limeform.solve import EvaluationError, Newton, Problem
from limeform.solve.violation import NearestPoint, missing_at, nearest_point

FloatArray = NDArray[np.float64]

STARTS = 20
"""From how many starts a point that meets the constraints is sought."""


def first_start(model: JointModel) -> FloatArray:
    """Return the variables (theta, psi, b) that a fit starts from by itself, shape (t + p,)."""
    if model.first is not None:
        return model.first
    penalised = model.penalised()
    objective = penalised.likelihood
    p, psi = objective.n_mean, np.zeros(objective.n_psi)
    b = np.zeros(p)
    if model.mean is not None:
        excess = model.setup.products.coordinates.excess
        share = np.sqrt(np.clip(excess - 1.0, 0.1, 1e4) / max(objective.covariance.size, 1))
        return np.concatenate([objective.covariance.start(float(share)), psi, b])
    profiled = Objective.of(model.setup.products, model.setup.covariance, model.setup.residual, False)
    theta = default_start(profiled)
    if not profiled.n_parameters:
        return np.concatenate([psi, b])
    try:
        problem = Problem(theta, profiled.value, profiled.gradient, profiled.hessian)
        point = profiled.at(Newton(tol=1e-4, max_iter=20).minimize(problem).x)
    except (EvaluationError, np.linalg.LinAlgError):
        return np.concatenate([theta[: objective.n_theta], psi, b])
    scale = point.profile.scale
    gamma = scale * point.covariance.gamma + 0.01 * np.eye(objective.covariance.size)
    if model.setup.residual is ResidualVariance.SHARED:
        psi = np.array([np.log(scale)])
    elif objective.n_psi:
        psi = point.x[objective.n_theta :]
    return np.concatenate([objective.covariance.parameters(gamma), np.clip(psi, -20, 20), point.profile.beta])


def with_mean(model: JointModel, x: FloatArray, beta: FloatArray) -> FloatArray:
    """Return the variables ``x`` with other parameters of the mean, shape (p,)."""
    coordinates = model.setup.products.coordinates
    b = np.linalg.solve(coordinates.fixed, beta - coordinates.origin)
    return np.concatenate([x[: len(x) - len(b)], b])


def with_allowed_start(model: JointModel, given: FloatArray) -> JointModel:
    """Return the model with a start that meets the constraints, if those that are not linear are broken at its own.

    Parameters
    ----------
    model : JointModel
        The model; its linear constraints can be met together.
    given : ndarray, shape (p,)
        Parameters of the mean that the user started; nan for others.

    Returns
    -------
    JointModel

    Raises
    ------
    InfeasibleError
        If constraints are proven to clash, or if no parameters that meet them were found.
    OptionError
        If a penalty has no value at the start, or a derivative of the user is none.
    """
    if not (np.isfinite(given).any() or model.restrictions.curved or model.restrictions.penalties or _mixed(model)):
        return model
    penalised = model.penalised()
    x = first_start(model)
    if model.mean is None and np.isfinite(given).any():
        beta = np.where(np.isfinite(given), given, penalised.likelihood.beta(x))
        model = replace(model, first=with_mean(model, x, beta))
        x = first_start(model)
    if model.restrictions.curved or _mixed(model):
        x = _allowed(penalised, model, x)
        model = replace(model, first=x)
    phi = penalised.natural(x).phi
    for item in model.restrictions.curved:
        if isinstance(item, CurvedFunction):
            item.check(phi)
    for _, penalty in model.restrictions.penalties:
        check_penalty(penalty, phi, model.restrictions.names)
    return model


def _mixed(model: JointModel) -> bool:
    """Return whether a linear constraint joins a variance parameter, which is no linear function, to others."""
    given = model.restrictions
    some = given.affine.matrix[:, given.n_mean :].any(axis=1)
    return bool((some & (np.count_nonzero(given.affine.matrix, axis=1) > 1)).any())


def _allowed(penalised: Penalised, model: JointModel, x: FloatArray) -> FloatArray:
    """Return x if it meets the constraints that are not linear, else a point near it that meets all."""
    problem = penalised.problem(x, penalised.rows())
    if not missing_at(problem, problem.start).any():
        return x
    refuse_impossible(model.restrictions, model.products.coordinates.fixed)
    found = nearest_point(problem, _starts(penalised, problem.start), lambda at: _defined(penalised, at))
    if not found.met:
        raise InfeasibleError(_nothing_found(penalised, problem.start, found))
    return found.x[: penalised.size]


def _starts(penalised: Penalised, x: FloatArray) -> Iterator[FloatArray]:
    """Return the start itself, then points around it and around zero, farther and farther away."""
    yield x
    rng = np.random.default_rng(0)
    t, size = penalised.likelihood.n_variance, penalised.size
    for i in range(1, STARTS):
        moved = x.copy()
        reach = 0.1 * 2.0 ** (i // 2)
        moved[:t] += min(reach, 2.0) * rng.normal(size=t)
        moved[t:size] = (x[t:size] if i % 2 else 0.0) + reach * rng.normal(size=size - t)
        yield moved


def _defined(penalised: Penalised, x: FloatArray) -> bool:
    try:
        return bool(np.isfinite(penalised.likelihood.value(x[: penalised.size])))
    except (EvaluationError, OutsideDomainError, ArithmeticError):
        return False


def _nothing_found(penalised: Penalised, start: FloatArray, found: NearestPoint) -> str:
    """Return the sentence that names what is still missed, and says that this is no proof."""
    given, members = penalised.restrictions, penalised.rows().members
    phi = penalised.natural(start).phi
    undefined = [
        f"{given.labels[item.member]} {_trouble(item_value)}"
        for item in given.curved
        if (item_value := _value(item, phi)) is None or not np.isfinite(item_value).all()
    ]
    broken = [m for m in dict.fromkeys(members.tolist()) if m >= 0 and found.missing[members == m].any()]
    named = "; ".join(f"{given.labels[m]} (missed by {float(np.max(found.missing[members == m])):.3g})" for m in broken)
    at_start = f" At the start ({shown(phi, given.names)}) {'; '.join(undefined)}." if undefined else ""
    together = "together" if len(broken) > 1 else "with all others"
    return (
        f"no parameters were found, from {found.starts} starts, that meet these constraints {together}: {named}."
        f"{at_start} This is a search, not a proof: if you know parameters that meet them give start=, else take one "
        "of them out or change its limits"
    )


def _value(item: object, phi: FloatArray) -> FloatArray | None:
    try:
        return item.value(phi)  # type: ignore[attr-defined, no-any-return]
    except NoValueError:
        return None


def _trouble(value: FloatArray | None) -> str:
    return "has no value" if value is None else f"is {value[~np.isfinite(value)][0]}"

"""The fit in all parameters at once, with constraints, priors and nonlinear means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import BlockDiagonal
from limeform.fit.boundary import NEARLY_ZERO
from limeform.fit.estimate import Estimates, RestrictedFit
from limeform.fit.exact_shapes import with_exact_shapes
from limeform.fit.first_start import first_start, with_allowed_start, with_mean
from limeform.fit.joint_model import JointModel, prepare_joint
from limeform.fit.penalised import ConstraintRows, Penalised
from limeform.fit.standing import active_constraints, covariance_of_mean, log_priors
from limeform.likelihood import Modes, Profile, conditional_modes
from limeform.mean import OutsideDomainError
from limeform.solve import EvaluationError, Ipopt, Newton, ScipyMinimize, Solution, Solver, Status

__all__ = [
    "JointModel",
    "descend_joint",
    "estimate_joint",
    "estimates_at",
    "first_start",
    "joint_covariance",
    "joint_modes",
    "prepare_joint",
    "solve_joint",
    "with_allowed_start",
]

FloatArray = NDArray[np.float64]

ROUNDING = 1e-8
"""Part of the objective by which a fit may end above its start."""

SAME = 1e-6
"""Starts whose objectives differ by less than this have reached the same optimum."""


def estimate_joint(
    model: JointModel, solver: Solver, start: FloatArray | None = None, others: FloatArray | None = None
) -> Estimates:
    """Maximise likelihood and priors within the constraints.

    Parameters
    ----------
    model : JointModel
        The model.
    solver : Solver
        One that takes constraints, if there are any.
    start : ndarray, shape (t + p,), optional
        Variables to start from: those of an earlier fit of the same design.
    others : ndarray, shape (starts, p), optional
        Further starts of the mean's parameters, for a nonlinear mean.

    Returns
    -------
    Estimates
        With ``restricted`` filled in.
    """
    penalised = model.penalised()
    rows = penalised.rows()
    first = first_start(model) if start is None else start
    best = _settle(penalised, rows, solver, first)
    values = [best.value]
    for beta in np.zeros((0, 0)) if others is None else others:
        other = with_mean(model, first, beta)
        try:
            found = _settle(penalised, rows, solver, other)
        except (OutsideDomainError, EvaluationError):
            values.append(np.inf)
            continue
        values.append(found.value if found.success else np.inf)
        if found.success and (found.value < best.value - SAME or not best.success):
            best = found
    reached = int(np.sum(np.array(values) < best.value + SAME))
    return estimates_at(*within_shapes(model, best, solver), len(values), reached)


def solve_joint(model: JointModel, solver: Solver, start: FloatArray) -> Solution:
    """Fit from variables (theta, psi, b) without collecting estimates; the objective includes the priors."""
    penalised = model.penalised()
    return _settle(penalised, penalised.rows(), solver, start)


def descend_joint(model: JointModel, solver: Solver, start: FloatArray) -> tuple[FloatArray, float, Solution | None]:
    """Fit from variables that the constraints allow, and never end above them.

    Solvers for constraints may rise, and the likelihood of a nonlinear mean has other valleys to end in. Then the fit
    is tried from exactly these variables, and if that does not go down either they are where it ends.

    Returns
    -------
    ndarray, shape (t + p,)
        Variables.
    float
        The objective there.
    Solution or None
        The solver's; None where it is the start that is returned.
    """
    penalised = model.penalised()
    rows, size = penalised.rows(), len(start)
    try:
        slacks = np.abs(model.restrictions.laplaces.standardised(penalised.natural(start).phi))
        before = penalised.value(np.concatenate([start, slacks]))
    except (EvaluationError, OutsideDomainError):
        before = np.inf
    solution = _settle(penalised, rows, solver, start)
    if not solution.value <= before + ROUNDING * (1 + abs(before)):
        solution = _canonical(penalised, _solve(penalised, rows, solver, start))
    if not solution.value <= before + ROUNDING * (1 + abs(before)):
        return start, before, None
    return solution.x[:size], float(solution.value), solution


def within_shapes(model: JointModel, solution: Solution, solver: Solver) -> tuple[JointModel, Solution]:
    """Return the solution within the shapes themselves, and the model whose rows say so.

    Parameters
    ----------
    model : JointModel
        The model, with conditions that may be a little stricter than the shapes.
    solution : Solution
        Its solution.
    solver : Solver
        Takes the last steps.
    """
    return with_exact_shapes(model, solution, lambda finer, x: solve_joint(finer, solver, x))


def estimates_at(model: JointModel, solution: Solution, starts: int = 1, reached: int = 1) -> Estimates:
    """Return the estimates of a solution, which so many of the starts have reached."""
    penalised = model.penalised()
    return _estimates(model, penalised, penalised.rows(), solution, starts, reached)


def joint_covariance(model: JointModel, x: FloatArray) -> FloatArray:
    """Return the covariance of the mean's parameters at the variables ``x`` within the active constraints, (p, p)."""
    penalised = model.penalised()
    slacks = np.abs(model.restrictions.laplaces.standardised(penalised.natural(x).phi))
    full = np.concatenate([x, slacks])
    solution = Solution(full, 0.0, np.zeros(len(full)), Status.CONVERGED, "", "")
    return covariance_of_mean(penalised, penalised.rows(), solution)[0]


def _settle(penalised: Penalised, rows: ConstraintRows, solver: Solver, start: FloatArray) -> Solution:
    """Solve, end exactly at variances of zero, and leave boundary points that are no minimum."""
    solution = _canonical(penalised, _solve(penalised, rows, solver, _fresh(penalised, start)))
    if not solution.success and isinstance(solver, Ipopt):
        solution = _second_try(penalised, rows, solver, solution)
    escape = _escape(penalised, solution.x) if np.isfinite(solution.value) else None
    if escape is not None:
        again = _canonical(penalised, _solve(penalised, rows, solver, escape))
        if again.value < solution.value - 1e-9 * (1 + abs(solution.value)):
            return again
    return solution


def _fresh(penalised: Penalised, start: FloatArray) -> FloatArray:
    """Return a start whose common variance fits the data as they are weighted now, and whose variances are not zero.

    A start from other weights can have a residual variance that is many times too large; on its way to the right one
    the solver would overshoot. At a variance of zero the gradient vanishes by symmetry.
    """
    model = penalised.likelihood
    q, t = model.n_theta, model.n_variance
    try:
        point = model.at(start[: penalised.size])
    except (EvaluationError, OutsideDomainError):
        return start
    gamma, psi = point.covariance.gamma, start[q:t]
    if model.n_psi:
        quadratic = float(point.rho @ point.reduction.gram @ point.rho)
        factor = max(quadratic / float(point.products.weight.sum()), 1e-8)
        if not 0.5 < factor < 2.0:
            gamma, psi = gamma * factor, psi + np.log(factor)
    low = 1e-3 * (float(np.exp(psi).mean()) if len(psi) else 1.0)
    if q and min(np.linalg.eigvalsh(block)[0] for block in model.covariance.split(gamma)) < low:
        gamma = gamma + low * np.eye(len(gamma))
    theta = model.covariance.parameters(gamma) if q and gamma is not point.covariance.gamma else start[:q]
    return np.concatenate([theta, psi, start[t:]])


def _second_try(penalised: Penalised, rows: ConstraintRows, solver: Solver, failed: Solution) -> Solution:
    """Try sequential quadratic programming, which never leaves linear constraints, and the first solver from there."""
    other = _solve(penalised, rows, ScipyMinimize("SLSQP"), failed.x)
    if not np.isfinite(other.value):
        return failed
    again = _solve(penalised, rows, solver, other.x)
    found = [one for one in (again, other) if one.success]
    return _canonical(penalised, min(found, key=lambda one: one.value)) if found else failed


def _solve(penalised: Penalised, rows: ConstraintRows, solver: Solver, start: FloatArray) -> Solution:
    problem = penalised.problem(start, rows)
    if not problem.size:
        return Newton().minimize(problem)
    return solver.minimize(problem)


def _canonical(penalised: Penalised, solution: Solution) -> Solution:
    """Give the factor of Gamma its canonical signs, and zero to its nearly zero eigenvalues where that is as good."""
    model = penalised.likelihood
    q = model.n_theta
    if q == 0 or not np.isfinite(solution.value):
        return solution
    gamma = model.covariance.covariance(solution.x[:q]).gamma
    for candidate in (_clipped(model.covariance, gamma), gamma):
        x = np.concatenate([model.covariance.parameters(candidate), solution.x[q:]])
        if not _allowed(penalised, x):
            continue
        try:
            value = penalised.value(x)
        except EvaluationError:
            continue
        if value <= solution.value + 1e-9 * (1 + abs(solution.value)):
            return replace(solution, x=x, value=value, gradient=penalised.gradient(x))
    return solution


def _allowed(penalised: Penalised, x: FloatArray) -> bool:
    constraints = penalised.nonlinear()
    if constraints is None:
        return True
    values = constraints.function(x)
    return bool(((values >= constraints.lower - 1e-7) & (values <= constraints.upper + 1e-7)).all())


def _clipped(covariance: BlockDiagonal, gamma: FloatArray) -> FloatArray:
    clipped, start = np.zeros_like(gamma), 0
    for block in covariance.split(gamma):
        values, vectors = np.linalg.eigh(block)
        stop = start + len(block)
        clipped[start:stop, start:stop] = (vectors * np.where(values < NEARLY_ZERO, 0.0, values)) @ vectors.T
        start = stop
    return clipped


def _escape(penalised: Penalised, x: FloatArray) -> FloatArray | None:
    """Return a point with some variance in a direction of Gamma that is zero and ought not to be; None at a minimum."""
    model = penalised.likelihood
    q = model.n_theta
    if q == 0:
        return None
    gamma = model.covariance.covariance(x[:q]).gamma
    slopes = model.covariance.split(model.gamma_gradient(x[: penalised.size]))
    moved, start, found = gamma.copy(), 0, False
    for block, slope in zip(model.covariance.split(gamma), slopes, strict=True):
        stop = start + len(block)
        values, vectors = np.linalg.eigh(block)
        missing = vectors[:, values <= NEARLY_ZERO]
        if missing.shape[1]:
            steepest, directions = np.linalg.eigh(missing.T @ slope @ missing)
            if steepest[0] < -1e-4:
                direction = missing @ directions[:, 0]
                moved[start:stop, start:stop] += 0.01 * max(1.0, float(values[-1])) * np.outer(direction, direction)
                found = True
        start = stop
    return np.concatenate([model.covariance.parameters(moved), x[q:]]) if found else None


def _estimates(
    model: JointModel, penalised: Penalised, rows: ConstraintRows, solution: Solution, starts: int, reached: int
) -> Estimates:
    """Return the estimates in the user's units."""
    objective, coordinates = penalised.likelihood, model.setup.products.coordinates
    x = solution.x[: penalised.size]
    point = objective.at(x)
    psi = x[objective.n_theta : objective.n_variance]
    gamma = coordinates.effects @ point.covariance.gamma @ coordinates.effects.T
    covariance, held = covariance_of_mean(penalised, rows, solution)
    bare = np.where(held | (np.diag(covariance) <= 0), np.nan, 1.0)
    curved = model.mean is not None and model.mean.curvature(objective.beta(x), np.zeros(len(model.y))) is None
    return Estimates(
        beta=objective.beta(x),
        beta_covariance=covariance * np.outer(bare, bare),
        gamma=(gamma + gamma.T) / 2,
        residual_variance=coordinates.variance * np.exp(psi) if len(psi) else np.ones(1),
        log_likelihood=-point.value,
        reml=model.reml,
        singular=any(
            np.linalg.eigvalsh(block)[0] < 1e-8 for block in model.setup.covariance.split(point.covariance.gamma)
        ),
        variables=x,
        solution=solution,
        restricted=RestrictedFit(
            active=active_constraints(penalised, rows, solution),
            log_priors=log_priors(penalised, solution.x),
            covariance=covariance,
            held=held,
            gauss_newton=curved,
            starts=starts,
            reached=reached,
            stricter=model.restrictions.stricter,
        ),
    )


def joint_modes(model: JointModel, estimates: Estimates) -> Modes:
    """Return the conditional modes of the random effects at the estimates of a restricted fit."""
    objective = model.objective()
    point = objective.at(estimates.variables)
    at = Profile(point.value, -point.rho[:-1], np.zeros((0, 0)), 0.0, 1.0)
    return conditional_modes(point.reduction, point.covariance, at, objective.coordinates)

"""From a model to its results: which rows are searched, from which starts, and by which likelihood."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.fit import (
    JointModel,
    Progress,
    Setup,
    check_memory,
    estimate,
    estimate_joint,
    fit_trimmed,
    fit_trimmed_joint,
)
from limeform.models.knots import is_near, scores_of
from limeform.models.restricted import other_starts
from limeform.results import LMMResults
from limeform.solve import Solver

if TYPE_CHECKING:
    from limeform.models.lmm import LMM

FloatArray = NDArray[np.float64]


def fit_profiled(
    model: LMM,
    setup: Setup,
    solver: Solver,
    first: FloatArray | None,
    start: LMMResults | None,
    refine: bool,
    progress: bool,
) -> LMMResults:
    """Fit a linear mean that nothing restricts, from ``first``, shape (q,), if it is known."""
    check_memory(model.design, setup.products)
    if model.trim.fraction > 0:
        return _fit_kept(model, setup, solver, start)
    with Progress(progress) as watch:
        estimates = estimate(setup, model.reml, solver, first, refine=refine, watch=watch if progress else None)
    return LMMResults(model, setup, estimates)


def fit_joint(
    model: LMM,
    joint: JointModel,
    solver: Solver,
    first: FloatArray | None,
    start: LMMResults | None,
    starts: int,
    rng: np.random.Generator | int | None,
) -> LMMResults:
    """Fit with constraints, priors or a nonlinear mean; of several starts the best one is trimmed."""
    others = None
    if model.design.nonlinear:
        others = other_starts(model.design, model.start, starts - 1, np.random.default_rng(rng))
    if model.trim.fraction > 0:
        if others is not None and len(others):
            first = estimate_joint(joint, solver, first, others).variables
        joint = joint if first is None else replace(joint, first=first)
        scores, near = scores_of(start, model.trim), is_near(start, model.design, model.trim)
        kept, estimates, report = fit_trimmed_joint(joint, model._always, model.trim, solver, scores, near)
        return LMMResults(model, kept.setup, estimates, report)
    return LMMResults(model, joint.setup, estimate_joint(joint, solver, first, others))


def _fit_kept(model: LMM, setup: Setup, solver: Solver, start: LMMResults | None) -> LMMResults:
    scores, near = scores_of(start, model.trim), is_near(start, model.design, model.trim)
    kept, estimates, report = fit_trimmed(
        setup, model.design.shifted, model._always, model.trim, model.reml, solver, scores, near
    )
    return LMMResults(model, kept, estimates, report)

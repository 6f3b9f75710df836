"""Fits of kept rows with constraints, priors or a nonlinear mean: those of the search, and those that are reported."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from limeform.fit.estimate import Estimates
from limeform.fit.restricted import JointModel, descend_joint, estimates_at, solve_joint, within_shapes
from limeform.fit.trimming.joint_rows import row_contributions
from limeform.fit.trimming.kept import KeptFit, KeptFits, shrunk
from limeform.fit.trimming.steps import EXACT, Search, Trimmed, of_groups, row_slope, setup_at
from limeform.restrict import Restrictions
from limeform.solve import Solution, Solver

FloatArray = NDArray[np.float64]


@dataclass
class JointFits(KeptFits):
    """Fits at given weights; those of the search are kept by the weights of the rows.

    Where nothing bounds the parameters the search uses Newton's method, which is quick and never rises, and the kept
    rows are then fitted by the user's solver.

    Attributes
    ----------
    model : JointModel
        The model at full weights.
    solver : Solver
        One that takes constraints, if there are any.
    plain : Search
        What is searched, without an inner fit of its own.
    """

    model: JointModel
    solver: Solver
    plain: Search
    _solutions: dict[bytes, Solution] = field(default_factory=dict, repr=False)
    _restrictions: dict[bytes, Restrictions] = field(default_factory=dict, repr=False)

    @property
    def known(self) -> bool:  # type: ignore[override]
        """Whether the error variances are known."""
        return self.plain.known

    def __call__(self, weights: FloatArray, start: FloatArray, history: tuple[float, ...]) -> Trimmed:
        """Fit at weights of the units, and collect what each unit contributes."""
        w, model = self.plain.row_weights(weights), self.model
        kept = replace(model, setup=setup_at(model.setup, model.y, w, self.plain.power))
        free = model.restrictions.leaves_free
        x, value, solution = descend_joint(kept, EXACT if free else self.solver, start)
        if not free and solution is not None:
            self._solutions[w.tobytes()] = solution
        if self.plain.groups is None:
            each = row_contributions(kept, x, replace(model.rows, weights=w))
            return Trimmed(weights, x, value, row_slope(self.plain, each), each.predictive(), each, (*history, value))
        log_dets = model.objective().at(x).reduction.log_dets
        return of_groups(self.plain, weights, x, value, row_contributions(model, x), log_dets, history)

    def fit(self, weights: FloatArray, start: FloatArray, shrink: float = 1.0) -> KeptFit:
        """Fit the rows of given weights; known error variances are multiplied by ``shrink``."""
        kept = replace(self.model, setup=shrunk(self.model.setup, self.model.y, weights, shrink))
        found = self._solutions.get(weights.tobytes()) if shrink == 1.0 else None
        found = solve_joint(kept, self.solver, start) if found is None else found
        finer, found = within_shapes(kept, found, self.solver)
        self._restrictions[weights.tobytes()] = finer.restrictions
        estimates = estimates_at(finer, found)
        return KeptFit(kept.setup, estimates, row_contributions(finer, estimates.variables))

    def widened(self, fit: KeptFit, estimates: Estimates, variance: FloatArray) -> Estimates:
        """Return estimates with the covariance within the active constraints at the error variances ``variance``."""
        setup, restricted = fit.setup, estimates.restricted
        rows = replace(setup.rows, precision=setup.rows.precision * fit.rows.variance / variance)
        setup = setup_at(replace(setup, rows=rows), self.model.y, fit.rows.weights, False)
        restrictions = self._restrictions.get(fit.rows.weights.tobytes(), self.model.restrictions)
        wide = estimates_at(replace(self.model, setup=setup, restrictions=restrictions), estimates.solution)
        assert restricted is not None
        assert wide.restricted is not None
        within = replace(restricted, covariance=wide.restricted.covariance, held=wide.restricted.held)
        return replace(estimates, beta_covariance=wide.beta_covariance, restricted=within)

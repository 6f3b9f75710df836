"""The fits of an ensemble, in one process or several."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from limeform.errors import OWN_WARNINGS, LimeformError, OptionError
from limeform.models import LMM
from limeform.results import LMMResults
from limeform.solve import Solver

FloatArray = NDArray[np.float64]

TASKS = 4
"""Tasks for each worker: sending a task costs about as much as a small fit, and the last ones should end together."""


@dataclass(frozen=True, eq=False)
class Members:
    """Fits a model with other knots, from where a fit of it as it is ended; can be sent to another process.

    Attributes
    ----------
    model : LMM
        The model.
    curve : str
        The curve whose knots change.
    start : LMMResults or None
        Its fit; None if that failed.
    solver : Solver or None
        The solver of all fits.
    """

    model: LMM
    curve: str
    start: LMMResults | None
    solver: Solver | None

    @classmethod
    def of(cls, model: LMM, curve: str, solver: Solver | None) -> Members:
        """Fit the model as it is, and return what fits it with other knots.

        Which rows are outliers hardly depends on the knots, nor do the variances: members search on from there.
        """
        with warnings.catch_warnings():
            for category in OWN_WARNINGS:
                warnings.simplefilter("ignore", category)
            try:
                start = model.fit(solver)
            except OptionError:
                raise
            except LimeformError:  # with other knots it may succeed
                start = None
        sent = model.unprepared()
        if start is not None and start.converged:
            return cls(sent, curve, LMMResults(sent, start._setup, start.estimates, start.trimming), solver)
        return cls(sent, curve, None, solver)

    def __call__(self, placements: FloatArray) -> list[LMMResults | str]:
        """Return the fits of placements, shape (m, j), or the reasons why there is none."""
        return [self._member(knots) for knots in placements]

    def _member(self, knots: FloatArray) -> LMMResults | str:
        with warnings.catch_warnings():
            for category in OWN_WARNINGS:
                warnings.simplefilter("ignore", category)
            try:
                model = self.model.with_knots(self.curve, knots.tolist())
                results = model.fit(self.solver, start=self.start)
            except LimeformError as error:
                return str(error)
        return results if results.converged else f"the solver {results.status}"


def fit_all(members: Members, placements: FloatArray, n_jobs: int, workers: int) -> list[LMMResults | str]:
    """Return the fit of each placement, shape (draws, j), or the reason why there is none."""
    if workers == 1:
        return members(placements)
    parts = np.array_split(placements, min(len(placements), TASKS * workers))
    done = Parallel(n_jobs=n_jobs, batch_size=1)(delayed(members)(part) for part in parts)
    return [one for part in done for one in part]

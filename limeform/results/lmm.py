"""Results of a linear mixed model: stored estimates and what can be asked of them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.iolib.summary import Summary

from limeform.bootstrap.refits import refit_design, refit_joint
from limeform.design import Design, Keywords
from limeform.errors import ConvergenceWarning, SingularFitWarning, SolverError
from limeform.fit import Estimates, JointModel, Setup, Trimming, TrimReport
from limeform.formula import ModelFormula
from limeform.likelihood import Coordinates, ResidualVariance
from limeform.restrict import Restrictions
from limeform.results.curves import Curves
from limeform.results.describe import describe
from limeform.results.fitted import FittedRows
from limeform.results.fixed_effects import FixedEffects
from limeform.results.meta_analysis import MetaAnalysis
from limeform.results.plotting import Plotting
from limeform.results.random_part import RandomPart
from limeform.results.refit import fit_again, new_response
from limeform.results.reports import Reports, statistic
from limeform.results.resampling import Resampling
from limeform.results.saving import Saving
from limeform.results.summary import build_summary
from limeform.solve import Solver, every_solver


def warn_of(results: LMMResults) -> None:
    """Warn, on behalf of the caller's caller, of a fit that did not converge or is singular."""
    if not results.converged:
        message = f"{results.solver}: {results.status} ({results.estimates.solution.message.rstrip('.')})"
        warnings.warn(message, ConvergenceWarning, stacklevel=3)
    if results.singular and not results.known_variance:
        message = "singular fit: a variance is zero or a correlation one at the optimum; see the notes in the summary"
        warnings.warn(message, SingularFitWarning, stacklevel=3)


class FittedModel(Protocol):
    """What results need of the model that they came from."""

    design: Design
    formula: ModelFormula
    keywords: Keywords
    reml_reason: str
    source: Any
    trim: Trimming
    _always: NDArray[np.bool_]
    restrictions: Restrictions | None

    @property
    def joint(self) -> JointModel | None:
        """What a fit with constraints, priors or a nonlinear mean works on; None for a model without."""

    def joint_in(self, coordinates: Coordinates) -> JointModel | None:
        """Return ``joint`` in the working coordinates of a fit."""

    def fit(self, solver: Solver | None = None) -> LMMResults:
        """Fit it again."""

    def with_response(self, y: NDArray[np.float64]) -> FittedModel:
        """Return the same model with another response."""

    def by_ml(self) -> FittedModel:
        """Return the same model by maximum likelihood."""

    def with_rows(self, rows: NDArray[np.intp], place: NDArray[np.int32]) -> FittedModel:
        """Return the same model of other rows."""


class LMMResults(FixedEffects, RandomPart, FittedRows, MetaAnalysis, Curves, Plotting, Resampling, Saving, Reports):
    """Estimates of a linear mixed model, under statsmodels' names.

    ``params`` and everything that goes with it are the fixed effects; the random part is in ``cov_re``,
    ``var_components()`` and ``random_effects``. All are in the units of the data.

    Parameters
    ----------
    model : LMM
        The model that was fitted.
    setup : Setup
        Its statistics.
    estimates : Estimates
        Its estimates.
    trimming : TrimReport, optional
        How rows were trimmed.
    """

    def __init__(
        self, model: FittedModel, setup: Setup, estimates: Estimates, trimming: TrimReport | None = None
    ) -> None:
        self.model = model
        self.design = model.design
        self.estimates = estimates
        self.trimming = trimming
        self._setup = setup

    # ------------------------------------------------------------------ how the fit went

    @property
    def method(self) -> str:
        """``"REML"`` or ``"ML"``."""
        return "REML" if self.estimates.reml else "ML"

    @property
    def reml(self) -> bool:
        """Whether the restricted likelihood was maximised."""
        return self.estimates.reml

    @property
    def converged(self) -> bool:
        """Whether the solver reached an optimum."""
        return self.estimates.solution.success

    @property
    def status(self) -> str:
        """How the solver ended, as a sentence."""
        return self.estimates.solution.status.value

    @property
    def solver(self) -> str:
        """Name of the solver."""
        return self.estimates.solution.solver

    @property
    def n_iter(self) -> int:
        """Number of iterations of the solver."""
        return self.estimates.solution.iterations

    @property
    def history(self) -> tuple[float, ...]:
        """Minus the log-likelihood after each iteration."""
        return self.estimates.solution.history

    @property
    def singular(self) -> bool:
        """Whether a variance is zero, or a correlation one, at the optimum."""
        return self.estimates.singular

    @property
    def known_variance(self) -> bool:
        """Whether the sampling variances are known (a meta-analysis)."""
        return self._setup.residual is ResidualVariance.KNOWN

    # ------------------------------------------------------------------ likelihood and sizes

    @property
    def llf(self) -> float:
        """Maximised log-likelihood; the restricted one after REML, with the constants of lme4."""
        return self.estimates.log_likelihood

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return self.design.nobs

    @property
    def n_kept(self) -> int:
        """Number of rows that the estimates rest on: all, less those trimmed."""
        return self.nobs if self.trimming is None else self.nobs - self.trimming.trimmed

    @property
    def n_parameters(self) -> int:
        """Number of parameters: fixed effects, covariance parameters and residual variances."""
        unknown = 0 if self.known_variance else len(self.estimates.residual_variance)
        return len(self.params) + self._setup.covariance.n_parameters + unknown

    @property
    def df_resid(self) -> int:
        """Number of rows kept less number of fixed effects."""
        return self.n_kept - len(self.params)

    @property
    def df_model(self) -> int:
        """Number of fixed effects other than the intercept."""
        return len(self.params) - ("Intercept" in self.design.names)

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 llf + 2 n_parameters; compare REML values only between equal fixed parts."""
        return -2 * self.llf + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """Bayesian criterion, -2 llf + ln(n_kept) n_parameters."""
        return float(-2 * self.llf + np.log(self.n_kept) * self.n_parameters)

    # ------------------------------------------------------------------ other fits of the same model

    def refit(self, response: ArrayLike | pd.Series) -> LMMResults:
        """Fit the same design to another response by Newton's method from these estimates; trimmed rows stay trimmed.

        Parameters
        ----------
        response : array of shape (nobs,) or Series
            New response on the rows that were used.

        Returns
        -------
        LMMResults
        """
        y = new_response(response, self.design)
        fitted = fit_again(self, y - self.design.offset, self.reml)
        results = LMMResults(self.model.with_response(y), *fitted)
        warn_of(results)
        return results

    def refit_rows(self, rows: NDArray[np.intp], place: NDArray[np.int32]) -> LMMResults:
        """Fit some of the rows, each at the weight that it had, starting from these estimates.

        Parameters
        ----------
        rows : ndarray of int, shape (r,)
            Rows by position; a row may occur several times.
        place : ndarray of int32, shape (r,)
            Level of the grouping factor that each belongs to.

        Returns
        -------
        LMMResults
        """
        if self._joint is None:
            _, setup, estimates = refit_design(self, rows, place)
            model = self.model.with_rows(rows, place)
        else:
            model, setup, estimates = refit_joint(self, rows, place)
        estimates = replace(estimates, residual_variance=estimates.residual_variance / self._correction())
        return LMMResults(model, setup, estimates)

    def _correction(self) -> float:
        """Return what the residual variance of the kept rows is divided by to undo what trimming did to it."""
        report = self.trimming
        return report.factor if report is not None and report.options.correct and not self.known_variance else 1.0

    def refit_by_ml(self) -> LMMResults:
        """Fit the same model by maximum likelihood, on the rows that this fit kept and with its correction."""
        return LMMResults(self.model.by_ml(), *fit_again(self, None, False))

    def all_fit(self) -> pd.DataFrame:
        """Fit the model by every solver that is installed, as lme4's allFit does.

        Returns
        -------
        DataFrame
            One row a solver: its status, log-likelihood, fixed effects and standard deviations.
        """
        rows = {}
        for solver in every_solver():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    other = self.model.fit(solver=solver)
                except SolverError as refusal:
                    rows[solver.name] = {"converged": False, "llf": np.nan, "status": str(refusal)}
                    continue
            rows[other.solver] = other._row()
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("solver")

    def _row(self) -> dict[str, Any]:
        """Return the line of `all_fit` for this fit."""
        components = self.var_components()
        labels = ("sd(" + components["group"] + " " + components["effect"]).str.strip() + ")"
        row: dict[str, Any] = {"converged": self.converged, "llf": self.llf, "iterations": self.n_iter}
        row |= {str(name): value for name, value in self.params.items()}
        row |= dict(zip(labels, components["sd"], strict=True))
        return row | {"status": self.status}

    # ------------------------------------------------------------------ tables

    def summary(self, alpha: float = 0.05) -> Summary:
        """Return the printed summary: text, HTML in notebooks, ``.as_latex()``.

        Parameters
        ----------
        alpha : float
            One minus the coverage of the intervals.

        Returns
        -------
        statsmodels.iolib.summary.Summary
        """
        return build_summary(describe(self, alpha))

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Fixed effects with the columns b, se, t, p."""
        columns = {"b": self.params, "se": self.bse, "t": self.tvalues, "p": self.pvalues}
        return pd.DataFrame(columns).rename_axis("Coefficient")

    @property
    def __maketables_depvar__(self) -> str:
        """Name of the response."""
        return self.design.response

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        """Statistics below the table."""
        return ["N", "n_groups", "ll", "aic", "bic", *(["tau2", "i2"] if self.known_variance else [])]

    def __maketables_stat__(self, key: str) -> float | int | str | None:
        """Return a statistic by maketables' name."""
        return statistic(self, key)

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())

    def __repr__(self) -> str:
        """Return one line: formula, method, log-likelihood."""
        return f"<LMMResults: {self.model.formula}, {self.method}, llf {self.llf:.3f}, {self.status}>"

    @property
    def missing(self) -> dict[str, int]:
        """Missing values by column, in the rows that were left out."""
        return dict(self.design.missing.by_column)

    @property
    def dropped_columns(self) -> tuple[str, ...]:
        """Fixed-effects columns left out because earlier ones explain them."""
        return self.design.dropped

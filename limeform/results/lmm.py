"""Results of a linear mixed model: stored estimates and what can be asked of them."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.iolib.summary import Summary

from limeform.design import Column, Design, Keywords
from limeform.errors import ConvergenceWarning, OptionError, SingularFitWarning, SolverError
from limeform.fit import Estimates, JointModel, Setup, TrimReport, estimate_again, estimate_joint, refit_trimmed
from limeform.formula import ModelFormula
from limeform.likelihood import ResidualVariance
from limeform.restrict import Restrictions
from limeform.results.curves import Curves
from limeform.results.describe import describe
from limeform.results.fixed_effects import FixedEffects
from limeform.results.inference import FloatArray
from limeform.results.meta_analysis import MetaAnalysis
from limeform.results.plotting import Plotting
from limeform.results.predict import fitted_values, offset_of_new_rows, predict_new
from limeform.results.random_part import RandomPart
from limeform.results.refit import new_response
from limeform.results.simulate import simulate
from limeform.results.summary import build_summary
from limeform.results.trimming import outlier_table, row_weights
from limeform.solve import Newton, Solver, default_solver, every_solver


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
    restrictions: Restrictions | None

    @property
    def joint(self) -> JointModel | None:
        """What a fit with constraints, priors or a nonlinear mean works on; None for a model without."""

    def fit(self, solver: Solver | None = None) -> LMMResults:
        """Fit it again."""

    def with_response(self, y: NDArray[np.float64]) -> FittedModel:
        """Return the same model with another response."""


class LMMResults(FixedEffects, RandomPart, MetaAnalysis, Curves, Plotting):
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

    # ------------------------------------------------------------------ fitted values and predictions

    @property
    def fittedvalues(self) -> pd.Series:
        """Fitted values with the random effects at their conditional modes."""
        return self._rows(fitted_values(self.design, self.estimates.beta, self._effects("all")), "fitted")

    @property
    def resid(self) -> pd.Series:
        """Conditional residuals: response less ``fittedvalues``."""
        return self._rows(self.design.y - self.fittedvalues.to_numpy(), "resid")

    @property
    def resid_marginal(self) -> pd.Series:
        """Marginal residuals: response less the fixed part (and offset)."""
        return self._rows(self.design.y - fitted_values(self.design, self.estimates.beta, None), "resid_marginal")

    def predict(
        self, data: object | None = None, *, random: Literal["all", "none"] = "all", offset: Column | None = None
    ) -> pd.Series:
        """Predict the mean response.

        Parameters
        ----------
        data : DataFrame, optional
            New data; the rows of the fit if left out.
        random : {"all", "none"}
            With the random effects of the row's level (a level that the fit did not have is predicted at the population
            level, with a warning), or for the population.
        offset : column, optional
            Offset of the new rows if the model was given one by keyword.

        Returns
        -------
        Series
            On the index of the data; NaN in rows that lack a value.
        """
        if random not in ("all", "none"):
            raise OptionError(f'random={random!r}: give "all" or "none"')
        effects = self._effects(random)
        if data is None:
            return self._rows(fitted_values(self.design, self.estimates.beta, effects), self.design.response)
        if offset is None:
            offset = offset_of_new_rows(self.model.keywords, data)
        return predict_new(self.design, self.estimates.beta, effects, data, offset)

    def simulate(self, n: int = 1, rng: int | np.random.Generator | None = None) -> pd.DataFrame:
        """Draw responses from the fitted model, with new random effects of all factors and new errors.

        Parameters
        ----------
        n : int
            Number of draws.
        rng : None, int or Generator
            Source of randomness; the same number gives the same draws.

        Returns
        -------
        DataFrame
            One column a draw, on the index of the rows used.

        Examples
        --------
        >>> import limeform as lf
        >>> results = lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", lf.datasets.penicillin()).fit()
        >>> results.simulate(3, rng=1).shape
        (144, 3)
        """
        if n < 1:
            raise OptionError(f"n={n!r}: give the number of draws, at least 1")
        if len(self.design.y) != self.nobs:
            raise OptionError("the rows were read in chunks and not kept: there is nothing to simulate on")
        errors = self.design.errors
        sigma2 = self.estimates.residual_variance
        each = sigma2[errors.strata] if errors.strata is not None else sigma2[0]
        variance = np.broadcast_to(each / errors.precision, self.nobs)
        generator = np.random.default_rng(rng)
        draws = simulate(self.design, self.estimates.beta, self.estimates.gamma, variance, n, generator)
        return pd.DataFrame(draws, index=self.design.index)

    def _effects(self, random: str) -> list[FloatArray] | None:
        return [modes.effects for modes in self._all_modes] if random == "all" and self.design.factors else None

    def _rows(self, values: FloatArray, name: str) -> pd.Series:
        if len(values) != self.nobs:
            raise OptionError("the rows were read in chunks and not kept: use predict(data) on rows at hand")
        return pd.Series(values, index=self.design.index, name=name)

    # ------------------------------------------------------------------ trimming

    @property
    def weights(self) -> pd.Series:
        """Weight of each row: one if it was kept, zero if it was trimmed."""
        return row_weights(self.trimming, self.design)

    @property
    def inliers(self) -> pd.Series:
        """Whether each row was kept."""
        return (self.weights > 0.5).rename("inlier")

    def outliers(self) -> pd.DataFrame:
        """Return the rows that were trimmed, the most costly first.

        Returns
        -------
        DataFrame
            Columns ``group, observed, fitted, residual, std_residual`` and ``cost``: by how much minus the
            log-likelihood would rise with the row, the variances held.
        """
        return outlier_table(self.trimming, self.design)

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
        shifted, report = y - self.design.offset, self.trimming
        if self._joint is not None:
            joint = self._joint.with_response(shifted)
            setup, estimates = self._setup, estimate_joint(joint, default_solver(), self.estimates.variables)
        elif report is None:
            setup, estimates = estimate_again(self._setup, shifted, self.reml, Newton(), self.estimates.variables)
        else:
            setup, estimates, report = refit_trimmed(self._setup, shifted, self.estimates, report, Newton())
        results = LMMResults(self.model.with_response(y), setup, estimates, report)
        warn_of(results)
        return results

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

    def glance(self) -> pd.DataFrame:
        """Return the fit as a table of one row: method, sizes, likelihood, status."""
        row: dict[str, Any] = {
            "method": self.method,
            "nobs": self.nobs,
            "n_missing": self.design.missing.rows,
            "n_groups": _n_groups(self.design),
            "llf": self.llf,
            "aic": self.aic,
            "bic": self.bic,
            "scale": self.scale,
            "converged": self.converged,
            "singular": self.singular,
        }
        if self.heterogeneity is not None:
            measures = self.heterogeneity
            row |= {"tau2": measures.tau2, "i2": measures.i2, "h2": measures.h2, "q": measures.q}
            row |= {"q_pvalue": measures.q_pvalue}
        return pd.DataFrame([row])

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


def _n_groups(design: Design) -> int | str:
    """Return the number of levels; of several factors, as text."""
    sizes = [(random.factor, len(random.levels)) for random in design.factors]
    if len(sizes) > 1:
        return ", ".join(f"{factor}: {levels}" for factor, levels in sizes)
    return sizes[0][1] if sizes else 0

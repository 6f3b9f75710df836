"""Results of a linear mixed model: stored estimates and what can be asked of them."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from statsmodels.iolib.summary import Summary
from statsmodels.stats.contrast import ContrastResults

from limeform.design import Column, Design
from limeform.design.frame import as_numbers, column
from limeform.errors import OptionError
from limeform.fit import Estimates, Setup, TrimReport, cochran_q, estimate_again, modes_of
from limeform.likelihood import Modes, ResidualVariance
from limeform.plot import caterpillar_plot, forest_plot, funnel_plot, residual_plot
from limeform.results import inference, plots
from limeform.results.describe import describe
from limeform.results.effects import effects_frame, variance_components
from limeform.results.heterogeneity import Heterogeneity, heterogeneity
from limeform.results.inference import FloatArray, Hypothesis, WaldTable
from limeform.results.predict import fitted_values, predict_new
from limeform.results.summary import build_summary
from limeform.results.trimming import outlier_table, row_weights
from limeform.solve import Newton, every_solver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from limeform.models.lmm import LMM


class LMMResults:
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

    def __init__(self, model: LMM, setup: Setup, estimates: Estimates, trimming: TrimReport | None = None) -> None:
        self.model = model
        self.estimates = estimates
        self.trimming = trimming
        self._setup = setup

    @property
    def design(self) -> Design:
        """The arrays that were fitted, with their names."""
        return self.model.design

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

    # ------------------------------------------------------------------ fixed effects

    @cached_property
    def params(self) -> pd.Series:
        """Fixed effects."""
        return pd.Series(self.estimates.beta, index=list(self.design.names), name="coef")

    @cached_property
    def _wald(self) -> WaldTable:
        return inference.wald_table(self.estimates.beta, self.estimates.beta_covariance)

    @property
    def bse(self) -> pd.Series:
        """Standard errors of the fixed effects, the variances taken as known."""
        return self._named(self._wald.se, "std err")

    @property
    def tvalues(self) -> pd.Series:
        """Estimates over standard errors."""
        return self._named(self._wald.statistic, "z")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values by the normal distribution."""
        return self._named(self._wald.p_value, "P>|z|")

    @property
    def use_t(self) -> bool:
        """Whether tests use the t distribution: they use the normal one."""
        return False

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return Wald confidence intervals of the fixed effects.

        Parameters
        ----------
        alpha : float
            One minus the coverage.

        Returns
        -------
        DataFrame
            Columns 0 and 1: lower and upper ends.
        """
        return pd.DataFrame(inference.wald_interval(self._wald, alpha), index=self.params.index)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance matrix of the fixed effects."""
        names = list(self.design.names)
        return pd.DataFrame(self.estimates.beta_covariance, index=names, columns=names)

    def t_test(self, hypothesis: Hypothesis) -> ContrastResults:
        """Test linear combinations of the fixed effects one by one.

        Parameters
        ----------
        hypothesis : str, list of str, array (c, p), or tuple of arrays
            ``"x + 2*z = 1"``, several of them, a matrix R (R beta = 0), or (R, q).

        Returns
        -------
        statsmodels.stats.contrast.ContrastResults
        """
        return inference.t_test(self.params, self.estimates.beta_covariance, hypothesis)

    def wald_test(self, hypothesis: Hypothesis) -> ContrastResults:
        """Test linear combinations of the fixed effects jointly; argument as in `t_test`."""
        return inference.wald_test(self.params, self.estimates.beta_covariance, hypothesis)

    def _named(self, values: FloatArray, name: str) -> pd.Series:
        return pd.Series(values, index=self.params.index, name=name)

    # ------------------------------------------------------------------ likelihood and sizes

    @property
    def llf(self) -> float:
        """Maximised log-likelihood; the restricted one after REML, with the constants of lme4."""
        return self.estimates.log_likelihood

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return len(self.design.y)

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

    # ------------------------------------------------------------------ variances

    @property
    def scale(self) -> float:
        """Residual variance sigma²; one where sampling variances are known, NaN where there are several."""
        values = self.estimates.residual_variance
        return float(values[0]) if len(values) == 1 else np.nan

    @property
    def sigma(self) -> float | pd.Series:
        """Residual standard deviation, or a Series of them by level of the column given as ``sigma=``."""
        if self._setup.residual is not ResidualVariance.STRATA:
            return float(np.sqrt(self.scale))
        levels = self.design.errors.strata_levels
        return pd.Series(np.sqrt(self.estimates.residual_variance), index=levels, name="sigma")

    @property
    def cov_re(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Covariance matrix of the random effects of one level; of several factors, a dict of them by factor."""
        gamma, factors = self.estimates.gamma, self.design.factors
        if not factors:
            return pd.DataFrame()
        stops = np.cumsum([len(random.names) for random in factors])
        parts = {}
        for random, stop in zip(factors, stops, strict=True):
            own, names = slice(stop - len(random.names), stop), list(random.names)
            parts[random.factor] = pd.DataFrame(gamma[own, own], index=names, columns=names)
        return parts if len(parts) > 1 else parts[factors[0].factor]

    def var_components(self) -> pd.DataFrame:
        """Return variances, standard deviations and correlations, as lme4's VarCorr prints them.

        Returns
        -------
        DataFrame
            Columns ``group, effect, variance, sd, corr``.
        """
        return variance_components(
            self.design.factors,
            self.estimates.gamma,
            self.estimates.residual_variance,
            self.design.errors.strata_levels,
            self.known_variance,
        )

    # ------------------------------------------------------------------ random effects

    @cached_property
    def _all_modes(self) -> tuple[Modes, ...]:
        return modes_of(self._setup, self.estimates)

    @property
    def _modes(self) -> Modes:
        """Those of the first grouping factor."""
        return self._all_modes[0]

    @property
    def random_effects(self) -> dict[Any, pd.Series] | dict[str, pd.DataFrame]:
        """Conditional modes of the random effects by level; of several factors, a table with a row a level by factor."""
        factors = self.design.factors
        if len(factors) > 1:
            return {
                random.factor: pd.DataFrame(modes.effects, index=random.levels, columns=list(random.names))
                for random, modes in zip(factors, self._all_modes, strict=True)
            }
        return {
            level: pd.Series(effect, index=list(random.names))
            for random in factors
            for level, effect in zip(random.levels, self._modes.effects, strict=True)
        }

    @property
    def random_effects_cov(self) -> dict[Any, Any]:
        """Conditional covariances of the random effects by level; of several factors, a dict of them by factor."""
        found = {
            random.factor: {
                level: pd.DataFrame(covariance, index=list(random.names), columns=list(random.names))
                for level, covariance in zip(random.levels, modes.covariance, strict=True)
            }
            for random, modes in zip(self.design.factors, self._all_modes if self.design.factors else (), strict=True)
        }
        return found if len(found) > 1 else next(iter(found.values()), {})

    def ranef(self) -> pd.DataFrame:
        """Return the conditional modes with their standard deviations as one long table.

        Returns
        -------
        DataFrame
            Columns ``group, level, effect, mode, sd``.
        """
        if not self.design.factors:
            return pd.DataFrame(columns=["group", "level", "effect", "mode", "sd"])
        tables = [effects_frame(*each) for each in zip(self.design.factors, self._all_modes, strict=True)]
        return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)

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
        if self.model.keywords.offset is not None and offset is None:
            raise OptionError("the model has an offset by keyword: give offset= for the new rows too")
        return predict_new(self.design, self.estimates.beta, effects, data, offset)

    def _effects(self, random: str) -> list[FloatArray] | None:
        return [modes.effects for modes in self._all_modes] if random == "all" and self.design.factors else None

    def _rows(self, values: FloatArray, name: str) -> pd.Series:
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
            Columns ``group, observed, fitted, residual, std_residual`` and ``cost``: by how much taking the row in would
            raise minus the log-likelihood, the variances held.
        """
        return outlier_table(self.trimming, self.design)

    # ------------------------------------------------------------------ meta-analysis

    @cached_property
    def heterogeneity(self) -> Heterogeneity | None:
        """Q, tau², I² (percent) and H² of a meta-analysis; None where the sampling variances are unknown."""
        variance = self.design.errors.variance
        if variance is None:
            return None
        kept = self.inliers.to_numpy()
        return heterogeneity(self.design.x[kept], variance[kept], cochran_q(self._setup), self._tau2())

    def _tau2(self) -> float | None:
        random = self.design.random
        if random is None:
            return None
        if len(self.design.factors) > 1:
            return float(np.nan)
        return float(self.estimates.gamma[0, 0]) if random.names == ("Intercept",) else np.nan

    def _measure(self, name: str) -> float:
        if self.heterogeneity is None:
            raise AttributeError(f"{name} is defined for known sampling variances only: give se= or variance=")
        return float(getattr(self.heterogeneity, name))

    @property
    def tau2(self) -> float:
        """Between-study variance of a meta-analysis; NaN with random slopes."""
        return self._measure("tau2")

    @property
    def i2(self) -> float:
        """Percentage of the total variance that is heterogeneity."""
        return self._measure("i2")

    @property
    def h2(self) -> float:
        """Ratio of total to sampling variance."""
        return self._measure("h2")

    @property
    def q(self) -> float:
        """Cochran's Q of the residuals."""
        return self._measure("q")

    @property
    def q_pvalue(self) -> float:
        """P-value of ``q``."""
        return self._measure("q_pvalue")

    # ------------------------------------------------------------------ other fits of the same model

    def refit(self, response: Column) -> LMMResults:
        """Fit the same design to another response, starting from these estimates.

        Parameters
        ----------
        response : array of shape (nobs,) or Series
            New response on the rows that were used.

        Returns
        -------
        LMMResults
        """
        frame = pd.DataFrame(index=self.design.index)
        _, values = column(response, frame, "response")
        y = as_numbers(values, "the new response")
        if np.isnan(y).any():
            raise OptionError(f"the new response has {int(np.isnan(y).sum())} missing values; it needs all {self.nobs}")
        setup, estimates = estimate_again(
            self._setup, y - self.design.offset, self.reml, Newton(), self.estimates.variables
        )
        return LMMResults(self.model.with_response(y), setup, estimates)

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
                other = self.model.fit(solver=solver)
            components = other.var_components()
            labels = ("sd(" + components["group"] + " " + components["effect"]).str.strip() + ")"
            row: dict[str, Any] = {"converged": other.converged, "llf": other.llf, "iterations": other.n_iter}
            row |= {str(name): value for name, value in other.params.items()}
            row |= dict(zip(labels, components["sd"], strict=True))
            rows[other.solver] = row | {"status": other.status}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("solver")

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

    def tidy(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return the fixed effects as a table with broom's names.

        Returns
        -------
        DataFrame
            Columns ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.
        """
        interval = inference.wald_interval(self._wald, alpha)
        return pd.DataFrame(
            {
                "term": list(self.design.names),
                "estimate": self._wald.estimate,
                "std_error": self._wald.se,
                "statistic": self._wald.statistic,
                "p_value": self._wald.p_value,
                "conf_low": interval[:, 0],
                "conf_high": interval[:, 1],
            }
        )

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

    # ------------------------------------------------------------------ plots

    def plot_forest(
        self,
        *,
        transform: Callable[[FloatArray], Any] | None = None,
        labels: plots.Labels | None = None,
        reference: float | Literal["auto"] | None = "auto",
        order: Literal["data", "estimate", "weight"] | None = None,
        annotate: bool | None = None,
        alpha: float = 0.05,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw a forest plot of a meta-analysis: the rows with their intervals, and the summary or the fitted values.

        Squares have areas in proportion to weights, the inverse of the marginal variance of a row. Where all rows have
        the same mean a diamond shows it with its interval, and a bar the prediction interval of a new study; with
        moderators a diamond in each row shows its fitted value. Rows that are too many to be labelled (about 100 on a
        page) are sorted by estimate and drawn as thin lines. Text stays within the space that ``ax`` had.

        Parameters
        ----------
        transform : callable, optional
            Applied to all values, such as ``np.exp`` for log ratios, for which the axis is logarithmic.
        labels : sequence of length nobs, or Series on the index of the data, optional
            Names of the rows; the levels of the grouping factor if left out. The name of a Series is the heading.
        reference : float, "auto" or None
            Place of the vertical line, before the transform; "auto" is zero, left out where it is far from the rows.
        order : {"data", "estimate", "weight"}, optional
            Order of the rows; if left out that of the data, or by estimate where they are too many to be labelled.
        annotate : bool, optional
            Write estimates and intervals on the right; if left out, where ``ax`` has room for them.
        alpha : float
            One minus the coverage of the intervals.
        ax : Axes, optional
            Where to draw; a new figure that fits the rows if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        OptionError
            If the sampling variances are not known, or an argument does not fit.

        Examples
        --------
        >>> import limeform as lf
        >>> data = lf.datasets.normand1999()
        >>> data["difference"] = data["m1i"] - data["m2i"]
        >>> data["se"] = (data["sd1i"] ** 2 / data["n1i"] + data["sd2i"] ** 2 / data["n2i"]) ** 0.5
        >>> results = lf.lmm("difference ~ 1 + (1 | study)", data, se="se").fit()
        >>> ax = results.plot_forest(labels=data["source"])
        """
        content = plots.forest_content(
            self.design,
            self.estimates.beta,
            self.estimates.beta_covariance,
            self.estimates.gamma,
            self.heterogeneity,
            labels,
            alpha,
        )
        return forest_plot(content, transform=transform, reference=reference, order=order, annotate=annotate, ax=ax)

    def plot_funnel(self, *, reference: float | None = None, ax: Axes | None = None) -> Axes:
        """Draw a funnel plot of a meta-analysis: estimates, or residuals with moderators, against standard errors.

        The contours hold 90, 95 and 99 percent of the rows if nothing but sampling error makes them differ.

        Parameters
        ----------
        reference : float, optional
            Where the funnel stands; the pooled estimate (zero for residuals) if left out. With zero the contours are
            those of significance.
        ax : Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        OptionError
            If the sampling variances are not known.
        """
        return funnel_plot(plots.funnel_content(self.design, self.estimates.beta, reference), ax=ax)

    def plot_residuals(self, *, ax: Axes | None = None) -> Axes:
        """Draw conditional residuals against fitted values, with a local regression line through them.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes
        """
        fitted = self.fittedvalues.to_numpy()
        return residual_plot(plots.residual_content(self.design.response, fitted, self.design.y - fitted), ax=ax)

    def plot_random_effects(
        self, *, sort_by: str | None = None, alpha: float = 0.05, ax: Axes | Iterable[Axes] | None = None
    ) -> NDArray[np.object_]:
        """Draw the random effects with their conditional intervals, sorted, one panel for each effect.

        Parameters
        ----------
        sort_by : str, optional
            Effect that the levels are sorted by; the first if left out. All panels have the same order.
        alpha : float
            One minus the coverage of the intervals.
        ax : Axes or array of Axes, optional
            Where to draw, one for each effect; a new figure if left out.

        Returns
        -------
        ndarray of Axes, shape (number of effects,)

        Raises
        ------
        OptionError
            If the model has no random effects, or an argument does not fit.
        """
        random = self.design.random
        modes = None if random is None else self._modes
        return caterpillar_plot(
            plots.caterpillar_content(random, modes, float(np.std(self.design.y)), sort_by, alpha), ax=ax
        )


def _n_groups(design: Design) -> int | str:
    """Return the number of levels; of several factors, as text."""
    sizes = [(random.factor, len(random.levels)) for random in design.factors]
    if len(sizes) > 1:
        return ", ".join(f"{factor}: {levels}" for factor, levels in sizes)
    return sizes[0][1] if sizes else 0

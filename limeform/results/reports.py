"""Tables of a whole fit: one row of it, the data with what it says of each row, and maketables' statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from limeform.bootstrap import BootstrapResults
from limeform.design import Design
from limeform.results.tidy import Effects, tidy_table

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults


class Reports:
    """Part of a results class: tables with the names of broom and broom.mixed."""

    def tidy(
        self,
        effects: Effects | Sequence[Effects] = ("fixed", "ran_pars"),
        *,
        conf_int: bool = True,
        alpha: float = 0.05,
        bootstrap: BootstrapResults | None = None,
    ) -> pd.DataFrame:
        """Return estimates as one tidy table, in the manner of the R package broom.mixed.

        Parameters
        ----------
        effects : str or sequence of str
            Parts of the table: "fixed" effects; "ran_pars", the standard deviations and correlations of the random
            effects, and sigma; "ran_vals", the conditional modes of each level; "ran_coefs", these with the fixed
            effects added.
        conf_int : bool
            Whether the table has intervals: Wald's of fixed effects, normal ones of modes.
        alpha : float
            One minus their coverage.
        bootstrap : BootstrapResults, optional
            Take standard errors and intervals of the fixed effects and variance parameters from these refits; variance
            parameters have none without.

        Returns
        -------
        DataFrame
            Of the columns ``effect, group, level, term, estimate, std_error, statistic, p_value, conf_low, conf_high``
            those that the parts have. Numbers that do not exist are NaN, such as the standard error of a coefficient
            that an active constraint holds.

        Raises
        ------
        OptionError
            If an argument does not fit.

        Examples
        --------
        >>> import limeform as lf
        >>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
        >>> results.tidy()[["effect", "group", "term", "estimate"]].round(2)
             effect     group                   term  estimate
        0     fixed                        Intercept    251.41
        1     fixed                             Days     10.47
        2  ran_pars   Subject         sd(Subject: 1)     24.74
        3  ran_pars   Subject      sd(Subject: Days)      5.92
        4  ran_pars   Subject  cor(Subject: 1, Days)      0.07
        5  ran_pars  Residual                  sigma     25.59
        """
        return tidy_table(cast("LMMResults", self), effects, conf_int, alpha, bootstrap)

    def glance(self) -> pd.DataFrame:
        """Return the fit as a table of one row, under the names that statsmodels has for them.

        Returns
        -------
        DataFrame
            Columns ``method, nobs, n_missing, n_trimmed, n_groups, llf, aic, bic, df_resid, scale, converged,
            singular``, and of a meta-analysis ``tau2, i2, h2, q, q_pvalue``. ``nobs`` counts all rows used, with the
            ``n_trimmed`` that the estimates do not rest on.
        """
        return fit_in_one_row(cast("LMMResults", self))

    def augment(self) -> pd.DataFrame:
        """Return the data that the model used with what the fit says of each row, under broom's names.

        Returns
        -------
        DataFrame
            On the rows used: the columns of the data, ``.fitted``, ``.resid``, ``.fixed`` (the population's mean) and
            ``.weight`` (zero where a row was trimmed).
        """
        return data_with_fit(cast("LMMResults", self))


def fit_in_one_row(fit: LMMResults) -> pd.DataFrame:
    """Return method, sizes, likelihood and status of a fit as a table of one row."""
    row: dict[str, Any] = {
        "method": fit.method,
        "nobs": fit.nobs,
        "n_missing": fit.design.missing.rows,
        "n_trimmed": fit.nobs - fit.n_kept,
        "n_groups": n_groups(fit.design),
        "llf": fit.llf,
        "aic": fit.aic,
        "bic": fit.bic,
        "df_resid": fit.df_resid,
        "scale": fit.scale,
        "converged": fit.converged,
        "singular": fit.singular,
    }
    measures = fit.heterogeneity
    if measures is not None:
        row |= {"tau2": measures.tau2, "i2": measures.i2, "h2": measures.h2, "q": measures.q}
        row |= {"q_pvalue": measures.q_pvalue}
    return pd.DataFrame([row])


def data_with_fit(fit: LMMResults) -> pd.DataFrame:
    """Return the data that the model used with fitted values, residuals and weights, under broom's names."""
    source, index = fit.model.source, fit.design.index
    frame = pd.DataFrame(index=index)
    if source is not None and (len(source.data) == fit.nobs or source.data.index.is_unique):
        frame = source.data.loc[index] if source.data.index.is_unique else source.data
    added = {".fitted": fit.fittedvalues, ".resid": fit.resid, ".fixed": fit.design.y - fit.resid_marginal}
    columns = {name: values.to_numpy() for name, values in (added | {".weight": fit.weights}).items()}
    return frame.assign(**columns)


def statistic(fit: LMMResults, key: str) -> float | int | str | None:
    """Return a statistic of a fit by the name that maketables has for it; None for one that it does not have."""
    groups = n_groups(fit.design)
    found: dict[str, Any] = {"N": fit.n_kept, "n_groups": groups, "ll": fit.llf, "aic": fit.aic, "bic": fit.bic}
    if fit.known_variance:
        found |= {"tau2": fit.tau2, "i2": fit.i2}
    return found.get(key)


def n_groups(design: Design) -> int | str:
    """Return the number of levels; of several factors, as text."""
    sizes = [(random.factor, len(random.levels)) for random in design.factors]
    if len(sizes) > 1:
        return ", ".join(f"{factor}: {levels}" for factor, levels in sizes)
    return sizes[0][1] if sizes else 0

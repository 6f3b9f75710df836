"""Tables of a whole fit: one row of it, the data with what it says of each row, and maketables' statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from limeform.design import Design

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults


def fit_in_one_row(fit: LMMResults) -> pd.DataFrame:
    """Return method, sizes, likelihood and status of a fit as a table of one row."""
    row: dict[str, Any] = {
        "method": fit.method,
        "nobs": fit.nobs,
        "n_missing": fit.design.missing.rows,
        "n_groups": n_groups(fit.design),
        "llf": fit.llf,
        "aic": fit.aic,
        "bic": fit.bic,
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

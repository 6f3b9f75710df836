"""The printed summary, in statsmodels' look: what was done to the data, and how far to trust the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.iolib.summary import summary_params
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_params

from limeform.results.heterogeneity import Heterogeneity
from limeform.results.inference import FloatArray, WaldTable
from limeform.tables import FitSummary


@dataclass(frozen=True)
class Report:
    """What a summary prints.

    Attributes
    ----------
    title : str
        Heading.
    left, right : sequence of (str, str)
        The two columns of the first table.
    response : str
        Name of the response.
    names : sequence of str
        Names of the fixed effects.
    table : WaldTable
        Their estimates and tests.
    interval : ndarray, shape (p, 2)
        Their confidence intervals.
    alpha : float
        One minus the coverage of the intervals.
    components : DataFrame
        Variance components.
    heterogeneity : Heterogeneity or None
        For a meta-analysis.
    notes : sequence of str
        Sentences below the tables.
    more : sequence of SimpleTable
        Further tables.
    """

    title: str
    left: Sequence[tuple[str, str]]
    right: Sequence[tuple[str, str]]
    response: str
    names: Sequence[str]
    table: WaldTable
    interval: FloatArray
    alpha: float
    components: pd.DataFrame
    heterogeneity: Heterogeneity | None
    notes: Sequence[str]
    more: Sequence[SimpleTable] = ()


@dataclass(frozen=True)
class _Model:
    """The few names that statsmodels' summary reads from a results object."""

    endog_names: str
    exog_names: Sequence[str]


@dataclass(frozen=True)
class _Printed:
    """Stands in for a statsmodels results object, of which only the names are read."""

    model: _Model


def build_summary(report: Report) -> FitSummary:
    """Lay the report out as statsmodels tables; the result prints as text, HTML and LaTeX.

    Parameters
    ----------
    report : Report
        Everything that is printed.

    Returns
    -------
    FitSummary
        A statsmodels ``Summary`` whose HTML and LaTeX escape all text.
    """
    summary = FitSummary()
    printed = _Printed(_Model(report.response, list(report.names)))
    left, right = _even(report.left, report.right)
    summary.add_table_2cols(
        printed,
        gleft=[(f"{label}:" if label else "", [value]) for label, value in left],
        gright=[(f"{label}:" if label else "", [value]) for label, value in right],
        title=report.title,
    )
    table = report.table
    if len(report.names):
        values = (printed, table.estimate, table.se, table.statistic, table.p_value, report.interval)
        summary.tables.append(
            summary_params(values, yname=report.response, xname=list(report.names), alpha=report.alpha, use_t=False)
        )
    if len(report.components):
        summary.tables.append(_components_table(report.components))
    if report.heterogeneity is not None:
        summary.tables.append(_heterogeneity_table(report.heterogeneity, bool(len(report.components))))
    summary.tables.extend(report.more)
    if report.notes:
        summary.add_extra_txt(["Notes:", *(f"[{i}] {note}" for i, note in enumerate(report.notes, 1))])
    return summary


def _even(
    left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Pad the shorter column, so that no row is lost."""
    rows = max(len(left), len(right))
    blank = ("", "")
    return [*left, *[blank] * (rows - len(left))], [*right, *[blank] * (rows - len(right))]


def _components_table(components: pd.DataFrame) -> SimpleTable:
    with_corr = components["corr"].astype(bool).any()
    headers = ["variance", "std dev", *(["corr"] if with_corr else [])]
    columns = zip(components["variance"], components["sd"], components["corr"], strict=True)
    cells = [
        [format_number(variance), format_number(sd), " ".join(f"{value:.3f}" for value in corr)][: len(headers)]
        for variance, sd, corr in columns
    ]
    stubs = (components["group"] + " " + components["effect"]).str.strip().tolist()
    return SimpleTable(cells, headers, stubs, title="Variance components", txt_fmt=fmt_params)


def _heterogeneity_table(measures: Heterogeneity, random: bool) -> SimpleTable:
    """Return the table; tau² only where the model has one, I² and H² only where they are defined."""
    tau = float(np.sqrt(measures.tau2))
    cells = {"tau²": format_number(measures.tau2), "tau": format_number(tau)} if random else {}
    cells |= {"I² (%)": f"{measures.i2:.2f}", "H²": f"{measures.h2:.2f}"}
    if np.isnan(measures.tau2):
        cells = {}
    cells |= {"Q": format_number(measures.q), "df": str(measures.q_df), "P>Q": format_p(measures.q_pvalue)}
    return SimpleTable([list(cells.values())], list(cells), [""], title="Heterogeneity", txt_fmt=fmt_params)


def format_number(value: float) -> str:
    """Return four decimals, or more significant digits where four decimals would show fewer than three of them."""
    if value == 0 or not np.isfinite(value) or 0.01 <= abs(value) < 1e6:
        return f"{value:.4f}"
    return f"{value:.4g}"


def format_p(value: float) -> str:
    """Return a p-value with three decimals, or a bound below 0.001."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"

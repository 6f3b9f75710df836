"""What a trimmed fit tells: which rows were left out, why, and how the search went."""

from __future__ import annotations

import numpy as np
import pandas as pd

from limeform.design import Design
from limeform.errors import OptionError
from limeform.fit import TrimReport
from limeform.fit.trimming import LARGE
from limeform.plot import TrimmingPicture

NAMED = 10
"""How many groups a note names."""


def row_weights(report: TrimReport | None, design: Design) -> pd.Series:
    """Return the weight of each row: one if it was kept, zero if it was trimmed."""
    values = np.ones(len(design.y)) if report is None else report.weights
    return pd.Series(values, index=design.index, name="weight")


def outlier_table(report: TrimReport | None, design: Design) -> pd.DataFrame:
    """Return the rows that were left out, the most costly first.

    Returns
    -------
    DataFrame
        On the labels of the rows: ``group`` (its level; with several grouping factors a column named after each),
        ``observed`` (the response), ``fitted``, ``residual``, ``std_residual`` (residual over its standard deviation
        given the kept rows) and ``cost`` (by how much taking the row in would raise minus the log-likelihood, the
        variances held).
    """
    levels = _levels(design)
    if report is None:
        return pd.DataFrame(columns=[*levels, "observed", "fitted", "residual", "std_residual", "cost"])
    rows, left = report.rows, report.weights < 0.5
    numbers = {
        "observed": design.y,
        "fitted": design.y - rows.residual,
        "residual": rows.residual,
        "std_residual": rows.standardized(),
        "cost": rows.predictive() + 0.5 * np.log(2 * np.pi),
    }
    table = pd.DataFrame(levels | numbers, index=design.index)
    return table[left].sort_values("cost", ascending=False, kind="stable")


def _levels(design: Design) -> dict[str, np.ndarray]:
    """Return the level of each row by column: ``group``, or one column for each of several factors."""
    if design.random is None:
        return {"group": np.full(len(design.y), "")}
    several = len(design.factors) > 1
    return {factor.factor if several else "group": np.asarray(factor.levels)[factor.codes] for factor in design.factors}


def trimming_content(report: TrimReport | None) -> TrimmingPicture:
    """Return what the pictures of a trimmed fit show.

    Raises
    ------
    OptionError
        If nothing was asked to be trimmed.
    """
    if report is None:
        raise OptionError("plot_trimming: the model was fitted without trim=")
    best, constant = report.found.best, 0.5 * np.log(2 * np.pi)
    grouped = report.options.level == "group"
    contribution = best.slope + (0.0 if grouped else constant)
    searched = best.weights > 0.5
    kept = searched if grouped else report.weights > 0.5
    return TrimmingPicture(
        history=best.history,
        contribution=contribution,
        kept=kept,
        again=kept & ~searched,
        cut=_cut(contribution, searched),
        unit="group" if grouped else "row",
    )


def _cut(contribution: np.ndarray, kept: np.ndarray) -> float | None:
    """Return the height that parts kept units from trimmed ones; rows that keep= held may lie above it."""
    if kept.all():
        return None
    lowest = float(contribution[~kept].min())
    below = contribution[kept & (contribution <= lowest)]
    return 0.5 * (lowest + (float(below.max()) if len(below) else lowest))


def emptied_groups(weights: np.ndarray, design: Design) -> list[str]:
    """Return the levels that were left without a row, with their factor where there are several."""
    found: list[str] = []
    for factor in design.factors:
        left = np.bincount(factor.codes, weights=weights, minlength=len(factor.levels))
        name = f"{factor.factor} " if len(design.factors) > 1 else ""
        found += [f"{name}{level}" for level in np.asarray(factor.levels)[left < 0.5]]
    return found


def trimming_notes(report: TrimReport, design: Design) -> list[str]:
    """Return sentences for the summary: what was trimmed, how the search ended, and what the variances are."""
    options, found = report.options, report.found
    unit = "groups" if options.level == "group" else "rows"
    notes = [
        f"Trimming: {report.h} of {report.n} {unit} kept, floor({options.fraction:g} x {report.n}) = "
        f"{report.n - report.h} trimmed; see outliers()."
    ]
    if report.h < report.n:
        state = "no exchange of two units lowers it"
        if not found.exchange_optimal:
            state = "exchanges were cut short" if report.n <= LARGE else f"with more than {LARGE} rows none is tried"
        reached = (
            f"reached by {found.agreeing} of the {found.followed} followed to the end"
            if found.agreeing
            else f"improved by random moves after {found.followed} were followed to different ends"
        )
        notes.append(f"Search: best of {found.starts} starts, {reached}; {state}.")
    emptied = emptied_groups(report.weights, design)
    if emptied:
        more = f" and {len(emptied) - NAMED} more" if len(emptied) > NAMED else ""
        notes.append(
            f"Groups left with no row, whose random effects are predicted as zero: {', '.join(emptied[:NAMED])}{more}."
        )
    if options.reweight is not None:
        notes.append(
            f"Reweighted: rows within the {100 * options.reweight:g}% normal range were taken in again; "
            f"{report.trimmed} rows are left out."
        )
    notes.append(_variance_note(report))
    return notes


def _variance_note(report: TrimReport) -> str:
    if report.trimmed == 0:
        return "Nothing was trimmed: variances need no correction."
    if report.options.level == "group":
        return "Variances are those of the kept groups; there is no correction for good groups that were trimmed."
    if report.options.correct:
        return (
            f"Variances and standard errors are corrected for the good rows among the trimmed: the kept errors have "
            f"{report.factor:.3f} of the full variance."
        )
    return (
        f"Variances are those of the kept rows, not corrected: their errors have about {report.factor:.3f} of the full "
        "variance; Trimming(correct=True) corrects."
    )

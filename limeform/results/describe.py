"""What a summary says about a fit: the header and the notes, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from limeform.design.intervals import advice_on_open_ends
from limeform.results.inference import wald_interval, wald_table
from limeform.results.restrictions import extra_tables, restriction_notes
from limeform.results.summary import Report, format_number
from limeform.results.trimming import trimming_notes

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults


def describe(results: LMMResults, alpha: float) -> Report:
    """Collect what the summary prints.

    Parameters
    ----------
    results : LMMResults
        A fit.
    alpha : float
        One minus the coverage of the intervals.

    Returns
    -------
    Report
    """
    table = wald_table(results.estimates.beta, results.estimates.beta_covariance)
    return Report(
        title=_title(results),
        left=_data_side(results),
        right=_fit_side(results),
        response=results.design.response,
        names=results.design.names,
        table=table,
        interval=wald_interval(table, alpha),
        alpha=alpha,
        components=results.var_components(),
        heterogeneity=results.heterogeneity,
        notes=_notes(results),
        more=extra_tables(results),
    )


def _title(results: LMMResults) -> str:
    mixed = results.design.random is not None
    if results.known_variance:
        return "Mixed-Effects Meta-Analysis" if mixed else "Equal-Effects Meta-Analysis"
    return "Linear Mixed-Effects Model" if mixed else "Linear Model"


def _data_side(results: LMMResults) -> list[tuple[str, str]]:
    design = results.design
    rows = [
        ("Dep. Variable", design.response),
        ("No. Observations", str(results.nobs)),
        ("Rows left out", str(design.missing.rows)),
        *([] if results.trimming is None else [("Rows trimmed", str(results.trimming.trimmed))]),
    ]
    for random in design.factors:
        rows.append(("Groups", f"{random.factor} ({len(random.levels)})"))
        if len(random.codes):
            sizes = np.bincount(random.codes)
            rows.append(("Group sizes", f"{sizes.min()} to {sizes.max()}, mean {sizes.mean():.1f}"))
    if design.errors.source:
        rows.append(("Errors", design.errors.source))
    if not results.known_variance and design.errors.strata is None:
        rows.append(("Scale (sigma²)", format_number(results.scale)))
    return rows


def _fit_side(results: LMMResults) -> list[tuple[str, str]]:
    solution, newton = results.estimates.solution, results.estimates.newton_steps
    return [
        ("Method", results.method),
        ("Log-Likelihood" if not results.reml else "Restr. Log-Lik.", f"{results.llf:.4f}"),
        ("AIC", f"{results.aic:.3f}"),
        ("BIC", f"{results.bic:.3f}"),
        ("Optimiser", solution.solver),
        ("Iterations", f"{solution.iterations}" + (f" ({newton} Newton)" if newton else "")),
        ("Converged", "yes" if results.converged else "NO"),
    ]


def _notes(results: LMMResults) -> list[str]:
    design = results.design
    notes = []
    if not results.converged:
        notes.append(f"Not converged: {results.status} ({results.estimates.solution.message.rstrip('.')}).")
    if results.singular:
        notes.append(f"Singular fit: {_singular_part(results)}.")
    notes += _zero_strata(results)
    if design.missing.rows:
        advice = advice_on_open_ends(str(results.model.formula), dict(design.missing.by_column))
        more = f" {advice}." if advice else ""
        notes.append(f"Rows left out because of missing values: {design.missing}.{more}")
    notes += _no_intercept(results)
    if design.dropped:
        notes.append(f"Columns left out because earlier ones explain them: {', '.join(design.dropped)}.")
    if results.trimming is not None:
        notes += trimming_notes(results.trimming, design)
    if results.model.reml_reason:
        notes.append(results.model.reml_reason)
    notes += restriction_notes(results)
    if results.heterogeneity is not None:
        notes += [f"Heterogeneity: {note}." for note in results.heterogeneity.notes]
    return notes


def _no_intercept(results: LMMResults) -> list[str]:
    """Say that a mean with a log-ratio has no intercept, unless the user took it out."""
    formula = results.model.formula
    if "Intercept" in results.design.names or all(term.kind != "log_ratio" for term in formula.nonlinear):
        return []
    right, inner = (formula.text or str(formula)).partition("~")[2], r"\([^()]*\)"
    while re.search(inner, right):
        right = re.sub(inner, "", right)
    explicit = re.search(r"(^|\+)\s*0\b|-\s*1\b", right) is not None
    return [] if explicit else ["There is no intercept, as always beside log_ratio(...) unless 1 + is written."]


def _singular_part(results: LMMResults) -> str:
    """Say which variance is zero, or which correlations make Gamma singular."""
    table = results.var_components()
    size = float(np.mean(results.design.y**2)) if len(results.design.y) else results.scale
    relative = 1e-10 * (size or 1.0)
    zero = table[(table["group"] != "Residual") & (table["variance"] <= relative)]
    if len(zero):
        return "a variance is estimated as zero, " + ", ".join(f"{row.group} {row.effect}" for row in zero.itertuples())
    return "the estimated covariance of the random effects is not of full rank (a correlation of -1 or 1)"


def _zero_strata(results: LMMResults) -> list[str]:
    """Name residual variances that ended at zero."""
    values = results.estimates.residual_variance
    low = values <= 1e-6 * np.median(values)
    if len(values) < 2 or not low.any():
        return []
    levels = ", ".join(str(level) for level in results.design.errors.strata_levels[low])
    return [
        f"At the bound: the residual variance of {levels} is estimated as zero, or as small as it may be. If the model "
        "reproduces these rows exactly, the likelihood has no maximum and llf, AIC and BIC mean nothing."
    ]

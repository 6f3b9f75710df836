"""What the summary says of constraints, priors and nonlinear means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_params

from limeform.bootstrap import independent_units
from limeform.results.constraint_notes import correction_note, count_note, standard_error_notes

if TYPE_CHECKING:
    from limeform.fit import RestrictedFit
    from limeform.results.lmm import LMMResults


def mean_is_restricted(results: LMMResults) -> bool:
    """Say whether constraints or priors may act on the mean, or it is nonlinear: its intervals are of percentiles."""
    restrictions = results.model.restrictions
    return restrictions is not None and (restrictions.touches_mean or bool(results.design.nonlinear))


def units_to_allow_for(results: LMMResults) -> int:
    """Return the units that percentiles of the mean are expanded for; 0, for not at all, where nothing restricts it."""
    return independent_units(results.design) if mean_is_restricted(results) else 0


def active_table(restricted: RestrictedFit | None) -> pd.DataFrame:
    """Return the constraints that are active.

    Returns
    -------
    DataFrame
        On the constraint: ``rows`` at a limit, ``of`` how many, ``multiplier`` (the largest: by how much the objective
        would fall per unit by which the limit is moved) and ``kind``.
    """
    active = () if restricted is None else restricted.active
    return pd.DataFrame(
        {
            "rows": [item.rows for item in active],
            "of": [item.of for item in active],
            "multiplier": [item.multiplier for item in active],
            "kind": ["equation" if item.equation else "limit" for item in active],
        },
        index=pd.Index([item.label for item in active], name="constraint"),
    )


def prior_table(restricted: RestrictedFit | None) -> pd.Series:
    """Return the log density of each prior at the estimates (of a penalty, minus its value)."""
    pairs = () if restricted is None else restricted.log_priors
    return pd.Series([value for _, value in pairs], index=[label for label, _ in pairs], name="log_prior", dtype=float)


def extra_tables(results: LMMResults) -> list[SimpleTable]:
    """Return the tables of active constraints and of priors, for the summary."""
    tables = []
    active, priors = active_table(results.estimates.restricted), prior_table(results.estimates.restricted)
    if len(active):
        cells = [[f"{row.rows} of {row.of}", f"{row.multiplier:.4g}", row.kind] for row in active.itertuples()]
        headers = ["rows at limit", "multiplier", "kind"]
        tables.append(SimpleTable(cells, headers, list(active.index), title="Active constraints", txt_fmt=fmt_params))
    if len(priors):
        cells = [[f"{value:.4f}"] for value in priors]
        tables.append(SimpleTable(cells, ["log density"], list(priors.index), title="Priors", txt_fmt=fmt_params))
    return tables


def restriction_notes(results: LMMResults) -> list[str]:
    """Return sentences for the summary."""
    restricted, restrictions = results.estimates.restricted, results.model.restrictions
    if restricted is None or restrictions is None:
        return []
    notes = list(restrictions.notes)
    if restrictions.labels:
        notes.append(count_note(restrictions, restricted))
    if results.trimming is not None and results.trimming.options.correct:
        notes += correction_note(restrictions, results.estimates)
    notes += standard_error_notes(restrictions, results.estimates, results.design.names)
    if len(restricted.log_priors):
        notes.append(
            f"Priors are not part of the log-likelihood; their log density there is {restricted.log_prior:.4f}."
        )
    if restricted.gauss_newton:
        notes.append("The function given as mean= has no second derivatives: Gauss-Newton's Hessian was used.")
    if restricted.stricter:
        notes.append(
            "Shapes hold, but the search for the places where the curve may touch them did not end: the conditions "
            "that were met can be stricter than the shapes."
        )
    if restricted.starts > 1:
        notes.append(f"{restricted.reached} of {restricted.starts} starts reached the best value.")
    notes += [
        f"The curve of {curve.name!r} includes the intercept, to which it gave up a column."
        for curve in restrictions.curves
        if curve.intercept is not None
    ]
    return notes

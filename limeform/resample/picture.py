"""What a picture of an ensemble shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limeform.plot import CurvePicture, Members
from limeform.plot.scale import transform_name
from limeform.results.curve import absent_band, curve_inputs, curve_picture

if TYPE_CHECKING:
    from limeform.resample.ensemble import KnotEnsemble


def ensemble_picture(
    ensemble: KnotEnsemble,
    tables: Sequence[pd.DataFrame],
    table: pd.DataFrame,
    transform: Callable[[Any], Any] | None,
    derivative: int,
    alpha: float,
    members: bool,
) -> CurvePicture:
    """Return the averaged curve with the rows of the data, and the curves of the members.

    Parameters
    ----------
    ensemble : KnotEnsemble
        The ensemble.
    tables : sequence of DataFrame
        The curve of each member.
    table : DataFrame
        Their average.
    transform : callable or None
        What the values of both went through.
    derivative : int
        Order of the derivative.
    alpha : float
        One minus the coverage of the bands.
    members : bool
        Whether the members are shown.

    Returns
    -------
    CurvePicture
    """
    weights = ensemble.weights.to_numpy()
    same: Callable[[Any], Any] = (lambda values: values) if transform is None else transform
    pictures = [
        curve_picture(member, curve_inputs(member, ensemble.term), one, None, derivative, alpha)
        for member, one in zip(ensemble.members, tables, strict=True)
    ]
    first = pictures[0]
    grouped = bool(ensemble.members[0].design.factors)
    averaged = replace(
        first,
        response=transform_name(transform, first.response),
        fit=table["fit"].to_numpy(),
        mean_band=table[["mean_lower", "mean_upper"]].to_numpy(),
        new_band=table[["new_lower", "new_upper"]].to_numpy() if grouped else first.new_band,
        knots=np.zeros(0),
        absent=absent_band(table, derivative, grouped),
    )
    if len(first.exposure):
        averaged = replace(
            averaged,
            value=np.asarray(same(weights @ np.array([one.value for one in pictures])), dtype=np.float64),
            precision=weights @ np.array([one.precision for one in pictures]),
            trimmed=weights @ np.array([one.trimmed for one in pictures], dtype=np.float64) > 0.5,
        )
    references = [one.reference_value for one in pictures if one.reference_value is not None]
    if references:
        averaged = replace(averaged, reference_value=np.asarray(same(weights @ np.array(references)), dtype=np.float64))
    if not members:
        return averaged
    shown = Members(np.array([one["fit"] for one in tables]), ensemble.knots, weights)
    return replace(averaged, members=shown)

"""Predictions for the rows of the fit and for new data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design import Column, Design, Keywords, apply
from limeform.design.frame import as_numbers, column, to_frame
from limeform.errors import NewLevelWarning, OptionError, OutOfBoundsWarning
from limeform.mean import mean_of

FloatArray = NDArray[np.float64]

CHUNK = 65_536


def fitted_values(design: Design, beta: FloatArray, effects: Sequence[FloatArray] | None) -> FloatArray:
    """Return X beta + offset, plus the random effects of each row's level if given; shape (n,).

    Parameters
    ----------
    design : Design
        The model's arrays.
    beta : ndarray, shape (p,)
        Fixed effects.
    effects : sequence of ndarray, each shape (m, k), or None
        Random effects by level, one array for each grouping factor.
    """
    fitted = mean_of(design.x, design.nonlinear).value(beta) + design.offset
    for random, values in zip(design.factors, effects or (), strict=False):
        fitted += random_part(random.z, random.codes, values)
    return fitted


def random_part(z: FloatArray, codes: NDArray[np.int32], effects: FloatArray) -> FloatArray:
    """Return the contribution of the random effects to each row; zero where the level is unknown (code -1)."""
    total = np.zeros(len(codes))
    padded = np.vstack([effects, np.zeros((1, effects.shape[1]))])
    for start in range(0, len(codes), CHUNK):
        part = slice(start, start + CHUNK)
        total[part] = np.einsum("nk,nk->n", z[part], padded[codes[part]])
    return total


def predict_new(
    design: Design, beta: FloatArray, effects: Sequence[FloatArray] | None, data: object, offset: Column | None
) -> pd.Series:
    """Predict new data.

    Parameters
    ----------
    design : Design
        The fitted model's design, with its recipe.
    beta : ndarray, shape (p,)
        Fixed effects.
    effects : sequence of ndarray, each shape (m, k), or None
        Random effects by level, one array for each grouping factor; None for the population.
    data : DataFrame
        New data.
    offset : column or None
        Offset of the new rows, in place of the keyword ``offset=`` of the model.

    Returns
    -------
    Series
        On the index of the new data; NaN where a needed value is missing.
    """
    with_random = effects is not None and len(design.factors) > 0
    rows = apply(design.recipe, data, [random.keys for random in design.factors] if with_random else None)
    mean = np.zeros(0)
    if rows.complete.any():
        mean = mean_of(rows.x, rows.nonlinear).where_defined(beta) + rows.offset
        _warn_undefined(np.isnan(mean), rows.index[rows.complete], [block.text for block in rows.nonlinear])
    if offset is not None:
        frame = to_frame(data)
        mean = mean + as_numbers(column(offset, frame, "offset")[1], "offset=")[rows.complete]
    if with_random and effects is not None and len(rows.x):
        start = 0
        for random, values, codes, unseen in zip(design.factors, effects, rows.codes, rows.unseen, strict=True):
            stop = start + values.shape[1]
            mean = mean + random_part(rows.z[:, start:stop], codes, values)
            _warn_unseen(unseen, int((codes < 0).sum()), random.factor, len(design.factors) > 1)
            start = stop
    predicted = pd.Series(np.nan, index=rows.index, name=design.response)
    predicted[rows.complete] = mean
    return predicted


def offset_of_new_rows(keywords: Keywords, data: object) -> Column | None:
    """Return the offset that new data carry under the name the model was given, None for a model without.

    Raises
    ------
    OptionError
        If the model's offset was given as an array, or the new data lack its column.
    """
    name = keywords.offset
    if name is None or (isinstance(name, str) and name in to_frame(data).columns):
        return name
    raise OptionError("the model has an offset by keyword: give offset= for the new rows too")


def _warn_undefined(undefined: NDArray[np.bool_], index: pd.Index, texts: Sequence[str]) -> None:
    if undefined.any():
        labels = ", ".join(str(label) for label in index[undefined][:5]) + (", ..." if undefined.sum() > 5 else "")
        warnings.warn(
            f"{int(undefined.sum())} rows ({labels}) are predicted as NaN: there {' + '.join(texts)} has no finite "
            "value. A curve has no logarithm where it is not positive, which it can be beyond its bounds only",
            OutOfBoundsWarning,
            stacklevel=4,
        )


def _warn_unseen(unseen: pd.Index, count: int, factor: str, several: bool) -> None:
    if count:
        shown = ", ".join(repr(level) for level in unseen[:5]) + (", ..." if len(unseen) > 5 else "")
        how = "without an effect of this factor" if several else "at the population level"
        warnings.warn(
            f"{count} rows have levels of {factor!r} that the fit did not have ({shown}): they are predicted {how}",
            NewLevelWarning,
            stacklevel=4,
        )

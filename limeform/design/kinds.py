"""Columns of unusual types, turned into what they stand for where that is certain, and refused where it is not."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

from limeform.errors import DataError

NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")
"""What `pandas.api.types.infer_dtype` calls a column of Python objects that are all numbers."""

DATES = ("date", "datetime", "datetime64", "timedelta", "timedelta64", "period")
"""What it calls dates, times and durations."""


def plain_columns(frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return the frame with some of its columns in types that formulaic knows; values do not change.

    Texts in pandas' nullable or Arrow types become Python strings, Python numbers in an object column become floats.

    Parameters
    ----------
    frame : DataFrame
        The data, not changed.
    names : iterable of str
        The columns that the model uses.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        If a column mixes numbers and texts, or other types; each type is counted.
    """
    changed = {}
    for name in names:
        values = frame[name]
        plain = plain_column(values, name)
        if plain is not values:
            changed[name] = plain
    return frame.assign(**changed) if changed else frame


def plain_column(values: pd.Series, name: str) -> pd.Series:
    """Return one column as `plain_columns` does; ``name`` is for messages."""
    dtype = values.dtype
    if _is_extended_text(dtype):
        return values.astype(object)
    if isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("dictionary"):
        return values.astype(object).astype("category")
    if not pd.api.types.is_object_dtype(dtype):
        return values
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in NUMBERS:
        return pd.Series([np.nan if pd.isna(v) else float(v) for v in values], index=values.index, dtype=np.float64)
    if kind in ("mixed", "mixed-integer"):
        _refuse_mixture(values, name)
    return values


def _is_extended_text(dtype: object) -> bool:
    """Return whether texts are in a type other than pandas' own default and Python objects."""
    if isinstance(dtype, pd.ArrowDtype):
        return str(dtype) in ("string[pyarrow]", "large_string[pyarrow]")
    return isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA


def _refuse_mixture(values: pd.Series, name: str) -> None:
    present = values.dropna()
    counts = present.map(lambda value: type(value).__name__).value_counts()
    if len(counts) > 1:
        found = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        raise DataError(f"column {name!r} mixes types ({found}): make it all numbers or all text")
    if len(present) and not isinstance(present.iloc[0], Hashable):
        raise DataError(
            f"column {name!r} holds {counts.index[0]} values: a column needs one number or text in each row"
        )


def refuse_dates(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise a `DataError` for the first of these columns that holds dates, times or durations."""
    for name in names:
        dtype = frame[name].dtype
        if isinstance(dtype, (pd.CategoricalDtype, pd.StringDtype)) or pd.api.types.is_numeric_dtype(dtype):
            continue
        kind = pd.api.types.infer_dtype(frame[name], skipna=True)
        if kind in DATES:
            raise DataError(
                f"column {name!r} holds {kind} values, which are no numbers: "
                "make numbers of them first, such as the days since a fixed date"
            )

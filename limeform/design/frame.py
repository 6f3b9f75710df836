"""Any data frame to pandas, and the columns that keywords name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from limeform.design.kinds import plain_column
from limeform.errors import DataError, OptionError, UnknownColumnError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

Column = str | ArrayLike | pd.Series
"""What a keyword such as ``se=`` takes: the name of a column, or values in the order of the rows."""

SHOWN = 5
"""How many offending rows a message names."""


@dataclass(frozen=True)
class Missing:
    """Rows left out because a value that the model needs is missing.

    Attributes
    ----------
    rows : int
        Number of rows left out.
    by_column : tuple of (str, int)
        Columns with the number of their missing values; a row can count for several.
    """

    rows: int
    by_column: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        """Return a phrase for the summary."""
        if not self.rows:
            return "none"
        return f"{self.rows} ({', '.join(f'{name}: {count}' for name, count in self.by_column)})"


def to_frame(data: object) -> pd.DataFrame:
    """Return ``data`` as a pandas DataFrame; a DataFrame is returned as it is, not copied.

    Column names that are not text become text, so that a formula can name the column 0 as ```0```.

    Parameters
    ----------
    data : DataFrame or mapping
        A pandas DataFrame, a mapping of columns, or anything that narwhals can turn into pandas.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        If the object is no table, has no rows, or has two columns of the same name.

    Examples
    --------
    >>> to_frame({"x": [1, 2]}).shape
    (2, 1)
    """
    frame = _as_pandas(data)
    if not len(frame):
        raise DataError("the data have no rows")
    if not all(isinstance(name, str) for name in frame.columns):
        frame = frame.set_axis(pd.Index([str(name) for name in frame.columns]), axis=1)
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        raise DataError(
            f"column {twice[0]!r} occurs {int((frame.columns == twice[0]).sum())} times; rename all but one"
        )
    return frame


def _as_pandas(data: object) -> pd.DataFrame:
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, Mapping):
        try:
            return pd.DataFrame(data)
        except ValueError as error:
            raise DataError(f"the mapping given as data is no table: {error}") from error
    try:
        native = nw.from_native(data)  # type: ignore[call-overload]
        eager = native.collect() if isinstance(native, nw.LazyFrame) else native
        converted = eager.to_pandas()
    except TypeError as error:
        raise DataError(f"data has to be a data frame or a mapping of columns, found {type(data).__name__}") from error
    except ModuleNotFoundError as error:
        message = f"turning {type(data).__name__} into pandas needs {error.name}: pip install 'limeform[polars]'"
        raise DataError(message) from error
    if not isinstance(converted, pd.DataFrame):
        raise DataError(f"data has to be a data frame, found {type(data).__name__}")
    return converted


def column(value: Column, frame: pd.DataFrame, keyword: str) -> tuple[str, pd.Series]:
    """Return the name and the values that a keyword stands for, on the index of the frame.

    Parameters
    ----------
    value : str or array of shape (n,)
        Name of a column, or values; a Series with the same labels in another order is put into the frame's order.
    frame : DataFrame
        The data.
    keyword : str
        Name of the keyword, for messages.

    Returns
    -------
    tuple of str and Series

    Raises
    ------
    UnknownColumnError, OptionError
    """
    if isinstance(value, str):
        if value not in frame.columns:
            raise UnknownColumnError(value, frame.columns, f"{keyword}=")
        return value, plain_column(frame[value], value)
    values = value if isinstance(value, pd.Series) else _one_column(value, keyword)
    if len(values) != len(frame):
        raise OptionError(f"{keyword}= has {len(values)} values for {len(frame)} rows of data")
    if isinstance(value, pd.Series) and not value.index.equals(frame.index):
        if not (value.index.is_unique and frame.index.is_unique and frame.index.isin(value.index).all()):
            raise OptionError(f"the index of {keyword}= is not that of the data; pass an array to go by position")
        values = value.loc[frame.index]
    name = str(getattr(value, "name", None) or keyword)
    return name, plain_column(values.set_axis(frame.index), name)


def _one_column(value: ArrayLike, keyword: str) -> pd.Series:
    """Return an array of shape (n,) or (n, 1) as a Series."""
    array = np.asarray(value)
    if array.ndim == 0:
        raise OptionError(f"{keyword}= takes the name of a column or one value for each row, found {value!r}")
    if array.size != len(array):
        raise OptionError(f"{keyword}= takes one column, found an array of shape {array.shape}")
    return pd.Series(array.ravel())


def as_numbers(values: pd.Series, what: str) -> FloatArray:
    """Return a column as float64, missing values as NaN.

    Raises
    ------
    DataError
        If values are not numbers, or infinite; the first offending rows are named.
    """
    dtype = values.dtype
    numeric = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    numeric &= not pd.api.types.is_complex_dtype(dtype)
    if isinstance(dtype, pd.CategoricalDtype) or not numeric:
        bad = values[pd.to_numeric(values.astype(object), errors="coerce").isna() & values.notna()]
        if len(bad) or values.notna().any():
            examples = ", ".join(repr(v) for v in (bad if len(bad) else values.dropna()).iloc[:3])
            raise DataError(f"{what} is not numeric: found {dtype} values such as {examples}")
    numbers = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    refuse_rows(np.isinf(numbers), values.index, f"{what} is infinite")
    return numbers


def refuse_rows(bad: BoolArray | np.bool_, index: pd.Index, what: str, advice: str = "correct or remove them") -> None:
    """Raise a `DataError` that counts the rows where ``bad``, shape (n,), holds and names the first ones."""
    where = np.flatnonzero(bad)
    count = len(where)
    if count:
        rows = ", ".join(str(label) for label in index[where][:SHOWN]) + (", ..." if count > SHOWN else "")
        raise DataError(f"{what} in {count} row{'s' if count > 1 else ''} ({rows}): {advice}")

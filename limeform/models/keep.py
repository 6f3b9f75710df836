"""Rows that are never trimmed, however the user names them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design import Design, to_frame
from limeform.errors import DataError, OptionError, UnknownColumnError


def never_trimmed(keep: object, design: Design, data: object) -> NDArray[np.bool_]:
    """Return which of the rows used may not be trimmed.

    Parameters
    ----------
    keep : None, str, array of bool, or sequence of labels
        A boolean column, a boolean for each row of the data, or labels of the index.
    design : Design
        The model's arrays.
    data : DataFrame
        The data that they came from.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    UnknownColumnError, OptionError, DataError
    """
    if keep is None:
        return np.zeros(len(design.y), dtype=bool)
    frame = to_frame(data)
    if isinstance(keep, str):
        if keep not in frame.columns:
            raise UnknownColumnError(keep, frame.columns, "keep=")
        keep = frame[keep]
    labels = pd.Index(np.atleast_1d(np.asarray(keep)))
    if labels.dtype == bool:
        if len(labels) != len(frame):
            raise OptionError(f"keep= has {len(labels)} values for {len(frame)} rows of data")
        labels = frame.index[np.asarray(labels)]
    if not frame.index.is_unique:
        raise DataError("keep= needs an index without duplicates, to tell rows apart")
    unknown = labels.difference(frame.index)
    if len(unknown):
        raise OptionError(f"keep= names rows that the data do not have: {', '.join(map(repr, unknown[:5]))}")
    return np.asarray(design.index.isin(labels), dtype=bool)

"""A new response for an old design."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from limeform.design import Design
from limeform.design.frame import refuse_rows
from limeform.errors import OptionError

FloatArray = NDArray[np.float64]


def new_response(response: ArrayLike | pd.Series, design: Design) -> FloatArray:
    """Return a response on the rows of a design, shape (n,).

    Parameters
    ----------
    response : array of shape (n,) or Series
        Values in the order of the rows that were used; a Series is matched by its index.
    design : Design
        The design.

    Raises
    ------
    OptionError, DataError
        If the length or the index do not match, or a value is missing or infinite.
    """
    if isinstance(response, pd.Series) and not response.index.equals(design.index):
        if not (response.index.is_unique and design.index.isin(response.index).all()):
            raise OptionError("the index of the new response is not that of the rows; pass an array to go by position")
        response = response.loc[design.index]
    try:
        y = np.asarray(response, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the new response is not numeric: {error}") from error
    if y.shape != design.y.shape:
        raise OptionError(f"the new response has shape {y.shape}; the model used {len(design.y)} rows")
    if not np.isfinite(y).all():
        refuse_rows(~np.isfinite(y), design.index, "the new response is missing or infinite")
    return y

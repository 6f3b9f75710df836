"""The keywords that name a column or hold values, and what they say of the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design.frame import Column, FloatArray, as_numbers, column, refuse_rows
from limeform.design.random import IntArray, find_levels
from limeform.design.sizes import refuse_sizes
from limeform.errors import OptionError

Given = Mapping[str, tuple[str, pd.Series]]
"""Keyword to the name and the values that it stands for."""


@dataclass(frozen=True)
class Keywords:
    """The keywords of a model that name data; None, or ``"shared"`` for sigma, where one was not given."""

    se: Column | None = None
    variance: Column | None = None
    weights: Column | None = None
    sigma: Column | None = "shared"
    offset: Column | None = None

    def given(self) -> dict[str, Column]:
        """Return those that name data."""
        values = {"se": self.se, "variance": self.variance, "weights": self.weights, "offset": self.offset}
        given = {key: value for key, value in values.items() if value is not None}
        if self.sigma is not None and not (isinstance(self.sigma, str) and self.sigma == "shared"):
            given["sigma"] = self.sigma
        return given

    def shown(self) -> Keywords:
        """Return them with a word in place of values that no column name stands for."""
        words = {key: value if isinstance(value, str) else "<values>" for key, value in self.given().items()}
        return replace(self, **words)

    def look_up(self, frame: pd.DataFrame) -> dict[str, tuple[str, pd.Series]]:
        """Return the name and the values behind each given keyword.

        Raises
        ------
        OptionError
            If two keywords exclude each other, or lengths do not match.
        UnknownColumnError
            If a column does not exist.
        """
        given = self.given()
        for known in ("se", "variance"):
            for other in ("variance", "weights", "sigma"):
                if known in given and other in given and known != other:
                    raise OptionError(
                        f"{known}= and {other}= exclude each other: {known}= says that the error variances are known"
                    )
        return {key: column(value, frame, key) for key, value in given.items()}


@dataclass(frozen=True)
class Errors:
    """What is known of the errors.

    Attributes
    ----------
    variance : ndarray, shape (n,), or None
        Known sampling variances.
    weights : ndarray, shape (n,)
        Prior weights a (variance sigma²/a); ones where none were given.
    strata : ndarray of int32, shape (n,), or None
        Which unknown variance each row has; None if they share one.
    strata_levels : Index
        Levels of the column that the variances go by.
    source : str
        The keyword and column that this came from, for the summary.
    """

    variance: FloatArray | None
    weights: FloatArray
    strata: IntArray | None
    strata_levels: pd.Index
    source: str

    @property
    def precision(self) -> FloatArray:
        """One over the known variances, or the prior weights; shape (n,)."""
        return self.weights if self.variance is None else 1.0 / self.variance


def read_errors(given: Given, index: pd.Index) -> Errors:
    """Check the values given for the errors.

    Parameters
    ----------
    given : mapping
        Keywords with their values on the rows used.
    index : Index
        Labels of these rows.

    Returns
    -------
    Errors

    Raises
    ------
    DataError
        If a standard error, variance or weight is not a positive number; the rows are named.
    """
    n = len(index)
    errors = Errors(variance=None, weights=np.broadcast_to(1.0, n), strata=None, strata_levels=pd.Index([]), source="")
    if "se" in given:
        return _known(errors, "se", _positive(given, "se", index) ** 2, given)
    if "variance" in given:
        return _known(errors, "variance", _positive(given, "variance", index), given)
    weights = _positive(given, "weights", index) if "weights" in given else errors.weights
    strata, levels = None, pd.Index([])
    if "sigma" in given:
        strata, levels, _ = find_levels([given["sigma"][1]], given["sigma"][0])
    sources = [f"{key}={given[key][0]}" for key in ("weights", "sigma") if key in given]
    return Errors(variance=None, weights=weights, strata=strata, strata_levels=levels, source=", ".join(sources))


def _known(errors: Errors, keyword: str, variance: NDArray[np.float64], given: Given) -> Errors:
    return Errors(variance, errors.weights, None, errors.strata_levels, f"{keyword}={given[keyword][0]}")


def _positive(given: Given, keyword: str, index: pd.Index) -> FloatArray:
    name, values = given[keyword]
    numbers = as_numbers(values, f"{keyword}= ({name})")
    refuse_rows(numbers <= 0, index, f"{keyword}= ({name}) is zero or negative")
    refuse_sizes(numbers[:, None], [f"{keyword}= ({name})"])
    return numbers

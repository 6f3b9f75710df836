"""Grouping factors: a random term is the level of each row and a few columns, never a dense Z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.errors import DataError
from limeform.formula import ModelFormula

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class TermColumns:
    """The columns of one random term.

    Attributes
    ----------
    names : tuple of str
        Names of its k columns.
    covariance : str
        Name of its covariance structure.
    """

    names: tuple[str, ...]
    covariance: str


@dataclass(frozen=True)
class GroupedEffects:
    """All random terms on one grouping factor.

    Attributes
    ----------
    factor : str
        Name of the grouping factor.
    levels : Index
        Its m levels.
    codes : ndarray of int32, shape (n,)
        Level of each row.
    terms : tuple of TermColumns
        Its terms, in the order of the columns of ``z``.
    z : ndarray, shape (n, k)
        Columns of all terms.
    """

    factor: str
    levels: pd.Index
    codes: IntArray
    terms: tuple[TermColumns, ...]
    z: FloatArray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the k columns of all terms."""
        return tuple(name for term in self.terms for name in term.names)


def terms_by_factor(formula: ModelFormula) -> list[list[int]]:
    """Return the numbers of the random terms on each grouping factor, factors in order of appearance."""
    found: dict[tuple[str, ...], list[int]] = {}
    for number, term in enumerate(formula.random):
        found.setdefault(tuple(sorted(term.groups)), []).append(number)
    return list(found.values())


def find_levels(parts: list[pd.Series], label: str) -> tuple[IntArray, pd.Index]:
    """Number the levels of a grouping factor, or the combinations of several that occur.

    Parameters
    ----------
    parts : list of Series
        The factors whose interaction is the grouping factor; no missing values.
    label : str
        Name of the grouping factor, for messages.

    Returns
    -------
    codes : ndarray of int32, shape (n,)
    levels : Index
        In sorted order (the order of the categories for categorical columns); ``a:b`` for combinations, as in lme4.
    """
    coded = [_factorize(part, label) for part in parts]
    codes, levels = coded[0]
    for more, names in coded[1:]:
        pair = codes.astype(np.int64) * len(names) + more
        found, codes = np.unique(pair, return_inverse=True)
        levels = pd.Index(
            [f"{levels[i]}:{names[j]}" for i, j in zip(found // len(names), found % len(names), strict=True)]
        )
    return codes.astype(np.int32), levels


def match_levels(parts: list[pd.Series], levels: pd.Index) -> IntArray:
    """Return the level of each row of new data, -1 where it is not among ``levels`` or missing."""
    if len(parts) == 1:
        return levels.get_indexer(pd.Index(parts[0].astype(object))).astype(np.int32)
    joined = parts[0].astype(str)
    for part in parts[1:]:
        joined = joined + ":" + part.astype(str)
    return levels.get_indexer(pd.Index(joined)).astype(np.int32)


def _factorize(values: pd.Series, label: str) -> tuple[NDArray[np.intp], pd.Index]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        trimmed = values.cat.remove_unused_categories()
        return trimmed.cat.codes.to_numpy().astype(np.intp), pd.Index(trimmed.cat.categories)
    if pd.api.types.is_float_dtype(values.dtype) and np.isinf(values.to_numpy(dtype=np.float64)).any():
        raise DataError(f"grouping factor {label!r} has infinite values: correct or remove them")
    try:
        codes, levels = pd.factorize(values, sort=True)
    except TypeError as error:
        raise DataError(f"grouping factor {label!r} mixes types that cannot be ordered: {error}") from error
    return codes, pd.Index(levels)

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
        Its m levels, as they are shown.
    keys : Index
        The levels as new data are matched with them: the same, or a MultiIndex of the levels of the factors of ``a:b``.
    codes : ndarray of int32, shape (n,)
        Level of each row.
    terms : tuple of TermColumns
        Its terms, in the order of the columns of ``z``.
    z : ndarray, shape (n, k)
        Columns of all terms.
    """

    factor: str
    levels: pd.Index
    keys: pd.Index
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


def find_levels(parts: list[pd.Series], label: str) -> tuple[IntArray, pd.Index, pd.Index]:
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
    keys : Index
        What `match_levels` needs.
    """
    coded = [_factorize(part, label) for part in parts]
    if len(coded) == 1:
        codes, levels = coded[0]
        return codes.astype(np.int32), levels, levels
    codes = coded[0][0].astype(np.int64)
    for more, names in coded[1:]:
        codes = np.unique(codes * len(names) + more, return_inverse=True)[1]
    first = np.unique(codes, return_index=True)[1]
    keys = pd.MultiIndex.from_arrays([names[part[first]] for part, names in coded])
    return codes.astype(np.int32), shown_levels(keys), keys


def shown_levels(keys: pd.Index) -> pd.Index:
    """Return levels as they are shown: themselves, or ``a:b`` for each combination.

    Where a colon inside a level makes two look alike the parts stand in quotation marks.
    """
    if not isinstance(keys, pd.MultiIndex):
        return keys
    plain = pd.Index([":".join(str(part) for part in key) for key in keys])
    return plain if plain.is_unique else pd.Index([":".join(repr(part) for part in key) for key in keys])


def match_levels(parts: list[pd.Series], keys: pd.Index) -> IntArray:
    """Return the level of each row of new data, -1 where it is not among those of ``keys``, or missing."""
    if len(parts) == 1:
        return keys.get_indexer(pd.Index(parts[0].astype(object))).astype(np.int32)
    known, wanted = np.zeros(len(keys), np.int64), np.zeros(len(parts[0]), np.int64)
    absent = np.zeros(len(wanted), dtype=bool)
    for position, part in enumerate(parts):
        values = keys.get_level_values(position)
        names = values.unique()
        found = names.get_indexer(pd.Index(part.astype(object)))
        absent |= found < 0
        known = known * len(names) + names.get_indexer(values)
        wanted = wanted * len(names) + found
    codes = pd.Index(known).get_indexer(pd.Index(wanted)).astype(np.int32)
    codes[absent] = -1
    return codes


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

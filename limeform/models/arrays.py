"""Models from arrays: they are given names and a formula, so that everything behind works alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from limeform.errors import DataError, OptionError


@dataclass(frozen=True, eq=False)
class Random:
    """Random effects that vary between groups, for `LMM`.

    Parameters
    ----------
    groups : array of shape (n,)
        Group of each row.
    exog : array of shape (n, k) or DataFrame, optional
        Columns whose coefficients vary between groups; a constant if left out.
    covariance : {"unstructured", "diagonal"}
        Covariance of the effects of one group.
    """

    groups: ArrayLike
    exog: ArrayLike | None = None
    covariance: str = "unstructured"

    def __post_init__(self) -> None:
        """Check the name of the covariance structure."""
        if self.covariance not in ("unstructured", "diagonal"):
            raise OptionError(f'covariance={self.covariance!r}: give "unstructured" or "diagonal"')


def formula_of_arrays(endog: ArrayLike, exog: ArrayLike, random: tuple[Random, ...]) -> tuple[str, pd.DataFrame]:
    """Return a formula and a frame that hold the arrays.

    Parameters
    ----------
    endog : array of shape (n,)
        Response.
    exog : array of shape (n, p)
        Fixed-effects columns.
    random : tuple of Random
        Random effects.

    Returns
    -------
    tuple of str and DataFrame
    """
    response = pd.Series(endog) if isinstance(endog, pd.Series) else pd.Series(np.asarray(endog).ravel(), name="y")
    name = str(response.name) if response.name is not None else "y"
    columns: dict[str, pd.Series] = {}
    fixed = _add(columns, exog, "x", response.index, "exog")
    terms = []
    factors: dict[int, str] = {}
    for term in random:
        key = id(term.groups)
        if key not in factors:
            label = str(getattr(term.groups, "name", None) or "group")
            factors[key] = _add(columns, pd.DataFrame({label: _values(term.groups)}), label, response.index, "groups")[
                0
            ]
        bar = "||" if term.covariance == "diagonal" else "|"
        z = np.ones(len(response)) if term.exog is None else term.exog
        names = ["1"] if term.exog is None else ["0", *_add(columns, z, "z", response.index, "random exog")]
        terms.append(f"({' + '.join(_quoted(names))} {bar} `{factors[key]}`)")
    if name in columns:
        raise OptionError(f"the response and a column are both called {name!r}; rename one")
    frame = pd.DataFrame({name: response, **columns})
    return f"`{name}` ~ {' + '.join(['0', *_quoted(fixed), *terms])}", frame


def _add(columns: dict[str, pd.Series], values: ArrayLike, stem: str, index: pd.Index, what: str) -> list[str]:
    """Add the columns of an array under names that are still free, and return these."""
    if isinstance(values, (pd.DataFrame, pd.Series)):
        table = pd.DataFrame(values)
    else:
        array = np.asarray(values)
        array = array[:, None] if array.ndim == 1 else array
        table = pd.DataFrame(array, columns=_stems(array, stem))
    if len(table) != len(index):
        raise DataError(f"{what} has {len(table)} rows, the response {len(index)}")
    names = []
    for name, column in table.items():
        free = str(name)
        while free in columns:
            free += "_"
        columns[free] = column.set_axis(index)
        names.append(free)
    return names


def _stems(array: np.ndarray, stem: str) -> list[str]:
    """Name columns as statsmodels does: ``const`` for a constant, then x1, x2, ..."""
    numeric = bool(len(array)) and np.issubdtype(array.dtype, np.number)
    constant = [numeric and bool((column == 1).all()) for column in array.T]
    return ["const" if is_one and not any(constant[:j]) else f"{stem}{j + 1}" for j, is_one in enumerate(constant)]


def _values(groups: ArrayLike) -> pd.Series:
    return groups.reset_index(drop=True) if isinstance(groups, pd.Series) else pd.Series(np.asarray(groups).ravel())


def _quoted(names: list[str]) -> list[str]:
    return [name if name in ("0", "1") else f"`{name}`" for name in names]

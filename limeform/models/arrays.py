"""Models from arrays: they are given names and a formula, so that everything behind works alike."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    collected = _Collected(_response(endog), labelled=isinstance(endog, pd.Series))
    fixed = collected.add(exog, "x", "exog")
    terms = [_written(term, collected) for term in random]
    name, columns = str(collected.response.name), collected.columns
    if name in columns:
        raise OptionError(f"the response and a column are both called {name!r}; rename one")
    for title in (name, *columns):
        if "`" in title:
            raise DataError(f"the column name {title!r} has a backtick, which a formula cannot hold: rename it")
    frame = pd.DataFrame({name: collected.response, **columns})
    return f"`{name}` ~ {' + '.join(['0', *_quoted(fixed), *terms])}", frame


@dataclass
class _Collected:
    """The columns found so far, under names that differ, on the rows of the response.

    Attributes
    ----------
    response : Series
        The response.
    labelled : bool
        Whether its index came from the user, so that other labelled columns have to match it.
    columns : dict
        Columns by name.
    factors : list
        Name and values of the grouping factors among them.
    """

    response: pd.Series
    labelled: bool
    columns: dict[str, pd.Series] = field(default_factory=dict)
    factors: list[tuple[str, pd.Series]] = field(default_factory=list)

    def add(self, values: ArrayLike, stem: str, what: str) -> list[str]:
        """Add the columns of an array or a frame, and return their names."""
        table, index = _table(values, stem, what), self.response.index
        if len(table) != len(index):
            raise DataError(f"{what} has {len(table)} rows, the response {len(index)}")
        if self.labelled and isinstance(values, (pd.DataFrame, pd.Series)):
            table = _aligned(table, index, what)
        names = []
        for title, column in table.items():
            free = str(title)
            while free in self.columns:
                free += "_"
            self.columns[free] = column.set_axis(index)
            names.append(free)
        return names

    def factor(self, groups: ArrayLike) -> str:
        """Return the name of the column that holds these groups, added if it is not there yet."""
        values = groups if isinstance(groups, pd.Series) else _only_column(groups, "groups")
        for known, earlier in self.factors:
            if earlier.equals(values):
                return known
        name = self.add(values if isinstance(groups, pd.Series) else values.to_numpy(), "group", "groups")[0]
        self.factors.append((name, values))
        return name


def _written(term: Random, collected: _Collected) -> str:
    if not isinstance(term, Random):
        raise OptionError(f"random= takes lf.Random(groups, exog) or several of them, found {type(term).__name__}")
    label = collected.factor(term.groups)
    bar = "||" if term.covariance == "diagonal" else "|"
    effects = ["1"] if term.exog is None else ["0", *_quoted(collected.add(term.exog, "z", "random exog"))]
    return f"({' + '.join(effects)} {bar} `{label}`)"


def _response(endog: ArrayLike) -> pd.Series:
    """Return the response as a Series that has a name."""
    if isinstance(endog, pd.Series):
        return endog if endog.name is not None else endog.rename("y")
    return _only_column(endog, "endog").rename("y")


def _only_column(values: ArrayLike, what: str) -> pd.Series:
    array = np.asarray(values)
    if array.ndim == 0 or array.size != len(array):
        raise DataError(f"{what} has to be one column, found an array of shape {array.shape}")
    return pd.Series(array.ravel())


def _table(values: ArrayLike, stem: str, what: str) -> pd.DataFrame:
    if isinstance(values, pd.DataFrame):
        return values
    if isinstance(values, pd.Series):
        return values.to_frame(stem if values.name is None else values.name)
    array = np.asarray(values)
    if array.ndim not in (1, 2):
        raise DataError(f"{what} has to be a column or a matrix, found an array of shape {array.shape}")
    array = array[:, None] if array.ndim == 1 else array
    return pd.DataFrame(array, columns=[stem] if stem == "group" else _stems(array, stem))


def _aligned(table: pd.DataFrame, index: pd.Index, what: str) -> pd.DataFrame:
    """Put rows with the labels of the response into its order."""
    if table.index.equals(index):
        return table
    if not (index.is_unique and table.index.is_unique and index.isin(table.index).all()):
        raise DataError(f"the index of {what} is not that of the response; pass an array to go by position")
    return table.loc[index]


def _stems(array: np.ndarray, stem: str) -> list[str]:
    """Name columns as statsmodels does: ``const`` for a constant, then x1, x2, ..."""
    numeric = bool(len(array)) and np.issubdtype(array.dtype, np.number)
    constant = [numeric and bool((column == 1).all()) for column in array.T]
    return ["const" if is_one and not any(constant[:j]) else f"{stem}{j + 1}" for j, is_one in enumerate(constant)]


def _quoted(names: list[str]) -> list[str]:
    return [f"`{name}`" for name in names]

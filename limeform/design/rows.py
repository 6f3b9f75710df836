"""One consistent set of rows over the response, all columns, groups and everything given by keyword."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula
from numpy.typing import NDArray

from limeform.design.formulaic_compat import (
    Columns,
    Piece,
    columns_compared,
    evaluate,
    materialize,
    read,
    required_columns,
)
from limeform.design.frame import FloatArray, Missing, as_numbers, refuse_rows
from limeform.design.intervals import advice_on_open_ends
from limeform.design.keywords import Given
from limeform.design.kinds import plain_columns
from limeform.design.random import terms_by_factor
from limeform.errors import DataError
from limeform.formula import ModelFormula

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Sources:
    """A formula with the rows that have everything it needs.

    Attributes
    ----------
    formula : ModelFormula
        The formula.
    parsed : mapping of str to Formula
        formulaic's reading of ``fixed``, ``random0``, ...
    response : Piece
        The response.
    groups : tuple of tuple of Piece
        Parts of each grouping factor.
    offsets : tuple of Piece
        Expressions inside ``offset()``.
    scope : mapping
        Names of the caller.
    frame : DataFrame
        Complete rows.
    given : mapping
        Keyword values on these rows.
    missing : Missing
        The other rows.
    """

    formula: ModelFormula
    parsed: Mapping[str, Formula]
    response: Piece
    groups: tuple[tuple[Piece, ...], ...]
    offsets: tuple[Piece, ...]
    scope: Mapping[str, Any]
    frame: pd.DataFrame
    given: Given
    missing: Missing


@dataclass(frozen=True)
class Made:
    """What was computed from the sources, all on the same rows.

    Attributes
    ----------
    y, offset : ndarray, shape (n,)
        Response and sum of the offsets.
    groups : tuple of tuple of Series
        Parts of each grouping factor.
    columns : mapping of str to Columns
        Matrices of ``fixed``, ``random0``, ...; parts that repeat another share its matrix.
    given : mapping
        Keyword values.
    index : Index
        Labels of the rows.
    missing : Missing
        Rows left out.
    used : frozenset of str
        Names that were taken from the caller's scope.
    """

    y: FloatArray
    offset: FloatArray
    groups: tuple[tuple[pd.Series, ...], ...]
    columns: Mapping[str, Columns]
    given: Given
    index: pd.Index
    missing: Missing
    used: frozenset[str]


def complete_sources(formula: ModelFormula, frame: pd.DataFrame, given: Given, scope: Mapping[str, Any]) -> Sources:
    """Find the rows that have all values the model needs, and count the others by column.

    Parameters
    ----------
    formula : ModelFormula
        The formula.
    frame : DataFrame
        The data.
    given : mapping
        Keyword values.
    scope : mapping
        Names of the caller.

    Returns
    -------
    Sources
    """
    parsed = read(formula, frame, [name for name, _ in given.values()])
    response = Piece(formula.response)
    groups = tuple(
        tuple(Piece(part) for part in formula.random[numbers[0]].groups) for numbers in terms_by_factor(formula)
    )
    offsets = tuple(Piece(expression) for expression in formula.offsets)
    expressions = [piece.expression for piece in (response, *chain.from_iterable(groups), *offsets)]
    needed = required_columns(parsed.values(), expressions, frame)
    frame = plain_columns(frame, needed)
    columns = {name: frame[name] for name in needed} | {name: values for name, values in given.values()}
    keep, counts = _complete(columns, len(frame))
    missing = Missing(rows=int((~keep).sum()), by_column=counts)
    if not keep.any():
        advice = advice_on_open_ends(formula.text or str(formula), dict(counts))
        raise DataError(f"no row is complete; missing values: {missing}" + (f". {advice}" if advice else ""))
    if missing.rows:
        frame, given = frame[keep], _take(given, keep)
    compared = columns_compared(parsed.values(), frame)
    frame = _without_unused_levels(frame, [name for name in needed if name not in compared])
    return Sources(formula, parsed, response, groups, offsets, scope, frame, given, missing)


def make(sources: Sources) -> Made:
    """Evaluate every piece of the formula, and leave out rows where a transform made a missing value.

    Parameters
    ----------
    sources : Sources
        Formula and complete rows.

    Returns
    -------
    Made

    Raises
    ------
    DataError
        If a value is infinite or not numeric; column and rows are named.
    """
    formula, frame, scope = sources.formula, sources.frame, sources.scope
    used: set[str] = set()
    y = as_numbers(evaluate(sources.response, frame, scope, formula, used), f"response {formula.response!r}")
    groups = tuple(tuple(evaluate(piece, frame, scope, formula, used) for piece in pieces) for pieces in sources.groups)
    offset = np.broadcast_to(0.0, len(frame))
    for piece in sources.offsets:
        offset = offset + as_numbers(evaluate(piece, frame, scope, formula, used), f"offset({piece.expression})")
    if "offset" in sources.given:
        offset = offset + as_numbers(sources.given["offset"][1], "offset=")
    first = {key: _first_like(sources.parsed, key) for key in sources.parsed}
    built = materialize({key: sources.parsed[key] for key in dict.fromkeys(first.values())}, frame, scope, formula)
    columns = {key: built[first[key]] for key in first}
    made = Made(y, offset, groups, columns, sources.given, frame.index, sources.missing, frozenset(used))
    return _without_made_missing(made, formula)


def _complete(columns: Mapping[str, pd.Series], n: int) -> tuple[NDArray[np.bool_], Counts]:
    """Return which rows have all values, and the columns that lack some with their counts."""
    keep, counts = np.ones(n, dtype=bool), []
    for name, values in columns.items():
        absent = values.isna().to_numpy(dtype=bool)
        if absent.any():
            counts.append((name, int(absent.sum())))
            keep &= ~absent
    return keep, tuple(counts)


def _without_unused_levels(frame: pd.DataFrame, needed: list[str]) -> pd.DataFrame:
    """Drop categories that no row has, as R's model frames do; they would be columns of zeros."""
    trimmed = {}
    for name in needed:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype) and values.nunique() < len(values.cat.categories):
            trimmed[name] = values.cat.remove_unused_categories()
    return frame.assign(**trimmed) if trimmed else frame


def _first_like(parsed: Mapping[str, Formula], key: str) -> str:
    return next(other for other, part in parsed.items() if part == parsed[key])


def _without_made_missing(made: Made, formula: ModelFormula) -> Made:
    """Leave out rows with values that a transform could not compute; refuse infinite ones."""
    named = {f"response {formula.response!r}": made.y, "the offset": made.offset}
    for part in made.columns.values():
        with np.errstate(all="ignore"):
            finite = np.isfinite(part.matrix.sum())
        if not finite:
            named |= {name: part.matrix[:, j] for j, name in enumerate(part.names)}
    for name, values in named.items():
        refuse_rows(np.isinf(values), made.index, f"{name} is infinite")
    keep, counts = _complete({name: pd.Series(values) for name, values in named.items()}, len(made.y))
    if keep.all():
        return made
    missing = Missing(made.missing.rows + int((~keep).sum()), made.missing.by_column + counts)
    if not keep.any():
        raise DataError(f"no row is complete; missing values: {missing}")
    return replace(
        made,
        y=made.y[keep],
        offset=made.offset[keep],
        groups=tuple(tuple(part[keep] for part in parts) for parts in made.groups),
        columns={key: replace(part, matrix=part.matrix[keep]) for key, part in made.columns.items()},
        given=_take(made.given, keep),
        index=made.index[keep],
        missing=missing,
    )


def _take(given: Given, keep: NDArray[np.bool_]) -> Given:
    return {key: (name, values[keep]) for key, (name, values) in given.items()}

"""How the columns were made, kept so that they can be made again from new data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from numpy.typing import NDArray

from limeform.design.formulaic_compat import Piece, Scope, evaluate, replay, required_columns
from limeform.design.frame import as_numbers, refuse_rows, to_frame
from limeform.design.kinds import plain_columns
from limeform.design.nonlinear import NonlinearBlock
from limeform.design.random import match_levels, terms_by_factor
from limeform.errors import UnknownColumnError
from limeform.formula import ModelFormula, locate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Recipe:
    """What turns a frame into columns.

    Attributes
    ----------
    formula : ModelFormula
        The formula.
    fixed : ModelSpec
        formulaic's specification of the fixed part.
    kept : ndarray of int
        Which of its columns are in the model; the others were linearly dependent.
    random : tuple of ModelSpec
        Specifications of the random terms, in the order of the formula.
    groups : tuple of tuple of Piece
        For each grouping factor the factors whose interaction it is.
    offsets : tuple of Piece
        The expressions inside ``offset()``.
    scope : Scope
        Names from the caller's scope.
    nonlinear : tuple of NonlinearBlock
        Nonlinear parts of the mean, on the rows of the fit.
    means : tuple of ModelSpec
        Specifications of their columns; a function of the user has none.
    """

    formula: ModelFormula
    fixed: ModelSpec
    kept: NDArray[np.intp]
    random: tuple[ModelSpec, ...]
    groups: tuple[tuple[Piece, ...], ...]
    offsets: tuple[Piece, ...]
    scope: Scope
    nonlinear: tuple[NonlinearBlock, ...] = ()
    means: tuple[ModelSpec, ...] = ()


@dataclass(frozen=True)
class NewRows:
    """Columns made from new data.

    Attributes
    ----------
    index : Index, shape (n,)
        Row labels of the new data.
    complete : ndarray of bool, shape (n,)
        Rows without missing values; the arrays below have these rows only.
    x : ndarray, shape (c, p)
        Fixed-effects columns.
    z : ndarray, shape (c, k)
        Random-effects columns of all factors; k = 0 if they were not asked for.
    codes : tuple of ndarray of int32, each shape (c,)
        Level of each grouping factor, -1 for a level that the fit did not have.
    unseen : tuple of Index
        Those levels.
    offset : ndarray, shape (c,)
        Sum of the formula's offsets.
    nonlinear : tuple of NonlinearBlock
        Nonlinear parts of the mean on these rows.
    """

    index: pd.Index
    complete: NDArray[np.bool_]
    x: FloatArray
    z: FloatArray
    codes: tuple[IntArray, ...]
    unseen: tuple[pd.Index, ...]
    offset: FloatArray
    nonlinear: tuple[NonlinearBlock, ...] = ()


def apply(recipe: Recipe, data: object, keys: Sequence[pd.Index] | None) -> NewRows:
    """Make the columns of the model from new data.

    Parameters
    ----------
    recipe : Recipe
        How they were made.
    data : DataFrame
        New data; the response is not needed.
    keys : sequence of Index, or None
        Keys of the levels of each grouping factor; None leaves the random effects and their columns out.

    Returns
    -------
    NewRows

    Raises
    ------
    UnknownColumnError, DataError
    """
    frame, formula = to_frame(data), recipe.formula
    names = _needed(recipe, frame, keys is not None)
    frame = plain_columns(frame, names)
    complete = frame[names].notna().all(axis=1).to_numpy(dtype=bool)
    frame_complete = frame if complete.all() else frame[complete]
    index, scope = frame.index, recipe.scope.mapping()
    if not complete.any():
        empty = np.zeros((0, 0))
        return NewRows(index, complete, empty, empty, (), (), np.zeros(0))
    x = replay(recipe.fixed, frame_complete, scope, formula)[:, recipe.kept]
    offset = np.zeros(len(frame_complete))
    for piece in recipe.offsets:
        offset = offset + as_numbers(evaluate(piece, frame_complete, scope, formula), f"offset({piece.expression})")
    _refuse_infinite(x, np.array(recipe.fixed.column_names, dtype=object)[recipe.kept], frame_complete.index)
    nonlinear = _blocks(recipe, frame_complete, scope)
    if keys is None:
        return NewRows(index, complete, x, np.zeros((len(x), 0)), (), (), offset, nonlinear)
    order = [number for numbers in terms_by_factor(formula) for number in numbers]
    z = np.hstack([replay(recipe.random[number], frame_complete, scope, formula) for number in order])
    parts = [[evaluate(piece, frame_complete, scope, formula) for piece in pieces] for pieces in recipe.groups]
    codes = tuple(match_levels(each, known) for each, known in zip(parts, keys, strict=True))
    unseen = tuple(_labels(each, found < 0) for each, found in zip(parts, codes, strict=True))
    names = [name for number in order for name in recipe.random[number].column_names]
    _refuse_infinite(z, names, frame_complete.index)
    return NewRows(index, complete, x, z, codes, unseen, offset, nonlinear)


def _blocks(recipe: Recipe, frame: pd.DataFrame, scope: dict[str, Any]) -> tuple[NonlinearBlock, ...]:
    """Return the nonlinear parts on new rows."""
    matrices = [replay(spec, frame, scope, recipe.formula) for spec in recipe.means]
    for matrix in matrices:
        refuse_rows(~np.isfinite(matrix).all(axis=1), frame.index, "the nonlinear part is not finite")
    with_columns = [replace(block, matrix=matrix) for block, matrix in zip(recipe.nonlinear, matrices, strict=False)]
    functions = [
        replace(block, matrix=np.zeros((len(frame), 0)), frame=frame) for block in recipe.nonlinear[len(matrices) :]
    ]
    return (*with_columns, *functions)


def effects_columns(recipe: Recipe, data: object, complete: NDArray[np.bool_]) -> FloatArray:
    """Return the columns of the random effects, shape (c, k), for the rows of new data that are complete.

    The grouping factors themselves are not needed: these are the columns of a new level.
    """
    frame, scope = to_frame(data), recipe.scope.mapping()
    if not complete.any():
        return np.zeros((0, sum(len(spec.column_names) for spec in recipe.random)))
    for name in _data_names(list(recipe.random)):
        if name not in frame.columns:
            raise UnknownColumnError(name, frame.columns, "the new data")
    rows = frame[complete]
    specs = [recipe.random[number] for numbers in terms_by_factor(recipe.formula) for number in numbers]
    z = np.hstack([replay(spec, rows, scope, recipe.formula) for spec in specs])
    _refuse_infinite(z, [name for spec in specs for name in spec.column_names], rows.index)
    return z


def _refuse_infinite(columns: FloatArray, names: Iterable[object], index: pd.Index) -> None:
    """Refuse columns that a transform made infinite or missing out of complete rows."""
    for name, values in zip(names, columns.T, strict=True):
        refuse_rows(~np.isfinite(values), index, f"{name} is not finite in the new data")


def _needed(recipe: Recipe, frame: pd.DataFrame, with_random: bool) -> list[str]:
    """Return the columns that the replay uses; name the first that is missing."""
    expressions = [piece.expression for piece in recipe.offsets]
    specs = [recipe.fixed, *recipe.means]
    if with_random:
        expressions += [piece.expression for pieces in recipe.groups for piece in pieces]
        specs += recipe.random
    for name in _data_names(specs):
        if name not in frame.columns:
            start, stop = locate(recipe.formula, name) or (None, None)
            raise UnknownColumnError(name, frame.columns, "the new data", recipe.formula.text, start, stop)
    # formulaic 1.2 forgets the variables of a factor such as poly(x, 2) once it has been evaluated.
    expressions += [str(factor.expr) for spec in specs for term in spec.formula for factor in term.factors]
    return required_columns([spec.formula for spec in specs], expressions, frame)


def _data_names(specs: list[ModelSpec]) -> list[str]:
    """Return the columns that the specifications use: ``a.b`` is one as a term, part of ``a`` in a call."""
    terms = {str(factor.expr) for spec in specs for term in spec.formula for factor in term.factors}
    used = {str(variable) for spec in specs for variable in spec.variables_by_source.get("data", ())}
    return sorted({name if name in terms else name.split(".")[0] for name in used})


def _labels(parts: list[pd.Series], chosen: NDArray[np.bool_]) -> pd.Index:
    if not chosen.any():
        return pd.Index([])
    joined = parts[0][chosen] if len(parts) == 1 else parts[0][chosen].astype(str)
    for part in parts[1:]:
        joined = joined + ":" + part[chosen].astype(str)
    return pd.Index(pd.unique(joined.astype(object)))

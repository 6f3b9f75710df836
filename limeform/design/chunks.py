"""Data that come in chunks: each is turned into arrays by the recipe of the first, on a worker or here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from limeform.design.build import Design, build_design
from limeform.design.formulaic_compat import Piece, evaluate, replay, required_columns
from limeform.design.frame import FloatArray, as_numbers, refuse_rows, to_frame
from limeform.design.keywords import Keywords
from limeform.design.kinds import plain_columns
from limeform.design.random import IntArray, find_levels, terms_by_factor
from limeform.design.recipe import Recipe
from limeform.design.sizes import refuse_sizes
from limeform.errors import DataError, OptionError, UnknownColumnError
from limeform.formula import ModelFormula

Categories = Mapping[str, list[Any]]
"""Column to all of its levels."""


@dataclass(frozen=True)
class Chunk:
    """The arrays of one chunk.

    Attributes
    ----------
    y : ndarray, shape (n,)
        Response less offset.
    x : ndarray, shape (n, p)
        Fixed-effects columns.
    z : ndarray, shape (n, k)
        Random-effects columns of all factors.
    codes : tuple of ndarray of int32, each shape (n,)
        Level of each row among those of this chunk.
    keys : tuple of Index
        Those levels, as `match_levels` takes them.
    precision : ndarray, shape (n,)
        One over the known variances, or prior weights.
    missing : int
        Rows left out.
    """

    y: FloatArray
    x: FloatArray
    z: FloatArray
    codes: tuple[IntArray, ...]
    keys: tuple[pd.Index, ...]
    precision: FloatArray
    missing: int


def first_design(
    formula: ModelFormula, frame: object, keywords: Keywords, scope: Mapping[str, Any], categories: Categories
) -> Design:
    """Return the design of the first chunk, whose recipe all chunks follow.

    Parameters
    ----------
    formula : ModelFormula
        The formula.
    frame : DataFrame
        The first chunk.
    keywords : Keywords
        Names of columns.
    scope : mapping
        Names of the caller.
    categories : mapping
        All levels of columns of the fixed part that are no numbers.

    Returns
    -------
    Design

    Raises
    ------
    OptionError
        If the formula learns something from all rows, or a column of texts has no categories given.
    """
    if not formula.random:
        raise OptionError("chunks are for models with random terms: the formula has none")
    design = build_design(formula, _with_every_level(to_frame(frame), categories), keywords, scope)
    specs = [design.recipe.fixed, *design.recipe.random]
    for spec in specs:
        for expression in spec.transform_state:
            raise OptionError(
                f"{expression} learns from all rows, which one pass over chunks cannot: write its constants instead"
            )
        for expression, (_, state) in spec.encoder_state.items():
            name = str(expression).removeprefix("C(").removesuffix(")")
            if isinstance(state, dict) and "categories" in state and name not in categories:
                raise OptionError(
                    f"column {name!r} is not numeric, and later chunks may have levels that the first one lacks: "
                    f"give all of them, categories={{{name!r}: [...]}}"
                )
    return design


def _with_every_level(frame: pd.DataFrame, categories: Categories) -> pd.DataFrame:
    """Add rows so that every level of the categories occurs; they are used for the recipe only."""
    added = [frame]
    fullest = int(np.argmax(frame.notna().sum(axis=1).to_numpy()))
    for name, levels in categories.items():
        if name not in frame.columns:
            raise UnknownColumnError(name, frame.columns, "categories=")
        added.append(frame.iloc[[fullest] * len(levels)].assign(**{name: list(levels)}))
    return _as_categories(pd.concat(added, ignore_index=True), categories)


def read_chunk(recipe: Recipe, frame: object, keywords: Keywords, categories: Categories) -> Chunk:
    """Turn one chunk into arrays.

    Parameters
    ----------
    recipe : Recipe
        Of the first chunk.
    frame : DataFrame
        The chunk.
    keywords : Keywords
        Names of columns.
    categories : mapping
        All levels of columns of the fixed part that are no numbers.

    Returns
    -------
    Chunk
    """
    whole, formula, scope = to_frame(frame), recipe.formula, recipe.scope.mapping()
    response = Piece(formula.response)
    pieces = [response, *recipe.offsets, *(piece for parts in recipe.groups for piece in parts)]
    specs = [recipe.fixed, *recipe.random]
    names = required_columns([spec.formula for spec in specs], [piece.expression for piece in pieces], whole)
    given = {key: str(name) for key, name in keywords.given().items()}
    whole = _as_categories(plain_columns(whole, names), categories)
    used = list(dict.fromkeys([*names, *given.values()]))
    complete = whole[used].notna().all(axis=1).to_numpy(dtype=bool)
    part = whole if complete.all() else whole[complete]
    y = as_numbers(evaluate(response, part, scope, formula), f"response {formula.response!r}")
    for piece in recipe.offsets:
        y = y - as_numbers(evaluate(piece, part, scope, formula), f"offset({piece.expression})")
    if "offset" in given:
        y = y - as_numbers(part[given["offset"]], "offset=")
    order = [number for numbers in terms_by_factor(formula) for number in numbers]
    x = replay(recipe.fixed, part, scope, formula)[:, recipe.kept]
    z = np.hstack([replay(recipe.random[number], part, scope, formula) for number in order])
    for what, values in (("the response", y[:, None]), ("the fixed part", x), ("a random term", z)):
        refuse_rows(~np.isfinite(values).all(axis=1), part.index, f"{what} is not finite")
        refuse_sizes(values, [what] * values.shape[1])
    found = [
        find_levels([evaluate(piece, part, scope, formula) for piece in parts], "".join(p.expression for p in parts))
        for parts in recipe.groups
    ]
    return Chunk(
        y=y,
        x=x,
        z=z,
        codes=tuple(codes for codes, _, _ in found),
        keys=tuple(keys for _, _, keys in found),
        precision=_precision(part, given),
        missing=int((~complete).sum()),
    )


def _as_categories(frame: pd.DataFrame, categories: Categories) -> pd.DataFrame:
    for name, levels in categories.items():
        unknown = frame[name][~frame[name].isin(list(levels)) & frame[name].notna()]
        if len(unknown):
            raise DataError(
                f"column {name!r} has levels that categories= does not name: {unknown.unique()[:5].tolist()}"
            )
    return frame.assign(**{name: pd.Categorical(frame[name], list(levels)) for name, levels in categories.items()})


def _precision(frame: pd.DataFrame, given: Mapping[str, str]) -> FloatArray:
    for keyword in ("se", "variance", "weights"):
        if keyword in given:
            values = as_numbers(frame[given[keyword]], f"{keyword}= ({given[keyword]})")
            refuse_rows(values <= 0, frame.index, f"{keyword}= ({given[keyword]}) is zero or negative")
            return values if keyword == "weights" else 1.0 / (values**2 if keyword == "se" else values)
    return np.ones(len(frame))

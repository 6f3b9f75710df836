"""Formula and data to arrays: one consistent set of rows over response, columns, groups and everything by keyword."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula
from numpy.typing import NDArray

from limeform.design.fixed import independent_columns
from limeform.design.formulaic_compat import (
    Columns,
    Piece,
    evaluate,
    keep_scope,
    materialize,
    read,
    required_columns,
)
from limeform.design.frame import Column, Missing, as_numbers, column, refuse_rows, to_frame
from limeform.design.random import FloatArray, GroupedEffects, IntArray, TermColumns, find_levels
from limeform.design.recipe import Recipe
from limeform.errors import DataError, FormulaError, OptionError
from limeform.formula import ModelFormula


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


@dataclass(frozen=True)
class Design:
    """A model's arrays with their names.

    Attributes
    ----------
    response : str
        Name of the response.
    y, offset : ndarray, shape (n,)
        Response, and what is subtracted from it.
    x : ndarray, shape (n, p)
        Fixed-effects columns of full rank.
    names, dropped : tuple of str
        Names of the p columns, and of those left out because earlier ones explain them.
    random : GroupedEffects or None
        Random terms; None for a model without.
    errors : Errors
        Known variances, weights, strata.
    index : Index, shape (n,)
        Labels of the rows used.
    missing : Missing
        Rows left out.
    recipe : Recipe or None
        How to make the columns from new data; None for a model given by arrays.
    """

    response: str
    y: FloatArray
    offset: FloatArray
    x: FloatArray
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    random: GroupedEffects | None
    errors: Errors
    index: pd.Index
    missing: Missing
    recipe: Recipe | None


@dataclass(frozen=True)
class Keywords:
    """The keywords that name a column or hold values."""

    se: Column | None = None
    variance: Column | None = None
    weights: Column | None = None
    sigma: Column = "shared"
    offset: Column | None = None

    def given(self) -> dict[str, Column]:
        """Return those that name data."""
        values = {"se": self.se, "variance": self.variance, "weights": self.weights, "offset": self.offset}
        given = {key: value for key, value in values.items() if value is not None}
        if not (isinstance(self.sigma, str) and self.sigma == "shared"):
            given["sigma"] = self.sigma
        return given


def build_design(
    formula: ModelFormula, data: object, keywords: Keywords, scope: Mapping[str, Any], missing: str = "drop"
) -> Design:
    """Compile a formula and a frame to arrays.

    Parameters
    ----------
    formula : ModelFormula
        The parsed formula.
    data : DataFrame
        One row an observation.
    keywords : Keywords
        Columns or values given by keyword.
    scope : mapping
        Names of the caller, for the formula.
    missing : {"drop", "raise"}
        What to do with rows that lack a value.

    Returns
    -------
    Design

    Raises
    ------
    DataError, UnknownColumnError, FormulaError, OptionError
    """
    _check_keywords(keywords, missing)
    _refuse_several_factors(formula)
    frame = to_frame(data)
    given = {key: column(value, frame, key) for key, value in keywords.given().items()}
    parsed = read(formula, frame, [name for name, _ in given.values()])
    groups = tuple(Piece(part) for part in (formula.random[0].groups if formula.random else ()))
    offsets = tuple(Piece(expression) for expression in formula.offsets)
    response = Piece(formula.response)
    expressions = [piece.expression for piece in (response, *groups, *offsets)]
    needed = required_columns(parsed.values(), expressions, frame)
    keep, counts = _complete(frame, needed, given)
    if not keep.all():
        frame = frame[keep]
        given = {key: (name, values[keep]) for key, (name, values) in given.items()}
    if not len(frame):
        raise DataError(f"no row is complete; missing values: {_listed(counts)}")
    frame = _without_unused_levels(frame, needed)
    used: set[str] = set()
    y = as_numbers(evaluate(response, frame, scope, formula, used), f"response {formula.response!r}")
    parts = [evaluate(piece, frame, scope, formula, used) for piece in groups]
    columns = materialize(_distinct(parsed), frame, scope, formula)
    offset = sum(
        (as_numbers(evaluate(o, frame, scope, formula, used), f"offset({o.expression})") for o in offsets),
        np.zeros(len(frame)),
    )
    if "offset" in given:
        offset = offset + as_numbers(given["offset"][1], "offset=")
    blocks = [columns[_first_like(parsed, f"random{i}")] for i in range(len(formula.random))]
    made = {formula.response: y, **{f"offset({formula.offsets})": offset}}
    finite, more = _check_made(frame, made, columns)
    if not finite.all():
        frame, y, offset, parts = frame[finite], y[finite], offset[finite], [part[finite] for part in parts]
        columns = {key: replace(part, matrix=part.matrix[finite]) for key, part in columns.items()}
        blocks = [columns[_first_like(parsed, f"random{i}")] for i in range(len(formula.random))]
        given = {key: (name, values[finite]) for key, (name, values) in given.items()}
        counts += more
    lost = int(len(keep) - len(frame))
    if lost and missing == "raise":
        raise DataError(f'{lost} rows have missing values and missing="raise": {_listed(counts)}')
    if not len(frame):
        raise DataError(f"no row is complete; missing values: {_listed(counts)}")
    errors = _errors(given, frame.index)
    fixed = columns["fixed"]
    kept = independent_columns(fixed.matrix, errors.weights if errors.variance is None else 1 / errors.variance)
    everything = len(kept) == len(fixed.names)
    return Design(
        response=formula.response,
        y=y,
        offset=offset,
        x=fixed.matrix if everything else np.ascontiguousarray(fixed.matrix[:, kept]),
        names=tuple(fixed.names[j] for j in kept),
        dropped=tuple(name for j, name in enumerate(fixed.names) if j not in set(kept)),
        random=_grouped(formula, parts, blocks) if formula.random else None,
        errors=errors,
        index=frame.index,
        missing=Missing(rows=lost, by_column=tuple(counts)),
        recipe=Recipe(
            formula=formula,
            fixed=fixed.spec,
            kept=np.array(kept, dtype=np.intp),
            random=tuple(block.spec for block in blocks),
            groups=groups,
            offsets=offsets,
            scope=keep_scope(scope, [part.spec for part in columns.values()], used),
        ),
    )


def _check_keywords(keywords: Keywords, missing: str) -> None:
    given = keywords.given()
    if missing not in ("drop", "raise"):
        raise OptionError(f'missing={missing!r}: give "drop" or "raise"')
    for one, other in (("se", "variance"), ("se", "weights"), ("variance", "weights"), ("se", "sigma"), ("variance", "sigma")):
        if one in given and other in given:
            raise OptionError(f"{one}= and {other}= exclude each other: {one}= says that the error variances are known")


def _refuse_several_factors(formula: ModelFormula) -> None:
    labels = list(dict.fromkeys(term.label for term in formula.random))
    if len(labels) > 1:
        term = next(term for term in formula.random if term.label != labels[0])
        raise FormulaError(
            f"several grouping factors ({', '.join(labels)}) are not available yet: "
            "this version fits any number of terms on one factor",
            formula.text,
            *term.span,
        )


def _complete(
    frame: pd.DataFrame, needed: list[str], given: Mapping[str, tuple[str, pd.Series]]
) -> tuple[NDArray[np.bool_], list[tuple[str, int]]]:
    """Return which rows have all values, and the columns that lack some with their counts."""
    keep, counts = np.ones(len(frame), dtype=bool), []
    columns = {name: frame[name] for name in needed} | {name: values for name, values in given.values()}
    for name, values in columns.items():
        absent = values.isna().to_numpy(dtype=bool)
        if absent.any():
            counts.append((name, int(absent.sum())))
            keep &= ~absent
    return keep, counts


def _without_unused_levels(frame: pd.DataFrame, needed: list[str]) -> pd.DataFrame:
    """Drop categories that no row has, as R's model frames do; they would be columns of zeros."""
    trimmed = {}
    for name in needed:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype) and values.nunique() < len(values.cat.categories):
            trimmed[name] = values.cat.remove_unused_categories()
    return frame.assign(**trimmed) if trimmed else frame


def _distinct(parsed: Mapping[str, Formula]) -> dict[str, Formula]:
    """Leave out random parts that repeat an earlier part, so that no column is built twice."""
    return {key: part for key, part in parsed.items() if _first_like(parsed, key) == key}


def _first_like(parsed: Mapping[str, Formula], key: str) -> str:
    return next(other for other, part in parsed.items() if part == parsed[key])


def _check_made(
    frame: pd.DataFrame, values: Mapping[str, FloatArray], columns: Mapping[str, Columns]
) -> tuple[NDArray[np.bool_], list[tuple[str, int]]]:
    """Find missing values that a transform made; refuse infinite ones, naming the column."""
    keep, counts = np.ones(len(frame), dtype=bool), []
    named = list(values.items())
    for part in columns.values():
        if not np.isfinite(part.matrix.sum()):
            named += [(name, part.matrix[:, j]) for j, name in enumerate(part.names)]
    for name, made in named:
        refuse_rows(np.isinf(made), frame.index, f"{name} is infinite")
        absent = np.isnan(made)
        if absent.any() and (name, int(absent.sum())) not in counts:
            counts.append((name, int(absent.sum())))
            keep &= ~absent
    return keep, counts


def _errors(given: Mapping[str, tuple[str, pd.Series]], index: pd.Index) -> Errors:
    variance, strata, levels = None, None, pd.Index([])
    weights, source = np.ones(len(index)), ""
    for keyword in ("se", "variance", "weights"):
        if keyword not in given:
            continue
        name, values = given[keyword]
        numbers = as_numbers(values, f"{keyword}= ({name})")
        refuse_rows(numbers <= 0, index, f"{keyword}= ({name}) is zero or negative", "remove or correct them")
        source = f"{keyword}={name}"
        if keyword == "weights":
            weights = numbers
        else:
            variance = numbers**2 if keyword == "se" else numbers
    if "sigma" in given:
        name, values = given["sigma"]
        strata, levels = find_levels([values], name)
        source = f"sigma={name}"
    return Errors(variance=variance, weights=weights, strata=strata, strata_levels=levels, source=source)


def _grouped(formula: ModelFormula, parts: list[pd.Series], blocks: list[Columns]) -> GroupedEffects:
    label = formula.random[0].label
    codes, levels = find_levels(parts, label)
    for term, block in zip(formula.random, blocks, strict=True):
        if not block.names:
            raise FormulaError(f"{term} has no columns; write (1 | {label})", formula.text, *term.span)
    _refuse_repeats(formula, blocks)
    return GroupedEffects(
        factor=label,
        levels=levels,
        codes=codes,
        terms=tuple(
            TermColumns(block.names, term.covariance) for term, block in zip(formula.random, blocks, strict=True)
        ),
        z=blocks[0].matrix if len(blocks) == 1 else np.hstack([block.matrix for block in blocks]),
    )


def _refuse_repeats(formula: ModelFormula, blocks: list[Columns]) -> None:
    """Refuse a column that two terms on one factor share: their variances could not be told apart."""
    seen: dict[str, int] = {}
    for i, block in enumerate(blocks):
        for name in block.names:
            if name in seen:
                term = formula.random[i]
                advice = "write 0 + in one of them" if name == "Intercept" else "leave it out of one of them"
                raise FormulaError(
                    f"{name} occurs in two random terms on {term.label}, so its variance is not identifiable: {advice}",
                    formula.text,
                    *term.span,
                )
            seen[name] = i


def _listed(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts)

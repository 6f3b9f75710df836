"""Formula and data to the arrays of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from limeform.design.fixed import independent_columns
from limeform.design.formulaic_compat import keep_scope
from limeform.design.frame import Missing, to_frame
from limeform.design.keywords import Errors, Keywords, read_errors
from limeform.design.random import FloatArray, GroupedEffects, TermColumns, find_levels, terms_by_factor
from limeform.design.recipe import Recipe
from limeform.design.rows import Made, Sources, complete_sources, make
from limeform.design.sizes import refuse_sizes
from limeform.errors import DataError, FormulaError, OptionError
from limeform.formula import ModelFormula, RandomTerm


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
    factors : tuple of GroupedEffects
        Grouping factors with their random terms; empty for a model without.
    errors : Errors
        Known variances, weights, strata.
    index : Index, shape (n,)
        Labels of the rows used.
    missing : Missing
        Rows left out.
    recipe : Recipe
        How to make the columns from new data.
    rows_read : int
        Number of rows that were read in chunks and not kept; zero where the arrays have all rows.
    """

    response: str
    y: FloatArray
    offset: FloatArray
    x: FloatArray
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    factors: tuple[GroupedEffects, ...]
    errors: Errors
    index: pd.Index
    missing: Missing
    recipe: Recipe
    rows_read: int = 0

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return self.rows_read or len(self.y)

    @property
    def random(self) -> GroupedEffects | None:
        """The grouping factor, the first if there are several; None for a model without random terms."""
        return self.factors[0] if self.factors else None

    @property
    def shifted(self) -> FloatArray:
        """Response less offset, shape (n,); the response itself where there is no offset."""
        return self.y - self.offset if self.offset.strides[0] else self.y


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
    if missing not in ("drop", "raise"):
        raise OptionError(f'missing={missing!r}: give "drop" or "raise"')
    frame = to_frame(data)
    sources = complete_sources(formula, frame, keywords.look_up(frame), scope)
    made = make(sources)
    if made.missing.rows and missing == "raise":
        raise DataError(f'rows with missing values: {made.missing}; missing="raise" refuses them')
    errors = read_errors(made.given, made.index)
    fixed = made.columns["fixed"]
    _refuse_same_names(made)
    refuse_sizes(made.y[:, None], [f"response {formula.response!r}"])
    for part in made.columns.values():
        refuse_sizes(part.matrix, part.names)
    kept = independent_columns(fixed.matrix, errors.precision)
    return Design(
        response=formula.response.strip("`"),
        y=made.y,
        offset=made.offset,
        x=fixed.matrix if len(kept) == len(fixed.names) else np.ascontiguousarray(fixed.matrix[:, kept]),
        names=tuple(fixed.names[j] for j in kept),
        dropped=(*fixed.empty, *(name for j, name in enumerate(fixed.names) if j not in set(kept))),
        factors=tuple(
            _grouped(formula, made, numbers, parts)
            for numbers, parts in zip(terms_by_factor(formula), made.groups, strict=True)
        ),
        errors=errors,
        index=made.index,
        missing=made.missing,
        recipe=_recipe(sources, made, kept),
    )


def _recipe(sources: Sources, made: Made, kept: list[int]) -> Recipe:
    return Recipe(
        formula=sources.formula,
        fixed=made.columns["fixed"].spec,
        kept=np.array(kept, dtype=np.intp),
        random=tuple(made.columns[f"random{i}"].spec for i in range(len(sources.formula.random))),
        groups=sources.groups,
        offsets=sources.offsets,
        scope=keep_scope(sources.scope, [part.spec for part in made.columns.values()], set(made.used)),
    )


def _refuse_same_names(made: Made) -> None:
    """Refuse two columns of one name, such as a data column called Intercept beside the constant."""
    for part in made.columns.values():
        twice = next((name for j, name in enumerate(part.names) if name in part.names[:j]), None)
        if twice is not None:
            raise DataError(f"two columns of the model are called {twice!r}: rename the column in the data")


def _grouped(formula: ModelFormula, made: Made, numbers: list[int], parts: tuple[pd.Series, ...]) -> GroupedEffects:
    """Collect the terms on one grouping factor."""
    label = formula.random[numbers[0]].label
    codes, levels, keys = find_levels(list(parts), label)
    blocks = [made.columns[f"random{i}"] for i in numbers]
    terms = [formula.random[i] for i in numbers]
    _refuse_repeats(formula, terms, [block.names for block in blocks])
    return GroupedEffects(
        factor=label,
        levels=levels,
        keys=keys,
        codes=codes,
        terms=tuple(TermColumns(block.names, term.covariance) for term, block in zip(terms, blocks, strict=True)),
        z=blocks[0].matrix if len(blocks) == 1 else np.hstack([block.matrix for block in blocks]),
    )


def _refuse_repeats(formula: ModelFormula, terms: list[RandomTerm], names: list[tuple[str, ...]]) -> None:
    """Refuse a column that two terms on one factor share: their variances could not be told apart."""
    seen: set[str] = set()
    for term, columns in zip(terms, names, strict=True):
        for name in columns:
            if name in seen:
                advice = "write 0 + in one of them" if name == "Intercept" else "leave it out of one of them"
                raise FormulaError(
                    f"{name} occurs in two random terms on {term.label}, so its variance is not identifiable: {advice}",
                    formula.text,
                    *term.span,
                )
        seen.update(columns)

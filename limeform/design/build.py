"""Formula and data to the arrays of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from limeform.design.curves import Curve, at_positions, block_curve, fixed_curves, label_of
from limeform.design.fixed import independent_columns
from limeform.design.formulaic_compat import keep_scope
from limeform.design.frame import Missing, to_frame
from limeform.design.intervals import advice_on_open_ends
from limeform.design.keywords import Errors, Keywords, read_errors
from limeform.design.nonlinear import MeanFunction, NonlinearBlock, make_block
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
        Names of the p columns and of the parameters of the nonlinear part, and of columns left out because earlier
        ones explain them.
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
    curves : tuple of Curve
        Smooth terms, linear and under a log-ratio.
    nonlinear : tuple of NonlinearBlock
        The nonlinear part of the mean; its parameters follow those of ``x``.
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
    curves: tuple[Curve, ...] = ()
    nonlinear: tuple[NonlinearBlock, ...] = ()

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
    formula: ModelFormula,
    data: object,
    keywords: Keywords,
    scope: Mapping[str, Any],
    missing: str = "drop",
    *,
    restricted: bool = False,
    mean: MeanFunction | None = None,
    mean_names: tuple[str, ...] = (),
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
    restricted : bool
        Whether constraints or priors may determine what the data do not: dependent columns of a curve are then kept.
    mean : MeanFunction, optional
        A nonlinear part given as a function.
    mean_names : tuple of str
        Names of its parameters.

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
        advice = advice_on_open_ends(formula.text or str(formula), dict(made.missing.by_column))
        refusal = f'rows with missing values: {made.missing}; missing="raise" refuses them'
        raise DataError(f"{refusal}. {advice}" if advice else refusal)
    errors = read_errors(made.given, made.index)
    fixed = made.columns["fixed"]
    _refuse_same_names(made)
    refuse_sizes(made.y[:, None], [f"response {formula.response!r}"])
    for columns in made.columns.values():
        refuse_sizes(columns.matrix, columns.names)
    part = fixed_part(fixed.matrix, fixed.spec, errors.precision, restricted)
    blocks, more = _nonlinear(formula, made, len(part.kept))
    if mean is not None:
        frame = sources.frame if len(sources.frame) == len(made.index) else sources.frame.loc[made.index]
        blocks.append(NonlinearBlock("function", "mean", mean_names, np.zeros((len(frame), 0)), (), mean, frame))
    return Design(
        response=formula.response.strip("`"),
        y=made.y,
        offset=made.offset,
        x=part.x,
        names=(*part.names, *(name for block in blocks for name in block.names)),
        dropped=(*fixed.empty, *part.dropped),
        factors=tuple(
            _grouped(formula, made, numbers, parts)
            for numbers, parts in zip(terms_by_factor(formula), made.groups, strict=True)
        ),
        errors=errors,
        index=made.index,
        missing=made.missing,
        recipe=_recipe(sources, made, part.kept, blocks),
        curves=(*part.curves, *more),
        nonlinear=tuple(blocks),
    )


@dataclass(frozen=True, eq=False)
class FixedPart:
    """The linear columns of a mean.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        The columns that are in the model.
    names, dropped : tuple of str
        Their names, and those of columns that earlier ones explain.
    kept : list of int
        Which columns of the specification they are.
    curves : tuple of Curve
        The curves among them.
    """

    x: FloatArray
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    kept: list[int]
    curves: tuple[Curve, ...]


def fixed_part(matrix: FloatArray, spec: ModelSpec, precision: FloatArray, restricted: bool) -> FixedPart:
    """Leave out columns that others explain, and find the curves.

    Parameters
    ----------
    matrix : ndarray, shape (n, columns)
        All columns.
    spec : ModelSpec
        What they are.
    precision : ndarray, shape (n,)
        Row weights.
    restricted : bool
        Whether constraints or priors may determine what the data do not.

    Returns
    -------
    FixedPart
    """
    curves, names = fixed_curves(spec)
    kept = _with_curves(independent_columns(matrix, precision), names, curves, restricted)
    return FixedPart(
        x=matrix if len(kept) == len(names) else np.ascontiguousarray(matrix[:, kept]),
        names=tuple(names[j] for j in kept),
        dropped=tuple(name for j, name in enumerate(names) if j not in set(kept)),
        kept=kept,
        curves=tuple(at_positions(curve, kept) for curve in curves),
    )


def _with_curves(kept: list[int], names: list[str], curves: list[Curve], restricted: bool) -> list[int]:
    """Keep the dependent columns of curves where restrictions can determine them, and refuse them elsewhere."""
    lost = {curve.name: [j for j in curve.columns if j not in set(kept)] for curve in curves}
    if not restricted:
        for curve in curves:
            if lost[curve.name]:
                named = ", ".join(names[j] for j in lost[curve.name])
                raise DataError(
                    f"the data do not determine the curve {curve.name!r}: {named} cannot be told from the other "
                    "columns; give fewer knots, leave a collinear column out, or add a prior"
                )
    return sorted({*kept, *(j for columns in lost.values() for j in columns)})


def _nonlinear(formula: ModelFormula, made: Made, first: int) -> tuple[list[NonlinearBlock], list[Curve]]:
    """Return the nonlinear blocks and the curves among them; their parameters begin at position ``first``."""
    blocks, curves = [], []
    for i, term in enumerate(formula.nonlinear):
        part = made.columns[f"mean{i}"]
        label = label_of(term.text) if term.kind == "log_ratio" else ""
        block = make_block(formula, term, part.matrix, part.names, label)
        curve = block_curve(block, part.spec, first)
        blocks.append(block)
        curves += [] if curve is None else [curve]
        first += len(block.names)
    return blocks, curves


def _recipe(sources: Sources, made: Made, kept: list[int], blocks: list[NonlinearBlock]) -> Recipe:
    return Recipe(
        formula=sources.formula,
        fixed=made.columns["fixed"].spec,
        kept=np.array(kept, dtype=np.intp),
        random=tuple(made.columns[f"random{i}"].spec for i in range(len(sources.formula.random))),
        groups=sources.groups,
        offsets=sources.offsets,
        nonlinear=tuple(blocks),
        means=tuple(made.columns[f"mean{i}"].spec for i in range(len(sources.formula.nonlinear))),
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

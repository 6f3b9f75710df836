"""The Python expressions of a formula, found without evaluating any."""

from __future__ import annotations

import pandas as pd

from limeform.design.formulaic_compat import read, required_columns
from limeform.design.recipe import Recipe
from limeform.formula import ModelFormula


def expressions_of(formula: ModelFormula, frame: pd.DataFrame, taken: list[str]) -> list[str]:
    """Return every expression that a formula would evaluate.

    Parameters
    ----------
    formula : ModelFormula
        The formula.
    frame : DataFrame
        The data, for the dot.
    taken : list of str
        Columns that keywords use, which the dot leaves out.
    """
    parts = read(formula, frame, taken).values()
    factors = {str(factor.expr) for part in parts for term in part for factor in term.factors}
    groups = [name for term in formula.random for name in term.groups]
    return [formula.response, *formula.offsets, *groups, *sorted(factors)]


def used_columns(recipe: Recipe, frame: pd.DataFrame, more: list[str]) -> pd.DataFrame:
    """Return the columns that a model was made from, not copied, and ``more``.

    Parameters
    ----------
    recipe : Recipe
        How the model's columns were made.
    frame : DataFrame
        All columns.
    more : list of str
        Columns that keywords name.
    """
    formula = recipe.formula
    parts = [recipe.fixed.formula, *(spec.formula for spec in recipe.random)]
    expressions = [formula.response, *formula.offsets, *(name for term in formula.random for name in term.groups)]
    expressions += [str(factor.expr) for part in parts for term in part for factor in term.factors]
    names = required_columns(parts, expressions, frame)
    names = [name for name in frame.columns if name in names or name in more]
    return pd.DataFrame({name: frame[name] for name in names}, index=frame.index, copy=False)

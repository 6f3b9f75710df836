"""What a user gave, kept so that a model can be saved, and built again with other knots or data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from limeform.design import Design, Keywords, MeanFunction
from limeform.design.expressions import used_columns as columns_of_recipe
from limeform.design.formulaic_compat import Scope
from limeform.fit import Trimming
from limeform.formula import ModelFormula
from limeform.restrict import Constraint, Penalty, Prior

Function = Callable[[pd.Series, pd.DataFrame], object]


@dataclass(frozen=True, eq=False)
class Given:
    """Constraints, priors, and a mean given as a function.

    Attributes
    ----------
    constraints : tuple of Constraint
    priors : tuple of Prior or Penalty
    mean : MeanFunction or None
    start : mapping of str to float, or None
        Start of the nonlinear parameters.
    """

    constraints: tuple[Constraint, ...] = ()
    priors: tuple[Prior | Penalty, ...] = ()
    mean: MeanFunction | None = None
    start: Mapping[str, float] | None = None

    @property
    def any(self) -> bool:
        """Whether there is a constraint or a prior."""
        return bool(self.constraints or self.priors)


@dataclass(frozen=True, eq=False)
class Source:
    """All arguments of a model.

    Attributes
    ----------
    formula : ModelFormula
    data : DataFrame
        The columns that the model uses, not copied.
    keywords : Keywords
    scope : Scope
        The names that the formula takes from the caller's scope.
    reml : bool or None
    trim : Trimming
    missing : str
    given : Given
    """

    formula: ModelFormula
    data: pd.DataFrame
    keywords: Keywords
    scope: Scope
    reml: bool | None
    trim: Trimming
    missing: str
    given: Given


def used_columns(
    formula: ModelFormula, frame: pd.DataFrame, design: Design, keywords: Keywords, given: Given, trim: Trimming
) -> pd.DataFrame:
    """Return the columns that a model uses, not copied.

    Parameters
    ----------
    formula : ModelFormula
        The formula: with curves every column named in its text is kept.
    frame : DataFrame
        All columns.
    design : Design
        The model's arrays.
    keywords : Keywords
        Keywords that name columns.
    given : Given
        A function as mean may use any column: then all are kept.
    trim : Trimming
        Its ``keep`` may name a column.
    """
    if given.mean is not None:
        return frame
    named = [value for value in (*keywords.given().values(), trim.keep) if isinstance(value, str)]
    if design.curves or design.nonlinear:
        named += [name for name in frame.columns if name in formula.text]
    return columns_of_recipe(design.recipe, frame, named)

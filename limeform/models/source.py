"""What a user gave, kept so that a model can be built again with other knots or data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from limeform.design import Design, Keywords, MeanFunction, to_frame
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
    data : DataFrame or None
        The columns that the model uses; None where it has no curves.
    keywords : Keywords
    scope : Scope
        The names that the formula takes from the caller's scope.
    reml : bool or None
    trim : Trimming
    missing : str
    given : Given
    """

    formula: ModelFormula
    data: pd.DataFrame | None
    keywords: Keywords
    scope: Scope
    reml: bool | None
    trim: Trimming
    missing: str
    given: Given


def used_columns(
    formula: ModelFormula, data: object, design: Design, keywords: Keywords, given: Given
) -> pd.DataFrame | None:
    """Return the columns that a model with other knots needs; None for a model without curves.

    Parameters
    ----------
    formula : ModelFormula
        The formula: every column named in its text is kept.
    data : DataFrame
        All columns.
    design : Design
        The model's arrays.
    keywords : Keywords
        Keywords that name columns.
    given : Given
        A function as mean may use any column: then all are kept.
    """
    if not any(curve.basis is not None for curve in design.curves):
        return None
    frame = to_frame(data)
    if given.mean is not None:
        return frame
    named = {value for value in keywords.given().values() if isinstance(value, str)}
    return frame[[name for name in frame.columns if name in named or str(name) in formula.text]]

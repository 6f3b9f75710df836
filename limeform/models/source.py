"""What a user gave, kept so that a model can be built again with other knots or data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from limeform.design import Keywords, MeanFunction
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
    keywords : Keywords
    scope : Scope
        The names that the formula takes from the caller's scope.
    reml : bool or None
    trim : Trimming
    missing : str
    given : Given
    """

    formula: ModelFormula
    data: object
    keywords: Keywords
    scope: Scope
    reml: bool | None
    trim: Trimming
    missing: str
    given: Given

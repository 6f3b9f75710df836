"""What a user gave, kept so that a model can be saved, and built again with other knots or data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from limeform.design import Design, Keywords, MeanFunction
from limeform.design.expressions import used_columns as columns_of_recipe
from limeform.errors import OptionError
from limeform.fit import Trimming
from limeform.formula import ModelFormula
from limeform.restrict import Constraint, Penalty, Prior
from limeform.restrict.arguments import finite_number

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

    @property
    def mean_names(self) -> tuple[str, ...]:
        """Names of the parameters of the function.

        Raises
        ------
        OptionError
            If there is a function without a start.
        """
        if self.mean is None:
            return ()
        if not self.start:
            raise OptionError("mean= needs start={name: value} with the names of its parameters")
        return tuple(self.start)


@dataclass(frozen=True, eq=False)
class Source:
    """All arguments of a model.

    Attributes
    ----------
    formula : ModelFormula
    data : DataFrame
        The columns that the model uses, not copied.
    keywords : Keywords
    reml : bool or None
    trim : Trimming
    missing : str
    given : Given
    """

    formula: ModelFormula
    data: pd.DataFrame
    keywords: Keywords
    reml: bool | None
    trim: Trimming
    missing: str
    given: Given

    def narrowed(self, design: Design) -> Source:
        """Return the arguments with those columns of the data only that the model uses, not copied."""
        given, frame = self.given, self.data
        if given.mean is not None:  # a function may use any column
            return self
        named = [value for value in (*self.keywords.given().values(), self.trim.keep) if isinstance(value, str)]
        if design.curves or design.nonlinear:
            named += [name for name in frame.columns if name in self.formula.text]
        return replace(self, data=columns_of_recipe(design.recipe, frame, named))


def as_choice(reml: object) -> bool | None:
    """Return ``reml=`` as given, checked."""
    if reml is not None and not isinstance(reml, (bool, np.bool_)):
        raise OptionError(f"reml={reml!r}: give True, False, or None to let the model decide")
    return None if reml is None else bool(reml)


def as_trimming(trim: float | Trimming) -> Trimming:
    """Return the options that a share of rows, or the options themselves, stand for."""
    return trim if isinstance(trim, Trimming) else Trimming(trim)


def as_start(start: object) -> dict[str, float] | None:
    """Return ``start=`` as finite numbers by name.

    Raises
    ------
    OptionError
        If it is no mapping, or holds anything else.
    """
    if start is None:
        return None
    if not isinstance(start, Mapping | pd.Series):
        raise OptionError(f"start={start!r}: give values by name, as in start={{'A': 1.0, 'k': 0.5}}")
    return {name: finite_number(value, "start=", repr(name)) for name, value in dict(start).items()}

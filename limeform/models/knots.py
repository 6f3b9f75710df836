"""Builds a model again with other knots of one of its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limeform.design.formulaic_compat import Scope
from limeform.design.rewrite import with_knots
from limeform.errors import OptionError
from limeform.formula import parse
from limeform.models.lmm import LMM
from limeform.models.source import Source


@dataclass(frozen=True, eq=False)
class KnotRecipe:
    """Builds a model again with other knots of one of its curves; it can be sent to another process.

    Attributes
    ----------
    source : Source
        All arguments of the model.
    scope : Scope
        The names that its formula takes from the caller's scope.
    warm_weights : ndarray or None
        Weights that trimming starts from.
    """

    source: Source
    scope: Scope
    warm_weights: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, model: LMM) -> KnotRecipe:
        """Return the recipe of a model."""
        if model.source is None:
            raise OptionError("this model does not have the data that it was made from: build it by lf.lmm")
        return cls(model.source, model.design.recipe.scope)

    def __call__(self, name: str, knots: Sequence[float], bounds: tuple[float, float]) -> LMM:
        """Return the model with ``knots`` for the curve ``name``."""
        text = with_knots(self.source.formula.text, name, knots, bounds)
        model = LMM.of(replace(self.source, formula=parse(text)), self.scope.mapping())
        model.warm_weights = self.warm_weights
        return model

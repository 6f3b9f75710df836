"""Formula and data frame to named arrays, with a recipe that replays on new data."""

from limeform.design.build import Design, build_design
from limeform.design.curves import Curve
from limeform.design.frame import Column, Missing, to_frame
from limeform.design.keywords import Errors, Keywords
from limeform.design.nonlinear import MeanFunction, NonlinearBlock
from limeform.design.random import GroupedEffects, TermColumns
from limeform.design.recipe import NewRows, Recipe, apply, effects_columns

__all__ = [
    "Column",
    "Curve",
    "Design",
    "Errors",
    "GroupedEffects",
    "Keywords",
    "MeanFunction",
    "Missing",
    "NewRows",
    "NonlinearBlock",
    "Recipe",
    "TermColumns",
    "apply",
    "build_design",
    "effects_columns",
    "to_frame",
]

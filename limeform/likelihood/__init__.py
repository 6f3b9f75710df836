"""The likelihood engine: cross-products of the data, their reduction, value, gradient and Hessian."""

from limeform.likelihood.coordinates import Coordinates, choose_coordinates
from limeform.likelihood.crossed.statistics import CrossedProducts, CrossedRows, FactorRows
from limeform.likelihood.crossproducts import Cells, CrossProducts, Rows, make_cells
from limeform.likelihood.gaussian import Criterion, Profile, ResidualVariance
from limeform.likelihood.joint import JointObjective, joint_coordinates
from limeform.likelihood.modes import Modes, conditional_modes, crossed_modes, mode_slopes
from limeform.likelihood.objective import Objective, Point
from limeform.likelihood.reduce_rows import reduce_response, reduce_rows

__all__ = [
    "Cells",
    "Coordinates",
    "Criterion",
    "CrossProducts",
    "CrossedProducts",
    "CrossedRows",
    "FactorRows",
    "JointObjective",
    "Modes",
    "Objective",
    "Point",
    "Profile",
    "ResidualVariance",
    "Rows",
    "choose_coordinates",
    "conditional_modes",
    "crossed_modes",
    "joint_coordinates",
    "make_cells",
    "mode_slopes",
    "reduce_response",
    "reduce_rows",
]

"""The likelihood engine: cross-products of the data, their reduction, value, gradient and Hessian."""

from limeform.likelihood.coordinates import Coordinates, choose_coordinates
from limeform.likelihood.crossed.assemble import crossed_products, with_crossed_response
from limeform.likelihood.crossed.statistics import CrossedProducts, CrossedRows, FactorRows
from limeform.likelihood.crossproducts import Cells, CrossProducts, Rows, cross_products, make_cells, with_response
from limeform.likelihood.gaussian import Criterion, Profile, ResidualVariance
from limeform.likelihood.modes import Modes, conditional_modes, crossed_modes
from limeform.likelihood.objective import Objective, Point

__all__ = [
    "Cells",
    "Coordinates",
    "Criterion",
    "CrossProducts",
    "CrossedProducts",
    "CrossedRows",
    "FactorRows",
    "Modes",
    "Objective",
    "Point",
    "Profile",
    "ResidualVariance",
    "Rows",
    "choose_coordinates",
    "conditional_modes",
    "cross_products",
    "crossed_modes",
    "crossed_products",
    "make_cells",
    "with_crossed_response",
    "with_response",
]

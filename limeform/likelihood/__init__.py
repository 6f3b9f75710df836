"""The likelihood engine: cross-products of the data, their reduction, value, gradient and Hessian."""

from limeform.likelihood.coordinates import Coordinates, choose_coordinates
from limeform.likelihood.crossproducts import Cells, CrossProducts, Rows, cross_products, make_cells, with_response
from limeform.likelihood.gaussian import Criterion, Profile, ResidualVariance
from limeform.likelihood.modes import Modes, conditional_modes, mode_slopes
from limeform.likelihood.objective import Objective, Point

__all__ = [
    "Cells",
    "Coordinates",
    "Criterion",
    "CrossProducts",
    "Modes",
    "Objective",
    "Point",
    "Profile",
    "ResidualVariance",
    "Rows",
    "choose_coordinates",
    "conditional_modes",
    "cross_products",
    "make_cells",
    "mode_slopes",
    "with_response",
]

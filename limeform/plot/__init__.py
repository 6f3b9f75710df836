"""Pictures: axes drawn from arrays that are ready to be drawn. Nothing is computed or fitted here.

Every function takes ``ax=`` and returns it; without, it makes a figure of a size that fits the content. matplotlib is
imported at the first picture, and neither its settings nor pyplot's current figure are touched where ``ax=`` is given.
"""

from limeform.plot.curve import CurvePicture, curve_plot
from limeform.plot.ensemble import Members
from limeform.plot.forest import forest_plot
from limeform.plot.forest_content import Forest, Order, Pooled
from limeform.plot.funnel import Funnel, funnel_plot
from limeform.plot.qq import Quantiles, qq_plots
from limeform.plot.random_effects import Caterpillar, caterpillar_plot
from limeform.plot.residuals import Residuals, residual_plot
from limeform.plot.trim_path import PathPicture, trim_path_plot
from limeform.plot.trimming import TrimmingPicture, trimming_plot

__all__ = [
    "Caterpillar",
    "CurvePicture",
    "Forest",
    "Funnel",
    "Members",
    "Order",
    "PathPicture",
    "Pooled",
    "Quantiles",
    "Residuals",
    "TrimmingPicture",
    "caterpillar_plot",
    "curve_plot",
    "forest_plot",
    "funnel_plot",
    "qq_plots",
    "residual_plot",
    "trim_path_plot",
    "trimming_plot",
]

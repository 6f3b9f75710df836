"""Models, not yet fitted, sweeps over them, and fits read from files."""

from limeform.models.arrays import Random
from limeform.models.chunks import CrossProducts
from limeform.models.formula import lmm
from limeform.models.knots import KnotRecipe
from limeform.models.lmm import LMM
from limeform.models.load import load
from limeform.models.trim_path import TrimPath, trim_path

__all__ = ["LMM", "CrossProducts", "KnotRecipe", "Random", "TrimPath", "lmm", "load", "trim_path"]

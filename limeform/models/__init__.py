"""Models, not yet fitted, and sweeps over them."""

from limeform.models.arrays import Random
from limeform.models.chunks import CrossProducts
from limeform.models.lmm import LMM, lmm
from limeform.models.trim_path import TrimPath, trim_path

__all__ = ["LMM", "CrossProducts", "Random", "TrimPath", "lmm", "trim_path"]

"""Models, not yet fitted."""

from limeform.models.arrays import Random
from limeform.models.chunks import CrossProducts
from limeform.models.lmm import LMM, lmm

__all__ = ["LMM", "CrossProducts", "Random", "lmm"]

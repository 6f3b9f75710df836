"""Models: from a formula or arrays to a fit."""

from limeform.models.arrays import Random
from limeform.models.lmm import LMM, lmm
from limeform.models.load import load

__all__ = ["LMM", "Random", "lmm", "load"]

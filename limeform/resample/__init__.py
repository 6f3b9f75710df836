"""Refits of a model's recipe."""

from limeform.resample.ensemble import KnotEnsemble, knot_ensemble

__all__ = ["KnotEnsemble", "knot_ensemble"]

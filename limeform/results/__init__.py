"""Fitted models: stored estimates and answers."""

from limeform.results.lmm import LMMResults

__all__ = ["LMMResults"]

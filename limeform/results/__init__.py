"""Fitted models: stored estimates and answers."""

from limeform.results.compare import compare
from limeform.results.lmm import LMMResults
from limeform.results.prediction import PredictionResults
from limeform.results.side_by_side import table
from limeform.tables import Table

__all__ = ["LMMResults", "PredictionResults", "Table", "compare", "table"]

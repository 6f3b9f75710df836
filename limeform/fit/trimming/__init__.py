"""Least-trimmed estimation: which rows or groups the model explains best."""

from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.pipeline import TrimReport, fit_trimmed

__all__ = ["TrimReport", "Trimming", "fit_trimmed"]

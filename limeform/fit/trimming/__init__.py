"""Least-trimmed estimation: which rows or groups the model explains best."""

from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.pipeline import TrimReport, fit_trimmed, refit_trimmed
from limeform.fit.trimming.restricted import fit_trimmed_joint

__all__ = ["TrimReport", "Trimming", "fit_trimmed", "fit_trimmed_joint", "refit_trimmed"]

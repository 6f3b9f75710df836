"""Least-trimmed estimation: which rows or groups the model explains best."""

from limeform.fit.trimming.options import Trimming
from limeform.fit.trimming.pipeline import fit_trimmed, refit_trimmed
from limeform.fit.trimming.report import TrimReport
from limeform.fit.trimming.restricted import fit_trimmed_joint, refit_trimmed_joint
from limeform.fit.trimming.steps import LARGE

__all__ = [
    "LARGE",
    "TrimReport",
    "Trimming",
    "fit_trimmed",
    "fit_trimmed_joint",
    "refit_trimmed",
    "refit_trimmed_joint",
]

"""The pipeline from a design to estimates."""

from limeform.fit.blocks import block_table, check_memory
from limeform.fit.checks import check_design
from limeform.fit.estimate import Estimates, Setup, cochran_q, estimate, estimate_again, modes_of, prepare
from limeform.fit.progress import Progress
from limeform.fit.trimming import Trimming, TrimReport, fit_trimmed, refit_trimmed

__all__ = [
    "Estimates",
    "Progress",
    "Setup",
    "TrimReport",
    "Trimming",
    "block_table",
    "check_design",
    "check_memory",
    "cochran_q",
    "estimate",
    "estimate_again",
    "fit_trimmed",
    "modes_of",
    "prepare",
    "refit_trimmed",
]

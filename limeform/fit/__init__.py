"""The pipeline from a design to estimates."""

from limeform.fit.blocks import block_table, check_memory
from limeform.fit.checks import check_design
from limeform.fit.estimate import (
    Estimates,
    Setup,
    cochran_q,
    estimate,
    estimate_again,
    mode_slopes_of,
    modes_of,
    prepare,
)
from limeform.fit.many import Draws, ManyCases, completed, estimate_many, stack
from limeform.fit.progress import Progress
from limeform.fit.trimming import Trimming, TrimReport, fit_trimmed, refit_trimmed

__all__ = [
    "Draws",
    "Estimates",
    "ManyCases",
    "Progress",
    "Setup",
    "TrimReport",
    "Trimming",
    "block_table",
    "check_design",
    "check_memory",
    "cochran_q",
    "completed",
    "estimate",
    "estimate_again",
    "estimate_many",
    "fit_trimmed",
    "mode_slopes_of",
    "modes_of",
    "prepare",
    "refit_trimmed",
    "stack",
]

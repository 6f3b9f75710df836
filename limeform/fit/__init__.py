"""The pipeline from a design to estimates."""

from limeform.fit.blocks import block_table, check_memory
from limeform.fit.checks import check_design
from limeform.fit.conditional import ConditionalPart, conditional_part, mode_of_rows, modes_at
from limeform.fit.equal_effects import EqualEffects, equal_effects
from limeform.fit.estimate import (
    ActiveConstraint,
    Estimates,
    RestrictedFit,
    cochran_q,
    estimate,
    estimate_again,
    modes_of,
)
from limeform.fit.many import Draws, ManyCases, completed, estimate_many, stack
from limeform.fit.progress import Progress
from limeform.fit.restricted import JointModel, estimate_joint, joint_modes, prepare_joint, with_allowed_start
from limeform.fit.setup import Setup, prepare, start_at
from limeform.fit.trimming import (
    Trimming,
    TrimReport,
    fit_trimmed,
    fit_trimmed_joint,
    refit_trimmed,
    refit_trimmed_joint,
)

__all__ = [
    "ActiveConstraint",
    "ConditionalPart",
    "Draws",
    "EqualEffects",
    "Estimates",
    "JointModel",
    "ManyCases",
    "Progress",
    "RestrictedFit",
    "Setup",
    "TrimReport",
    "Trimming",
    "block_table",
    "check_design",
    "check_memory",
    "cochran_q",
    "completed",
    "conditional_part",
    "equal_effects",
    "estimate",
    "estimate_again",
    "estimate_joint",
    "estimate_many",
    "fit_trimmed",
    "fit_trimmed_joint",
    "joint_modes",
    "mode_of_rows",
    "modes_at",
    "modes_of",
    "prepare",
    "prepare_joint",
    "refit_trimmed",
    "refit_trimmed_joint",
    "stack",
    "start_at",
    "with_allowed_start",
]

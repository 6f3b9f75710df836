"""The pipeline from a design to estimates."""

from limeform.fit.checks import check_design
from limeform.fit.estimate import (
    ActiveConstraint,
    Estimates,
    RestrictedFit,
    Setup,
    estimate,
    estimate_again,
    modes_of,
    prepare,
)
from limeform.fit.restricted import JointModel, estimate_joint, joint_modes, prepare_joint

__all__ = [
    "ActiveConstraint",
    "Estimates",
    "JointModel",
    "RestrictedFit",
    "Setup",
    "check_design",
    "estimate",
    "estimate_again",
    "estimate_joint",
    "joint_modes",
    "modes_of",
    "prepare",
    "prepare_joint",
]

"""The pipeline from a design to estimates."""

from limeform.fit.checks import check_design
from limeform.fit.estimate import Estimates, Setup, estimate, estimate_again, modes_of, prepare

__all__ = ["Estimates", "Setup", "check_design", "estimate", "estimate_again", "modes_of", "prepare"]

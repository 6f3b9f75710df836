"""The mean function F(beta): value, Jacobian, second derivatives."""

from limeform.mean.build import mean_of
from limeform.mean.parts import Mean, OutsideDomainError, UserFunction

__all__ = ["Mean", "OutsideDomainError", "UserFunction", "mean_of"]

"""The mean function F(beta): value, Jacobian, second derivatives."""

from limeform.mean.build import linearised, mean_of
from limeform.mean.parts import Mean, OutsideDomainError, UserFunction

__all__ = ["Mean", "OutsideDomainError", "UserFunction", "linearised", "mean_of"]

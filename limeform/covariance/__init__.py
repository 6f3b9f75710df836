"""Covariance structures of random effects: parameters to and from Gamma."""

from limeform.covariance.blocks import BlockDiagonal
from limeform.covariance.diagonal import Diagonal
from limeform.covariance.structure import Covariance, Structure
from limeform.covariance.unstructured import Unstructured

STRUCTURES: dict[str, type[Structure]] = {"unstructured": Unstructured, "diagonal": Diagonal}
"""The structures that a formula can name."""

__all__ = ["STRUCTURES", "BlockDiagonal", "Covariance", "Diagonal", "Structure", "Unstructured"]

"""Independent random effects, each with a variance of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limeform.covariance.structure import Covariance, FloatArray, Structure


@dataclass(frozen=True)
class Diagonal(Structure):
    """Gamma = diag(theta**2), with signed standard deviations as parameters; ``(x || g)`` in a formula.

    Examples
    --------
    >>> import numpy as np
    >>> Diagonal(2).covariance(np.array([2.0, 3.0])).gamma
    array([[4., 0.],
           [0., 9.]])
    """

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, k."""
        return self.size

    def start(self, sd: float) -> FloatArray:
        """Return ``sd`` for every effect."""
        return np.full(self.size, sd)

    def covariance(self, theta: FloatArray) -> Covariance:
        """Return Gamma and its derivatives."""
        k = self.size
        index = np.arange(k)
        first = np.zeros((k, k, k))
        first[index, index, index] = 2.0 * theta
        second = np.zeros((k, k, k, k))
        second[index, index, index, index] = 2.0
        return Covariance(gamma=np.diag(theta**2), first=first, second=second)

    def parameters(self, gamma: FloatArray) -> FloatArray:
        """Return the standard deviations."""
        return np.sqrt(np.clip(np.diag(gamma), 0.0, None))

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Return standard deviations without signs."""
        return np.abs(theta)

    def rescale(self, gram: FloatArray) -> FloatArray:
        """Return the reciprocal root mean squares of the columns: only a change of units keeps Gamma diagonal."""
        scale = np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1.0))
        return np.diag(1.0 / scale)

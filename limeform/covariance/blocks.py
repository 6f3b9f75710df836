"""Several terms on one grouping factor: their covariances as the blocks of one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from scipy.linalg import block_diag

from limeform.covariance.structure import Covariance, FloatArray, Structure


@dataclass(frozen=True)
class BlockDiagonal:
    """Independent terms on one grouping factor; parameters and effects are those of the terms, one after another.

    Attributes
    ----------
    structures : tuple of Structure
        One a term.

    Examples
    --------
    >>> from limeform.covariance import Diagonal, Unstructured
    >>> both = BlockDiagonal((Unstructured(2), Diagonal(1)))
    >>> both.size, both.n_parameters
    (3, 4)
    """

    structures: tuple[Structure, ...]

    @cached_property
    def size(self) -> int:
        """Number of random effects of all terms, k."""
        return sum(structure.size for structure in self.structures)

    @cached_property
    def n_parameters(self) -> int:
        """Number of free parameters of all terms, q."""
        return sum(structure.n_parameters for structure in self.structures)

    @cached_property
    def _places(self) -> list[tuple[Structure, slice, slice]]:
        """Each structure with its slice of the parameters and its slice of the effects."""
        ends = list(accumulate(structure.n_parameters for structure in self.structures))
        stops = list(accumulate(structure.size for structure in self.structures))
        return [
            (structure, slice(end - structure.n_parameters, end), slice(stop - structure.size, stop))
            for structure, end, stop in zip(self.structures, ends, stops, strict=True)
        ]

    def start(self, sd: float) -> FloatArray:
        """Return parameters at which every effect has standard deviation ``sd``, shape (q,)."""
        return np.concatenate([np.zeros(0), *(structure.start(sd) for structure in self.structures)])

    def covariance(self, theta: FloatArray) -> Covariance:
        """Return Gamma with its derivatives at ``theta``, shape (q,)."""
        if len(self.structures) == 1:
            return self.structures[0].covariance(theta)
        k, q = self.size, self.n_parameters
        gamma, first, second = np.zeros((k, k)), np.zeros((q, k, k)), np.zeros((q, q, k, k))
        for structure, params, effects in self._places:
            block = structure.covariance(theta[params])
            gamma[effects, effects] = block.gamma
            first[params, effects, effects] = block.first
            second[params, params, effects, effects] = block.second
        return Covariance(gamma=gamma, first=first, second=second)

    def parameters(self, gamma: FloatArray) -> FloatArray:
        """Return canonical parameters of ``gamma``, shape (k, k); entries between blocks are not looked at."""
        parts = [structure.parameters(gamma[effects, effects]) for structure, _, effects in self._places]
        return np.concatenate([np.zeros(0), *parts])

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Return the parameters that give the same Gamma as ``theta``, with canonical signs."""
        parts = [structure.canonical(theta[params]) for structure, params, _ in self._places]
        return np.concatenate([np.zeros(0), *parts])

    def rescale(self, gram: FloatArray) -> FloatArray:
        """Return the block-diagonal transformation of the effects that normalises ``gram``, shape (k, k)."""
        blocks = [structure.rescale(gram[effects, effects]) for structure, _, effects in self._places]
        return np.asarray(block_diag(*blocks), dtype=np.float64) if blocks else np.zeros((0, 0))

    def split(self, matrix: FloatArray) -> list[FloatArray]:
        """Return the diagonal blocks of ``matrix``, shape (k, k), one a term."""
        return [matrix[effects, effects] for _, _, effects in self._places]

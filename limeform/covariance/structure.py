"""The contract of a covariance structure: parameters in, covariance matrix and its derivatives out.

A structure is a frozen value that knows its size k and maps q free parameters theta to the k x k covariance matrix
Gamma of the random effects of one term. The parameters are unbounded real numbers, so a solver needs no bounds; a
variance of zero is an ordinary point, because Gamma depends on theta through squares.

To add a structure, write one file with a frozen dataclass that implements :class:`Structure`, and name it in
``limeform/covariance/__init__.py``. The likelihood only ever asks for Gamma and its derivatives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Covariance:
    """A covariance matrix with its derivatives in the q parameters that produced it.

    Attributes
    ----------
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    first : ndarray, shape (q, k, k)
        Derivative of ``gamma`` in each parameter.
    second : ndarray, shape (q, q, k, k)
        Second derivatives of ``gamma``.
    """

    gamma: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True)
class Structure(ABC):
    """Covariance structure of the k random effects of one term.

    Attributes
    ----------
    size : int
        Number of random effects k.
    """

    size: int

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Number of free parameters q."""

    @abstractmethod
    def start(self, sd: float) -> FloatArray:
        """Return parameters at which Gamma is ``sd**2`` times the identity, shape (q,)."""

    @abstractmethod
    def covariance(self, theta: FloatArray) -> Covariance:
        """Return Gamma and its first and second derivatives at ``theta``, shape (q,)."""

    @abstractmethod
    def parameters(self, gamma: FloatArray) -> FloatArray:
        """Return canonical parameters that give the positive semidefinite ``gamma``, shape (k, k)."""

    @abstractmethod
    def canonical(self, theta: FloatArray) -> FloatArray:
        """Return the parameters that give the same Gamma as ``theta`` and that `parameters` would return."""

    @abstractmethod
    def rescale(self, gram: FloatArray) -> FloatArray:
        """Return the change of basis of the effects that brings ``gram`` as near the identity as is allowed.

        Parameters
        ----------
        gram : ndarray, shape (k, k)
            Mean cross-product of the term's columns.

        Returns
        -------
        ndarray, shape (k, k)
            T with ``T.T @ gram @ T`` near the identity; ``T @ Gamma @ T.T`` is in the family whenever Gamma is.
        """

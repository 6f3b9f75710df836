"""Swaps of a trimmed for a kept row of the same group.

An outlier that is kept can bend the random effects of a small group so far that a good row of it is trimmed instead.
Given the parameters groups are independent, so that what such a swap changes is known exactly from the group alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

WIDEST = 10
"""Kept rows of a group that are tried: those with the largest residuals."""


def group_swap(
    residual: FloatArray,
    variance: FloatArray,
    z: FloatArray,
    gamma: FloatArray,
    groups: IntArray,
    weights: FloatArray,
    fixed: NDArray[np.bool_],
) -> tuple[int, int, float] | None:
    """Return the swap within a group that lowers minus the log-likelihood most at given parameters.

    Parameters
    ----------
    residual, variance : ndarray, shape (n,)
        Marginal residuals and error variances.
    z : ndarray, shape (n, k)
        Random-effects columns.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    groups : ndarray of int32, shape (n,)
        Group of each row.
    weights : ndarray, shape (n,)
        One for the rows that are kept, else zero.
    fixed : ndarray of bool, shape (n,)
        Rows that are never trimmed.

    Returns
    -------
    tuple of (int, int, float), or None
        The kept row, the trimmed row, and the gain; None where no swap gains.
    """
    best: tuple[int, int, float] | None = None
    each = _Sums.of_rows(residual, variance, z)
    for group in np.unique(groups[weights < 0.5]):
        rows = np.flatnonzero(groups == group)
        kept, entering = rows[weights[rows] > 0.5], rows[weights[rows] < 0.5]
        leaving = kept[~fixed[kept]]
        leaving = leaving[np.argsort(-np.abs(residual[leaving]) / np.sqrt(variance[leaving]))[:WIDEST]]
        if not len(leaving):
            continue
        now = each.total(kept)
        after = now.swapped(each, np.repeat(leaving, len(entering)), np.tile(entering, len(leaving)))
        gains = now.minus_log_likelihood(gamma) - after.minus_log_likelihood(gamma)
        most = int(gains.argmax())
        if gains[most] > (best[2] if best is not None else 1e-6):
            best = int(leaving[most // len(entering)]), int(entering[most % len(entering)]), float(gains[most])
    return best


@dataclass(frozen=True)
class _Sums:
    """What the likelihood of a set of rows of one group needs: sums over the rows, of c sets at once.

    With V = D + Z Gamma Z', ln|V| = ln|D| + ln|I + Gamma S| and r'V^-1 r = r'D^-1 r - b'(I + Gamma S)^-1 Gamma b.

    Attributes
    ----------
    gram : ndarray, shape (c, k, k)
        S = Z'D^-1 Z.
    score : ndarray, shape (c, k)
        b = Z'D^-1 r.
    own : ndarray, shape (c,)
        r'D^-1 r + ln|D|.
    """

    gram: FloatArray
    score: FloatArray
    own: FloatArray

    @classmethod
    def of_rows(cls, residual: FloatArray, variance: FloatArray, z: FloatArray) -> _Sums:
        """Return those of each row alone."""
        scaled = z / variance[:, None]
        return cls(
            scaled[:, :, None] * z[:, None, :], scaled * residual[:, None], residual**2 / variance + np.log(variance)
        )

    def total(self, rows: NDArray[np.intp]) -> _Sums:
        """Return those of some rows together, as one set."""
        parts = (self.gram, self.score, self.own)
        return _Sums(*(part[rows].sum(axis=0, keepdims=True) for part in parts))

    def swapped(self, each: _Sums, leaving: NDArray[np.intp], entering: NDArray[np.intp]) -> _Sums:
        """Return those of the set after each of c swaps."""
        return _Sums(
            self.gram + each.gram[entering] - each.gram[leaving],
            self.score + each.score[entering] - each.score[leaving],
            self.own + each.own[entering] - each.own[leaving],
        )

    def minus_log_likelihood(self, gamma: FloatArray) -> FloatArray:
        """Return minus the log-likelihood of each set, without constants, shape (c,)."""
        inner = np.eye(len(gamma)) + gamma @ self.gram
        moved = np.linalg.solve(inner, (self.score @ gamma)[:, :, None])[..., 0]
        quadratic = self.own - np.einsum("ck,ck->c", self.score, moved)
        return np.asarray(0.5 * (quadratic + np.linalg.slogdet(inner)[1]), dtype=np.float64)

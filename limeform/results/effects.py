"""Tables of variance components and of random effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design import GroupedEffects
from limeform.likelihood import Modes

FloatArray = NDArray[np.float64]


def correlation(gamma: FloatArray) -> FloatArray:
    """Return the correlation matrix of ``gamma``, NaN in rows and columns of zero variance; shape (k, k)."""
    sd = np.sqrt(np.diag(gamma))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(gamma / np.outer(sd, sd), dtype=np.float64)


def variance_components(
    factors: Sequence[GroupedEffects], gamma: FloatArray, residual: FloatArray, strata: pd.Index, known: bool
) -> pd.DataFrame:
    """Return the table that lme4 calls VarCorr.

    Parameters
    ----------
    factors : sequence of GroupedEffects
        Names of the random effects.
    gamma : ndarray, shape (k, k)
        Their covariance, those of all factors in one block-diagonal matrix.
    residual : ndarray, shape (s,)
        Residual variances.
    strata : Index
        Levels that the residual variances go by; empty for one variance.
    known : bool
        Whether the sampling variances are known; then no residual row is given.

    Returns
    -------
    DataFrame
        Columns ``group, effect, variance, sd`` and ``corr``: a tuple of the correlations with the effects above it in
        its term.
    """
    rows: list[tuple[str, str, float, tuple[float, ...]]] = []
    start = 0
    for factor, term in ((random.factor, term) for random in factors for term in random.terms):
        k = len(term.names)
        block = gamma[start : start + k, start : start + k]
        related = correlation(block)
        for j, name in enumerate(term.names):
            above = related[j, :j] if term.covariance == "unstructured" else related[j, :0]
            rows.append((factor, name, float(block[j, j]), tuple(float(value) for value in above)))
        start += k
    if not known:
        names = [str(level) for level in strata] or [""]
        rows += [("Residual", name, float(value), ()) for name, value in zip(names, residual, strict=True)]
    table = pd.DataFrame(rows, columns=["group", "effect", "variance", "corr"])
    table.insert(3, "sd", np.sqrt(table["variance"].to_numpy(dtype=np.float64)))
    return table


def effects_frame(random: GroupedEffects, modes: Modes) -> pd.DataFrame:
    """Return all conditional modes, one row an effect of a level.

    Returns
    -------
    DataFrame
        Columns ``group, level, effect, mode, sd``; sd is the conditional standard deviation.
    """
    m, k = modes.effects.shape
    variances = np.einsum("mkk->mk", modes.covariance)
    return pd.DataFrame(
        {
            "group": random.factor,
            "level": np.repeat(random.levels.to_numpy(), k),
            "effect": list(random.names) * m,
            "mode": modes.effects.ravel(),
            "sd": np.sqrt(np.clip(variances, 0.0, None)).ravel(),
        }
    )

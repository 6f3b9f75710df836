"""Wald inference on the fixed effects, from estimates and their covariance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic.utils.constraints import LinearConstraints
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t
from statsmodels.stats.contrast import ContrastResults

from limeform.errors import OptionError

FloatArray = NDArray[np.float64]

Hypothesis = str | Sequence[str] | ArrayLike | tuple[ArrayLike, ArrayLike]
"""``"x + 2*z = 1"``, several such strings, a matrix R of shape (c, p) (then R beta = 0), or (R, q)."""


@dataclass(frozen=True)
class WaldTable:
    """Estimates with their Wald tests.

    Attributes
    ----------
    estimate, se, statistic, p_value : ndarray, shape (p,)
        Estimate, standard error, their ratio, and its two-sided normal p-value.
    """

    estimate: FloatArray
    se: FloatArray
    statistic: FloatArray
    p_value: FloatArray


def wald_table(beta: FloatArray, covariance: FloatArray) -> WaldTable:
    """Test each coefficient against zero.

    Parameters
    ----------
    beta : ndarray, shape (p,)
        Estimates.
    covariance : ndarray, shape (p, p)
        Their covariance.

    Returns
    -------
    WaldTable
    """
    se = np.sqrt(np.diag(covariance))
    statistic = beta / se
    return WaldTable(estimate=beta, se=se, statistic=statistic, p_value=2.0 * norm.sf(np.abs(statistic)))


def check_alpha(alpha: object) -> None:
    """Refuse what is not one minus the coverage of an interval.

    Raises
    ------
    OptionError
    """
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float, np.integer, np.floating)) or not 0 < alpha < 1:
        raise OptionError(f"alpha={alpha!r} has to lie between 0 and 1, such as 0.05 for 95% intervals")


def wald_interval(table: WaldTable, alpha: float, df: float | None = None) -> FloatArray:
    """Return two-sided intervals of coverage 1 - alpha, normal or t with ``df`` degrees of freedom; shape (p, 2)."""
    check_alpha(alpha)
    if df is not None and not (isinstance(df, (int, float, np.number)) and df > 0):
        raise OptionError(f"df={df!r}: give a positive number of degrees of freedom, or None for normal quantiles")
    half = (norm.isf(alpha / 2) if df is None else t.isf(alpha / 2, df)) * table.se
    return np.column_stack([table.estimate - half, table.estimate + half])


def read_hypothesis(hypothesis: Hypothesis, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Return R and q of the hypothesis R beta = q, shapes (c, p) and (c,)."""
    try:
        several = isinstance(hypothesis, Sequence) and all(isinstance(part, str) for part in hypothesis)
        spec = list(hypothesis) if several and not isinstance(hypothesis, str) else hypothesis  # type: ignore[arg-type]
        parsed = LinearConstraints.from_spec(spec, variable_names=list(names))
        matrix = np.atleast_2d(np.asarray(parsed.constraint_matrix, dtype=np.float64))
        value = np.asarray(parsed.constraint_values, dtype=np.float64)
    except Exception as error:  # formulaic has no class of its own for most of what it cannot read
        raise _unreadable(hypothesis, names, _reason(error)) from error
    if matrix.shape[1] != len(names):
        raise _unreadable(hypothesis, names, f"it has {matrix.shape[1]} columns")
    if not (np.isfinite(matrix).all() and np.isfinite(value).all()):
        raise _unreadable(hypothesis, names, "it has values that are missing or infinite")
    if not matrix.any(axis=1).all() or not len(matrix):
        raise _unreadable(hypothesis, names, "it holds no coefficient" if len(matrix) < 2 else "a row holds none")
    return matrix, np.broadcast_to(value, (len(matrix),))


def _unreadable(hypothesis: Hypothesis, names: Sequence[str], reason: str) -> OptionError:
    known = f"the coefficients are {', '.join(names)}" if names else "the model has no fixed effects"
    return OptionError(
        f"the hypothesis {hypothesis!r} cannot be used: {reason}; {known}; "
        'write it as "x + 2*z = 1", names that are no Python names in backticks, '
        f"or as a matrix with {len(names)} columns"
    )


def _reason(error: Exception) -> str:
    """Return formulaic's message on one line, without its control codes for colours."""
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is not the name of a coefficient"
    if isinstance(error, IndexError):
        return "it is neither text nor a matrix"
    return " ".join(re.sub(r"\x1b?\[[0-9;]+m|[⧛⧚]", "", str(error)).split()).rstrip(".")


def t_test(beta: pd.Series, covariance: FloatArray, hypothesis: Hypothesis) -> ContrastResults:
    """Test linear combinations one by one with the normal distribution."""
    matrix, value = read_hypothesis(hypothesis, list(beta.index))
    effect = matrix @ beta.to_numpy()
    sd = np.sqrt(np.einsum("ij,jk,ik->i", matrix, covariance, matrix))
    z = (effect - value) / sd
    return ContrastResults(effect=effect, statistic=z, sd=sd, df_denom=np.inf, distribution="norm")


def wald_test(beta: pd.Series, covariance: FloatArray, hypothesis: Hypothesis) -> ContrastResults:
    """Test linear combinations jointly with the chi-squared distribution."""
    matrix, value = read_hypothesis(hypothesis, list(beta.index))
    difference = matrix @ beta.to_numpy() - value
    middle = matrix @ covariance @ matrix.T
    rank = int(np.linalg.matrix_rank(matrix))
    if rank < len(matrix):
        raise OptionError(f"the {len(matrix)} rows of the hypothesis are linearly dependent (rank {rank}); remove some")
    statistic = float(difference @ np.linalg.solve(middle, difference))
    return ContrastResults(chi2=statistic, statistic=statistic, df_denom=rank, distribution="chi2", distargs=(rank,))

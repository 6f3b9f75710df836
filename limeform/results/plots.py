"""The numbers that pictures of a fit show: from a design and its estimates to what `limeform.plot` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from limeform.design import Design, GroupedEffects
from limeform.errors import OptionError
from limeform.likelihood import Modes
from limeform.plot import Caterpillar, Forest, Funnel, Pooled, Residuals
from limeform.results.heterogeneity import Heterogeneity
from limeform.results.inference import check_alpha

FloatArray = NDArray[np.float64]

CONTOURS = (0.90, 0.95, 0.99)
ROUNDING = 1e-9
SMOOTHED = 20
"""Least number of rows for a smooth line."""

Labels = Sequence[object] | pd.Series | NDArray[np.generic]


def forest_content(
    design: Design,
    beta: FloatArray,
    covariance: FloatArray,
    gamma: FloatArray,
    heterogeneity: Heterogeneity | None,
    labels: Labels | None,
    alpha: float,
    columns: Mapping[str, Labels] | None = None,
    weights: bool = False,
    kept: NDArray[np.bool_] | None = None,
) -> Forest:
    """Return the rows of a forest plot with what the model says of them.

    Parameters
    ----------
    design : Design
        Arrays of the model.
    beta : ndarray, shape (p,)
        Fixed effects.
    covariance : ndarray, shape (p, p)
        Their covariance.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    heterogeneity : Heterogeneity or None
        For the line below the summary.
    labels : sequence of length n, Series, or None
        Names of the rows; the levels of the grouping factor if left out.
    alpha : float
        One minus the coverage of the intervals.
    columns : mapping of str to sequence of length n, optional
        Further columns of text by heading.
    weights : bool
        Whether a column has the weights in percent.
    kept : ndarray of bool, shape (n,), optional
        Rows that were not trimmed; all if left out.

    Returns
    -------
    Forest
        The weight of a row is the inverse of its marginal variance, sampling and random together. Where all rows have
        the same mean it is the summary, with a prediction interval (normal, for the mean and the effect of a new level)
        if the random effects have the same variance in all rows; where means differ there are fitted values instead.

    Raises
    ------
    OptionError
    """
    variance = _sampling_variance(design, "forest")
    z = normal_quantile(alpha)
    between = _between_variance(design.factors, gamma)
    se = np.sqrt(variance)
    fitted = design.x @ beta + design.offset
    fitted_se = np.sqrt(np.clip(np.einsum("ij,jk,ik->i", design.x, covariance, design.x), 0.0, None))
    same = _one_mean(design)
    heading, texts = _row_labels(design, labels)
    weight = 1.0 / (variance + between)
    further = [(str(name), _row_labels(design, values)[1]) for name, values in (columns or {}).items()]
    if weights:
        further.append(("Weight", _shares(weight, kept)))
    return Forest(
        name=design.response,
        heading=heading,
        labels=texts,
        estimate=design.y,
        weight=weight,
        columns=further,
        interval=np.column_stack([design.y - z * se, design.y + z * se]),
        coverage=1.0 - alpha,
        pooled=_pooled(float(fitted[0]), float(fitted_se[0]), between, z, design.random)
        if same and len(beta)
        else None,
        fitted=None if same else np.column_stack([fitted, fitted - z * fitted_se, fitted + z * fitted_se]),
        notes=_notes(heterogeneity, design.random),
        kept=kept,
    )


def _shares(weight: FloatArray, kept: NDArray[np.bool_] | None) -> list[str]:
    """Return weights in percent of those that were kept; a dash for a trimmed row."""
    used = np.ones(len(weight), dtype=bool) if kept is None else kept
    share = 100.0 * weight / weight[used].sum()
    return [f"{value:.1f}%" if each else "\N{EN DASH}" for value, each in zip(share, used, strict=True)]


def _pooled(estimate: float, se: float, between: FloatArray, z: float, random: GroupedEffects | None) -> Pooled:
    prediction = None
    if random is not None and np.ptp(between) <= 1e-12 * between.max(initial=0.0):
        reach = z * float(np.sqrt(se**2 + between[0]))
        prediction = (estimate - reach, estimate + reach)
    label = "Common-effect mean" if random is None else "Random-effects mean"
    return Pooled(label, estimate, (estimate - z * se, estimate + z * se), prediction)


def _notes(heterogeneity: Heterogeneity | None, random: GroupedEffects | None) -> tuple[str, ...]:
    if heterogeneity is None or np.isnan(heterogeneity.tau2):
        return ()
    parts = [] if random is None else [f"τ² = {heterogeneity.tau2:.3g}"]
    if np.isfinite(heterogeneity.i2):
        parts.append(f"I² = {heterogeneity.i2:.0f}%")
    return (", ".join(parts),) if parts else ()


def _row_labels(design: Design, labels: Labels | None) -> tuple[str, list[str]]:
    """Return the heading of the labels, and the labels."""
    if labels is None:
        if design.random is None:
            return str(design.index.name or "Row"), [str(label) for label in design.index]
        factors = _innermost(design.factors)
        names = [random.levels.to_numpy()[random.codes].astype(str) for random in factors]
        return ", ".join(random.factor for random in factors), [", ".join(row) for row in zip(*names, strict=True)]
    if isinstance(labels, str):
        raise OptionError(
            f"labels={labels!r}: give the labels themselves, such as data[{labels!r}], not a column's name"
        )
    heading = str(labels.name) if isinstance(labels, pd.Series) and labels.name is not None else ""
    if isinstance(labels, pd.Series) and labels.index.is_unique and design.index.isin(labels.index).all():
        labels = labels.loc[design.index]
    texts = [str(label) for label in labels]
    if len(texts) != len(design.y):
        raise OptionError(
            f"labels= has {len(texts)} values for {len(design.y)} rows"
            + (f" ({design.missing.rows} were left out)" if design.missing.rows else "")
            + ": give one for each row used, or a Series on the index of the data"
        )
    return heading, texts


def _innermost(factors: Sequence[GroupedEffects]) -> list[GroupedEffects]:
    """Return the factors without those that another one names, as a:b names a."""
    parts = [set(random.factor.split(":")) for random in factors]
    return [random for random, own in zip(factors, parts, strict=True) if not any(own < other for other in parts)]


def funnel_content(
    design: Design, beta: FloatArray, reference: float | None, kept: NDArray[np.bool_] | None = None
) -> Funnel:
    """Return the points of a funnel plot: estimates, or residuals where the rows have different means.

    Parameters
    ----------
    design : Design
        Arrays of the model.
    beta : ndarray, shape (p,)
        Fixed effects.
    reference : float or None
        Where the funnel stands; if left out at the pooled estimate, or at zero for residuals.
    kept : ndarray of bool, shape (n,), optional
        Rows that were not trimmed; all if left out.

    Returns
    -------
    Funnel
        Standard errors are those of the sampling errors. Contours contain that share of the points if sampling error is
        all there is.

    Raises
    ------
    OptionError
    """
    se = np.sqrt(_sampling_variance(design, "funnel"))
    fitted = design.x @ beta + design.offset
    same = _one_mean(design)
    if reference is not None and not np.isfinite(reference):
        raise OptionError(f"reference={reference!r}: give a finite number")
    pooled = float(fitted[0]) if same else 0.0
    name = "pooled estimate" if same else "zero"
    return Funnel(
        name=design.response if same else f"Residual of {design.response}",
        effect=design.y if same else design.y - fitted,
        se=se,
        reference=pooled if reference is None else float(reference),
        reference_name=name if reference is None else f"reference {reference:g}",
        levels=CONTOURS,
        quantiles=[normal_quantile(1.0 - level) for level in CONTOURS],
        kept=np.ones(len(se), dtype=bool) if kept is None else kept,
    )


def residual_content(
    name: str, fitted: FloatArray, residual: FloatArray, kept: NDArray[np.bool_] | None = None
) -> Residuals:
    """Return what a residual plot shows, with a local regression line (lowess) through the rows that were kept.

    Parameters
    ----------
    name : str
        Name of the response.
    fitted, residual : ndarray, shape (n,)
        Fitted values and residuals.
    kept : ndarray of bool, shape (n,), optional
        Rows that were not trimmed; all if left out.

    Returns
    -------
    Residuals
    """
    used = slice(None) if kept is None else kept
    return Residuals(fitted, residual, _smooth(fitted[used], residual[used]), name, kept)


def _smooth(x: FloatArray, y: FloatArray) -> FloatArray | None:
    """Return a lowess line, shape (r, 2) (Cleveland 1979); None where there are too few places for one."""
    width = float(np.ptp(x)) if len(x) else 0.0
    if len(np.unique(x[: 100 * SMOOTHED])) < SMOOTHED or width <= 1e-9 * float(np.abs(x).max()):
        return None
    from statsmodels.nonparametric.smoothers_lowess import lowess

    line = np.asarray(lowess(y, x, delta=0.01 * width, return_sorted=True), dtype=np.float64)
    _, first = np.unique(line[:, 0], return_index=True)
    return line[first]


def caterpillar_content(
    random: GroupedEffects | None, modes: Modes | None, spread: float, sort_by: str | None, alpha: float
) -> Caterpillar:
    """Return the random effects in order.

    Parameters
    ----------
    random : GroupedEffects or None
        Names of the random effects.
    modes : Modes or None
        Their conditional modes and covariances.
    spread : float
        Standard deviation of the response: effects that are nothing but rounding error against it are drawn as zero.
    sort_by : str or None
        Name of the effect to sort by; the first if left out.
    alpha : float
        One minus the coverage of the intervals.

    Returns
    -------
    Caterpillar

    Raises
    ------
    OptionError
    """
    if random is None or modes is None:
        raise OptionError("plot_random_effects: the model has no random effects; add a term such as (1 | group)")
    by = random.names[0] if sort_by is None else sort_by
    if by not in random.names:
        raise OptionError(f"sort_by={sort_by!r}: the random effects are {', '.join(random.names)}")
    sd = np.sqrt(np.clip(np.einsum("mkk->mk", modes.covariance), 0.0, None))
    sizes = np.sqrt(np.mean(random.z**2, axis=0))
    seen = (np.abs(modes.effects).max(axis=0) + sd.max(axis=0)) * sizes > ROUNDING * spread
    mode, sd = modes.effects * seen, sd * seen
    rank = np.argsort(mode[:, random.names.index(by)], kind="stable")
    return Caterpillar(
        factor=random.factor,
        levels=[str(level) for level in random.levels.to_numpy()[rank]],
        effects=random.names,
        mode=mode[rank],
        half_width=normal_quantile(alpha) * sd[rank],
        sorted_by=by,
        coverage=1.0 - alpha,
    )


def normal_quantile(alpha: float) -> float:
    """Return the half-width of a two-sided normal interval of coverage 1 - alpha, in standard errors."""
    check_alpha(alpha)
    return float(norm.isf(alpha / 2.0))


def _sampling_variance(design: Design, picture: str) -> FloatArray:
    if design.errors.variance is None:
        raise OptionError(
            f"plot_{picture} needs known sampling variances, and this model estimates the residual variance: "
            "give the model se= or variance=, or look at plot_residuals and plot_random_effects"
        )
    return design.errors.variance


def _one_mean(design: Design) -> bool:
    """Say whether all rows have the same expected value."""
    return bool((np.ptp(design.x, axis=0) == 0).all() and np.ptp(design.offset) == 0)


def _between_variance(factors: Sequence[GroupedEffects], gamma: FloatArray) -> FloatArray:
    """Return the variance that the random effects give each row, shape (n,), or (1,) of zero without any."""
    if not factors:
        return np.zeros(1)
    z = np.hstack([random.z for random in factors])
    return np.asarray(np.einsum("nj,jk,nk->n", z, gamma, z), dtype=np.float64)

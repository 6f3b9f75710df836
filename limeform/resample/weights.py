"""What the members of an ensemble weigh, by how well each fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limeform.design.curves import spline_of
from limeform.errors import OptionError
from limeform.fit import Estimates
from limeform.results import LMMResults
from limeform.results.curve import find_curve

FloatArray = NDArray[np.float64]
Criterion = Literal["aic", "bic", "posterior", "mrbert"] | Callable[[LMMResults], float]

NAMED = ("aic", "bic", "posterior", "mrbert")

SLOPES, QUANTILE, HIGH = (2.0, 10.0), 0.4, 0.8
"""Of MR-BeRT's two S-shaped curves: their steepness (fit, variation), and the weight that they give to the score that
this share of the members lies below."""

PLACES = 201
"""Where the variation of a curve is averaged."""


def scores_of(members: Sequence[LMMResults], draws: Sequence[int], curve: str, criterion: Criterion) -> FloatArray:
    """Return the logarithms of the weights of members, but for a constant; shape (m,).

    Parameters
    ----------
    members : sequence of LMMResults
        The fits.
    draws : sequence of int
        Their numbers, for messages.
    curve : str
        The curve whose knots differ.
    criterion : str or callable
        What the weights are made from.

    Raises
    ------
    OptionError
        If a criterion gives no number, or no member any weight.
    """
    if callable(criterion):
        scores = np.array([_called(criterion, one, draw) for one, draw in zip(members, draws, strict=True)])
    else:
        fits = [_scored(one) for one in members]
        likelihoods, sizes = _comparable(members, fits)
        counts = np.array([float(one.n_parameters) for one in members])
        priors = np.array([0.0 if fit.restricted is None else fit.restricted.log_prior for fit in fits])
        match criterion:
            case "aic":
                scores = likelihoods - counts
            case "bic":
                scores = likelihoods - 0.5 * np.log(sizes) * counts
            case "posterior":
                scores = likelihoods + priors
            case "mrbert":
                scores = _fit_and_variation(likelihoods + priors, np.array([_variation(one, curve) for one in members]))
    if np.isneginf(scores).all():
        raise OptionError(f"criterion={criterion!r} gives none of the {len(members)} members any weight: draw more")
    return scores


def _scored(member: LMMResults) -> Estimates:
    """Return the estimates that a member is judged by: by ML, and from the rows that the search for outliers kept.

    A restricted likelihood depends on the basis of the columns that it integrates out. A reweighting or a correction
    after the trimming leaves members with different numbers of rows, or another likelihood.
    """
    report = member.trimming
    later = report is not None and (report.options.reweight is not None or report.options.correct)
    if not member.reml:
        return report.raw if later and report is not None else member.estimates
    if later:
        raise OptionError(
            "members by REML after a reweighting or correction cannot be compared: give the model reml=False, leave "
            "reweight= and correct= out of its Trimming, or give a function as criterion="
        )
    return member.refit_by_ml().estimates


def _comparable(members: Sequence[LMMResults], fits: Sequence[Estimates]) -> tuple[FloatArray, FloatArray]:
    """Return log-likelihoods and numbers of rows.

    Where whole groups are trimmed the numbers differ: densities are then taken in the unit of a typical error, as the
    trimming itself takes them.
    """
    likelihoods = np.array([fit.log_likelihood for fit in fits])
    sizes = np.array([_rows_kept(one) for one in members], dtype=np.float64)
    if len(set(sizes)) > 1:
        unit = np.mean([np.mean(np.log(one.error_variance)) for one in members])
        likelihoods = likelihoods + 0.5 * (unit + np.log(2 * np.pi)) * sizes
    return likelihoods, sizes


def _rows_kept(member: LMMResults) -> int:
    """Return how many rows the search for outliers kept."""
    report, random = member.trimming, member.design.random
    if report is None:
        return member.nobs
    kept = report.found.best.weights > 0.5
    if report.options.level == "group" and random is not None:
        kept = kept[random.codes]
    return int(kept.sum())


def _called(criterion: Callable[[LMMResults], float], member: LMMResults, draw: int) -> float:
    try:
        value = float(criterion(member))
    except (TypeError, ValueError) as error:
        raise OptionError(f"criterion= has to return a number; for draw {draw} it did not: {error}") from error
    if np.isnan(value) or value == np.inf:
        raise OptionError(f"criterion= returned {value} for draw {draw}: return a finite number, or -inf for no weight")
    return value


def _variation(member: LMMResults, name: str) -> float:
    """Return the mean absolute size of the highest derivative that the pieces of a curve have."""
    curve = find_curve(member, name)
    basis = spline_of(curve)
    at = np.linspace(basis.lower, basis.upper, PLACES)
    coefficients = curve.lift(len(member.estimates.beta)) @ member.estimates.beta
    return float(np.abs(basis.values(at, basis.degree) @ coefficients).mean())


def _fit_and_variation(fit: FloatArray, variation: FloatArray) -> FloatArray:
    """Return the log of the product of a weight for fit and one for a curve of little variation."""
    weights = s_shaped(fit, SLOPES[0]) * s_shaped(-variation, SLOPES[1])
    with np.errstate(divide="ignore"):
        return np.log(weights)


def s_shaped(scores: FloatArray, slope: float) -> FloatArray:
    """Return weights from 0 for the least score to 1 for the greatest, along an S-shaped curve; shape (m,).

    With x the scores brought to 0..1 and x0 the one that four fifths of the members lie below, the curve is
    a exp(-b/x) up to x0 and 1 - c exp(-d/(1-x)) from there, with the value 0.4 and the given slope at x0.
    """
    spread = np.ptp(scores)
    if spread == 0:
        return np.ones(len(scores))
    x = (scores - scores.min()) / spread
    middle = np.sort(x)[int(HIGH * len(x))]
    result = np.where(x >= 1.0, 1.0, 0.0)
    below, above = (x > 0) & (x < middle), (x >= middle) & (x < 1)
    b, d = slope * middle / QUANTILE, slope * (1 - middle) / (1 - QUANTILE)
    result[below] = QUANTILE * np.exp(b * (1 - middle / x[below]))
    result[above] = 1.0 - (1.0 - QUANTILE) * np.exp(d * (1 - (1 - middle) / (1 - x[above])))
    return np.asarray((result - result.min()) / np.ptp(result))

"""What a forest plot shows: rows and summary, on the scale of the model, on that of the axis, and in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limeform.plot.scale import Scale

FloatArray = NDArray[np.float64]
Order = Literal["data", "estimate", "weight"]


@dataclass(frozen=True)
class Pooled:
    """One estimate for all rows.

    Attributes
    ----------
    label : str
        What it is.
    estimate : float
        The estimate.
    interval : tuple of float
        Ends of its confidence interval.
    prediction : tuple of float, or None
        Ends of the prediction interval for the effect of a new study.
    """

    label: str
    estimate: float
    interval: tuple[float, float]
    prediction: tuple[float, float] | None = None


@dataclass(frozen=True)
class Forest:
    """What a forest plot shows, on the scale of the model.

    Attributes
    ----------
    name : str
        Name of the estimates, for the axis.
    heading : str
        What stands above the labels.
    labels : sequence of str, length n
        Names of the rows.
    estimate, weight : ndarray, shape (n,)
        Estimates; weights, of which only the ratios matter.
    interval : ndarray, shape (n, 2)
        Ends of the confidence intervals.
    coverage : float
        Coverage of all intervals.
    pooled : Pooled or None
        The summary below the rows; None where the rows have different means.
    fitted : ndarray, shape (n, 3), or None
        Fitted value and the ends of its interval for each row, where they differ.
    notes : sequence of str
        Lines below everything.
    columns : sequence of (str, sequence of str)
        Further columns of text on the right: a heading and a text for each row.
    kept : ndarray of bool, shape (n,), or None
        Rows that were not trimmed; None for all.
    """

    name: str
    heading: str
    labels: Sequence[str]
    estimate: FloatArray
    weight: FloatArray
    interval: FloatArray
    coverage: float = 0.95
    pooled: Pooled | None = None
    fitted: FloatArray | None = None
    notes: Sequence[str] = ()
    columns: Sequence[tuple[str, Sequence[str]]] = ()
    kept: NDArray[np.bool_] | None = None

    @property
    def trimmed(self) -> NDArray[np.bool_]:
        """Rows that were trimmed, shape (n,)."""
        return np.zeros(len(self.labels), dtype=bool) if self.kept is None else ~self.kept

    @property
    def footer_lines(self) -> int:
        """Number of lines of text below the rows."""
        summary = 0 if self.pooled is None else 1 + (self.pooled.prediction is not None)
        return summary + (self.fitted is not None) + bool(self.trimmed.any()) + len(self.notes)


def on_scale(content: Forest, scale: Scale) -> Forest:
    """Return the content with all values transformed."""
    fitted = content.fitted
    if fitted is not None:
        middle, ends = scale.apply(fitted[:, 0], "fitted values"), scale.interval(fitted[:, 1:], "fitted values")
        fitted = np.column_stack([middle, ends])
    return replace(
        content,
        estimate=scale.apply(content.estimate, "estimates"),
        interval=scale.interval(content.interval, "intervals"),
        pooled=None if content.pooled is None else _pooled_on_scale(content.pooled, scale),
        fitted=fitted,
    )


def _pooled_on_scale(pooled: Pooled, scale: Scale) -> Pooled:
    interval = scale.interval(np.array(pooled.interval), "summary")
    prediction = None
    if pooled.prediction is not None:
        ends = scale.interval(np.array(pooled.prediction), "prediction interval")
        prediction = (float(ends[0]), float(ends[1]))
    return replace(
        pooled,
        estimate=float(scale.apply(np.array([pooled.estimate]), "summary")[0]),
        interval=(float(interval[0]), float(interval[1])),
        prediction=prediction,
    )


def in_order(content: Forest, order: Order) -> Forest:
    """Return the content with its rows sorted: by estimate, or by weight with the largest first."""
    if order == "data":
        return content
    rank = np.argsort(content.estimate if order == "estimate" else -content.weight, kind="stable")
    return replace(
        content,
        labels=[content.labels[i] for i in rank],
        estimate=content.estimate[rank],
        weight=content.weight[rank],
        interval=content.interval[rank],
        fitted=None if content.fitted is None else content.fitted[rank],
        columns=[(heading, [texts[i] for i in rank]) for heading, texts in content.columns],
        kept=None if content.kept is None else content.kept[rank],
    )

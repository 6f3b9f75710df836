"""Dose-response curves: the curve with its two bands, the rows sized by precision, knots, references."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LARGEST, SMALLEST = 120.0, 8.0
"""Areas of the points of the most and the least precise rows."""


def _none() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class CurvePicture:
    """What a picture of a curve shows.

    Attributes
    ----------
    name, response : str
        Names of the axes.
    at, fit : ndarray, shape (n,)
        The curve.
    mean_band, new_band : ndarray, shape (n, 2)
        Bands of the mean and of a new group; NaN where unknown.
    knots : ndarray
        Interior knots.
    labels : tuple of str
        Names of the places, for levels.
    exposure, low, high, value : ndarray, shape (rows,)
        Middle and ends of each row's exposure, and the value that the row asks for.
    precision : ndarray, shape (rows,)
        One over the standard deviation of the errors.
    trimmed : ndarray of bool, shape (rows,)
        Rows that were left out.
    reference, reference_value : ndarray or None
        What each row was compared with, and the curve there.
    """

    name: str
    response: str
    at: FloatArray
    fit: FloatArray
    mean_band: FloatArray
    new_band: FloatArray
    knots: FloatArray
    labels: tuple[str, ...] = ()
    exposure: FloatArray = field(default_factory=_none)
    low: FloatArray = field(default_factory=_none)
    high: FloatArray = field(default_factory=_none)
    value: FloatArray = field(default_factory=_none)
    precision: FloatArray = field(default_factory=_none)
    trimmed: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    reference: FloatArray | None = None
    reference_value: FloatArray | None = None

    def with_rows(
        self,
        exposure: FloatArray,
        low: FloatArray,
        high: FloatArray,
        value: FloatArray,
        precision: FloatArray,
        trimmed: BoolArray,
        reference: FloatArray | None,
        reference_value: FloatArray | None,
    ) -> CurvePicture:
        """Return the picture with the rows of the data."""
        return replace(
            self,
            exposure=exposure,
            low=low,
            high=high,
            value=value,
            precision=precision,
            trimmed=trimmed,
            reference=reference,
            reference_value=reference_value,
        )


def curve_plot(content: CurvePicture, *, ax: Axes | None = None) -> Axes:
    """Draw a curve.

    Parameters
    ----------
    content : CurvePicture
        What is drawn.
    ax : Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    Axes
    """
    drawn: Axes = new_axes(5.6, 4.2)[0] if ax is None else ax
    order = np.argsort(content.at)
    at = content.at[order]
    for band, colour, label in (
        (content.new_band[order], style.BANDS[1], "new group"),
        (content.mean_band[order], style.BAND, "mean"),
    ):
        if np.isfinite(band).any():
            drawn.fill_between(at, band[:, 0], band[:, 1], color=colour, linewidth=0, label=f"band of the {label}")
    _draw_rows(drawn, content)
    drawn.plot(
        at, content.fit[order], color=style.MODEL, linewidth=1.6, label="fit", marker="o" if content.labels else None
    )
    for knot in content.knots:
        drawn.axvline(knot, color=style.LINE, linewidth=0.7, linestyle=":", label="_knot")
    if content.labels:
        drawn.set_xticks(content.at, content.labels)
    drawn.set_xlabel(content.name)
    drawn.set_ylabel(content.response)
    drawn.legend(frameon=False, fontsize=style.text_size())
    return drawn


def _draw_rows(ax: Axes, content: CurvePicture) -> None:
    if not len(content.exposure):
        return
    wide = content.high > content.low
    if wide.any():
        ax.hlines(
            content.value[wide], content.low[wide], content.high[wide], color=style.LINE, linewidth=0.6, label="_range"
        )
    if content.reference is not None and content.reference_value is not None:
        ax.plot(
            np.vstack([content.reference, content.exposure]),
            np.vstack([content.reference_value, content.value]),
            color=style.LINE,
            linewidth=0.4,
            label="_comparison",
        )
        ax.scatter(
            content.reference, content.reference_value, marker="|", s=30, color=style.REFERENCE, label="reference"
        )
    share = content.precision / content.precision.max()
    area = SMALLEST + (LARGEST - SMALLEST) * share**2
    for which, marker, colour, label in (
        (~content.trimmed, "o", style.DATA, "rows"),
        (content.trimmed, "x", style.MODEL, "trimmed"),
    ):
        if which.any():
            points = ax.scatter(
                content.exposure[which], content.value[which], s=area[which], marker=marker, color=colour, alpha=0.75
            )
            points.set_label(label)
            if marker == "o":
                points.set_edgecolor("white")
                points.set_linewidth(0.5)

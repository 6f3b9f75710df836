"""Dose-response curves: the curve with its two bands, the rows sized by precision, knots, references."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes
from limeform.plot.ensemble import Members, draw_members
from limeform.plot.funnel import point_size
from limeform.plot.legend import legend_below
from limeform.plot.scale import plain_ticks
from limeform.plot.trimmed import REACH, draw_arrows, draw_trimmed, stretched

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LARGEST, SMALLEST = 2.2, 0.6
"""Diameters of the points of the most and the least precise rows, in those of points of one size."""
FAINT = 20.0
"""Up to how many lines from rows to references are drawn at full strength."""


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
        Bands of the mean and of a new group; NaN where unknown, or where the model has no groups.
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
    coverage : float
        Of the bands.
    absent : str
        What the legend says of a band that is not known.
    members : Members or None
        Curves that the fit is the average of.
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
    coverage: float = 0.95
    absent: str = ""
    members: Members | None = None

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
    """Draw a curve, or the effects of levels.

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
    drawn: Axes = new_axes(5.6, 4.4)[0] if ax is None else ax
    if content.labels:
        _draw_levels(drawn, content)
    else:
        _draw_line(drawn, content)
    if content.members is not None:
        draw_members(drawn, content.at, content.members)
    _draw_rows(drawn, content)
    _set_limits(drawn, content)
    _draw_trimmed(drawn, content)
    drawn.set_xlabel(content.name, parse_math=False)
    drawn.set_ylabel(content.response, parse_math=False)
    drawn.spines[["right", "top"]].set_visible(False)
    plain_ticks(drawn.yaxis)
    if content.absent:
        drawn.plot([], [], linestyle="none", label=content.absent)
    handles, labels = drawn.get_legend_handles_labels()
    rank = sorted(range(len(labels)), key=lambda i: (labels[i] != "fit", "band" not in labels[i]))
    if len(labels) > 1:
        legend_below(drawn, [handles[i] for i in rank], [labels[i] for i in rank], given=ax is not None)
    return drawn


def _bands(content: CurvePicture) -> list[tuple[FloatArray, str, str]]:
    """Return the bands that are known, the widest first, with colours and names."""
    cover = f"{100 * content.coverage:g}% band"
    named = (
        (content.new_band, style.BANDS[1], f"new group, {cover}"),
        (content.mean_band, style.BAND, f"mean, {cover}"),
    )
    return [band for band in named if np.isfinite(band[0]).any()]


def _draw_line(ax: Axes, content: CurvePicture) -> None:
    order = np.argsort(content.at)
    at = content.at[order]
    for band, colour, label in _bands(content):
        ax.fill_between(at, band[order, 0], band[order, 1], color=colour, linewidth=0, label=label)
    for knot in content.knots:
        ax.axvline(knot, color=style.LINE, linewidth=0.7, linestyle=":", label="_knot", zorder=1)
    ax.plot(at, content.fit[order], color=style.MODEL, linewidth=1.8, label="fit", zorder=4)
    plain_ticks(ax.xaxis)


def _draw_levels(ax: Axes, content: CurvePicture) -> None:
    """Draw a bar for each level, since there is nothing between two levels."""
    for (band, colour, label), width in zip(_bands(content)[::-1], (5.0, 10.0), strict=False):
        ax.vlines(
            content.at, band[:, 0], band[:, 1], color=colour, linewidth=width, label=label, zorder=2.5 - width / 10
        )
    ax.plot(
        content.at, content.fit, color=style.MODEL, marker="o", linestyle="--", linewidth=0.8, label="fit", zorder=4
    )
    ax.set_xticks(content.at, content.labels, parse_math=False)
    ax.margins(x=0.1)


def _areas(content: CurvePicture) -> FloatArray:
    """Return areas of the rows' points in proportion to squared precision, the largest smaller the more rows."""
    precision, size = content.precision, point_size(len(content.precision))
    if np.ptp(precision) <= 1e-9 * precision.max():
        return np.full(len(precision), size**2)
    least, most = (SMALLEST * size) ** 2, (LARGEST * size) ** 2
    return np.asarray(least + (most - least) * (precision / precision.max()) ** 2)


def _draw_rows(ax: Axes, content: CurvePicture) -> None:
    """Draw the kept rows, the ranges of exposure of all rows, and what they were compared with."""
    if not len(content.exposure):
        return
    wide = content.high > content.low
    if wide.any():
        ax.hlines(
            content.value[wide], content.low[wide], content.high[wide], color=style.LINE, linewidth=0.6, label="_range",
            zorder=1.5,
        )  # fmt: skip
    _draw_references(ax, content)
    kept = ~content.trimmed
    alike = np.ptp(content.precision) <= 1e-9 * content.precision.max()
    ax.scatter(
        content.exposure[kept],
        content.value[kept],
        s=_areas(content)[kept],
        marker="o",
        color=style.DATA,
        alpha=0.75,
        edgecolor="white",
        linewidth=0.4,
        label="rows" if alike else "rows, sized by precision",
        zorder=3,
    )


def _draw_references(ax: Axes, content: CurvePicture) -> None:
    """Draw references; rows are joined to theirs where these differ, the fainter the more rows there are."""
    if content.reference is None or content.reference_value is None:
        return
    if np.ptp(content.reference) > 0:
        ax.plot(
            np.vstack([content.reference, content.exposure]),
            np.vstack([content.reference_value, content.value]),
            color=style.LINE,
            linewidth=0.5,
            alpha=float(np.clip(FAINT / len(content.exposure), 0.15, 0.8)),
            label="_comparison",
            zorder=1.2,
        )
    places = np.unique(np.column_stack([content.reference, content.reference_value]).round(12), axis=0)
    ax.scatter(places[:, 0], places[:, 1], marker="|", s=60, color=style.REFERENCE, label="reference", zorder=4)


def _set_limits(ax: Axes, content: CurvePicture) -> None:
    """Show the fit, the kept rows, and as much of the bands and trimmed rows as leaves these room."""
    bands = np.concatenate([band.ravel() for band, _, _ in _bands(content)] or [np.zeros(0)])
    kept = content.value[~content.trimmed]
    shown = np.concatenate([content.fit, kept, [] if content.reference_value is None else content.reference_value])
    shown = shown[np.isfinite(shown)]
    low, high = float(shown.min()), float(shown.max())
    room = REACH * (high - low) if len(content.value) else np.inf
    bands = np.clip(bands[np.isfinite(bands)], low - room, high + room)
    low, high = min([low, *bands.tolist()]), max([high, *bands.tolist()])
    margin = 0.04 * (high - low) or 1.0
    ax.set_ylim(*stretched(low - margin, high + margin, content.value[content.trimmed]))


def _draw_trimmed(ax: Axes, content: CurvePicture) -> None:
    """Draw trimmed rows, as arrows where they are far beyond all others; the limits of the axes are set."""
    out = content.trimmed
    if out.any():
        x, y = content.exposure[out], content.value[out]
        ax.set_xlim(*ax.get_xlim())
        draw_trimmed(ax, x, y, 1.5 * _areas(content)[out], draw_arrows(ax, x, y, "y"))

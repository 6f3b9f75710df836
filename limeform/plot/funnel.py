"""Funnel plots: effects against their standard errors, with contours around a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes, one_axes
from limeform.plot.legend import legend_below
from limeform.plot.scale import plain_ticks
from limeform.plot.trimmed import draw_arrows, draw_trimmed, stretched

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

LARGEST, SMALLEST = 5.0, 2.0
"""Diameter of points, in points: up to 30 of them, and for very many."""


@dataclass(frozen=True)
class Funnel:
    """What a funnel plot shows.

    Attributes
    ----------
    name : str
        Name of the effects, for the axis.
    effect, se : ndarray, shape (n,)
        Effects or residuals, and their standard errors.
    reference : float
        Where the funnel stands.
    reference_name : str
        What that is.
    levels : sequence of float, length c
        Coverage of each contour, ascending.
    quantiles : sequence of float, length c
        Half-width of each contour in standard errors.
    kept : ndarray of bool, shape (n,), or None
        Which of the points were not trimmed; None for all.
    """

    name: str
    effect: FloatArray
    se: FloatArray
    reference: float
    reference_name: str
    levels: Sequence[float]
    quantiles: Sequence[float]
    kept: NDArray[np.bool_] | None = None


def funnel_plot(content: Funnel, *, ax: Axes | None = None) -> Axes:
    """Draw a funnel plot, the smallest standard errors on top.

    Parameters
    ----------
    content : Funnel
        What is drawn.
    ax : Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    Axes
    """
    drawn: Axes = new_axes(5.0, 4.4)[0] if ax is None else one_axes(ax)
    depth = 1.06 * float(content.se.max())
    _draw_contours(drawn, content, depth)
    drawn.plot(
        [content.reference] * 2, [0.0, depth], color=style.REFERENCE, linewidth=0.9, label=content.reference_name
    )
    kept = np.ones(len(content.se), dtype=bool) if content.kept is None else content.kept
    _draw_points(drawn, content, kept)
    _set_limits(drawn, content, kept, depth)
    _draw_trimmed(drawn, content, ~kept)
    drawn.set_xlabel(content.name, parse_math=False)
    drawn.set_ylabel("Standard error")
    drawn.spines[["right", "top"]].set_visible(False)
    plain_ticks(drawn.xaxis)
    plain_ticks(drawn.yaxis)
    handles, labels = drawn.get_legend_handles_labels()
    rank = sorted(
        range(len(labels)), key=lambda i: (not labels[i].endswith("%"), labels[i].startswith("trimmed"), labels[i])
    )
    legend_below(drawn, [handles[i] for i in rank], [labels[i] for i in rank], given=ax is not None)
    return drawn


def _draw_points(ax: Axes, content: Funnel, kept: NDArray[np.bool_]) -> None:
    size = point_size(len(content.effect))
    ax.scatter(
        content.effect[kept],
        content.se[kept],
        s=size**2,
        color=style.DATA,
        marker="o",
        edgecolor="white",
        linewidth=0.08 * size,
        alpha=0.85 if len(content.effect) <= 200 else 0.6,
        label="_points",
        zorder=3,
        clip_on=False,  # a point on top of the axes is whole
    )


def _draw_trimmed(ax: Axes, content: Funnel, trimmed: NDArray[np.bool_]) -> None:
    """Draw trimmed rows, as arrows where they are far beyond all others; the limits of the axes are set."""
    if not trimmed.any():
        return
    x, y = content.effect[trimmed], content.se[trimmed]
    draw_trimmed(ax, x, y, (1.4 * point_size(len(content.effect))) ** 2, draw_arrows(ax, x, y, "x"))


def point_size(count: int) -> float:
    """Return the diameter of points, smaller the more there are."""
    return float(np.clip(LARGEST * (30.0 / max(count, 1)) ** 0.25, SMALLEST, LARGEST))


def _draw_contours(ax: Axes, content: Funnel, depth: float) -> None:
    """Fill the contours, the widest first, so that a darker ring shows a wider one."""
    heights = np.array([0.0, depth])
    shades = list(zip(content.levels, content.quantiles, strict=True))
    for i, (level, quantile) in reversed(list(enumerate(shades))):
        ax.fill_betweenx(
            heights,
            content.reference - quantile * heights,
            content.reference + quantile * heights,
            facecolor=style.BANDS[min(i, len(style.BANDS) - 1)],
            edgecolor=style.LINE,
            linewidth=0.5,
            label=f"{100 * level:g}%",
            zorder=0.5,
        )


def _set_limits(ax: Axes, content: Funnel, kept: NDArray[np.bool_], depth: float) -> None:
    half = max(content.quantiles) * depth
    effects = content.effect[kept].tolist()
    low, high = min([content.reference - half, *effects]), max([content.reference + half, *effects])
    low, high = stretched(low, high, content.effect[~kept])
    margin = 0.03 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(depth, 0.0)

"""Funnel plots: effects against their standard errors, with contours around a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import make_room, new_axes, size_in_points, text_width

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
    drawn: Axes = new_axes(5.0, 4.4)[0] if ax is None else ax
    depth = 1.06 * float(content.se.max())
    _draw_contours(drawn, content, depth)
    drawn.plot(
        [content.reference] * 2, [0.0, depth], color=style.REFERENCE, linewidth=0.9, label=content.reference_name
    )
    kept = np.ones(len(content.se), dtype=bool) if content.kept is None else content.kept
    _draw_points(drawn, content, kept, style.DATA, "o", "_points")
    if not kept.all():
        _draw_points(drawn, content, ~kept, style.MODEL, "D", "trimmed")
    _set_limits(drawn, content, depth)
    drawn.set_xlabel(content.name, parse_math=False)
    drawn.set_ylabel("Standard error")
    drawn.spines[["right", "top"]].set_visible(False)
    _write_legend(drawn, given=ax is not None)
    return drawn


def _draw_points(ax: Axes, content: Funnel, which: NDArray[np.bool_], colour: str, marker: str, label: str) -> None:
    size = point_size(len(content.effect))
    ax.scatter(
        content.effect[which],
        content.se[which],
        s=size**2,
        color=colour,
        marker=marker,
        edgecolor="white",
        linewidth=0.08 * size,
        alpha=0.85 if len(content.effect) <= 200 else 0.6,
        label=label,
        zorder=3,
    )


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


def _set_limits(ax: Axes, content: Funnel, depth: float) -> None:
    half = max(content.quantiles) * depth
    low = min(float(content.effect.min()), content.reference - half)
    high = max(float(content.effect.max()), content.reference + half)
    margin = 0.03 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(depth, 0.0)


def _write_legend(ax: Axes, given: bool) -> None:
    """Name the contours below the axis, where no point can be under the text."""
    from matplotlib.transforms import ScaledTranslation

    size = style.text_size()
    handles, labels = ax.get_legend_handles_labels()
    rank = sorted(range(len(labels)), key=lambda i: (not labels[i].endswith("%"), labels[i]))
    below = 4.1 * size  # tick labels and the name of the axis
    wide = text_width(["".join(labels)], size) + size * (3.6 * len(labels) - 1.4) <= size_in_points(ax)[0]
    legend = ax.legend(
        [handles[i] for i in rank],
        [labels[i] for i in rank],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + ScaledTranslation(0.0, -below / 72.0, ax.figure.dpi_scale_trans),
        ncols=len(rank) if wide else 2,
        frameon=False,
        fontsize=size,
        handlelength=1.4,
        columnspacing=1.4,
        borderaxespad=0.0,
        borderpad=0.0,
    )
    legend.set_zorder(5)
    if given:
        make_room(ax, bottom=(2.8 if wide else 5.0) * size)

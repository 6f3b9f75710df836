"""Residuals against fitted values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes, one_axes
from limeform.plot.funnel import point_size
from limeform.plot.legend import legend_below
from limeform.plot.scale import plain_ticks
from limeform.plot.trimmed import draw_arrows, draw_trimmed, stretched

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

DENSE = 5_000
"""From how many points on a picture shows counts instead of points."""


@dataclass(frozen=True)
class Residuals:
    """What a residual plot shows.

    Attributes
    ----------
    fitted, residual : ndarray, shape (n,)
        Fitted values and residuals.
    smooth : ndarray, shape (r, 2), or None
        A smooth line through them, ordered along the axis.
    name : str
        Name of the response.
    kept : ndarray of bool, shape (n,), or None
        Which of the rows were not trimmed; None for all.
    """

    fitted: FloatArray
    residual: FloatArray
    smooth: FloatArray | None
    name: str
    kept: NDArray[np.bool_] | None = None


def residual_plot(content: Residuals, *, ax: Axes | None = None) -> Axes:
    """Draw residuals against fitted values; very many of them as counts in hexagons, trimmed ones as crosses.

    Parameters
    ----------
    content : Residuals
        What is drawn.
    ax : Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    Axes
    """
    drawn: Axes = new_axes(5.0, 3.8)[0] if ax is None else one_axes(ax)
    kept = np.ones(len(content.fitted), dtype=bool) if content.kept is None else content.kept
    plain_ticks(drawn.xaxis)
    plain_ticks(drawn.yaxis)
    if len(content.fitted) > DENSE:
        _draw_counts(drawn, content.fitted[kept], content.residual[kept])
    else:
        _draw_points(drawn, content.fitted[kept], content.residual[kept])
    drawn.axhline(0.0, color=style.REFERENCE, linewidth=0.9, zorder=2, label="_zero")
    if content.smooth is not None:
        drawn.plot(
            content.smooth[:, 0], content.smooth[:, 1], color=style.MODEL, linewidth=1.6, zorder=4, label="_smooth"
        )
    drawn.set_xlabel(f"Fitted {content.name}", parse_math=False)
    drawn.set_ylabel("Conditional residual")
    largest = 1.08 * (float(np.abs(content.residual[kept]).max(initial=0.0)) or 1.0)
    drawn.set_ylim(*_symmetric(*stretched(-largest, largest, content.residual[~kept])))
    drawn.spines[["right", "top"]].set_visible(False)
    if not kept.all():
        _draw_trimmed(drawn, content.fitted[~kept], content.residual[~kept], point_size(len(kept)))
        legend_below(drawn, *drawn.get_legend_handles_labels(), given=ax is not None)
    return drawn


def _symmetric(low: float, high: float) -> tuple[float, float]:
    return min(low, -high), max(high, -low)


def _draw_trimmed(ax: Axes, fitted: FloatArray, residual: FloatArray, size: float) -> None:
    """Draw trimmed rows, as arrows where they are far beyond all others; the limits of the axes are set."""
    draw_trimmed(ax, fitted, residual, (1.4 * size) ** 2, draw_arrows(ax, fitted, residual, "y"))


def _draw_points(ax: Axes, fitted: FloatArray, residual: FloatArray) -> None:
    count = len(fitted)
    size = point_size(count)
    ax.scatter(
        fitted,
        residual,
        s=size**2,
        color=style.DATA,
        edgecolor="white",
        linewidth=0.08 * size,
        alpha=0.85 if count <= 200 else 0.5,
        label="_points",
        zorder=3,
    )


def _draw_counts(ax: Axes, fitted: FloatArray, residual: FloatArray) -> None:
    counts = ax.hexbin(fitted, residual, gridsize=60, bins="log", mincnt=1, cmap="Blues", linewidths=0.1, zorder=1)
    ax.figure.colorbar(counts, ax=ax, label="Rows per hexagon", shrink=0.8)

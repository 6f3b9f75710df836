"""Residuals against fitted values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes
from limeform.plot.funnel import point_size

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
    """

    fitted: FloatArray
    residual: FloatArray
    smooth: FloatArray | None
    name: str


def residual_plot(content: Residuals, *, ax: Axes | None = None) -> Axes:
    """Draw residuals against fitted values; very many of them as counts in hexagons.

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
    drawn: Axes = new_axes(5.0, 3.8)[0] if ax is None else ax
    if len(content.fitted) > DENSE:
        _draw_counts(drawn, content)
    else:
        _draw_points(drawn, content)
    drawn.axhline(0.0, color=style.REFERENCE, linewidth=0.9, zorder=2, label="_zero")
    if content.smooth is not None:
        drawn.plot(
            content.smooth[:, 0], content.smooth[:, 1], color=style.MODEL, linewidth=1.6, zorder=4, label="_smooth"
        )
    drawn.set_xlabel(f"Fitted {content.name}", parse_math=False)
    drawn.set_ylabel("Conditional residual")
    largest = 1.08 * (float(np.abs(content.residual).max()) or 1.0)
    drawn.set_ylim(-largest, largest)
    drawn.spines[["right", "top"]].set_visible(False)
    return drawn


def _draw_points(ax: Axes, content: Residuals) -> None:
    count = len(content.fitted)
    size = point_size(count)
    ax.scatter(
        content.fitted,
        content.residual,
        s=size**2,
        color=style.DATA,
        edgecolor="white",
        linewidth=0.08 * size,
        alpha=0.85 if count <= 200 else 0.5,
        label="_points",
        zorder=3,
    )


def _draw_counts(ax: Axes, content: Residuals) -> None:
    counts = ax.hexbin(
        content.fitted, content.residual, gridsize=60, bins="log", mincnt=1, cmap="Blues", linewidths=0.1, zorder=1
    )
    ax.figure.colorbar(counts, ax=ax, label="Rows", shrink=0.8)

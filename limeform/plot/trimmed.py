"""Rows that were left out of a fit: the same mark in every picture, and an arrow where one is far beyond the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MARKER = "X"
"""A filled cross, which differs from points and squares in print without colours as well."""
REACH = 0.5
"""Trimmed rows lengthen an axis by at most this many times the range of all else on each side."""
ARROW = 5.0
"""Size of arrows in points."""


def stretched(low: float, high: float, values: FloatArray) -> tuple[float, float]:
    """Lengthen a range by trimmed values, but not so far that all else is squeezed together.

    Parameters
    ----------
    low, high : float
        Ends of the range of everything else.
    values : ndarray
        Values of the trimmed rows.

    Returns
    -------
    tuple of float
        Ends of a range that holds all values within `REACH` of it, with a margin where it was lengthened.
    """
    room = REACH * (high - low)
    near = values[(values >= low - room) & (values <= high + room)].tolist()
    first, last = min([low, *near]), max([high, *near])
    margin = 0.04 * (last - first)
    return first - margin * (first < low), last + margin * (last > high)


def draw_arrows(ax: Axes, x: FloatArray, y: FloatArray, along: Literal["x", "y"]) -> int:
    """Draw an arrow at the edge of the axes, whose limits are set, for each trimmed row beyond it.

    Parameters
    ----------
    ax : Axes
        Where.
    x, y : ndarray, shape (n,)
        Places of the trimmed rows.
    along : {"x", "y"}
        Axis that they may be beyond.

    Returns
    -------
    int
        How many there are.
    """
    values = x if along == "x" else y
    low, high = sorted(ax.get_xlim() if along == "x" else ax.get_ylim())
    count = 0
    for end, beyond, marker in (
        (low, values < low, "<" if along == "x" else "v"),
        (high, values > high, ">" if along == "x" else "^"),
    ):
        if beyond.any():
            edge = np.full(int(beyond.sum()), end)
            across, up = (edge, y[beyond]) if along == "x" else (x[beyond], edge)
            ax.scatter(across, up, s=ARROW**2, marker=marker, color=style.MODEL, linewidth=0.0, clip_on=False,
                       label="_beyond", zorder=4)  # fmt: skip
            count += len(edge)
    return count


def draw_trimmed(ax: Axes, x: FloatArray, y: FloatArray, size: float | FloatArray, beyond: int = 0) -> None:
    """Draw the marks of trimmed rows, and name them for the legend.

    Parameters
    ----------
    ax : Axes
        Where.
    x, y : ndarray, shape (n,)
        Places.
    size : float or ndarray, shape (n,)
        Area in square points.
    beyond : int
        How many of them arrows stand for.
    """
    name = f"trimmed ({len(x)}, {beyond} as arrows)" if beyond else f"trimmed ({len(x)})"
    ax.scatter(x, y, s=size, marker=MARKER, color=style.MODEL, edgecolor="white", linewidth=0.3, label=name,
               zorder=3.5)  # fmt: skip

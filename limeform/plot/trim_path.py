"""Estimates against the fraction trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PathPicture:
    """What is drawn of a sweep over fractions.

    Attributes
    ----------
    fractions : ndarray, shape (f,)
        Fractions trimmed, ascending.
    names : sequence of str, length c
        Name of each panel.
    estimates : ndarray, shape (f, c)
        Estimates.
    half_widths : ndarray, shape (f, c)
        Half-widths of their intervals; NaN where there is none.
    """

    fractions: FloatArray
    names: Sequence[str]
    estimates: FloatArray
    half_widths: FloatArray


def trim_path_plot(content: PathPicture, *, ax: Axes | Iterable[Axes] | None = None) -> NDArray[np.object_]:
    """Draw one panel for each estimate, with a band where it has an interval.

    Parameters
    ----------
    content : PathPicture
        What is drawn.
    ax : Axes or array of Axes, optional
        Where to draw, one for each estimate; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (c,)
    """
    count = len(content.names)
    if ax is None:
        drawn = new_axes(2.9 * count, 3.0, columns=count, share=False)
    else:
        drawn = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    for j, panel in enumerate(drawn[:count]):
        _draw_panel(panel, content, j)
    return drawn[:count]


def _draw_panel(ax: Axes, content: PathPicture, j: int) -> None:
    estimate, half = content.estimates[:, j], content.half_widths[:, j]
    if np.isfinite(half).any():
        ax.fill_between(
            content.fractions, estimate - half, estimate + half, color=style.BAND, alpha=0.5, linewidth=0.0,
            label="_interval",
        )  # fmt: skip
    ax.plot(content.fractions, estimate, color=style.DATA, marker="o", markersize=3.5, linewidth=1.4, label="_estimate")
    ax.set_title(content.names[j], parse_math=False, fontsize=style.text_size())
    ax.set_xlabel("Fraction trimmed")
    ax.spines[["right", "top"]].set_visible(False)

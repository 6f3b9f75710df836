"""Estimates against the fraction trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.plot import style
from limeform.plot.canvas import given_axes, new_axes
from limeform.plot.scale import plain_ticks

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
    coverage : float
        Of the intervals.
    """

    fractions: FloatArray
    names: Sequence[str]
    estimates: FloatArray
    half_widths: FloatArray
    coverage: float = 0.95


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

    Raises
    ------
    OptionError
        If ``ax`` does not have one Axes for each estimate.
    """
    count = len(content.names)
    if ax is None:
        drawn = new_axes(2.9 * count, 3.0, columns=count, share=False)
    else:
        drawn = given_axes(ax)
        if len(drawn) != count:
            raise OptionError(f"ax= has {len(drawn)} axes for {count} estimates ({', '.join(content.names)})")
    for j, panel in enumerate(drawn):
        _draw_panel(panel, content, j)
    return drawn


def _draw_panel(ax: Axes, content: PathPicture, j: int) -> None:
    estimate, half = content.estimates[:, j], content.half_widths[:, j]
    banded = bool(np.isfinite(half).any())
    if banded:
        ax.fill_between(
            content.fractions, estimate - half, estimate + half, color=style.BAND, alpha=0.5, linewidth=0.0,
            label="_interval",
        )  # fmt: skip
    ax.plot(content.fractions, estimate, color=style.DATA, marker="o", markersize=3.5, linewidth=1.4, label="_estimate")
    ax.set_title(content.names[j], parse_math=False, fontsize=style.text_size())
    ax.set_xlabel("Fraction trimmed")
    ax.set_ylabel(f"Estimate, {100 * content.coverage:g}% interval" if banded else "Estimate")
    plain_ticks(ax.xaxis, 5)
    plain_ticks(ax.yaxis)
    ax.spines[["right", "top"]].set_visible(False)

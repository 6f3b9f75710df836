"""Quantile-quantile plots against the normal distribution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.plot import style
from limeform.plot.canvas import given_axes, new_axes
from limeform.plot.funnel import point_size
from limeform.plot.scale import plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Quantiles:
    """What a quantile-quantile plot shows.

    Attributes
    ----------
    name : str
        What is compared with the normal distribution.
    expected : ndarray, shape (n,)
        Normal quantiles, ascending.
    values : ndarray, shape (n,)
        The values in order.
    band : ndarray, shape (n, 2)
        Pointwise interval of each value.
    coverage : float
        Of the band.
    title : str
        Above the axes; empty for none.
    """

    name: str
    expected: FloatArray
    values: FloatArray
    band: FloatArray
    coverage: float
    title: str = ""

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Which values are outside their interval, shape (n,)."""
        return np.asarray((self.values < self.band[:, 0]) | (self.values > self.band[:, 1]))


def qq_plots(contents: Sequence[Quantiles], *, ax: Axes | Iterable[Axes] | None = None) -> NDArray[np.object_]:
    """Draw values against normal quantiles, with the line of equality and the pointwise band.

    Parameters
    ----------
    contents : sequence of Quantiles
        What each panel shows.
    ax : Axes or array of Axes, optional
        Where to draw, one for each panel; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (panels,)

    Raises
    ------
    OptionError
        If ``ax`` does not have one Axes for each panel.
    """
    count = len(contents)
    if ax is None:
        drawn = new_axes(4.4 * count, 3.9, columns=count, share=False)
    else:
        drawn = given_axes(ax)
        if len(drawn) != count:
            raise OptionError(f"ax= has {len(drawn)} axes for {count} panels")
    for content, each in zip(contents, drawn, strict=True):
        _draw(content, each)
    return drawn


def _draw(content: Quantiles, ax: Axes) -> None:
    band = ax.fill_between(
        content.expected,
        content.band[:, 0],
        content.band[:, 1],
        facecolor=style.BANDS[1],
        edgecolor=style.LINE,
        linewidth=0.5,
        zorder=0.5,
        label=f"{100 * content.coverage:g}% of normal samples",
    )
    ends = np.array([content.expected[0], content.expected[-1]])
    ax.plot(ends, ends, color=style.REFERENCE, linewidth=0.9, label="_equal", zorder=1)
    size = point_size(len(content.values))
    for which, colour, marker, name in (
        (~content.outside, style.DATA, "o", "_inside"),
        (content.outside, style.MODEL, "D", f"outside ({content.outside.sum()} of {len(content.values)})"),
    ):
        ax.scatter(
            content.expected[which], content.values[which], s=size**2, color=colour, marker=marker, edgecolor="white",
            linewidth=0.08 * size, label=name, zorder=3,
        )  # fmt: skip
    handles = [band, ax.collections[-1]] if content.outside.any() else [band]
    ax.set_xlabel("Normal quantile")
    ax.set_ylabel(content.name, parse_math=False)
    ax.set_title(content.title, fontsize=style.text_size(), parse_math=False)
    ax.spines[["right", "top"]].set_visible(False)
    plain_ticks(ax.xaxis, 6)
    plain_ticks(ax.yaxis)
    ax.legend(handles=handles, loc="upper left", frameon=False, fontsize=style.text_size(), borderaxespad=0.2)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + (0.06 + 0.06 * len(handles)) * (high - low))  # room for the legend above the highest point

"""Pictures of a trimmed fit: how the search went, and what each row contributes on both sides of the cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import given_axes, new_axes
from limeform.plot.funnel import point_size
from limeform.plot.legend import legend_below
from limeform.plot.scale import plain_ticks
from limeform.plot.trimmed import MARKER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

WIDE = 20.0
"""Contributions that reach further than this many times the range of the kept ones get a scale that bends."""


@dataclass(frozen=True)
class TrimmingPicture:
    """What the pictures of a trimmed fit show.

    Attributes
    ----------
    history : sequence of float
        Objective after each outer step.
    contribution : ndarray, shape (units,)
        What each row (or group) adds to minus the log-likelihood.
    kept : ndarray of bool, shape (units,)
        Whether it was kept in the end.
    again : ndarray of bool, shape (units,)
        Those that the search had trimmed and reweighting took in again.
    cut : float or None
        Contribution that parts those that the search kept from those it trimmed; None where nothing was trimmed.
    unit : str
        "row" or "group".
    """

    history: Sequence[float]
    contribution: FloatArray
    kept: NDArray[np.bool_]
    again: NDArray[np.bool_]
    cut: float | None
    unit: str


def trimming_plot(content: TrimmingPicture, *, ax: Axes | Iterable[Axes] | None = None) -> NDArray[np.object_]:
    """Draw the path of the objective, and the contributions in order with the cut.

    Parameters
    ----------
    content : TrimmingPicture
        What is drawn.
    ax : two Axes, or one for the contributions alone, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (2,) or (1,)
    """
    drawn = new_axes(9.0, 3.8, columns=2, share=False) if ax is None else given_axes(ax)
    if len(drawn) > 1:
        _draw_path(drawn[0], content)
    _draw_contributions(drawn[-1], content, given=ax is not None)
    return drawn


def _draw_path(ax: Axes, content: TrimmingPicture) -> None:
    from matplotlib.ticker import MaxNLocator

    steps = np.arange(len(content.history))
    ax.plot(steps, content.history, color=style.DATA, marker="o", markersize=4.0, linewidth=1.4, label="_objective")
    ax.set_xlabel("Outer step")
    ax.set_ylabel("Objective")
    plain_ticks(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlim(-0.3, max(len(steps) - 0.7, 1.3))
    ax.spines[["right", "top"]].set_visible(False)


def _draw_contributions(ax: Axes, content: TrimmingPicture, given: bool) -> None:
    order = np.argsort(content.contribution, kind="stable")
    values, kept, again = content.contribution[order], content.kept[order], content.again[order]
    rank = np.arange(1, len(order) + 1)
    size = point_size(len(order))
    kinds = (
        (kept & ~again, style.DATA, "o", "kept"),
        (again, style.DATA, "^", "taken in again"),
        (~kept, style.MODEL, MARKER, "trimmed"),
    )
    for which, colour, marker, name in kinds:
        if which.any():
            ax.scatter(
                rank[which], values[which], s=size**2, color=colour, marker=marker, linewidth=0.0,
                label=f"{name} ({int(which.sum())})", zorder=3,
            )  # fmt: skip
    if content.cut is not None:
        # Reweighting parts rows by another measure, their standardized residual, so that no line can show its cut.
        reweighted = content.again.any() or bool((~content.kept & (content.contribution < content.cut)).any())
        name = "cut before reweighting" if reweighted else "cut"
        ax.axhline(content.cut, color=style.REFERENCE, linewidth=0.9, label=name, zorder=2)
    spread = float(np.ptp(values[kept])) if kept.any() else 0.0
    if spread > 0 and float(np.ptp(values)) > WIDE * spread:
        # A power of ten, so that the tick there is a decade from zero and their labels do not touch.
        ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(2.0 * spread)))
        ax.set_ylim(float(values.min()) - 0.4 * spread, 1.6 * float(values.max()))
    ax.set_xlabel(f"{content.unit.capitalize()}s in order")
    ax.set_ylabel("Contribution to \u2212log-likelihood")
    ax.spines[["right", "top"]].set_visible(False)
    legend_below(ax, *ax.get_legend_handles_labels(), given=given)

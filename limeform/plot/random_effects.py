"""Caterpillar plots: random effects with their conditional intervals, sorted, a panel for each effect.

Labels of levels shrink and are left out as in `limeform.plot.rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.plot import style
from limeform.plot.canvas import given_axes, make_room, new_axes, shortened, size_in_points, text_width
from limeform.plot.rows import RowLayout, figure_height, layout_rows, line_width, rows_height
from limeform.plot.scale import plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

PANEL_WIDTH = 2.6
"""Inches."""
LABEL_WIDTH = 200.0
"""Points; longer labels end in an ellipsis."""
GAP = 6.0


@dataclass(frozen=True)
class Caterpillar:
    """What a caterpillar plot shows, in the order in which it is drawn from the bottom up.

    Attributes
    ----------
    factor : str
        Name of the grouping factor.
    levels : sequence of str, length m
        Its levels.
    effects : sequence of str, length k
        Names of the effects: the panels.
    mode : ndarray, shape (m, k)
        Conditional modes.
    half_width : ndarray, shape (m, k)
        Half the width of their intervals.
    sorted_by : str
        Name of the effect that the levels are sorted by.
    coverage : float
        Of the intervals.
    """

    factor: str
    levels: Sequence[str]
    effects: Sequence[str]
    mode: FloatArray
    half_width: FloatArray
    sorted_by: str
    coverage: float = 0.95


def caterpillar_plot(content: Caterpillar, *, ax: Axes | Iterable[Axes] | None = None) -> NDArray[np.object_]:
    """Draw a caterpillar plot.

    Parameters
    ----------
    content : Caterpillar
        What is drawn.
    ax : Axes or array of k Axes, optional
        Where to draw, one for each effect; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (k,)

    Raises
    ------
    OptionError
        If ``ax`` does not have one Axes for each effect.
    """
    given = ax is not None
    axes = _own_axes(content) if ax is None else _given_axes(content, ax)
    size, count = style.text_size(), len(content.levels)
    height = size_in_points(axes[0])[1] if given else rows_height(count, 0, size)
    layout = layout_rows(count, 0, height, size)
    for i, panel in enumerate(axes):
        _draw_panel(panel, content, i, layout)
        _write_levels(panel, content, layout, shown=i == 0 or not _beside(panel, axes[0]), given=given)
    return axes


def _own_axes(content: Caterpillar) -> NDArray[np.object_]:
    size, count = style.text_size(), len(content.effects)
    height = figure_height(len(content.levels), 0, size)
    beside = min(text_width(content.levels, size), LABEL_WIDTH) + 4 * GAP
    return new_axes(count * PANEL_WIDTH + beside / 72.0, max(height, 2.2), columns=count)


def _given_axes(content: Caterpillar, ax: Axes | Iterable[Axes]) -> NDArray[np.object_]:
    axes = given_axes(ax)
    if len(axes) != len(content.effects):
        names = ", ".join(content.effects)
        raise OptionError(
            f"ax= has {len(axes)} axes for {len(content.effects)} random effects ({names}): give one for each"
        )
    return axes


def _beside(ax: Axes, first: Axes) -> bool:
    """Say whether axes are as high as the first ones, so that its labels serve for both."""
    return bool(np.allclose(ax.get_position().intervaly, first.get_position().intervaly))


def _draw_panel(ax: Axes, content: Caterpillar, i: int, layout: RowLayout) -> None:
    places = np.arange(len(content.levels), dtype=np.float64)
    mode, half = content.mode[:, i], content.half_width[:, i]
    many = len(places) > 2_000
    ax.axvline(0.0, color=style.REFERENCE, linewidth=0.9, zorder=1, label="_zero")
    band = style.DATA if layout.labelled else style.BAND
    ax.hlines(
        places, mode - half, mode + half, color=band, linewidth=line_width(layout), label="_intervals"
    ).set_rasterized(many)
    side = float(np.clip(0.45 * layout.row, 1.2, 5.0))
    ax.scatter(mode, places, s=side**2, color=style.DATA, linewidth=0, label="_modes", zorder=3, rasterized=many)
    ax.set_ylim(-0.5 - 0.01 * len(places), len(places) - 0.5 + 0.01 * len(places))
    largest = 1.05 * float(np.abs(np.concatenate([mode - half, mode + half])).max())
    if largest == 0.0:  # a variance of zero: every mode is zero
        ax.set_xlim(-1.0, 1.0)
    ax.set_title(content.effects[i], fontsize=style.text_size() * 1.1, parse_math=False)
    ax.spines[["right", "top", "left"]].set_visible(False)
    ax.tick_params(axis="x", labelsize=style.text_size())
    plain_ticks(ax.xaxis, 5)
    ax.set_xlabel(f"Effect, {100 * content.coverage:g}% interval", fontsize=style.text_size())


def _write_levels(ax: Axes, content: Caterpillar, layout: RowLayout, shown: bool, given: bool) -> None:
    """Write the levels on the left, or say how many there are."""
    ax.tick_params(axis="y", length=0, labelleft=shown)
    if not layout.labelled:
        ax.set_yticks([])
        if shown:
            how = f"{len(content.levels)} levels of {content.factor}, sorted by {content.sorted_by}"
            ax.set_ylabel(how, parse_math=False)
        return
    room = min(LABEL_WIDTH, 0.4 * size_in_points(ax)[0]) if given else LABEL_WIDTH
    texts = [shortened(level, layout.text, room) for level in content.levels]
    ax.set_yticks(np.arange(len(texts)), texts, fontsize=layout.text, parse_math=False)
    if shown:
        ax.set_ylabel(content.factor, parse_math=False)
    if given and shown:
        make_room(ax, left=text_width(texts, layout.text) + GAP)

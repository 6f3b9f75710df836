"""A legend below the axes, where nothing that is drawn can be under its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from limeform.plot import style
from limeform.plot.canvas import make_room, size_in_points, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BELOW = 4.1
"""Height of the tick labels and the name of the axis, in sizes of text."""
HANDLE, GAP = 1.4, 1.4
"""Length of a line in the legend, and distance of its columns, in sizes of text."""
LINE = 1.5
"""Height of a line of the legend, in sizes of text."""


def legend_below(ax: Axes, handles: Sequence[Any], labels: Sequence[str], given: bool) -> None:
    """Write a legend below the name of the horizontal axis, in as many columns as there is room for.

    Parameters
    ----------
    ax : Axes
        Axes with all else in place.
    handles : sequence of artists
        What is named.
    labels : sequence of str
        The names.
    given : bool
        Whether the axes are the user's: then they make room.
    """
    from matplotlib.transforms import ScaledTranslation

    size = style.text_size()
    columns = _columns(labels, size, size_in_points(ax)[0])
    # matplotlib fills columns from the top; names are read line by line.
    order = [i for first in range(columns) for i in range(first, len(labels), columns)]
    legend = ax.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + ScaledTranslation(0.0, -BELOW * size / 72.0, ax.figure.dpi_scale_trans),
        ncols=columns,
        frameon=False,
        fontsize=size,
        handlelength=HANDLE,
        columnspacing=GAP,
        borderaxespad=0.0,
        borderpad=0.0,
    )
    legend.set_zorder(5)
    for text in legend.get_texts():
        text.set_parse_math(False)
    if given:
        lines = -(-len(labels) // columns)
        make_room(ax, bottom=(LINE * lines + 1.3) * size)


def _columns(labels: Sequence[str], size: float, width: float) -> int:
    """Return the largest number of columns whose text is no wider than the axes, one at least."""
    beside = HANDLE + 0.8 + GAP  # the line, its distance from the text, and that of the next column
    for columns in range(len(labels), 1, -1):
        widest = [text_width(labels[first::columns], size) for first in range(columns)]
        if sum(widest) + size * (beside * len(widest) - GAP) <= width:
            return -(-len(labels) // -(-len(labels) // columns))  # no more than the lines need
    return 1

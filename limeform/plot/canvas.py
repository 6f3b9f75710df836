"""Axes to draw on: new ones of a given size, or those of the user with room made for text beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS_PER_INCH = 72.0
MEASURED = 25
"""How many texts are measured to find the widest: those with the most characters."""
LEAST_DATA = 0.25
"""Share of given axes that stays for the data, whatever the text needs."""
HINTING = 1.05
"""On a screen letters are moved to whole pixels, which makes small text this much wider at most."""


def new_axes(width: float, height: float, columns: int = 1, share: bool = True) -> NDArray[np.object_]:
    """Make a figure whose layout leaves room for all text.

    Parameters
    ----------
    width, height : float
        Size of the figure in inches.
    columns : int
        Number of axes side by side.
    share : bool
        Whether they have one scale for y.

    Returns
    -------
    ndarray of Axes, shape (columns,)
    """
    from matplotlib import pyplot

    _, axes = pyplot.subplots(
        1, columns, figsize=(width, height), layout="constrained", squeeze=False, sharey=share and columns > 1
    )
    return np.asarray(axes[0])


def given_axes(ax: object) -> NDArray[np.object_]:
    """Return the axes that a user gave, one or several, as a row.

    Raises
    ------
    OptionError
        If any of them is something else.
    """
    from matplotlib.axes import Axes

    several = isinstance(ax, Iterable) and not isinstance(ax, (str, bytes))
    found = list(np.ravel(np.array(list(cast("Iterable[object]", ax)), dtype=object))) if several else [ax]
    for each in found:
        if not isinstance(each, Axes):
            raise OptionError(f"ax={each!r} is no Axes: give those of matplotlib, such as plt.subplots()[1]")
    row = np.empty(len(found), dtype=object)
    row[:] = found
    return row


def one_axes(ax: object) -> Axes:
    """Return the axes that a user gave for a picture of one panel.

    Raises
    ------
    OptionError
        If it is anything else, or several.
    """
    found = given_axes(ax)
    if len(found) != 1:
        raise OptionError(f"ax= has {len(found)} axes for one picture")
    axes: Axes = found[0]
    return axes


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Return the width and height of axes in points."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return box.width * POINTS_PER_INCH, box.height * POINTS_PER_INCH


def has_layout(ax: Axes) -> bool:
    """Say whether the figure makes room for text by itself (constrained or tight layout)."""
    return ax.figure.get_layout_engine() is not None


def make_room(ax: Axes, left: float = 0.0, right: float = 0.0, bottom: float = 0.0) -> None:
    """Shrink axes so that text beside them stays where the axes were; nothing to do where the figure has a layout.

    Parameters
    ----------
    ax : Axes
        Axes given by the user.
    left, right, bottom : float
        Room that the text takes, in points; no more than leaves `LEAST_DATA` of the axes.
    """
    if has_layout(ax):
        return
    width, height = size_in_points(ax)
    wanted = (left + right) / width
    shrink = min(1.0, (1.0 - LEAST_DATA) / wanted) if wanted > 0 else 1.0
    box = ax.get_position()
    from_left, from_right = shrink * left / width, shrink * right / width
    from_bottom = min(1.0 - LEAST_DATA, bottom / height)
    ax.set_position(
        (
            box.x0 + from_left * box.width,
            box.y0 + from_bottom * box.height,
            (1.0 - from_left - from_right) * box.width,
            (1.0 - from_bottom) * box.height,
        )
    )


def text_width(texts: Iterable[str], size: float, bold: bool = False) -> float:
    """Return the width of the widest text in points.

    Parameters
    ----------
    texts : iterable of str
        Single lines.
    size : float
        Font size in points.
    bold : bool
        Whether they are bold.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(weight="bold" if bold else "normal", size=size)
    longest = sorted(texts, key=len)[-MEASURED:]
    widths = [TextToPath().get_text_width_height_descent(text, font, False)[0] for text in longest if text]
    return HINTING * float(max(widths, default=0.0))


def shortened(text: str, size: float, width: float) -> str:
    """Return the text on one line, cut and ended with an ellipsis where it is wider than ``width`` points."""
    line = " ".join(text.split())
    if text_width([line], size) <= width:
        return line
    low, high = 0, len(line)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if text_width([line[:middle] + "…"], size) <= width else (low, middle)
    return line[: max(low, 1)].rstrip() + "…"

"""What pictures are checked for: where their text is, and what their artists hold."""

import re
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

TOUCH = 0.5  # pixels by which boxes may overlap: rounding


def artist(ax: Axes, label: str):
    """Return the only artist with a label, whatever a legend says further, as in ``trimmed (3)`` or ``rows, ...``."""
    (found,) = [child for child in ax.get_children() if re.split(r" \(|, ", str(child.get_label()))[0] == label]
    return found


def labels(ax: Axes) -> list[str]:
    return [artist.get_label() for artist in ax.get_children()]


def segments(lines: LineCollection) -> np.ndarray:
    """Return the ends of horizontal lines: left, right, height; shape (n, 3)."""
    return np.array([[path[0, 0], path[1, 0], path[0, 1]] for path in lines.get_segments()])


def texts(ax: Axes) -> list[Text]:
    """Return all text of axes that is seen; call after drawing."""
    found = [*ax.texts, ax.xaxis.label, ax.yaxis.label, ax.title]
    # matplotlib keeps labels of ticks beyond the limits, and does not draw them
    for along, (ends, ticks) in enumerate(
        ((ax.get_xlim(), ax.get_xticklabels()), (ax.get_ylim(), ax.get_yticklabels()))
    ):
        low, high = sorted(ends)
        found += [label for label in ticks if low <= label.get_position()[along] <= high]
    if ax.get_legend() is not None:
        found += ax.get_legend().get_texts()
    return [text for text in found if text.get_text() and text.get_visible()]


def draw(figure: Figure) -> None:
    """Draw, so that all text is in its place; a figure made without pyplot has no canvas that draws."""
    FigureCanvasAgg(figure).draw()


def boxes(ax: Axes) -> dict[str, Bbox]:
    """Return where each text is, in pixels."""
    return {f"{i} {text.get_text()}": text.get_window_extent() for i, text in enumerate(texts(ax))}


def overlaps(ax: Axes) -> list[tuple[str, str]]:
    """Return pairs of texts that cover each other."""
    return [
        (a, b)
        for (a, one), (b, other) in combinations(boxes(ax).items(), 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > TOUCH
        and min(one.y1, other.y1) - max(one.y0, other.y0) > TOUCH
    ]


def outside(ax: Axes, frame: Bbox, sides: str = "lrbt") -> list[str]:
    """Return texts that reach over the sides (left, right, bottom, top) of a frame in pixels."""
    return [
        name
        for name, box in boxes(ax).items()
        if ("l" in sides and box.x0 < frame.x0 - TOUCH)
        or ("r" in sides and box.x1 > frame.x1 + TOUCH)
        or ("b" in sides and box.y0 < frame.y0 - TOUCH)
        or ("t" in sides and box.y1 > frame.y1 + TOUCH)
    ]

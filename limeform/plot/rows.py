"""Many rows in one picture: how tall it is, how large its text, and from how many rows on labels are left out.

Up to about 50 rows each has a line of text at full size. Beyond, the figure stays at the height of a page and the text
shrinks, down to the smallest size that journals accept. Where that is not enough (from about 100 rows on a page) labels
are left out: rows become thin lines, sorted so that they form a curve, and the picture says how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass

from limeform.plot.canvas import POINTS_PER_INCH
from limeform.plot.style import SMALLEST_TEXT

ROW = 0.22
"""Height of a row with text at full size, in inches."""
PAGE = 10.0
"""Height of the tallest figure, in inches."""
CURVE = 7.0
"""Height of a figure without labels, in inches."""
MARGIN = 0.6
"""Height of what is below and above the rows, in inches."""
SPACING = 1.3
"""Distance of two lines over the size of their text."""


@dataclass(frozen=True)
class RowLayout:
    """How rows are drawn in the height that there is.

    Attributes
    ----------
    labelled : bool
        Whether there is room for a label on each row.
    text : float
        Size of the text in points.
    row : float
        Height of a row in points.
    line : float
        Height of a line of text in units of a row, 1 or more.
    """

    labelled: bool
    text: float
    row: float
    line: float


def figure_height(rows: int, lines: int, text: float) -> float:
    """Return the height in inches of a figure of ``rows`` rows and ``lines`` further lines of text."""
    height = MARGIN + ROW * (rows + lines)
    if height <= PAGE:
        return max(height, 1.8)
    return PAGE if layout_rows(rows, lines, (PAGE - MARGIN) * POINTS_PER_INCH, text).labelled else CURVE


def rows_height(rows: int, lines: int, text: float) -> float:
    """Return how much of the height of that figure is for the rows and lines, in points."""
    return (figure_height(rows, lines, text) - MARGIN) * POINTS_PER_INCH


def line_width(layout: RowLayout) -> float:
    """Return the width of intervals in points: thin where rows are close, so that they do not merge."""
    if layout.labelled:
        return min(0.1 * layout.row, 1.1)
    return min(max(0.45 * layout.row, 0.35), 0.9)


def layout_rows(rows: int, lines: int, height: float, text: float) -> RowLayout:
    """Decide how rows are drawn.

    Parameters
    ----------
    rows : int
        Number of rows.
    lines : int
        Number of lines of text above and below the rows.
    height : float
        Height of the axes in points.
    text : float
        Preferred size of text in points.

    Returns
    -------
    RowLayout
    """
    row = height / max(rows + lines, 1)
    size = min(text, row / SPACING)
    if size >= SMALLEST_TEXT:
        return RowLayout(labelled=True, text=size, row=row, line=1.0)
    size = min(text, max(SMALLEST_TEXT, 0.5 * height / max(lines, 1) / SPACING))
    row = max(height - lines * size * SPACING, 0.25 * height) / rows
    return RowLayout(labelled=False, text=size, row=row, line=max(1.0, size * SPACING / row))

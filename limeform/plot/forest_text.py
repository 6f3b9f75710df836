"""The text of a forest plot: labels on the left, estimates on the right, and the room that they take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from limeform.plot.canvas import POINTS_PER_INCH, shortened, text_width
from limeform.plot.forest_content import Forest
from limeform.plot.rows import RowLayout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 8.0
"""Points between text and axes."""
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DASHES = ("", "-", "\N{EN DASH}", "\N{EM DASH}")


@dataclass(frozen=True)
class TextColumn:
    """One column of text.

    Attributes
    ----------
    heading : str
        Bold, above the rows.
    rows, footers : tuple of str
        Beside the rows, and below them.
    align : {"left", "right"}
        Numbers stand on the right.
    """

    heading: str
    rows: tuple[str, ...]
    footers: tuple[str, ...]
    align: Literal["left", "right"] = "right"

    def width(self, size: float) -> float:
        """Return the width in points at a font size."""
        return max(text_width([*self.rows, *self.footers], size), text_width([self.heading], size, bold=True))

    def shortened(self, size: float, width: float) -> TextColumn:
        """Return the column with texts wider than ``width`` points cut."""
        return TextColumn(
            shortened(self.heading, 1.1 * size, width),  # bold letters are about a tenth wider
            tuple(shortened(text, size, width) for text in self.rows),
            tuple(shortened(text, size, width) for text in self.footers),
        )


def label_column(content: Forest, labelled: bool) -> TextColumn:
    """Return what is written on the left; where rows are not labelled only what is below them."""
    footers = []
    if content.pooled is not None:
        footers.append(content.pooled.label)
        if content.pooled.prediction is not None:
            footers.append(f"{100 * content.coverage:g}% prediction interval")
    if content.fitted is not None:
        footers.append("Diamonds: fitted values" if labelled else "Light dots: fitted values")
    if content.trimmed.any():
        footers.append(f"Crosses: trimmed rows ({content.trimmed.sum()})")
    footers += content.notes
    return TextColumn(content.heading if labelled else "", _once(content.labels) if labelled else (), tuple(footers))


def _once(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels with those that repeat the one above left blank: the rows of one study stand together."""
    return tuple("" if i and label == labels[i - 1] else label for i, label in enumerate(labels))


def estimate_column(content: Forest, labelled: bool) -> TextColumn:
    """Return estimates with their intervals, for the right; where rows are not labelled only that of the summary."""
    power, digits = _digits(content)
    unit = 10.0**-power
    rows = [
        _written(unit * float(estimate), unit * float(low), unit * float(high), digits)
        for estimate, (low, high) in zip(content.estimate, content.interval, strict=True)
    ]
    footers, pooled = [""] * content.footer_lines, content.pooled
    if pooled is not None:
        footers[0] = _written(unit * pooled.estimate, unit * pooled.interval[0], unit * pooled.interval[1], digits)
        if pooled.prediction is not None:
            footers[1] = _written(None, unit * pooled.prediction[0], unit * pooled.prediction[1], digits)
    heading = f"Estimate [{100 * content.coverage:g}% CI]"
    if power:
        heading += f", ×10{str(power).translate(SUPERSCRIPT)}"
    return TextColumn(heading, tuple(rows) if labelled else (), tuple(footers))


def further_columns(content: Forest) -> list[TextColumn]:
    """Return the user's columns, for the right."""
    below = ("",) * content.footer_lines
    return [
        TextColumn(heading, tuple(texts), below, "right" if all(map(_numeric, texts)) else "left")
        for heading, texts in content.columns
    ]


def _numeric(text: str) -> bool:
    """Say whether a text is a number, a percentage, or a dash in place of one."""
    try:
        float(text.replace("\N{MINUS SIGN}", "-").rstrip("%").replace(",", "") or 0)
    except ValueError:
        return text in DASHES
    return True


def _digits(content: Forest) -> tuple[int, int]:
    """Return a power of ten, and how many decimals show the width of a typical interval with two or three digits.

    The power is zero unless the numbers would be long without.
    """
    width = float(np.median(np.diff(content.interval, axis=1)))
    if width <= 0.0:
        return 0, 2
    size = math.floor(math.log10(width))
    largest = float(np.median(np.abs(content.interval).max(axis=1)))
    if not -4 < size < 5 and largest < 1e3 * width:
        return size, 2
    return 0, 0 if size > 1 else 1 if size == 1 else 2 if size == 0 else 1 - size


def _written(estimate: float | None, low: float, high: float, digits: int) -> str:
    text = "" if estimate is None else f"{_number(estimate, digits)} "
    return f"{text}[{_number(low, digits)}, {_number(high, digits)}]"


def _number(value: float, digits: int) -> str:
    """Write a number without a sign on zero, and one that is far longer than the others with an exponent."""
    if abs(value) >= 1e5 and digits > 0:
        return f"{value:.2e}".replace("-", "\N{MINUS SIGN}").replace("e+0", "e").replace("e+", "e")
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def line_places(content: Forest, layout: RowLayout) -> tuple[float, list[float]]:
    """Return the heights of the heading and of the lines below the rows."""
    first = len(content.labels) - 0.5 + 0.7 * layout.line
    return -0.5 - 0.5 * layout.line, [first + i * layout.line for i in range(content.footer_lines)]


def write_labels(ax: Axes, content: Forest, layout: RowLayout, column: TextColumn) -> None:
    """Write a column as the tick labels of the vertical axis, aligned on the left."""
    top, below = line_places(content, layout)
    places = [*map(float, range(len(column.rows))), *below]
    texts = [*column.rows, *column.footers]
    if column.heading:
        places, texts = [*places, top], [*texts, column.heading]
    ax.set_yticks(places, texts, fontsize=layout.text, ha="left", parse_math=False)
    ax.tick_params(axis="y", length=0, pad=column.width(layout.text) + GAP)
    if column.heading:
        ax.get_yticklabels()[-1].set_fontweight("bold")


def write_column(ax: Axes, content: Forest, layout: RowLayout, column: TextColumn, right: float) -> None:
    """Write a column beside the axes, its right edge ``right`` points from them."""
    from matplotlib.transforms import ScaledTranslation

    top, below = line_places(content, layout)
    if column.align == "left":
        right -= column.width(layout.text)
    shift = ScaledTranslation(right / POINTS_PER_INCH, 0.0, ax.figure.dpi_scale_trans)
    at = ax.get_yaxis_transform() + shift
    if not column.rows and below:
        top = below[0] - 1.2 * layout.line  # rows without text: the heading is that of the summary
    places = [top, *map(float, range(len(column.rows))), *below]
    for place, text in zip(places, [column.heading, *column.rows, *column.footers], strict=True):
        weight = "bold" if place == top else "normal"
        if text:
            ax.text(
                1.0,
                place,
                text,
                transform=at,
                ha=column.align,
                va="center_baseline",
                fontsize=layout.text,
                fontweight=weight,
                parse_math=False,
            )

"""Forest plots: a row for each study with its interval, and what the model says below.

From 3 to 500 rows: see `limeform.plot.rows` for when text shrinks and when rows become a curve of thin lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.plot import style
from limeform.plot.canvas import LEAST_DATA, POINTS_PER_INCH, make_room, new_axes, one_axes, size_in_points, text_width
from limeform.plot.forest_content import Forest, Order, in_order, on_scale
from limeform.plot.forest_text import (
    GAP,
    TextColumn,
    estimate_column,
    further_columns,
    label_column,
    write_column,
    write_labels,
)
from limeform.plot.rows import RowLayout, figure_height, layout_rows, line_width, rows_height
from limeform.plot.scale import Scale, Transform, limits, scale_for, set_axis, transform_name
from limeform.plot.trimmed import draw_arrows, draw_trimmed, stretched

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

PLOT_WIDTH = 3.2
"""Width of the part with the intervals in inches, in a figure made here."""
LABEL_WIDTH = 280.0
"""Points; in a figure made here longer labels end in an ellipsis (about 55 characters)."""
LABEL_SHARE = 0.4
"""Largest share of the width of given axes that labels take; what stands below the rows is cut last."""
DATA_SHARE = 0.35
"""Share of the width of given axes that is left to the intervals where labels can be cut for it."""
SQUARE = 0.7
"""Side of the largest square over the height of a row."""


def forest_plot(
    content: Forest,
    *,
    transform: Transform | None = None,
    reference: float | Literal["auto"] | None = "auto",
    order: Order | None = None,
    annotate: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a forest plot.

    Parameters
    ----------
    content : Forest
        What is drawn.
    transform : callable, optional
        Applied to all values, such as ``np.exp`` for log ratios. Where it is exponential the axis is logarithmic.
    reference : float, "auto" or None
        Place of the vertical line on the scale of the model; "auto" is zero, left out where it is far from the rows.
    order : {"data", "estimate", "weight"}, optional
        Order of the rows, the largest weight first; if left out that of the data, or by estimate where they are too
        many to be labelled.
    annotate : bool, optional
        Write estimates and intervals beside the rows, where they are labelled, and beside the summary; if left out,
        where the axes have room.
    ax : Axes, optional
        Where to draw; a new figure that fits the rows if left out.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
    """
    if order not in (None, "data", "estimate", "weight"):
        raise OptionError(f'order={order!r}: give "data", "estimate" or "weight"')
    scale = scale_for(transform)
    place = _reference(reference, scale, content)
    content = on_scale(content, scale)
    ax = None if ax is None else one_axes(ax)
    layout = _layout(content, ax)
    sorting: Order = order or ("data" if layout.labelled else "estimate")
    content = in_order(content, sorting)
    labels = label_column(content, layout.labelled)
    beside = further_columns(content) if layout.labelled else []
    if annotate is not False and (layout.labelled or content.pooled is not None):
        beside.append(estimate_column(content, layout.labelled))
    right = _total(beside, layout)
    if annotate is None and ax is not None and beside and _narrow(ax, labels, layout, right):
        beside.pop()
        right = _total(beside, layout)
    if ax is None:
        labels = labels.shortened(layout.text, LABEL_WIDTH)
        ax = _own_axes(content, labels.width(layout.text) + right)
    else:
        labels = _fitted_into(ax, labels, layout, right)
    _set_up(ax, content, layout, scale, place)
    _draw_rows(ax, content, layout)
    _draw_summary(ax, content, layout)
    write_labels(ax, content, layout, labels)
    for i, column in enumerate(beside):
        write_column(ax, content, layout, column, _total(beside[: i + 1], layout))
    if not layout.labelled:
        _write_count(ax, len(content.labels), sorting, layout.text)
    ax.set_xlabel(transform_name(transform, content.name), parse_math=False)
    return ax


def _total(columns: list[TextColumn], layout: RowLayout) -> float:
    """Return the room in points that columns on the right take."""
    return sum(column.width(layout.text) + GAP for column in columns)


def _reference(reference: float | Literal["auto"] | None, scale: Scale, content: Forest) -> float | None:
    """Return the place of the reference line as a value on the axis."""
    if reference is None:
        return None
    if reference != "auto":
        return float(scale.apply(np.array([float(reference)]), "reference")[0])
    low, high = float(content.interval.min()), float(content.interval.max())
    near = low - (high - low) <= 0.0 <= high + (high - low)
    try:
        return float(scale.apply(np.zeros(1), "reference")[0]) if near else None
    except OptionError:
        return None


# ---------------------------------------------------------------------- room


def _layout(content: Forest, ax: Axes | None) -> RowLayout:
    lines, size = 1 + content.footer_lines, style.text_size()
    rows = len(content.labels)
    height = rows_height(rows, lines, size) if ax is None else size_in_points(ax)[1]
    return layout_rows(rows, lines, height, size)


def _own_axes(content: Forest, beside: float) -> Axes:
    height = figure_height(len(content.labels), 1 + content.footer_lines, style.text_size())
    ax: Axes = new_axes(PLOT_WIDTH + (beside + 3 * GAP) / POINTS_PER_INCH, height)[0]
    return ax


def _narrow(ax: Axes, labels: TextColumn, layout: RowLayout, right: float) -> bool:
    """Say whether text on both sides would leave too little of given axes to the intervals."""
    width = size_in_points(ax)[0]
    left = min(labels.width(layout.text) + GAP, LABEL_SHARE * width)
    return left + right > (1.0 - DATA_SHARE) * width


def _fitted_into(ax: Axes, labels: TextColumn, layout: RowLayout, right: float) -> TextColumn:
    """Cut labels to the room that given axes have, and shrink the axes so that all text is where they were."""
    width = size_in_points(ax)[0]
    below = min(text_width(labels.footers, layout.text) + 1.0, (1.0 - LEAST_DATA) * width - right - GAP)
    free = (1.0 - DATA_SHARE) * width - right
    labels = labels.shortened(layout.text, max(min(free, LABEL_SHARE * width), below))
    make_room(ax, left=labels.width(layout.text) + GAP, right=right)
    return labels


def _write_count(ax: Axes, count: int, order: Order, size: float) -> None:
    sorting = {"data": "in the order of the data", "estimate": "sorted by estimate", "weight": "sorted by weight"}
    ax.text(0.0, 1.0, f"{count} rows, {sorting[order]}", transform=ax.transAxes, fontsize=size, va="top")


# ---------------------------------------------------------------------- marks


def _set_up(ax: Axes, content: Forest, layout: RowLayout, scale: Scale, place: float | None) -> None:
    """Set limits and spines, and draw the vertical lines, in front of intervals that form a band."""
    kept = ~content.trimmed
    low, high = limits(scale.along(_seen(content, place)), scale.along(content.interval[kept]))
    trimmed = np.column_stack([content.estimate, content.interval])[~kept]
    set_axis(ax, scale, stretched(low, high, scale.along(trimmed.ravel())))
    last = len(content.labels) - 0.5
    bottom = last + (content.footer_lines + 0.4) * layout.line
    ax.set_ylim(bottom, -0.5 - layout.line)
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.tick_params(axis="x", labelsize=style.text_size())
    front = 1.0 if layout.labelled else 3.5
    if place is not None:
        ax.plot([place] * 2, [-0.5, bottom], color=style.REFERENCE, linewidth=0.8, zorder=front, label="reference")
    if content.pooled is not None:
        ax.plot(
            [content.pooled.estimate] * 2,
            [-0.5, last + 0.7 * layout.line],
            color=style.MODEL,
            linewidth=0.8,
            linestyle=(0, (4, 3)),
            zorder=front,
            label="pooled",
        )


def _seen(content: Forest, place: float | None) -> FloatArray:
    """Return the values that have to be within the axis."""
    pooled, fitted = content.pooled, content.fitted
    values = [] if place is None else [place]
    values += [] if pooled is None else [*pooled.interval, *(pooled.prediction or ())]
    return np.concatenate([content.estimate[~content.trimmed], values, [] if fitted is None else fitted[:, 0]])


def _draw_rows(ax: Axes, content: Forest, layout: RowLayout) -> None:
    kept = ~content.trimmed
    places = np.arange(len(kept), dtype=np.float64)
    _draw_groups(ax, content, layout)
    _draw_intervals(ax, places[kept], content.interval[kept], layout, style.DATA, "intervals")
    side = SQUARE * max(layout.row, 4.0) * np.sqrt(content.weight[kept] / content.weight[kept].max())
    ax.scatter(
        content.estimate[kept],
        places[kept],
        s=np.maximum(side, 2.2 if layout.labelled else 1.2) ** 2,
        marker="s",
        color=style.DATA,
        linewidth=0,
        label="estimates",
        zorder=4,
    )
    if not kept.all():
        _draw_intervals(ax, places[~kept], content.interval[~kept], layout, style.MODEL, "trimmed intervals")
        size = float(np.clip(0.45 * layout.row, 3.0, 6.0)) ** 2
        draw_arrows(ax, content.estimate[~kept], places[~kept], "x")
        draw_trimmed(ax, content.estimate[~kept], places[~kept], size)
    if content.fitted is not None and layout.labelled:
        _draw_diamonds(ax, places, content.fitted, 0.38, style.FITTED, "fitted")
    elif content.fitted is not None:
        ax.scatter(content.fitted[:, 0], places, s=1.5**2, color=style.FITTED, linewidth=0, label="fitted", zorder=4.5)


def _draw_groups(ax: Axes, content: Forest, layout: RowLayout) -> None:
    """Draw a thin line above each group of rows that share a label."""
    labels = np.array(content.labels, dtype=object)
    first = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    if layout.labelled and len(first) + 1 < len(labels):
        for place in first:
            ax.axhline(place - 0.5, color=style.BANDS[-1], linewidth=0.5, zorder=0, label="_group")


def _draw_intervals(
    ax: Axes, places: FloatArray, interval: FloatArray, layout: RowLayout, color: str, label: str
) -> None:
    pale = layout.labelled or color != style.DATA
    ax.hlines(
        places,
        interval[:, 0],
        interval[:, 1],
        color=color if pale else style.BAND,
        linewidth=line_width(layout),
        linestyle="-" if color == style.DATA else (0, (2, 1.5)),
        label=label,
        zorder=3,
    )
    _draw_arrows(ax, places, interval, layout, color)


def _draw_arrows(ax: Axes, places: FloatArray, interval: FloatArray, layout: RowLayout, color: str) -> None:
    """Mark intervals that go on beyond the axis."""
    low, high = ax.get_xlim()
    for end, marker, beyond in ((low, "<", interval[:, 0] < low), (high, ">", interval[:, 1] > high)):
        if beyond.any():
            ax.scatter(
                np.full(int(beyond.sum()), end),
                places[beyond],
                s=float(np.clip(0.4 * layout.row, 2.0, 5.0)) ** 2,
                marker=marker,
                color=color,
                linewidth=0,
                clip_on=False,
                label="cut intervals",
                zorder=4,
            )


def _draw_diamonds(ax: Axes, places: FloatArray, values: FloatArray, half: float, color: str, label: str) -> None:
    """Draw diamonds from interval end to interval end, highest at the estimate; ``values`` has shape (r, 3)."""
    from matplotlib.collections import PolyCollection

    middle, low, high = values.T
    across = np.stack([low, middle, high, middle], axis=1)
    up = places[:, None] + half * np.array([0.0, -1.0, 0.0, 1.0])
    diamonds = PolyCollection(
        list(np.stack([across, up], axis=2)), facecolors=color, linewidths=0, label=label, zorder=2
    )
    ax.add_collection(diamonds, autolim=False)


def _draw_summary(ax: Axes, content: Forest, layout: RowLayout) -> None:
    """Draw a rule below the rows, and the summary below it."""
    last, line, pooled = len(content.labels) - 0.5, layout.line, content.pooled
    if content.footer_lines:
        ax.axhline(last + 0.15 * line, color=style.LINE, linewidth=0.6, zorder=0)
    if pooled is None:
        return
    place = last + 0.7 * line
    values = np.array([[pooled.estimate, *pooled.interval]])
    _draw_diamonds(ax, np.array([place]), values, 0.38 * line, style.MODEL, "summary")
    if pooled.prediction is not None:
        ends, at = pooled.prediction, [place + line] * 2
        ax.plot(ends, at, color=style.MODEL, linewidth=2.0, solid_capstyle="butt", label="prediction", zorder=3)

"""The axis of a forest plot: transformed values, where it ends, and its ticks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.plot.canvas import size_in_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

FloatArray = NDArray[np.float64]
Transform = Callable[[FloatArray], Any]

PROBES = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
TICK_WIDTH = 36.0
"""Points from tick to tick, at least."""
STEPS = (1, 2, 2.5, 5, 10)
"""Distances of ticks, times a power of ten."""
SUBDIVISIONS = ((1.0, 2.0, 5.0), (1.0, 3.0))
"""Ticks within a decade, the most that there is room for."""
LONGEST = 3.0
"""Intervals that reach further beyond all estimates than this many median half-widths are cut."""


@dataclass(frozen=True)
class Scale:
    """How the values of the model become places on the axis.

    Attributes
    ----------
    transform : callable or None
        Applied to all values; None leaves them as they are.
    logarithmic : bool
        Whether the axis is logarithmic: where the transform is exponential, so that equal distances stay equal.
    """

    transform: Transform | None
    logarithmic: bool

    def apply(self, values: FloatArray, what: str) -> FloatArray:
        """Return transformed values; ``what`` names them where that fails.

        Raises
        ------
        OptionError
            If the transform does not give one finite number for each value.
        """
        values = np.asarray(values, dtype=np.float64)
        if self.transform is None:
            return values
        changed = _transformed(self.transform, values)
        if changed.shape != values.shape:
            raise OptionError(
                f"transform= gave an array of shape {changed.shape} for {values.size} values: "
                "it has to give one number for each"
            )
        bad = int((~np.isfinite(changed)).sum())
        if bad:
            raise OptionError(f"transform= gave no finite number for {bad} of {values.size} values of the {what}")
        return changed

    def interval(self, interval: FloatArray, what: str) -> FloatArray:
        """Return transformed ends of intervals, shape (..., 2); a decreasing transform swaps them."""
        return np.sort(self.apply(interval, what), axis=-1)

    def along(self, values: FloatArray) -> FloatArray:
        """Return where values are along the axis: their logarithm on a logarithmic one."""
        return np.log(values) if self.logarithmic else values

    def back(self, places: FloatArray) -> FloatArray:
        """Return the values at places along the axis."""
        return np.exp(places) if self.logarithmic else places


def scale_for(transform: Transform | None) -> Scale:
    """Return the scale for a transform, which has to take and return an array.

    Raises
    ------
    OptionError
        If it is not callable, or fails.
    """
    if transform is None:
        return Scale(None, False)
    if not callable(transform):
        raise OptionError(f"transform={transform!r}: give a function of an array, such as np.exp")
    probed = _transformed(transform, PROBES)
    logarithmic = False
    if probed.shape == PROBES.shape and np.isfinite(probed).all() and (probed > 0).all():
        rates = np.diff(np.log(probed)) / np.diff(PROBES)
        logarithmic = bool(abs(rates[0]) > 1e-8 and np.allclose(rates, rates[0], rtol=1e-6, atol=0.0))
    return Scale(transform, logarithmic)


def _transformed(transform: Transform, values: FloatArray) -> FloatArray:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(transform(values), dtype=np.float64)
    except Exception as error:  # the user's own function: anything can come out of it
        raise OptionError(
            f"transform= failed on an array of numbers: {type(error).__name__}: {error}; "
            "give a function that works on arrays, such as np.exp"
        ) from error


def transform_name(transform: Transform | None, name: str) -> str:
    """Return a name for transformed values, such as ``exp(y)``."""
    if transform is None:
        return name
    called = str(getattr(transform, "__name__", "")).strip("_")
    return f"{called}({name})" if called and called.isidentifier() and called != "lambda" else f"{name}, transformed"


def limits(points: FloatArray, intervals: FloatArray) -> tuple[float, float]:
    """Return where the axis ends: all points are inside, and all intervals but for those far longer than the others.

    Parameters
    ----------
    points : ndarray, shape (n,)
        Places that have to be seen.
    intervals : ndarray, shape (r, 2)
        Ends of intervals, as places along the axis.

    Returns
    -------
    tuple of float
    """
    reach = LONGEST * float(np.median(np.diff(intervals, axis=1))) / 2
    low = max(float(intervals[:, 0].min()), float(points.min()) - reach)
    high = min(float(intervals[:, 1].max()), float(points.max()) + reach)
    low, high = min(low, float(points.min())), max(high, float(points.max()))
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def set_axis(ax: Axes, scale: Scale, ends: tuple[float, float]) -> None:
    """Set the limits (places along the axis) and ticks of the horizontal axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = (float(end) for end in scale.back(np.array(ends)))
    most = int(np.clip(size_in_points(ax)[0] / TICK_WIDTH, 2, 6))
    if scale.logarithmic:
        ax.set_xscale("log")
        ratio = high / low
        decades = float(np.log10(ratio))
        subs = next((some for some in SUBDIVISIONS if decades * len(some) <= 1.5 * most), (1.0,))
        ax.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12) if ratio > 8 else MaxNLocator(most, steps=STEPS))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}")))
    else:
        plain_ticks(ax.xaxis, most)
    ax.set_xlim(low, high)


def plain_ticks(axis: Axis, most: int = 7) -> None:
    """Give a linear axis round ticks, and a power of ten in print (not 1e6) where its values are large or small.

    Parameters
    ----------
    axis : Axis
        ``ax.xaxis`` or ``ax.yaxis``.
    most : int
        Largest number of distances between ticks.
    """
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-3, 5))
    axis.set_major_locator(MaxNLocator(most, steps=STEPS))
    axis.set_major_formatter(formatter)

"""Ensembles of curves: the average with its bands, over the curves of the members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style
from limeform.plot.canvas import new_axes
from limeform.plot.curve import CurvePicture, curve_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

FAINTEST = 0.08
"""Opacity of a member of nearly no weight; the heaviest one is opaque."""


@dataclass(frozen=True, eq=False)
class EnsemblePicture:
    """What a picture of an ensemble shows.

    Attributes
    ----------
    curve : CurvePicture
        The averaged curve with its bands, and the rows.
    fits : ndarray, shape (m, n)
        The curve of each member, at the places of the average.
    knots : ndarray, shape (m, j)
        Their interior knots.
    weights : ndarray, shape (m,)
        Their weights.
    """

    curve: CurvePicture
    fits: FloatArray
    knots: FloatArray
    weights: FloatArray


def ensemble_plot(content: EnsemblePicture, *, ax: Axes | None = None) -> Axes:
    """Draw an ensemble of curves.

    Parameters
    ----------
    content : EnsemblePicture
        What is drawn.
    ax : Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    Axes
    """
    drawn: Axes = new_axes(5.6, 4.2)[0] if ax is None else ax
    if len(content.fits):
        _draw_members(drawn, content)
    return curve_plot(content.curve, ax=drawn)


def _draw_members(ax: Axes, content: EnsemblePicture) -> None:
    """Draw the members' curves, and their knots at the lower edge."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    places, heavier = np.argsort(content.curve.at), np.argsort(content.weights)
    opacity = FAINTEST + (1.0 - FAINTEST) * content.weights[heavier] / content.weights.max()
    colours = [to_rgba(style.FITTED, alpha) for alpha in opacity]
    lines = [np.column_stack([content.curve.at[places], fit[places]]) for fit in content.fits[heavier]]
    # Above the bands, below the averaged curve; its colour in the legend is that of the heaviest member.
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=0.7, zorder=1.5, label="_members"))
    ax.plot([], [], color=style.FITTED, linewidth=0.7, label="members")
    ax.vlines(
        content.knots[heavier].ravel(),
        0.0,
        0.03,
        colors=[colour for colour in colours for _ in range(content.knots.shape[1])],
        linewidth=0.8,
        transform=ax.get_xaxis_transform(),
        label="_knots",
    )

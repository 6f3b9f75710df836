"""The members of an ensemble of curves, behind their average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

FAINTEST = 0.08
"""Opacity of a member of nearly no weight; the heaviest one is opaque."""


@dataclass(frozen=True, eq=False)
class Members:
    """Curves that an average was taken of.

    Attributes
    ----------
    fits : ndarray, shape (m, n)
        The curve of each member, at the places of the average.
    knots : ndarray, shape (m, j)
        Their interior knots.
    weights : ndarray, shape (m,)
        Their weights.
    """

    fits: FloatArray
    knots: FloatArray
    weights: FloatArray


def draw_members(ax: Axes, at: FloatArray, members: Members) -> None:
    """Draw the members' curves at the places ``at``, shape (n,), and their knots at the lower edge."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    places, heavier = np.argsort(at), np.argsort(members.weights)
    opacity = FAINTEST + (1.0 - FAINTEST) * (members.weights[heavier] / members.weights.max())
    colours = [to_rgba(style.FITTED, alpha) for alpha in opacity]
    lines = [np.column_stack([at[places], fit[places]]) for fit in members.fits[heavier]]
    # Above the bands, below rows and average; its colour in the legend is that of the heaviest member.
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=0.7, zorder=2, label="_members"))
    ax.plot([], [], color=style.FITTED, linewidth=0.7, label="members")
    ax.vlines(
        members.knots[heavier].ravel(),
        0.0,
        0.03,
        colors=[colour for colour in colours for _ in range(members.knots.shape[1])],
        linewidth=0.8,
        transform=ax.get_xaxis_transform(),
        label="_knots",
    )

"""Random placements of the knots of a curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError

FloatArray = NDArray[np.float64]


def draw_knots(
    number: int, lower: float, upper: float, spacing: float, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw interior knots uniformly among those that keep a distance from each other and from the bounds.

    Parameters
    ----------
    number : int
        Interior knots in each draw, j.
    lower, upper : float
        Bounds.
    spacing : float
        Least distance, as a share of the range.
    draws : int
        Number of draws.
    rng : Generator
        Randomness.

    Returns
    -------
    ndarray, shape (draws, j)

    Raises
    ------
    OptionError
        If the distance is no share, or leaves no room.
    """
    if isinstance(spacing, bool) or not isinstance(spacing, int | float | np.number) or not spacing >= 0:
        raise OptionError(f"min_spacing={spacing!r}: give a share of the range, 0 or more")
    free = 1.0 - (number + 1) * spacing
    if free <= 0:
        raise OptionError(
            f"min_spacing={spacing:g} leaves no room for {number} knots: it has to be below {1 / (number + 1):.3g}"
        )
    shares = np.sort(rng.uniform(0.0, free, (draws, number)), axis=1) + spacing * np.arange(1, number + 1)
    return np.asarray(lower + (upper - lower) * shares, dtype=np.float64)

"""Random placements of knots."""

import numpy as np
import pytest

import limeform as lf
from limeform.resample.placements import draw_knots


def test_draws_keep_their_distance() -> None:
    knots = draw_knots(3, 10.0, 50.0, 0.15, 500, np.random.default_rng(0))
    steps = np.diff(np.column_stack([np.full(500, 10.0), knots, np.full(500, 50.0)]), axis=1)
    assert steps.min() >= 6.0 - 1e-9
    assert steps.min() < 6.2


@pytest.mark.parametrize("spacing", [0.25, 0.5, np.inf])
def test_no_room(spacing: float) -> None:
    with pytest.raises(lf.OptionError, match=r"no room for 3 knots: it has to be below 0.25"):
        draw_knots(3, 0, 1, spacing, 5, np.random.default_rng(0))


@pytest.mark.parametrize("spacing", [-0.1, np.nan, "wide", None, True])
def test_no_share(spacing: object) -> None:
    with pytest.raises(lf.OptionError, match="give a share of the range"):
        draw_knots(3, 0, 1, spacing, 5, np.random.default_rng(0))  # type: ignore[arg-type]

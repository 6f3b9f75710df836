"""Curves whose bands cannot be computed say so: once, by a warning that names the way out, and in the legend."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest

import limeform as lf
from tests.results.restricted_fits import DATA, SHAPE

AT = [5.0, 20.0, 60.0]


@pytest.fixture(scope="module")
def held() -> lf.LMMResults:
    return lf.lmm(SHAPE, DATA, se="se", constraints=[lf.increasing("dose"), lf.concave("dose")]).fit()


def legend_texts(ax: plt.Axes) -> list[str]:
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("derivative", [0, 1])
def test_a_held_curve_names_draws_once(held: lf.LMMResults, derivative: int) -> None:
    with pytest.warns(lf.UnknownBandWarning, match=r"'dose' has no normal band.*draws=200") as caught:
        assert held.curve("dose", AT, derivative=derivative)["mean_lower"].isna().all()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.warns(lf.UnknownBandWarning, match="draws=200") as caught:
        ax = held.plot_curve("dose", AT, derivative=derivative, transform=np.exp)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "no band: draws= gives it" in legend_texts(ax)
    plt.close(ax.figure)


def test_nothing_is_said_where_bands_are_known(held: lf.LMMResults) -> None:
    free = lf.lmm(SHAPE, DATA, se="se").fit()
    with warnings.catch_warnings():
        warnings.simplefilter("error", lf.UnknownBandWarning)
        assert held.curve("dose", AT, draws=5, rng=1).notna().all(axis=None)
        assert free.curve("dose", AT).notna().all(axis=None)
        free.curve("dose", AT, derivative=1)
        ax = free.plot_curve("dose", AT)
    assert not any("no band" in text for text in legend_texts(ax))
    plt.close(ax.figure)


def test_a_band_of_new_groups_names_random() -> None:
    fit = lf.lmm("y ~ bspline(dose, 2) + (1 + x | study)", DATA, se="se").fit()
    with pytest.warns(lf.UnknownBandWarning, match="give random= with the values of x at") as caught:
        table = fit.curve("dose", AT)
    assert len(caught) == 1
    assert table["new_lower"].isna().all()
    assert table["mean_lower"].notna().all()
    with pytest.warns(lf.UnknownBandWarning, match="random="):
        ax = fit.plot_curve("dose", AT)
    assert "no band of a new group: random= gives it" in legend_texts(ax)
    plt.close(ax.figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error", lf.UnknownBandWarning)
        assert fit.curve("dose", AT, random={"x": [0.0, 0.0, 0.0]})["new_lower"].notna().all()

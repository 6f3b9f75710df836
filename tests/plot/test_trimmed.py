import numpy as np
import pytest
from matplotlib.figure import Figure

from limeform.plot import Funnel, Residuals, funnel_plot, residual_plot
from limeform.plot.trimmed import draw_arrows, stretched
from tests.plot.pictures import artist, draw, labels, outside, overlaps


def test_a_range_is_lengthened_by_near_values_only():
    low, high = stretched(0.0, 10.0, np.array([5.0, 12.0, 400.0]))
    assert low == 0.0
    assert 12.0 < high < 13.0
    assert stretched(0.0, 10.0, np.array([3.0])) == (0.0, 10.0)
    assert stretched(0.0, 10.0, np.zeros(0)) == (0.0, 10.0)


@pytest.mark.parametrize("along", ["x", "y"])
def test_arrows_stand_at_the_edge(along):
    ax = Figure().subplots()
    ax.set_xlim(0, 1)
    ax.set_ylim(1, 0)  # as in a forest plot
    far, near = np.array([-3.0, 0.5, 7.0, 8.0]), np.full(4, 0.25)
    assert draw_arrows(ax, *((far, near) if along == "x" else (near, far)), along) == 3
    places = np.vstack([arrows.get_offsets() for arrows in ax.collections])
    assert sorted(places[:, 0 if along == "x" else 1]) == [0.0, 1.0, 1.0]


def test_funnel_of_far_trimmed_rows():
    effect, se = np.array([0.1, -0.2, 0.0, 1e6]), np.array([0.1, 0.2, 0.3, 0.2])
    content = Funnel("effect", effect, se, 0.0, "zero", (0.95,), (1.96,), effect < 1)
    ax = funnel_plot(content)
    assert ax.get_xlim()[1] < 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["95%", "zero", "trimmed (1, 1 as arrows)"]
    np.testing.assert_allclose(artist(ax, "_beyond").get_offsets(), [[ax.get_xlim()[1], 0.2]])


@pytest.mark.parametrize("n", [40, 6_000])
def test_residuals_of_trimmed_rows(n):
    rng = np.random.default_rng(1)
    fitted, residual = rng.normal(size=n), rng.normal(size=n)
    residual[:3] = [5.0, -4.0, 1e5]
    kept = np.arange(n) >= 3
    ax = residual_plot(Residuals(fitted, residual, None, "y", kept))
    np.testing.assert_allclose(artist(ax, "trimmed").get_offsets(), np.column_stack([fitted, residual])[:3])
    assert labels(ax).count("_beyond") >= 1
    low, high = ax.get_ylim()
    assert low == -high
    assert high < 20
    draw(ax.figure)
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []


def test_nothing_is_named_where_nothing_was_trimmed():
    ax = residual_plot(Residuals(np.arange(4.0), np.ones(4), None, "y", np.ones(4, dtype=bool)))
    assert ax.get_legend() is None
    assert {"_beyond", "trimmed"}.isdisjoint(labels(ax))

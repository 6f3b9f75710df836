import numpy as np
import pytest
from matplotlib.figure import Figure

from limeform.plot import Funnel, funnel_plot
from tests.plot.pictures import artist, draw, outside, overlaps


def funnel(n: int) -> Funnel:
    rng = np.random.default_rng(n)
    return Funnel("effect", rng.normal(size=n), rng.gamma(3.0, 0.1, n), 0.3, "pooled estimate", (0.9, 0.99), (1.6, 2.6))


def test_points():
    content = funnel(20)
    offsets = artist(funnel_plot(content), "_points").get_offsets()
    np.testing.assert_allclose(offsets, np.column_stack([content.effect, content.se]))


def test_contours_open_by_their_quantiles():
    content = funnel(20)
    ax = funnel_plot(content)
    depth, top = ax.get_ylim()
    assert top == 0
    assert depth > content.se.max()  # the smallest standard errors on top
    for label, quantile in (("90%", 1.6), ("99%", 2.6)):
        (path,) = artist(ax, label).get_paths()
        width, height = path.vertices[:, 0], path.vertices[:, 1]
        np.testing.assert_allclose(width[height == 0], 0.3)
        assert width[height == depth].min() == pytest.approx(0.3 - quantile * depth)
        assert width[height == depth].max() == pytest.approx(0.3 + quantile * depth)
    np.testing.assert_allclose(artist(ax, "pooled estimate").get_xdata(), 0.3)


def test_all_points_and_contours_are_inside():
    content = funnel(50)
    content.effect[3] = 40.0
    low, high = funnel_plot(content).get_xlim()
    assert low < 0.3 - 2.6 * content.se.max()
    assert high > 40.0


@pytest.mark.parametrize("n", [1, 3, 500])
def test_text(n):
    ax = funnel_plot(funnel(n))
    draw(ax.figure)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["90%", "99%", "pooled estimate"]
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []


@pytest.mark.parametrize("size", [(9, 7), (6, 5)])
def test_legend_ends_where_the_text_of_other_axes_does(size, monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.subplots", lambda *_, **__: pytest.fail("pyplot made a figure"))
    figure = Figure(figsize=size)
    ax, plain = figure.subplots(2, 2)[0]
    plain.set_xlabel("effect")
    assert funnel_plot(funnel(9), ax=ax) is ax
    draw(figure)
    assert overlaps(ax) == []
    lowest = min(text.get_window_extent().y0 for text in ax.get_legend().get_texts())
    assert lowest > plain.xaxis.label.get_window_extent().y0 - 1


def test_many_points_are_smaller():
    few, many = (artist(funnel_plot(funnel(n)), "_points").get_sizes()[0] for n in (10, 500))
    assert many < few

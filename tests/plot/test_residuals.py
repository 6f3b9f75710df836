import numpy as np
from matplotlib.figure import Figure

from limeform.plot import Residuals, residual_plot
from tests.plot.pictures import artist, draw, labels, outside, overlaps


def residuals(n: int, smooth: bool = True) -> Residuals:
    rng = np.random.default_rng(n)
    line = np.array([[0.0, 0.1], [1.0, -0.1]])
    return Residuals(rng.normal(size=n), rng.normal(size=n), line if smooth else None, "y")


def test_points_and_line():
    content = residuals(50)
    ax = residual_plot(content)
    points = artist(ax, "_points").get_offsets()
    np.testing.assert_allclose(points, np.column_stack([content.fitted, content.residual]))
    np.testing.assert_allclose(artist(ax, "_smooth").get_xydata(), content.smooth)
    assert ax.get_xlabel() == "Fitted y"
    low, high = ax.get_ylim()
    assert low == -high
    assert high > np.abs(content.residual).max()


def test_no_line():
    assert "_smooth" not in labels(residual_plot(residuals(50, smooth=False)))


def test_very_many_points_are_counted():
    content = residuals(6_000)
    ax = residual_plot(content)
    (counts,) = [collection.get_array() for collection in ax.collections if collection.get_array() is not None]
    assert counts.sum() == 6_000
    assert "_points" not in labels(ax)


def test_residuals_that_are_all_zero():
    low, high = residual_plot(Residuals(np.ones(4), np.zeros(4), None, "y")).get_ylim()
    assert low < 0 < high


def test_given_axes(monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.subplots", None)
    ax = Figure().subplots()
    assert residual_plot(residuals(30), ax=ax) is ax
    draw(ax.figure)
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from limeform.plot import CurvePicture, curve_plot
from tests.plot.pictures import artist, draw, labels, outside, overlaps


def picture(n: int = 30, **changes: object) -> CurvePicture:
    """Return a curve with ``n`` rows."""
    rng = np.random.default_rng(n)
    at = np.linspace(0, 60, 50)
    fit = 1 - np.exp(-at / 20)
    x = rng.uniform(0, 60, n)
    content = CurvePicture(
        name="dose",
        response="log_rr",
        at=at,
        fit=fit,
        mean_band=np.column_stack([fit - 0.1, fit + 0.1]),
        new_band=np.column_stack([fit - 0.3, fit + 0.3]),
        knots=np.array([20.0, 40.0]),
        exposure=x,
        low=x - 2,
        high=x + 2,
        value=1 - np.exp(-x / 20) + rng.normal(0, 0.1, n),
        precision=rng.uniform(1, 10, n),
        trimmed=np.zeros(n, dtype=bool),
        reference=np.zeros(n),
        reference_value=np.zeros(n),
    )
    return replace(content, **changes)


@pytest.mark.parametrize("n", [1, 3, 500])
def test_text(n):
    content = picture(n)
    content.trimmed[: n // 3] = True
    ax = curve_plot(content)
    draw(ax.figure)
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"fit", "mean, 95% band", "new group, 95% band"} <= set(named)
    axes = ax.get_window_extent()
    assert max(text.get_window_extent().y1 for text in ax.get_legend().get_texts()) < axes.y0  # no data is under it


def test_area_grows_with_squared_precision():
    content = picture()
    areas = artist(curve_plot(content), "rows").get_sizes()
    np.testing.assert_allclose(
        np.diff(areas) / np.diff(content.precision**2), np.ptp(areas) / np.ptp(content.precision**2)
    )
    alike = artist(curve_plot(picture(precision=np.ones(30))), "rows")
    assert alike.get_label() == "rows"
    assert len(np.unique(alike.get_sizes())) == 1


def test_rows_are_joined_to_references_that_differ():
    assert "_comparison" not in labels(curve_plot(picture()))
    ax = curve_plot(picture(reference=np.linspace(0, 10, 30)))
    lines = [line for line in ax.lines if line.get_label() == "_comparison"]
    assert len(lines) == 30


def test_far_trimmed_rows_and_wide_bands_do_not_squeeze_the_rest():
    content = picture()
    content.value[4], content.trimmed[4] = 900.0, True
    content.new_band[-1] = [-1e3, 1e3]
    ax = curve_plot(content)
    low, high = ax.get_ylim()
    assert -2 < low < high < 3
    np.testing.assert_allclose(artist(ax, "_beyond").get_offsets(), [[content.exposure[4], high]])
    assert artist(ax, "trimmed").get_label() == "trimmed (1, 1 as arrows)"


def test_unknown_bands_are_not_drawn_and_a_line_alone_needs_no_legend():
    unknown = np.full((50, 2), np.nan)
    none = np.zeros(0)
    rows = {name: none for name in ("exposure", "low", "high", "value", "precision")}
    ax = curve_plot(picture(mean_band=unknown, new_band=unknown, trimmed=none.astype(bool), reference=None,
                            reference_value=None, **rows))  # fmt: skip
    assert ax.get_legend() is None
    assert not ax.collections


def test_levels_are_bars():
    fit = np.array([0.0, 0.4, 0.3])
    content = CurvePicture(
        "dose", "y", np.arange(3.0), fit, np.column_stack([fit - 0.1, fit + 0.1]), np.full((3, 2), np.nan), np.zeros(0),
        labels=("none", "low", "high"), coverage=0.9,
    )  # fmt: skip
    ax = curve_plot(content)
    bars = [path[:, 1] for path in artist(ax, "mean").get_segments()]
    np.testing.assert_allclose(bars, content.mean_band)
    assert artist(ax, "mean").get_label() == "mean, 90% band"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["none", "low", "high"]
    draw(ax.figure)
    assert overlaps(ax) == []


def test_given_axes(monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.subplots", None)
    figure = Figure(figsize=(10, 4))
    for ax in figure.subplots(1, 2):
        assert curve_plot(picture(), ax=ax) is ax
    draw(figure)
    for ax in figure.axes:
        assert overlaps(ax) == []
        assert outside(ax, figure.bbox) == []

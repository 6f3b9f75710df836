import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm

import limeform as lf
from limeform.plot import Quantiles, qq_plots
from tests.plot.pictures import artist, draw, outside, overlaps


def content(n: int) -> Quantiles:
    expected = norm.ppf((np.arange(n) + 0.5) / n)
    values = expected + 0.02
    values[-1] = 9.0
    return Quantiles("Standardized residual", expected, values, np.column_stack([expected - 0.5, expected + 0.5]), 0.95)


def test_points_line_and_band():
    shown = content(40)
    (ax,) = qq_plots([shown])
    inside, out = artist(ax, "_inside").get_offsets(), artist(ax, "outside").get_offsets()
    np.testing.assert_allclose(inside, np.column_stack([shown.expected, shown.values])[:-1])
    np.testing.assert_allclose(out, [[shown.expected[-1], 9.0]])
    x, y = artist(ax, "_equal").get_data()
    np.testing.assert_array_equal(x, y)
    assert ax.get_ylim()[1] > 9.0


@pytest.mark.parametrize("n", [3, 500])
def test_text(n):
    (ax,) = qq_plots([content(n)])
    draw(ax.figure)
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox, "lr") == []


def test_given_axes():
    axes = Figure(figsize=(8, 4)).subplots(1, 2)
    assert list(qq_plots([content(9), content(9)], ax=axes)) == list(axes)


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(40), 5)
    y = rng.normal(size=40)[group] + rng.normal(size=200)
    return lf.lmm("y ~ 1 + (1 | group)", {"y": y, "group": group}).fit()


@pytest.mark.parametrize("draws", [0, 60])
@pytest.mark.parametrize("of", ["residuals", "random_effects"])
def test_normal_values_lie_in_the_band(fit, of, draws):
    """Of a right model about a twentieth of the points is outside, in clusters."""
    (ax,) = fit.plot_qq(of, draws=draws, rng=1)
    n = 200 if of == "residuals" else 40
    assert len(artist(ax, "_inside").get_offsets()) + len(artist(ax, "outside").get_offsets()) == n
    assert len(artist(ax, "outside").get_offsets()) <= 0.25 * n


def test_an_outlier_is_outside_its_band():
    data = lf.datasets.sleepstudy()
    (ax,) = lf.lmm("Reaction ~ Days + (Days | Subject)", data).fit().plot_qq()
    assert artist(ax, "outside").get_offsets()[:, 1].max() > 4


def test_one_panel_for_each_effect():
    axes = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit().plot_qq("random_effects")
    assert [ax.get_title() for ax in axes] == ["Intercept | Subject", "Days | Subject"]


@pytest.mark.parametrize("slope", [False, True])
def test_residuals_of_shrunken_effects_are_standardized_by_their_own_variance(slope):
    """With one row a study, half of each deviation is effect: over the errors they would look short."""
    rng = np.random.default_rng(4)
    x = rng.uniform(1, 3, 300)
    data = {"y": rng.normal(0, 0.5, 300) * (x if slope else 1) + rng.normal(0, 0.5, 300), "x": x, "se": 0.5}
    fit = lf.lmm(f"y ~ x + ({'0 + x' if slope else '1'} | study)", data | {"study": np.arange(300)}, se="se").fit()
    (ax,) = fit.plot_qq()
    values = np.concatenate([artist(ax, name).get_offsets()[:, 1] for name in ("_inside", "outside")])
    assert np.std(values) == pytest.approx(1.0, abs=3 / np.sqrt(2 * 300))
    assert np.std(fit.resid) / 0.5 < 0.8
    assert len(artist(ax, "outside").get_offsets()) <= 30


def test_trimmed_rows_are_left_out():
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", lf.datasets.sleepstudy(), trim=lf.Trimming(0.1, starts=1)).fit()
    (ax,) = fit.plot_qq()
    assert len(artist(ax, "_inside").get_offsets()) + len(artist(ax, "outside").get_offsets()) == fit.n_kept

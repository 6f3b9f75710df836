"""The pictures of a trimmed fit: what the artists hold."""

import numpy as np
import pytest

import limeform as lf
from tests.plot.pictures import artist, draw, outside, overlaps


@pytest.fixture(scope="module")
def results():
    return lf.lmm("y ~ x + (1 | study)", lf.datasets.contaminated_studies(rng=4), se="se", trim=0.2).fit()


def test_path_and_contributions(results):
    path, contributions = results.plot_trimming()
    np.testing.assert_allclose(path.lines[0].get_ydata(), results.trimming.history)
    kept, trimmed = (np.asarray(points.get_offsets()) for points in contributions.collections)
    assert (len(kept), len(trimmed)) == (80, 20)
    (cut,) = contributions.lines
    height = cut.get_ydata()[0]
    assert kept[:, 1].max() < height < trimmed[:, 1].min()
    low, high = contributions.get_ylim()
    assert low < kept[:, 1].min()
    assert trimmed[:, 1].max() < high
    assert [text.get_text() for text in contributions.get_legend().get_texts()] == ["kept (80)", "trimmed (20)", "cut"]


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_text(seed):
    fit = lf.lmm("y ~ x + (1 | study)", lf.datasets.contaminated_studies(rng=seed), se="se", trim=0.15).fit()
    axes = fit.plot_trimming()
    draw(axes[0].figure)
    for ax in axes:
        assert overlaps(ax) == []
        assert outside(ax, ax.figure.bbox) == []
    lowest = axes[1].get_window_extent().y0
    assert max(text.get_window_extent().y1 for text in axes[1].get_legend().get_texts()) < lowest  # not on the cut


def test_contributions_are_derivatives_of_the_objective(results):
    """Of a kept row: ½ (e² + q) / λ + ½ ln λ + ½ ln 2π, from the public results."""
    _, axes = results.plot_trimming()
    kept = np.asarray(axes.collections[0].get_offsets())[:, 1]
    spread = results.resid**2 + results.random_effects_cov[1].iloc[0, 0] * 0
    q = np.array([results.random_effects_cov[g].iloc[0, 0] for g in lf.datasets.contaminated_studies(rng=4)["study"]])
    expected = 0.5 * (spread + q) / 16 + 0.5 * np.log(2 * np.pi * 16)
    np.testing.assert_allclose(np.sort(kept), np.sort(expected[results.inliers]), rtol=1e-5)


def test_given_axes(results):
    from matplotlib import pyplot

    _, pair = pyplot.subplots(1, 2)
    assert list(results.plot_trimming(ax=pair)) == list(pair)
    (alone,) = results.plot_trimming(ax=pyplot.figure().subplots())
    assert len(alone.collections) == 2


def test_groups():
    data = lf.datasets.contaminated_studies(rng=4)
    data["y"] = data["y_clean"] - 60.0 * data["study"].isin([3, 8])
    fit = lf.lmm("y ~ x + (1 | study)", data, se="se", trim=lf.Trimming(0.2, level="group")).fit()
    _, axes = fit.plot_trimming()
    assert axes.get_xlabel() == "Groups in order"
    assert [len(points.get_offsets()) for points in axes.collections] == [8, 2]


def test_the_cut_is_between_what_could_be_trimmed():
    """A gross outlier that keep= holds is drawn as kept, far above the cut."""
    data = lf.datasets.contaminated_studies(rng=4)
    worst = data.index[(data["y"] - data["y_clean"]).abs().argmax()]
    fit = lf.lmm("y ~ x", data, se="se", trim=lf.Trimming(0.2, keep=[worst])).fit()
    _, axes = fit.plot_trimming()
    kept, trimmed = (np.asarray(points.get_offsets())[:, 1] for points in axes.collections)
    height = axes.lines[0].get_ydata()[0]
    assert np.sort(kept)[-2] < height < trimmed.min()
    assert kept.max() > trimmed.min()
    others = np.sort(kept)[:-1]
    assert height == pytest.approx((others.max() + trimmed.min()) / 2)


def test_rows_that_reweighting_took_in_again():
    data = lf.datasets.contaminated_studies(rng=4)
    fit = lf.lmm("y ~ x + (1 | study)", data, se="se", trim=lf.Trimming(0.2, reweight=0.99)).fit()
    _, axes = fit.plot_trimming()
    sizes = {points.get_label(): len(points.get_offsets()) for points in axes.collections}
    out = fit.nobs - fit.n_kept
    again = int((fit.inliers & (fit.trimming.found.best.weights < 0.5)).sum())
    assert 0 < again <= 5
    assert sizes == {
        f"kept ({fit.n_kept - again})": fit.n_kept - again,
        f"taken in again ({again})": again,
        f"trimmed ({out})": out,
    }
    assert axes.lines[0].get_label() == "cut before reweighting"
    height = axes.lines[0].get_ydata()[0]
    assert np.asarray(axes.collections[0].get_offsets())[:, 1].max() < height
    assert np.asarray(axes.collections[1].get_offsets())[:, 1].min() > height


def test_nothing_trimmed():
    fit = lf.lmm("y ~ x + (1 | study)", lf.datasets.contaminated_studies(rng=4), se="se", trim=0.001).fit()
    _, axes = fit.plot_trimming()
    assert len(axes.lines) == 0


def test_funnel_marks_trimmed_rows(results):
    axes = results.plot_funnel()
    assert [len(artist(axes, name).get_offsets()) for name in ("_points", "trimmed")] == [80, 20]

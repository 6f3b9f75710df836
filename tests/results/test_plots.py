"""Pictures of fits: the numbers they show. How they are drawn is tested in tests/plot."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm

import limeform as lf
from tests.plot.pictures import artist, draw, labels, overlaps, segments

# metafor 3.8-1: rma(yi, vi, data = escalc("RR", ..., data = dat.bcg)), predict(), weights()
POOLED = (-0.7145323484, -1.0668976757, -0.3621670210)
PREDICTION = (-1.8666923466, 0.4376276499)
WEIGHTS = [
    5.059483079,
    6.364679632,
    4.436027763,
    9.698746736,
    8.868456287,
    10.095738165,
    6.027181703,
    10.189438635,
    8.743133132,
    8.367607247,
    9.925026663,
    3.821629423,
    8.402851535,
]
# rma(yi, vi, mods = ~ ablat), predict(): the first three rows
FITTED = [
    [-1.0290087865, -1.304138974, -0.7538785988],
    [-1.3491270567, -1.743283539, -0.9549705746],
    [-0.9708054646, -1.228455947, -0.7131549820],
]


@pytest.fixture(scope="module")
def trials():
    data = lf.datasets.bcg()
    treated, control = data["tpos"] + data["tneg"], data["cpos"] + data["cneg"]
    data["log_rr"] = np.log(data["tpos"] / treated) - np.log(data["cpos"] / control)
    data["variance"] = 1 / data["tpos"] - 1 / treated + 1 / data["cpos"] - 1 / control
    return data


@pytest.fixture(scope="module")
def pooled(trials):
    return lf.lmm("log_rr ~ 1 + (1 | trial)", trials, variance="variance").fit()


@pytest.fixture(scope="module")
def with_moderator(trials):
    return lf.lmm("log_rr ~ ablat + (1 | trial)", trials, variance="variance").fit()


@pytest.fixture(scope="module")
def sleep():
    return lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()


def test_forest_against_metafor(pooled, trials):
    ax = pooled.plot_forest()
    half = norm.ppf(0.975) * np.sqrt(trials["variance"])
    expected = np.column_stack([trials["log_rr"] - half, trials["log_rr"] + half])
    np.testing.assert_allclose(segments(artist(ax, "intervals"))[:, :2], expected)
    areas = artist(ax, "estimates").get_sizes()
    np.testing.assert_allclose(100 * areas / areas.sum(), WEIGHTS, rtol=1e-4)
    (diamond,) = artist(ax, "summary").get_paths()
    ends = diamond.vertices[:, 0]
    np.testing.assert_allclose([ends[1], ends.min(), ends.max()], POOLED, rtol=1e-5)
    np.testing.assert_allclose(artist(ax, "prediction").get_xdata(), PREDICTION, rtol=1e-4)


def test_forest_with_moderator_against_metafor(with_moderator):
    ax = with_moderator.plot_forest()
    paths = artist(ax, "fitted").get_paths()[:3]
    drawn = [[path.vertices[1, 0], path.vertices[:, 0].min(), path.vertices[:, 0].max()] for path in paths]
    np.testing.assert_allclose(drawn, FITTED, rtol=1e-4)
    assert {"summary", "prediction"}.isdisjoint(labels(ax))


def test_forest_levels_are_the_labels(pooled):
    names = [label.get_text() for label in pooled.plot_forest().get_yticklabels()]
    assert names[:13] == [str(i) for i in range(1, 14)]
    assert "trial" in names


def test_forest_alpha(pooled, trials):
    ax = pooled.plot_forest(alpha=0.1)
    widths = np.diff(segments(artist(ax, "intervals"))[:, :2]).ravel()
    np.testing.assert_allclose(widths, 2 * norm.ppf(0.95) * np.sqrt(trials["variance"]))
    assert ax.texts[0].get_text() == "Estimate [90% CI]"


def test_forest_labels_follow_their_rows(trials):
    """A Series on the index of the data is taken in its order, without the rows that were left out."""
    data = trials.copy()
    data.loc[[2, 5], "log_rr"] = np.nan
    results = lf.lmm("log_rr ~ 1 + (1 | trial)", data, variance="variance").fit()
    shuffled = data["author"].sample(frac=1, random_state=1)
    names = [label.get_text() for label in results.plot_forest(labels=shuffled).get_yticklabels()]
    assert names[:11] == list(data["author"].drop([2, 5]))
    assert "author" in names
    with pytest.raises(lf.OptionError, match=r"13 values for 11 rows \(2 were left out\)"):
        results.plot_forest(labels=list(data["author"]))


def test_forest_without_random_effects(trials):
    results = lf.lmm("log_rr ~ 1", trials, variance="variance").fit()
    ax = results.plot_forest()
    assert "prediction" not in labels(ax)
    areas = artist(ax, "estimates").get_sizes()
    seen = areas > areas.min()  # very small squares are drawn larger than they are
    np.testing.assert_allclose((areas / areas.max())[seen], (trials["variance"].min() / trials["variance"])[seen])


def test_forest_prediction_interval_needs_one_variance(trials):
    """With random slopes the effect of a new study depends on its row, so that there is no single interval."""
    results = lf.lmm("log_rr ~ 1 + (0 + ablat | trial)", trials, variance="variance").fit()
    assert "prediction" not in labels(results.plot_forest())


def test_forest_without_fixed_effects(trials):
    results = lf.lmm("log_rr ~ 0 + (1 | trial)", trials, variance="variance").fit()
    assert {"summary", "fitted"}.isdisjoint(labels(results.plot_forest()))


def test_funnel_of_estimates(pooled, trials):
    ax = pooled.plot_funnel()
    points = artist(ax, "_points").get_offsets()
    np.testing.assert_allclose(points, np.column_stack([trials["log_rr"], np.sqrt(trials["variance"])]))
    np.testing.assert_allclose(artist(ax, "pooled estimate").get_xdata(), POOLED[0], rtol=1e-5)
    depth = ax.get_ylim()[0]
    for level in (0.90, 0.95, 0.99):
        (path,) = artist(ax, f"{100 * level:g}%").get_paths()
        half = norm.ppf((1 + level) / 2) * depth
        np.testing.assert_allclose(path.vertices[:, 0].min(), POOLED[0] - half, rtol=1e-5)
    np.testing.assert_allclose(artist(pooled.plot_funnel(reference=0.0), "reference 0").get_xdata(), 0.0)


def test_funnel_of_residuals(with_moderator):
    ax = with_moderator.plot_funnel()
    points = artist(ax, "_points").get_offsets()
    np.testing.assert_allclose(points[:, 0], with_moderator.resid_marginal)
    np.testing.assert_allclose(artist(ax, "zero").get_xdata(), 0.0)
    assert ax.get_xlabel() == "Residual of log_rr"


def test_residuals(sleep):
    ax = sleep.plot_residuals()
    points = artist(ax, "_points").get_offsets()
    np.testing.assert_allclose(points, np.column_stack([sleep.fittedvalues, sleep.resid]))
    line = artist(ax, "_smooth").get_xydata()
    assert (np.diff(line[:, 0]) > 0).all()
    assert np.abs(line[:, 1]).max() < sleep.resid.std()


def test_no_smooth_line_through_one_place():
    results = lf.lmm("Yield ~ 1", lf.datasets.dyestuff()).fit()
    assert "_smooth" not in labels(results.plot_residuals())


@pytest.mark.parametrize("sort_by", [None, "Days"])
def test_random_effects(sleep, sort_by):
    axes = sleep.plot_random_effects(sort_by=sort_by)
    table = sleep.ranef().pivot(index="level", columns="effect")
    table = table.sort_values(("mode", sort_by or "Intercept"))
    assert [label.get_text() for label in axes[0].get_yticklabels()] == [str(level) for level in table.index]
    for ax, effect in zip(axes, ("Intercept", "Days"), strict=True):
        assert ax.get_title() == effect
        drawn = segments(artist(ax, "_intervals"))
        half = norm.ppf(0.975) * table["sd", effect]
        np.testing.assert_allclose(drawn[:, 0], table["mode", effect] - half)
        np.testing.assert_allclose(drawn[:, 1], table["mode", effect] + half)


@pytest.mark.filterwarnings("ignore::limeform.SingularFitWarning")
def test_random_effects_of_a_singular_fit_are_drawn_as_zero():
    results = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff2()).fit()
    (ax,) = results.plot_random_effects()
    assert (artist(ax, "_modes").get_offsets()[:, 0] == 0).all()
    assert ax.get_xlim() == (-1.0, 1.0)


def test_axes_are_returned(pooled, monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.subplots", None)
    figure = Figure(figsize=(9, 9))
    axes = figure.subplots(2, 2).ravel()
    assert pooled.plot_forest(ax=axes[0]) is axes[0]
    assert pooled.plot_funnel(ax=axes[1]) is axes[1]
    assert pooled.plot_residuals(ax=axes[2]) is axes[2]
    assert list(pooled.plot_random_effects(ax=axes[3])) == [axes[3]]


@pytest.mark.parametrize("plot", ["plot_forest", "plot_funnel"])
def test_known_variances_are_needed(sleep, plot):
    with pytest.raises(lf.OptionError, match=rf"{plot} needs known sampling variances.* se= or variance="):
        getattr(sleep, plot)()


def test_random_effects_are_needed():
    results = lf.lmm("Reaction ~ Days", lf.datasets.sleepstudy()).fit()
    with pytest.raises(lf.OptionError, match=r"no random effects; add a term such as \(1 \| group\)"):
        results.plot_random_effects()


@pytest.mark.parametrize(
    ("plot", "keywords", "message"),
    [
        ("plot_forest", {"alpha": 0.0}, "alpha=0.0"),
        ("plot_forest", {"alpha": 95}, "alpha=95"),
        ("plot_forest", {"labels": "author"}, r"data\['author'\]"),
        ("plot_forest", {"labels": ["a"]}, "1 values for 13 rows"),
        ("plot_funnel", {"reference": np.nan}, "reference=nan"),
        ("plot_random_effects", {"sort_by": "Days"}, "sort_by='Days'"),
        ("plot_random_effects", {"alpha": 2}, "alpha=2"),
    ],
)
def test_refusals(pooled, plot, keywords, message):
    with pytest.raises(lf.OptionError, match=message):
        getattr(pooled, plot)(**keywords)


def test_forest_has_further_columns_of_text_in_the_order_of_its_rows():
    n = 8
    data = pd.DataFrame({"y": np.linspace(1, 0, n), "se": np.linspace(0.1, 0.4, n), "study": list("abcdefgh")})
    fit = lf.lmm("y ~ 1 + (1 | study)", data, se="se").fit()
    ax = fit.plot_forest(columns={"Arm": [f"arm {i}" for i in range(n)]}, weights=True, order="estimate")
    draw(ax.figure)
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if text.startswith("arm")] == [f"arm {i}" for i in reversed(range(n))]
    shares = [float(text[:-1]) for text in texts if text.endswith("%")]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert {"Arm", "Weight"} <= set(texts)
    assert overlaps(ax) == []
    with pytest.raises(lf.OptionError, match="3 values for 8 rows"):
        fit.plot_forest(columns={"Arm": list("abc")})


def test_rows_of_a_study_form_a_group():
    data = pd.DataFrame({"y": [1.0, 2.0, 1.5, 0.5], "se": 0.3, "study": ["a", "a", "b", "a"]})
    ax = lf.lmm("y ~ 1 + (1 | study)", data, se="se").fit().plot_forest()
    assert [text.get_text() for text in ax.get_yticklabels()][:4] == ["a", "", "b", "a"]

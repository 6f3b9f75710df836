"""Trimmed fits as users meet them: options, refusals, what is reported, and what must not change."""

import pickle

import numpy as np
import pandas as pd
import pytest

import limeform as lf


@pytest.fixture(scope="module")
def data():
    return lf.datasets.contaminated_studies(rng=4)


FORMULA = "y ~ x + (1 | study)"


def trimmed(data, trim=0.2, formula=FORMULA, **keywords):
    keywords = {"se": "se"} | keywords if "sigma" not in keywords else keywords
    return lf.lmm(formula, data, trim=trim, **keywords).fit()


def test_report(data):
    results = trimmed(data)
    left = results.weights < 0.5
    assert left.sum() == 20
    assert left[data["outlier"]].all()
    assert (results.inliers == ~left).all()
    table = results.outliers()
    assert set(table.index) == set(data.index[left])
    assert table["cost"].is_monotonic_decreasing
    assert list(table["group"]) == list(data.loc[table.index, "study"])
    np.testing.assert_allclose(table["observed"] - table["fitted"], table["residual"])
    text = str(results.summary())
    assert "80 of 100 rows kept, floor(0.2 x 100) = 20 trimmed" in text
    assert "of the" in text
    assert "not corrected" in text
    assert results.n_kept == 80
    history = results.trimming.history
    assert (np.diff(history) <= 1e-9).all()
    assert history[-1] == pytest.approx(-results.llf, abs=1e-6)


def test_cost_is_what_inclusion_adds_at_held_variances(data):
    """Taking a row in at the same variances raises minus the log-likelihood by its cost; a refit can only lower it."""
    results = trimmed(data)
    row = results.outliers().index[-1]
    kept = data.loc[(results.weights > 0.5) | (data.index == row)]
    more = lf.lmm(FORMULA, kept, se="se", reml=False).fit()
    assert -more.llf + results.llf <= results.outliers().loc[row, "cost"] + 1e-6
    assert -more.llf + results.llf == pytest.approx(results.outliers().loc[row, "cost"], abs=0.3)


@pytest.mark.parametrize(
    "keywords", [{}, {"variance": "v", "se": None}, {"se": None}], ids=["se", "variance", "shared"]
)
@pytest.mark.parametrize("reml", [False, True])
def test_equals_a_fit_of_the_kept_rows(data, keywords, reml):
    frame = data.assign(v=16.0)
    keywords = {"se": "se"} | keywords
    results = lf.lmm(FORMULA, frame, trim=0.2, reml=reml, **keywords).fit()
    plain = lf.lmm(FORMULA, frame[results.inliers.to_numpy()], reml=reml, **keywords).fit()
    assert results.llf == pytest.approx(plain.llf, abs=1e-6)
    np.testing.assert_allclose(results.params, plain.params, rtol=1e-5)
    np.testing.assert_allclose(results.bse, plain.bse, rtol=1e-5)
    np.testing.assert_allclose(results.cov_re, plain.cov_re, rtol=1e-4)


def test_strata(data):
    frame = data.assign(half=np.where(data["study"] <= 5, "a", "b"))
    results = lf.lmm(FORMULA, frame, sigma="half", trim=0.2).fit()
    assert (results.weights < 0.5)[data["outlier"]].all()
    plain = lf.lmm(FORMULA, frame[results.inliers.to_numpy()], sigma="half", reml=False).fit()
    assert results.llf == pytest.approx(plain.llf, abs=1e-5)
    np.testing.assert_allclose(results.sigma, plain.sigma, rtol=1e-3)


def test_a_variance_per_study_does_not_vanish(data):
    """A stratum of few rows could be fitted exactly and take the likelihood to infinity; its variance has a floor."""
    results = lf.lmm(FORMULA, data, sigma="study", trim=0.3).fit()
    assert results.sigma.min() > 0.09 * results.sigma.median()
    assert np.isfinite(results.llf)


@pytest.mark.parametrize("formula", ["y ~ x + (x | study)", "y ~ x + (x || study)", "y ~ x"])
def test_other_random_parts(data, formula):
    results = lf.lmm(formula, data, se="se" if "|" in formula else None, trim=0.2).fit()
    assert (results.weights < 0.5)[data["outlier"]].sum() >= 14


@pytest.mark.parametrize("factor", [0.01, 100.0, 1e-6])
@pytest.mark.parametrize("level", ["observation", "group"])
@pytest.mark.parametrize("known", [True, False])
def test_units_change_nothing(data, factor, level, known):
    scaled = data.assign(y=factor * data["y"], se=factor * data["se"])
    trim = lf.Trimming(0.2, level=level)
    keywords = {"se": "se"} if known else {}
    first, second = (lf.lmm(FORMULA, frame, trim=trim, **keywords).fit() for frame in (data, scaled))
    pd.testing.assert_series_equal(first.weights, second.weights)
    np.testing.assert_allclose(second.params, factor * first.params, rtol=1e-5)


def test_row_order_and_group_labels_change_nothing(data):
    moved = data.sample(frac=1.0, random_state=1).assign(study=lambda frame: frame["study"].map(lambda s: f"s{-s}"))
    first, second = trimmed(data), trimmed(moved)
    pd.testing.assert_series_equal(first.weights, second.weights.sort_index())


def test_gross_outliers(data):
    """However far away: 1e8 standard errors."""
    far = data.assign(y=data["y"].where(~data["outlier"], 4e8 * (1 + np.arange(100) % 7)))
    for keywords in ({"se": "se"}, {}):
        results = lf.lmm(FORMULA, far, trim=0.15, **keywords).fit()
        assert (results.weights < 0.5).equals(data["outlier"].rename("weight"))
        clean = lf.lmm(FORMULA, data[~data["outlier"]], reml=False, **keywords).fit()
        np.testing.assert_allclose(results.params, clean.params, rtol=1e-3)


def test_trim_zero_is_the_plain_fit(data):
    plain, zero = lf.lmm(FORMULA, data, se="se").fit(), lf.lmm(FORMULA, data, se="se", trim=0).fit()
    assert plain.llf == zero.llf
    assert plain.method == zero.method == "REML"
    assert zero.weights.eq(1).all()
    assert len(zero.outliers()) == 0
    with pytest.raises(lf.OptionError, match="without trim="):
        zero.plot_trimming()


def test_a_fraction_below_one_row_keeps_all(data):
    results = trimmed(data, 0.005)
    assert results.trimming.h == 100
    plain = lf.lmm(FORMULA, data, se="se", reml=False).fit()
    assert results.llf == pytest.approx(plain.llf, abs=1e-8)
    assert "Nothing was trimmed" in str(results.summary())


def test_twenty_tied_outliers_with_ten_to_trim():
    """Of rows that are alike in everything the earlier ones are kept."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(0, 1, 100), "g": np.arange(100) % 5, "se": 1.0})
    frame["y"] = frame["x"] + rng.normal(size=100)
    tied = rng.choice(100, 20, replace=False)
    frame.loc[tied, ["x", "y"]] = [0.5, 40.0]
    alone = lf.lmm("y ~ x", frame, trim=0.1).fit()
    assert np.flatnonzero(alone.weights < 0.5).tolist() == sorted(tied)[10:]
    grouped = lf.lmm("y ~ x + (1 | g)", frame, se="se", trim=0.1).fit()
    left = np.flatnonzero(grouped.weights < 0.5)
    assert set(left) < set(tied)
    assert len(left) == 10
    for g in range(5):  # within a group the tied rows are alike
        alike = [row for row in sorted(tied) if row % 5 == g]
        assert [row for row in alike if row in left] == alike[len(alike) - sum(row in left for row in alike) :]


def test_keep(data):
    label = trimmed(data).outliers().index[:3]
    flags = data.index.isin(label)
    for keep in (list(label), flags, "held"):
        results = trimmed(data.assign(held=flags), lf.Trimming(0.2, keep=keep))
        assert (results.weights[label] == 1).all()
        assert (results.weights < 0.5).sum() == 20


def test_keep_matches_rows_after_missing_ones_were_left_out(data):
    frame = data.copy()
    frame.loc[0, "y"] = np.nan
    results = trimmed(frame, lf.Trimming(0.2, keep=[5]))
    assert results.nobs == 99
    assert results.weights[5] == 1


def test_group_level(data):
    shifted = data.assign(y=data["y_clean"] - 60.0 * data["study"].isin([3, 8]))
    results = trimmed(shifted, lf.Trimming(0.2, level="group"))
    assert set(results.outliers()["group"]) == {3, 8}
    assert results.trimming.h == 8
    text = str(results.summary())
    assert "8 of 10 groups kept" in text
    assert "Groups left with no row, whose random effects are predicted as zero: 3, 8" in text


def test_group_level_with_groups_of_one_and_of_unequal_size():
    rng = np.random.default_rng(2)
    sizes = [1, 1, 2, 3, 5, 8, 13, 21, 1, 1, 4, 4]
    g = np.repeat(np.arange(12), sizes)
    frame = pd.DataFrame({"g": g, "x": rng.uniform(0, 3, len(g)), "se": 0.5})
    frame["y"] = frame["x"] + rng.normal(0, 0.7, 12)[g] + rng.normal(0, 0.5, len(g))
    frame.loc[frame["g"].isin([4, 8]), "y"] += 25.0
    for keywords in ({"se": "se"}, {}):
        results = lf.lmm("y ~ x + (1 | g)", frame, trim=lf.Trimming(0.17, level="group"), **keywords).fit()
        assert set(results.outliers()["group"]) == {4, 8}


def test_all_rows_of_a_group_trimmed(data):
    """Allowed, and said: its random effect is zero with the variance of a new group."""
    shifted = data.assign(y=data["y_clean"] + 500.0 * (data["study"] == 3) * np.where(data["x"] > 5, 1, -1))
    results = trimmed(shifted, 0.1)
    assert set(results.outliers()["group"]) == {3}
    assert results.random_effects[3].iloc[0] == pytest.approx(0.0, abs=1e-10)
    assert results.random_effects_cov[3].iloc[0, 0] == pytest.approx(results.cov_re.iloc[0, 0])
    fitted = results.fittedvalues[data["study"] == 3]
    np.testing.assert_allclose(fitted, results.predict(random="none")[data["study"] == 3])
    assert "Groups left with no row, whose random effects are predicted as zero: 3" in str(results.summary())


def test_one_row_a_group():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"y": rng.normal(0.3, 0.2, 40), "se": rng.uniform(0.1, 0.3, 40), "g": range(40)})
    frame.loc[[4, 17], "y"] = [5.0, -4.0]
    results = lf.lmm("y ~ 1 + (1 | g)", frame, se="se", trim=0.05).fit()
    assert set(results.outliers().index) == {4, 17}


def test_correction_and_reweighting(data):
    raw = lf.lmm(FORMULA, data, trim=0.2).fit()
    corrected = lf.lmm(FORMULA, data, trim=lf.Trimming(0.2, correct=True)).fit()
    again = lf.lmm(FORMULA, data, trim=lf.Trimming(0.2, reweight=0.99)).fit()
    assert corrected.sigma == pytest.approx(raw.sigma / np.sqrt(corrected.trimming.factor))
    assert (corrected.bse > raw.bse).all()
    pd.testing.assert_series_equal(corrected.weights, raw.weights)
    assert raw.n_kept < again.n_kept <= 85
    assert (again.weights < 0.5)[data["outlier"]].all()
    assert "have 0." in str(corrected.summary())
    assert "were taken in again" in str(again.summary())


def test_refit_holds_the_rows_and_the_correction(data):
    for trim in (0.2, lf.Trimming(0.2, correct=True), lf.Trimming(0.2, reweight=0.98, correct=True)):
        for keywords in ({"se": "se"}, {}):
            results = lf.lmm(FORMULA, data, trim=trim, **keywords).fit()
            same = results.refit(data["y"])
            np.testing.assert_allclose(same.params, results.params, rtol=1e-6)
            np.testing.assert_allclose(same.bse, results.bse, rtol=1e-5)
            np.testing.assert_allclose(same.cov_re, results.cov_re, rtol=1e-4)
            assert same.sigma == pytest.approx(results.sigma, rel=1e-5)
            other = results.refit(data["y_clean"])
            pd.testing.assert_series_equal(other.weights, results.weights)


def test_fit_from_an_earlier_fit(data):
    model = lf.lmm(FORMULA, data, se="se", trim=0.2)
    first = model.fit()
    assert model.fit(start=first).llf == pytest.approx(first.llf, abs=1e-8)


def test_pickle(data):
    results = trimmed(data)
    copy = pickle.loads(pickle.dumps(results))
    pd.testing.assert_frame_equal(copy.outliers(), results.outliers())
    assert str(copy.summary()).split("Notes")[1] == str(results.summary()).split("Notes")[1]


def test_reprs_are_short(data):
    report = trimmed(data).trimming
    assert len(repr(report)) < 500
    assert len(repr(report.found.best)) < 200


@pytest.mark.parametrize(
    ("trim", "message"),
    [
        (-0.1, "at least 0 and below 1"),
        (1.0, "at least 0 and below 1"),
        (1.5, "at least 0 and below 1"),
        (float("nan"), "at least 0 and below 1"),
        (True, "share to leave out"),
        ("a lot", "share to leave out"),
        (0.97, "keeps 3 of 100 rows; the model needs at least 14"),
    ],
)
def test_refused_fractions(data, trim, message):
    with pytest.raises(lf.OptionError, match=message):
        lf.lmm(FORMULA, data, trim=trim).fit()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "study"}, "level="),
        ({"interpolation": "cubic"}, "interpolation="),
        ({"starts": -1}, "starts="),
        ({"starts": 2.5}, "starts="),
        ({"starts": True}, "starts="),
        ({"max_outer": 0}, "max_outer="),
        ({"rng": "a"}, "rng="),
        ({"rng": -1}, "rng="),
        ({"n_jobs": 0}, "n_jobs="),
        ({"correct": "yes"}, "correct="),
        ({"step": "long"}, "step="),
        ({"reweight": "a"}, "reweight="),
        ({"step": 0.0}, "step="),
        ({"step": float("nan")}, "step="),
        ({"reweight": 1.0}, "reweight="),
        ({"level": "group", "step": 1.0}, "step="),
        ({"level": "group", "reweight": 0.9}, "reweight="),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(lf.OptionError, match=message):
        lf.Trimming(0.1, **options)


def test_refused_combinations(data):
    with pytest.raises(lf.OptionError, match="keep= names 90 rows, but only 80 of 100"):
        trimmed(data, lf.Trimming(0.2, keep=np.arange(100) < 90))
    with pytest.raises(lf.OptionError, match="rows that the data do not have: 1000"):
        trimmed(data, lf.Trimming(0.2, keep=[3, 1000]))
    with pytest.raises(lf.OptionError, match="has 3 values for 100 rows"):
        trimmed(data, lf.Trimming(0.2, keep=np.array([True, False, True])))
    with pytest.raises(lf.UnknownColumnError, match="keep="):
        trimmed(data, lf.Trimming(0.2, keep="nowhere"))
    with pytest.raises(lf.OptionError, match="needs a random term"):
        lf.lmm("y ~ x", data, trim=lf.Trimming(0.2, level="group")).fit()
    with pytest.raises(lf.DataError, match="has one level"):
        lf.lmm("y ~ x + (1 | one)", data.assign(one=1), se="se", trim=lf.Trimming(0.2, level="group")).fit()
    with pytest.raises(lf.OptionError, match="keeps 1 of 2 groups; the model needs at least 2"):
        lf.lmm("y ~ x + (1 | two)", data.assign(two=data.index % 2), trim=lf.Trimming(0.5, level="group")).fit()
    with pytest.raises(lf.OptionError, match="power"):
        lf.lmm(FORMULA, data, trim=lf.Trimming(0.2, interpolation="power")).fit()


def test_t_intervals(data):
    from scipy.stats import t

    results = trimmed(data)
    interval = results.conf_int(df=8)
    half = (interval[1] - interval[0]) / 2
    np.testing.assert_allclose(half, t.ppf(0.975, 8) * results.bse)
    with pytest.raises(lf.OptionError, match="df="):
        results.conf_int(df=0)


def test_a_level_whose_rows_would_all_go(data):
    """A rare level with gross values: without its rows its coefficient has no value, so some have to stay."""
    frame = data.assign(y=data["y_clean"], kind=np.where(data.index < 3, "rare", "usual"))
    frame.loc[:2, "y"] = [400.0, -400.0, 900.0]
    results = lf.lmm("y ~ x + kind + (1 | study)", frame, se="se", trim=0.1).fit()
    assert results.weights[:3].sum() >= 1
    with pytest.raises(lf.DataError, match="do not determine all fixed effects"):  # where its one start leads
        lf.lmm("y ~ x + kind + (1 | study)", frame, se="se", trim=lf.Trimming(0.1, starts=0)).fit()
    kept = lf.lmm("y ~ x + kind + (1 | study)", frame, se="se", trim=lf.Trimming(0.1, keep=[0])).fit()
    assert kept.weights[0] == 1
    assert np.isfinite(kept.params).all()


def test_standard_errors_of_corrected_strata_by_dense_algebra(data):
    """At error variances of 1/g times the corrected ones: the location of a sample trimmed by its own residuals."""
    trim = lf.Trimming(0.2, correct=True)
    results = lf.lmm(FORMULA, data.assign(half=data.index % 2), sigma="half", trim=trim).fit()
    kept = results.inliers.to_numpy()
    x = np.column_stack([np.ones(100), data["x"]])[kept]
    z = pd.get_dummies(data["study"]).to_numpy(float)[kept]
    variance = results.estimates.residual_variance[data.index.to_numpy()[kept] % 2]
    v = np.diag(variance / results.trimming.factor) + results.estimates.gamma[0, 0] * z @ z.T
    expected = np.sqrt(np.diag(np.linalg.inv(x.T @ np.linalg.solve(v, x))))
    np.testing.assert_allclose(results.bse, expected, rtol=1e-6)


def test_reweighting_that_leaves_too_few_rows_says_so():
    """The rows kept are on a line but for tiny errors: of them half pass, and of the others none."""
    rng = np.random.default_rng(0)
    x = np.arange(40.0)
    y = np.where(x < 24, 2 * x + 1e-7 * rng.normal(size=40), rng.normal(0, 100, 40))
    frame = pd.DataFrame({"x": x, "y": y, "g": np.arange(40) % 20})
    with pytest.raises(lf.DataError, match=r"reweight=0\.5 leaves"):
        lf.lmm("y ~ x + (1 | g)", frame, trim=lf.Trimming(0.4, reweight=0.5)).fit()


def test_several_factors_are_all_named():
    data = lf.datasets.penicillin()
    data.loc[data["plate"] == "a", "diameter"] += 30 * (1 + np.arange(6))
    results = lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", data, trim=lf.Trimming(0.05, starts=2)).fit()
    table = results.outliers()
    assert list(table.columns) == ["plate", "sample", "observed", "fitted", "residual", "std_residual", "cost"]
    np.testing.assert_array_equal(table["sample"], data.loc[table.index, "sample"])
    assert (table["plate"] == "a").sum() == 6
    assert "Groups left with no row, whose random effects are predicted as zero: plate a." in str(results.summary())

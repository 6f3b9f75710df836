"""Ensembles over placements of the knots."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.fit.trimming.near import NEAR_STARTS
from tests.fit.dose_data import FORMULA, dose_data

AT = np.linspace(0, 80, 5)
BANDS = ["mean_lower", "mean_upper", "new_lower", "new_upper"]


@pytest.fixture(scope="module")
def model() -> lf.LMM:
    return lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose")])


@pytest.fixture(scope="module")
def touching() -> lf.KnotEnsemble:
    """Members that touch their constraints."""
    shapes = [lf.increasing("dose"), lf.concave("dose"), lf.passes("dose", at=0, value=0)]
    return lf.knot_ensemble(lf.lmm(FORMULA, dose_data(), se="se", constraints=shapes), 5, rng=1)


def test_members_weights_and_average(model: lf.LMM) -> None:
    ensemble = lf.knot_ensemble(model, 8, rng=1)
    assert ensemble.failed.empty
    aic = np.array([member.aic for member in ensemble.members])
    expected = np.exp(-0.5 * (aic - aic.min()))
    np.testing.assert_allclose(ensemble.weights, expected / expected.sum(), rtol=1e-9)
    fits = np.array([member.curve("dose", AT)["fit"] for member in ensemble.members])
    table = ensemble.curve(AT, draws=8, rng=1)
    np.testing.assert_allclose(table["fit"], ensemble.weights.to_numpy() @ fits)
    assert table["fit"].is_monotonic_increasing
    assert (table["knots_lower"] <= table["knots_upper"]).all()
    for member, knots in zip(ensemble.members, ensemble.knots, strict=True):
        np.testing.assert_allclose(member.design.curves[0].basis.interior, knots)
        assert member.design.curves[0].basis.upper == 80


@pytest.mark.filterwarnings("ignore::limeform.SingularFitWarning")
@pytest.mark.parametrize(
    ("formula", "options"),
    [
        (FORMULA, {"se": "se", "constraints": [lf.increasing("dose")]}),
        (FORMULA, {"constraints": [lf.increasing("dose"), lf.concave("dose")]}),
        (FORMULA, {"se": "se"}),
        (FORMULA.replace("0 + bspline", "bspline"), {}),
        (FORMULA.replace("0 + bspline(dose, knots=[10, 30, 55], bounds=(0, 80))", "bspline(dose, 2):z + dose*z"), {}),
        (FORMULA.replace("bounds=(0, 80)) +", "bounds=(0, 80)):z + bspline(dose, 2) +"), {}),
        (FORMULA.replace("(0 + dose", "(1 + bspline(z, 2)"), {"se": "se", "priors": [lf.normal("dose", 0, 2)]}),
    ],
)
def test_members_are_the_fits_of_their_formulas(formula: str, options: dict) -> None:
    data = dose_data().assign(z=lambda d: np.random.default_rng(1).uniform(1, 2, len(d)))
    whole = lf.lmm(formula, data, **options)
    if not whole.design.curves:
        with pytest.raises(lf.OptionError, match="has no spline"):
            lf.knot_ensemble(whole, 2)
        return
    for member in lf.knot_ensemble(whole, 3, rng=1).members:
        alone = lf.lmm(member.model.formula.text, data, **options).fit()
        assert member.llf == pytest.approx(alone.llf, abs=1e-6)
        np.testing.assert_allclose(member.predict(data), alone.predict(data), atol=1e-4)


def test_workers_change_nothing(model: lf.LMM) -> None:
    one, two = lf.knot_ensemble(model, 4, rng=2), lf.knot_ensemble(model, 4, rng=2, n_jobs=2)
    np.testing.assert_allclose(one.weights, two.weights, rtol=1e-12)
    for left, right in zip(one.members, two.members, strict=True):
        np.testing.assert_allclose(left.params, right.params, rtol=1e-10)


def test_trimmed_members_find_what_a_search_of_their_own_finds() -> None:
    for constraints in ([], [lf.increasing("dose")]):
        whole = lf.lmm(FORMULA, dose_data(), se="se", trim=0.1, constraints=constraints)
        for member in lf.knot_ensemble(whole, 4, rng=3).members:
            alone = whole.with_knots("dose", member.design.curves[0].basis.interior.tolist()).fit()
            assert member.llf >= alone.llf - 1e-6
            assert member.trimming.options.starts == NEAR_STARTS
            assert f"best of {member.trimming.found.starts} starts" in str(member.summary())


def test_members_are_results_like_any_other(touching: lf.KnotEnsemble) -> None:
    best = touching.members[int(touching.weights.argmax())]
    assert best.active_constraints.shape[0] >= 1
    assert len(best.bootstrap(3, rng=1).params) == 3
    again = pickle.loads(pickle.dumps(touching))
    pd.testing.assert_frame_equal(again.curve(AT, draws=6, rng=1), touching.curve(AT, draws=6, rng=1))


def test_bands_of_members_that_touch_constraints(touching: lf.KnotEnsemble) -> None:
    with pytest.warns(lf.UnknownBandWarning, match=r"5 of 5 members, with 100% of the weight.*draws=200") as caught:
        table = touching.curve(AT)
    assert len(caught) == 1
    assert table[BANDS].isna().all().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = touching.curve(AT, draws=12, rng=3)
        slope = touching.curve(AT, draws=12, rng=3, derivative=1)
    assert drawn.notna().all().all()
    inner = drawn.iloc[1:]
    assert (inner["mean_lower"] < inner["fit"]).all()
    assert (inner["fit"] < inner["mean_upper"]).all()
    assert (inner["new_lower"] <= inner["mean_lower"] + 1e-9).all()
    assert slope[["mean_lower", "mean_upper"]].notna().all().all()


def test_bands_of_new_groups_whose_columns_are_unknown() -> None:
    data = dose_data().assign(other=lambda d: d["dose"] ** 2)
    ensemble = lf.knot_ensemble(lf.lmm(FORMULA.replace("(0 + dose", "(0 + other"), data, se="se"), 3, rng=1)
    with pytest.warns(lf.UnknownBandWarning, match="give random= with the values of other"):
        table = ensemble.curve(AT)
    assert table["mean_lower"].notna().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ensemble.curve(AT, random={"other": AT**2})["new_lower"].notna().all()
        ensemble.curve(AT, derivative=1)


def test_says_what_it_is_made_of(model: lf.LMM) -> None:
    ensemble = lf.knot_ensemble(model, 6, rng=1, criterion="bic")
    assert repr(ensemble).startswith("<KnotEnsemble of 'dose': 6 of 6 draws fitted; weights by bic, the largest 0.")
    table = ensemble.summary()
    assert table.columns.name == "weights by bic"
    assert list(table["weight"]) == sorted(ensemble.weights, reverse=True)
    assert set(table["status"]) == {"converged"}
    equal = lf.knot_ensemble(model, 6, rng=1, criterion=lambda results: 0.0)
    assert equal.effective_members == pytest.approx(6)


def test_failed_draws_are_counted_and_explained() -> None:
    """With exposures of one half of the range, knots in the other half leave coefficients without data."""
    data = dose_data(studies=30).query("dose < 56")
    ensemble = lf.knot_ensemble(lf.lmm(FORMULA, data, se="se"), 12, rng=4)
    assert 0 < len(ensemble.failed) < 12
    assert len(ensemble.members) + len(ensemble.failed) == 12
    assert f"{len(ensemble.members)} of 12 draws fitted, {len(ensemble.failed)} failed" in repr(ensemble)
    table = ensemble.summary()
    assert len(table) == 12
    for draw, reason in ensemble.failed.items():
        assert "do not determine the curve" in reason
        assert table.loc[draw, "status"] == reason
        assert table.loc[draw, "weight"] == 0
        assert table.loc[draw, "knot 3"] == ensemble.placements[draw, 2]
    np.testing.assert_allclose(ensemble.knots, np.delete(ensemble.placements, ensemble.failed.index, axis=0))
    with pytest.raises(lf.DataError, match="none of 4 placements of the knots could be fitted; the first: the data do"):
        lf.knot_ensemble(lf.lmm(FORMULA.replace("[10, 30, 55]", "[2, 4]"), data.query("dose < 20"), se="se"), 4, rng=4)


def test_the_range_of_one_curve_among_several(model: lf.LMM) -> None:
    data = dose_data().assign(z=lambda d: np.random.default_rng(1).uniform(1, 2, len(d)))
    two = lf.lmm(FORMULA.replace("+ (0", "+ bspline(z, 2, name='age') + (0"), data, se="se")
    ensemble = lf.knot_ensemble(two, 2, rng=1, term="age")
    assert all(member.design.curves[0].basis.interior.tolist() == [10, 30, 55] for member in ensemble.members)
    assert ensemble.knots.min() > 1
    assert lf.knot_ensemble(model, 3, rng=2, n_knots=2).knots.shape == (3, 2)


def test_plot(touching: lf.KnotEnsemble) -> None:
    with pytest.warns(lf.UnknownBandWarning, match="draws="):
        ax = touching.plot_curve(AT, transform=np.exp)
    (fit,) = [line for line in ax.lines if line.get_label() == "fit"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = touching.curve(AT, transform=np.exp)
    np.testing.assert_allclose(fit.get_ydata(), expected["fit"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        banded = touching.plot_curve(AT, draws=10, rng=1, members=False)
    labels = banded.get_legend_handles_labels()[1]
    assert "mean, 95% band" in labels
    assert "members" not in labels

"""What members weigh: comparable likelihoods, whatever the model trims, believes or integrates out."""

import numpy as np
import pytest

import limeform as lf
from limeform.resample.weights import s_shaped
from tests.fit.dose_data import FORMULA, dose_data

INTERCEPT = FORMULA.replace("0 + bspline", "bspline").replace("(0 + dose", "(1")

SCORES = [-0.8, -1.32, -0.25, 0.42, 1.14, 0.11, -0.55, -0.78, 0.75, 1.63, 0.27, -1.23]
GENTLE = [1.148758e-5, 0, 0.015067142, 0.2056270717, 0.7280799738, 0.0831992359]
GENTLE += [0.001070435861, 1.926985312e-5, 0.4, 1, 0.1386984859, 1.203413e-34]
STEEP = [7.814540622e-24, 0, 3.033293526e-08, 0.01436023307, 0.9885290083, 0.00015572442]
STEEP += [5.489885470e-14, 1.037891741e-22, 0.4, 1, 0.0020050196595, 9.859018e-169]
"""Scores and their weights by mrtool 0.2.2, `utils.nonlinear_trans` with quantile=0.4 and slopes of 2 and 10."""


def weights_from(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def test_s_shaped_weights_are_those_of_mrtool() -> None:
    np.testing.assert_allclose(s_shaped(np.array(SCORES), 2.0), GENTLE, rtol=1e-6)
    np.testing.assert_allclose(s_shaped(np.array(SCORES), 10.0), STEEP, rtol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("scores", "ends"), [([2.0, 2.0], [1, 1]), ([1.0, 3.0], [0, 1]), ([1.0, 1.0, 1.0, 1.0, 1.0, 4.0], [0, 1])]
)
def test_s_shaped_weights_of_few_scores(scores: list[float], ends: list[float]) -> None:
    weights = s_shaped(np.array(scores), 2.0)
    assert [weights[0], weights[-1]] == ends


def test_aic_and_bic_are_likelihood_where_members_have_as_many_parameters() -> None:
    model = lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose")])
    by_aic = lf.knot_ensemble(model, 5, rng=2)
    by_bic = lf.knot_ensemble(model, 5, rng=2, criterion="bic")
    expected = weights_from(np.array([member.llf for member in by_aic.members]))
    np.testing.assert_allclose(by_aic.weights, expected, rtol=1e-9)
    np.testing.assert_allclose(by_bic.weights, expected, rtol=1e-9)
    np.testing.assert_allclose(by_bic.scores, [-0.5 * member.bic for member in by_bic.members])


def test_priors_count_by_their_density() -> None:
    model = lf.lmm(FORMULA, dose_data(), se="se", priors=[lf.normal("dose", mean=0, sd=0.01, derivative=2)])
    ensemble = lf.knot_ensemble(model, 5, rng=2, criterion="posterior")
    densities = np.array([member.llf + member.log_priors.sum() for member in ensemble.members])
    assert np.ptp([float(member.log_priors.sum()) for member in ensemble.members]) > 0.01
    np.testing.assert_allclose(ensemble.weights, weights_from(densities), rtol=1e-9)


def test_reml_members_are_judged_by_ml() -> None:
    """A restricted likelihood depends on the basis of the columns that it integrates out."""
    ensemble = lf.knot_ensemble(lf.lmm(INTERCEPT, dose_data()), 6, rng=2)
    assert all(member.method == "REML" for member in ensemble.members)
    by_ml = [lf.lmm(member.model.formula.text, dose_data(), reml=False).fit() for member in ensemble.members]
    np.testing.assert_allclose(ensemble.scores, [-0.5 * fit.aic for fit in by_ml], atol=1e-6)
    assert not np.allclose(ensemble.weights, weights_from(np.array([member.llf for member in ensemble.members])))


def test_reml_members_with_a_prior_are_judged_by_ml() -> None:
    prior = [lf.normal("sd(study)", mean=0.1, sd=0.05)]
    ensemble = lf.knot_ensemble(lf.lmm(INTERCEPT, dose_data(), priors=prior), 3, rng=2)
    assert all(member.method == "REML" for member in ensemble.members)
    by_ml = [
        lf.lmm(member.model.formula.text, dose_data(), priors=prior, reml=False).fit() for member in ensemble.members
    ]
    np.testing.assert_allclose(ensemble.scores, [-0.5 * fit.aic for fit in by_ml], atol=1e-5)


def test_trimmed_members_keep_equally_many_rows() -> None:
    for constraints in ([], [lf.increasing("dose")]):
        model = lf.lmm(FORMULA, dose_data(), se="se", trim=0.1, constraints=constraints)
        ensemble = lf.knot_ensemble(model, 5, rng=2)
        assert {member.n_kept for member in ensemble.members} == {72}
        np.testing.assert_allclose(ensemble.scores, [-0.5 * member.aic for member in ensemble.members])


def test_a_reweighting_does_not_change_the_score() -> None:
    """It keeps other numbers of rows in other members; the scores are those of the search for outliers."""
    model = lf.lmm(FORMULA, dose_data(), se="se", trim=0.2)
    plain = lf.knot_ensemble(model, 5, rng=2)
    after = lf.knot_ensemble(model.with_trim(lf.Trimming(0.2, reweight=0.975)), 5, rng=2)
    assert len({member.n_kept for member in after.members} - {64}) > 0
    np.testing.assert_allclose(after.scores, plain.scores, atol=1e-6)
    again = lf.lmm(INTERCEPT, dose_data(), reml=True, trim=lf.Trimming(0.2, reweight=0.975))
    with pytest.raises(lf.OptionError, match="members by REML after a reweighting"):
        lf.knot_ensemble(again, 2, rng=2)


def test_groups_of_different_size_are_compared_as_by_the_trimming() -> None:
    """What is left of different groups has different numbers of rows; the unit of the response must not matter."""
    data = dose_data(4, studies=30)
    data = data[np.random.default_rng(104).uniform(size=len(data)) < 0.7]

    def ensemble(unit: float) -> lf.KnotEnsemble:
        own = data.assign(y=data["y"] * unit, se=data["se"] * unit)
        model = lf.lmm(FORMULA, own, se="se", trim=lf.Trimming(0.3, level="group"))
        return lf.knot_ensemble(model, 5, rng=4, n_knots=2)

    one, thousand = ensemble(1.0), ensemble(1000.0)
    assert len({member.n_kept for member in one.members}) > 1
    criterion = np.array([member.trimming.found.best.value for member in one.members])
    np.testing.assert_allclose(one.weights, weights_from(-criterion), rtol=1e-6)
    np.testing.assert_allclose(one.weights, thousand.weights, rtol=1e-4)


def test_mrbert_weighs_fit_and_variation() -> None:
    model = lf.lmm(FORMULA, dose_data(), se="se", reml=False)
    ensemble = lf.knot_ensemble(model, 12, rng=2, criterion="mrbert")
    fit = np.array([member.llf for member in ensemble.members])
    at = np.linspace(0, 80, 201)
    third = np.array([member.curve("dose", at, derivative=3)["fit"].abs().mean() for member in ensemble.members])
    product = s_shaped(fit, 2.0) * s_shaped(-third, 10.0)
    np.testing.assert_allclose(ensemble.weights, product / product.sum(), atol=1e-9)
    assert ensemble.weights[fit.argmin()] == 0


def test_a_function_of_the_results() -> None:
    model = lf.lmm(FORMULA, dose_data(), se="se")
    ensemble = lf.knot_ensemble(
        model, 4, rng=2, criterion=lambda results: float(results.design.curves[0].basis.interior[0])
    )
    assert ensemble.weights.idxmax() == ensemble.knots[:, 0].argmax()
    best = max(member.llf for member in ensemble.members)
    one = lf.knot_ensemble(model, 4, rng=2, criterion=lambda results: -np.inf if results.llf < best - 1e-6 else 0.0)
    assert sorted(one.weights) == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (lambda results: np.nan, "returned nan for draw 0"),
        (lambda results: np.inf, "returned inf for draw 0"),
        (lambda results: "good", "for draw 0 it did not"),
        (lambda results: results.params, "for draw 0 it did not"),
        (lambda results: None, "for draw 0 it did not"),
        (lambda results: -np.inf, "gives none of the 2 members any weight"),
        ("r2", "give one of 'aic', 'bic', 'posterior', 'mrbert', or a function"),
        (None, "give one of"),
    ],
)
def test_criteria_that_give_no_weights(criterion: object, message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        lf.knot_ensemble(lf.lmm(FORMULA, dose_data(), se="se"), 2, rng=2, criterion=criterion)  # type: ignore[arg-type]

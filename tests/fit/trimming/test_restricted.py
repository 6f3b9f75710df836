"""Trimming of restricted fits."""

import warnings

import numpy as np
import pytest

import limeform as lf
from tests.fit.dose_data import FORMULA, dose_data

SHAPE = [lf.increasing("dose"), lf.concave("dose")]


def contaminated(seed: int = 0):
    data = dose_data(seed)
    wrong = np.random.default_rng(seed).choice(len(data), 8, replace=False)
    data.loc[wrong, "y"] += 4
    return data, wrong


@pytest.mark.parametrize("errors", [{"se": "se"}, {}, {"weights": "a"}])
@pytest.mark.parametrize("random", ["(0 + dose | study)", "(1 + dose | study)"])
def test_outliers_are_found_and_the_objective_falls(errors: dict, random: str) -> None:
    data, wrong = contaminated()
    data["a"] = 1 / data["se"] ** 2
    formula = FORMULA.replace("(0 + dose | study)", random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = lf.lmm(
            formula, data, trim=0.1, constraints=SHAPE, priors=[lf.normal("dose", 0, 0.1, derivative=3)], **errors
        ).fit()
        kept = lf.lmm(
            formula,
            data.drop(index=wrong),
            constraints=SHAPE,
            priors=[lf.normal("dose", 0, 0.1, derivative=3)],
            **errors,
        ).fit()
    assert set(np.flatnonzero(~results.inliers)) == set(wrong)
    assert results.llf == pytest.approx(kept.llf, abs=1e-5)
    np.testing.assert_allclose(results.params, kept.params, atol=1e-4)
    history = np.array(results.trimming.found.best.history)
    assert (np.diff(history) <= 1e-7 * (1 + np.abs(history[1:]))).all()
    curve = results.curve("dose", np.linspace(0, 80, 10_000))["fit"]
    assert np.diff(curve).min() >= -1e-8
    assert np.diff(curve, 2).max() <= 1e-8


def test_groups_reweighting_and_refits() -> None:
    data, wrong = contaminated(1)
    grouped = lf.lmm(FORMULA, data, se="se", constraints=SHAPE, trim=lf.Trimming(0.2, level="group")).fit()
    assert grouped.weights.groupby(data["study"]).nunique().max() == 1
    assert (grouped.weights.groupby(data["study"]).first() == 0).sum() == 3
    again = lf.lmm(FORMULA, data, se="se", constraints=SHAPE, trim=lf.Trimming(0.2, reweight=0.99)).fit()
    assert set(wrong) <= set(np.flatnonzero(~again.inliers))
    assert (~again.inliers).sum() < 16
    refit = again.refit(data["y"])
    np.testing.assert_allclose(refit.params, again.params, atol=1e-5)


def test_slopes_are_derivatives_of_the_value() -> None:
    from limeform.fit.restricted import estimate_joint, first_start, solve_joint
    from limeform.fit.trimming.joint_rows import row_contributions
    from limeform.solve import default_solver

    data, _ = contaminated(2)
    model = lf.lmm(FORMULA, data, se="se", constraints=SHAPE).joint
    weights = np.random.default_rng(0).uniform(0.5, 1, len(data))
    at = estimate_joint(model.with_weights(weights), default_solver())
    slope = row_contributions(model.with_weights(weights), at.variables).slope(False)
    for j in (0, 17, 40):
        step = 1e-4 * np.eye(len(data))[j]
        values = [
            solve_joint(model.with_weights(w), default_solver(), first_start(model)).value
            for w in (weights + step, weights - step)
        ]
        assert slope[j] + 0.5 * np.log(2 * np.pi) == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-3, abs=1e-4)

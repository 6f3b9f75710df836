"""What must not change when units, labels, the order of rows or the columns' coordinates change.

The likelihood is smooth in the variance parameters, so the log-likelihood is compared to 1e-6 and estimates, whose
error goes with the square root of that of the log-likelihood, to 1e-4 of their size or standard error.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import limeform as lf
from tests.likelihood.dense import Data, minus_log_likelihood

EXAMPLES = settings(max_examples=20, deadline=None)


@dataclass(frozen=True)
class Case:
    """A data set and a model for it."""

    data: pd.DataFrame
    formula: str
    keywords: dict[str, Any]

    def fit(self, **changes: Any) -> lf.LMMResults:
        """Fit the model, to other data or with other keywords if given; singular fits are fine here."""
        formula, data = changes.pop("formula", self.formula), changes.pop("data", self.data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lf.SingularFitWarning)
            return lf.lmm(formula, data, **(self.keywords | changes)).fit()


@st.composite
def cases(
    draw: st.DrawFn, random: tuple[str, ...] = ("1", "x", "x + z"), errors: tuple[str, ...] = ("", "se", "weights")
) -> Case:
    """Draw unbalanced data with 6 to 12 groups and one of the models."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = rng.integers(4, 12, size=draw(st.integers(6, 12)))
    group = np.repeat(np.arange(len(sizes)), sizes)
    n = len(group)
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "f": rng.choice(list("abc"), n), "g": group})
    data.loc[[0, 1, 2], "f"] = list("abc")
    effects = rng.normal(size=(len(sizes), 2)) * rng.uniform(0, 2, size=2)
    data["v"] = rng.uniform(0.2, 1.5, size=n)
    data["y"] = 1 + 2 * data["x"] + effects[group, 0] + effects[group, 1] * data["x"] + rng.normal(size=n) * data["v"]
    error, bar = draw(st.sampled_from(errors)), draw(st.sampled_from(["|", "||"]))
    keywords = {"reml": draw(st.booleans())} | ({error: "v"} if error else {})
    return Case(data, f"y ~ x + f + ({draw(st.sampled_from(random))} {bar} g)", keywords)


def near(left: lf.LMMResults, right: lf.LMMResults) -> None:
    """Compare two fits that should be one."""
    assert left.llf == pytest.approx(right.llf, abs=1e-6)
    assert np.abs((left.params - right.params) / right.bse).max() < 1e-4
    np.testing.assert_allclose(left.bse, right.bse, rtol=1e-4)
    variances = right.var_components()["variance"].to_numpy()
    np.testing.assert_allclose(left.var_components()["variance"], variances, rtol=1e-3, atol=1e-5 * variances.max())


@EXAMPLES
@given(cases(), st.sampled_from([1e-9, 1e-3, 7.0, 1e6]))
def test_rescaling_the_response_and_its_errors_changes_units_only(case: Case, scale: float) -> None:
    known = "se" in case.keywords
    data = case.data.assign(y=scale * case.data["y"], v=case.data["v"] * (scale if known else 1.0))
    plain, scaled = case.fit(), case.fit(data=data)
    lost = plain.df_resid if plain.reml else plain.nobs
    assert scaled.llf + lost * np.log(scale) == pytest.approx(plain.llf, abs=1e-6)
    assert np.abs((scaled.params / scale - plain.params) / plain.bse).max() < 1e-4
    np.testing.assert_allclose(scaled.bse / scale, plain.bse, rtol=1e-4)
    gamma = plain.cov_re.to_numpy()
    np.testing.assert_allclose(scaled.cov_re / scale**2, gamma, rtol=1e-3, atol=1e-5 * np.abs(gamma).max() + 1e-12)


@EXAMPLES
@given(cases(), st.integers(0, 1000))
def test_the_order_of_rows_and_the_labels_of_groups_change_nothing(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation([f"group {i}" for i in range(case.data["g"].nunique())])
    data = case.data.assign(g=labels[case.data["g"]]).sample(frac=1, random_state=seed)
    plain, other = case.fit(), case.fit(data=data)
    near(other, plain)
    np.testing.assert_allclose(other.fittedvalues[case.data.index], plain.fittedvalues, rtol=1e-3, atol=1e-3)


@EXAMPLES
@given(cases(random=("1",)), st.floats(-1e4, 1e4), st.sampled_from([-1e-4, 0.3, 1e4]))
def test_an_affine_change_of_a_fixed_column_changes_its_coefficients_accordingly(
    case: Case, shift: float, scale: float
) -> None:
    plain = case.fit(reml=False)
    moved = case.fit(reml=False, data=case.data.assign(x=scale * (shift + case.data["x"])))
    assert moved.llf == pytest.approx(plain.llf, abs=1e-6)
    assert abs(moved.params["x"] * scale - plain.params["x"]) < 1e-4 * plain.bse["x"]
    back = moved.params["Intercept"] + scale * shift * moved.params["x"]
    assert abs(back - plain.params["Intercept"]) < 1e-4 * plain.bse["Intercept"]


@EXAMPLES
@given(cases(random=("x", "x + z")), st.floats(-1e3, 1e3), st.sampled_from([1e-3, 0.3, 1e3]))
def test_an_affine_change_of_a_random_slope_with_full_covariance_changes_nothing(
    case: Case, shift: float, scale: float
) -> None:
    full = replace(case, formula=case.formula.replace("||", "|"))
    plain = full.fit(reml=False)
    moved = full.fit(reml=False, data=case.data.assign(x=scale * (shift + case.data["x"])))
    assert moved.llf == pytest.approx(plain.llf, abs=1e-6)
    np.testing.assert_allclose(moved.fittedvalues, plain.fittedvalues, rtol=1e-3, atol=1e-3)


@EXAMPLES
@given(cases())
def test_predictions_on_the_rows_of_the_fit_are_the_fitted_values(case: Case) -> None:
    results = case.fit()
    np.testing.assert_allclose(results.predict(case.data), results.fittedvalues, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(results.predict(), results.fittedvalues, rtol=1e-12)
    marginal = results.predict(case.data, random="none")
    np.testing.assert_allclose(case.data["y"] - marginal, results.resid_marginal, rtol=1e-10, atol=1e-10)


@EXAMPLES
@given(cases(), st.floats(-1e5, 1e5))
def test_a_constant_added_to_the_response_shifts_the_intercept(case: Case, constant: float) -> None:
    plain, shifted = case.fit(), case.fit(data=case.data.assign(y=case.data["y"] + constant))
    assert shifted.llf == pytest.approx(plain.llf, abs=1e-6)
    expected = plain.params + np.where(plain.params.index == "Intercept", constant, 0.0)
    assert np.abs((shifted.params - expected) / plain.bse).max() < 1e-4
    offset = case.fit(data=case.data.assign(y=case.data["y"] + constant, c=constant), offset="c")
    near(offset, plain)


@EXAMPLES
@given(cases(errors=("weights",)), st.sampled_from([1e-6, 0.2, 3.0, 1e6]))
def test_weights_times_a_constant_leave_everything_but_sigma(case: Case, constant: float) -> None:
    plain, other = case.fit(), case.fit(data=case.data.assign(v=constant * case.data["v"]))
    assert other.llf == pytest.approx(plain.llf, abs=1e-6)
    assert np.abs((other.params - plain.params) / plain.bse).max() < 1e-4
    gamma = plain.cov_re.to_numpy()
    np.testing.assert_allclose(other.cov_re, gamma, rtol=1e-3, atol=1e-5 * max(np.abs(gamma).max(), plain.scale))
    assert other.scale == pytest.approx(constant * plain.scale, rel=1e-4)


@EXAMPLES
@given(cases(), st.integers(0, 1000))
def test_no_variances_nearby_are_more_likely(case: Case, seed: int) -> None:
    results = case.fit()
    design, known = results.design, results.known_variance
    precision = design.errors.precision
    assert design.random is not None
    data = Data(design.y, design.x, design.random.z, design.random.codes, precision, np.zeros(len(design.y), np.int32))
    gamma, scale = results.cov_re.to_numpy(), 1.0 if known else results.scale

    def llf(gamma: np.ndarray, scale: float) -> float:
        return -minus_log_likelihood(data, gamma, scale / precision, results.reml)[0]

    assert llf(gamma, scale) == pytest.approx(results.llf, abs=1e-6)
    rng, diagonal = np.random.default_rng(seed), "||" in case.formula
    for size in (1e-3, 1e-2, 0.1, 0.5):
        for _ in range(3):
            root = rng.normal(size=gamma.shape)
            bump = size * (gamma.trace() + scale) * (np.diag(np.diag(root) ** 2) if diagonal else root @ root.T)
            shrunk = (1 - size * rng.uniform()) * gamma
            other = 1.0 if known else scale * np.exp(size * rng.normal())
            for candidate in (gamma + bump, shrunk + bump, shrunk, np.zeros_like(gamma)):
                assert llf(candidate, other) < results.llf + 1e-6

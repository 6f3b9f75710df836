"""Restricted fits: against closed forms, against quadratic programs solved otherwise, and by their own conditions."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.interpolate import BSpline
from scipy.optimize import lsq_linear

import limeform as lf
from tests.fit.dose_data import FORMULA, basis, derivative_matrix, dose_data
from tests.fit.quadratic import least_squares_within

SHAPES = {
    "increasing": [("increasing", 1, 1)],
    "decreasing": [("decreasing", 1, -1)],
    "convex": [("convex", 2, 1)],
    "concave": [("concave", 2, -1)],
    "increasing and convex": [("increasing", 1, 1), ("convex", 2, 1)],
    "increasing and concave": [("increasing", 1, 1), ("concave", 2, -1)],
    "decreasing and convex": [("decreasing", 1, -1), ("convex", 2, 1)],
    "decreasing and concave": [("decreasing", 1, -1), ("concave", 2, -1)],
}
SD = 0.004


def whitened(data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, float]:
    """Return W and d of the least-squares problem at SD, and the constant that makes it minus the log-likelihood."""
    dose, study = data["dose"].to_numpy(), data["study"].to_numpy()
    same = study[:, None] == study
    variance = np.diag(data["se"] ** 2) + SD**2 * same * np.outer(dose, dose)
    root = np.linalg.cholesky(variance)
    constant = np.log(np.diag(root)).sum() + 0.5 * len(data) * np.log(2 * np.pi)
    return np.linalg.solve(root, basis(dose)), np.linalg.solve(root, data["y"].to_numpy()), constant


def shape_conditions(name: str) -> np.ndarray:
    return np.vstack([sign * derivative_matrix(order) for _, order, sign in SHAPES[name]])


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_equal_a_quadratic_program_and_hold_everywhere(name: str) -> None:
    data = dose_data(3)
    constraints = [getattr(lf, word)("dose") for word, _, _ in SHAPES[name]]
    results = lf.lmm(FORMULA, data, se="se", constraints=[*constraints, f"sd(study) == {SD}"]).fit()
    assert results.converged
    w, d, constant = whitened(data)
    g = shape_conditions(name)
    expected = least_squares_within(w, d, g, np.zeros(len(g)))
    value = 0.5 * np.sum((w @ expected - d) ** 2) + constant
    assert -results.llf == pytest.approx(value, abs=1e-6)
    curve = results.curve("dose", np.linspace(-10, 100, 10_000))["fit"].to_numpy()
    for _, order, sign in SHAPES[name]:
        assert (sign * np.diff(curve, order)).min() >= -1e-8


def test_values_averages_and_priors_equal_a_quadratic_program() -> None:
    data = dose_data(4)
    w, d, constant = whitened(data)
    at = basis(np.array([0.0, 20.0, 60.0]))
    third = derivative_matrix(3)
    constraints = [
        lf.increasing("dose"),
        lf.passes("dose", at=0, value=0),
        lf.average("dose", value=1.2, at=[20, 60], weights=[1, 3]),
        f"sd(study) == {SD}",
    ]
    priors = [lf.normal("dose", mean=0, sd=1e-4, derivative=3), lf.normal("dose[4]", 1.0, 0.2)]
    results = lf.lmm(FORMULA, data, se="se", constraints=constraints, priors=priors).fit()
    g = derivative_matrix(1)
    stacked = np.vstack([w, third / 1e-4, np.eye(7)[[4]] / 0.2])
    target = np.concatenate([d, np.zeros(len(third)), [5.0]])
    equations = np.vstack([at[0], (at[1] + 3 * at[2]) / 4])
    expected = least_squares_within(stacked, target, g, np.zeros(len(g)), equations, np.array([0.0, 1.2]))
    spreads = len(third) * np.log(1e-4) + np.log(0.2) + 0.5 * (len(third) + 1) * np.log(2 * np.pi)
    value = 0.5 * np.sum((stacked @ expected - target) ** 2) + constant + spreads
    assert -results.llf - results.log_priors.sum() == pytest.approx(value, abs=1e-6)
    # The objectives are equal to 1e-6, the parameters therefore to about its root times their spread.
    np.testing.assert_allclose(results.params, expected, atol=1e-4)


def test_laplace_prior_equals_the_split_program() -> None:
    data = dose_data(5)
    w, d, constant = whitened(data)
    priors = [lf.laplace("dose", 0, 0.02, derivative=1)]
    results = lf.lmm(FORMULA, data, se="se", constraints=[f"sd(study) == {SD}"], priors=priors).fit()
    # |x| is the least u with u >= x and u >= -x; sum(u) is the limit of a least-squares problem: (u + 1/eps)² eps / 2.
    knots = np.concatenate([np.repeat(0.0, 4), [10, 30, 55], np.repeat(80.0, 4)])
    derivative = BSpline(knots, np.eye(7), 3).derivative()
    slope = derivative.c[: len(derivative.t) - derivative.k - 1] / 0.02
    m, p = slope.shape
    eps = 1e-5
    big = np.block([[w, np.zeros((len(w), m))], [np.zeros((m, p)), np.sqrt(eps) * np.eye(m)]])
    target = np.concatenate([d, np.full(m, -1 / np.sqrt(eps))])
    g = np.block([[-slope, np.eye(m)], [slope, np.eye(m)]])
    expected = least_squares_within(big, target, g, np.zeros(2 * m))[:p]
    value = 0.5 * np.sum((w @ expected - d) ** 2) + constant + np.abs(slope @ expected).sum() + m * np.log(2 * 0.02)
    ours = -results.llf - results.log_priors.sum()
    assert ours <= value + 1e-6
    assert ours == pytest.approx(value, abs=1e-3)


def test_bounds_equal_bounded_least_squares() -> None:
    data = dose_data(6)
    lower, upper = 0.2, 1.6
    formula = "y ~ 0 + bspline(dose, knots=[10, 30, 55], bounds=(0, 80), degree=1)"
    expected = lsq_linear(
        basis(data["dose"].to_numpy(), 1) / data["se"].to_numpy()[:, None],
        data["y"] / data["se"],
        (lower, upper),
        tol=1e-14,
    )
    constant = np.log(data["se"]).sum() + 0.5 * len(data) * np.log(2 * np.pi)
    for target in ("dose", "bspline(dose, knots=[10, 30, 55], bounds=(0, 80), degree=1)"):
        results = lf.lmm(formula, data, se="se", constraints=[lf.bounds(target, lower=lower, upper=upper)]).fit()
        assert -results.llf == pytest.approx(expected.cost + constant, abs=1e-6)
        np.testing.assert_allclose(results.params, expected.x, atol=1e-6)


def test_without_constraints_it_is_weighted_least_squares() -> None:
    data = dose_data(7)
    formula = "y ~ 0 + bspline(dose, knots=[10, 30, 55], bounds=(0, 80))"
    x = basis(data["dose"].to_numpy())
    expected = sm.WLS(data["y"], x, weights=1 / data["se"] ** 2).fit()
    for constraints in ([], [lf.bounds("dose", lower=-100)]):
        results = lf.lmm(formula, data, se="se", constraints=constraints).fit()
        np.testing.assert_allclose(results.params, expected.params, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(results.bse, np.sqrt(np.diag(expected.normalized_cov_params)), rtol=1e-6)
    free = lf.lmm(formula, data, reml=False).fit()
    ols = sm.OLS(data["y"], x).fit()
    bound = lf.lmm(formula, data, constraints=["dose[3] <= 100"]).fit()
    assert free.llf == pytest.approx(ols.llf, abs=1e-8)
    assert bound.llf == pytest.approx(ols.llf, abs=1e-6)
    np.testing.assert_allclose(bound.params, ols.params, rtol=1e-6)


@pytest.mark.parametrize("errors", [{"se": "se"}, {}, {"sigma": "kind"}, {"weights": "a"}])
@pytest.mark.parametrize("random", ["(1 | study)", "(1 + dose | study)", "(dose || study)", None])
def test_inactive_constraints_change_nothing(errors: dict, random: str | None) -> None:
    data = dose_data(8, sd=0.01)
    data["kind"] = np.where(np.arange(len(data)) % 2, "odd", "even")
    data["a"] = 1 / data["se"]
    data["y"] += np.random.default_rng(0).normal(0, 0.3, 16)[data["study"]]
    formula = "y ~ 0 + bspline(dose, knots=[10, 30, 55], bounds=(0, 80))" + (f" + {random}" if random else "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        free = lf.lmm(formula, data, reml=False, **errors).fit()
        held = lf.lmm(formula, data, constraints=["dose[3] <= 100", "dose[2]**2 <= 1e4"], **errors).fit()
    assert held.method == "ML"
    assert held.llf == pytest.approx(free.llf, abs=1e-6)
    np.testing.assert_allclose(held.params, free.params, atol=1e-4)
    np.testing.assert_allclose(held.bse, free.bse, rtol=1e-3)
    np.testing.assert_allclose(held.fittedvalues, free.fittedvalues, atol=1e-3)
    assert held.active_constraints.empty


def test_constraints_and_priors_on_variances() -> None:
    data = dose_data(9, sd=0.02)
    data["y"] += np.random.default_rng(1).normal(0, 0.4, 16)[data["study"]]
    formula = "y ~ dose + (1 + dose | study)"
    free = lf.lmm(formula, data, reml=False).fit()
    cases = {
        "sd(study: dose) <= 0.01": lambda r: r.var_components()["sd"][1] <= 0.01 * (1 + 1e-6),
        "cor(study: 1, dose) >= 0.5": lambda r: r.var_components()["corr"][1][0] >= 0.4995,
        "sigma == 0.4": lambda r: r.sigma == pytest.approx(0.4, abs=1e-6),
        "sd(study) + 10*sd(study: dose) <= 0.5": lambda r: r.var_components()["sd"][0] < 0.5,
        "sd(study)**2 + sigma**2 == 0.3": lambda r: (
            r.var_components()["sd"][0] ** 2 + r.scale == pytest.approx(0.3, abs=1e-5)
        ),
    }
    for text, holds in cases.items():
        results = lf.lmm(formula, data, constraints=[text]).fit()
        assert results.converged, text
        assert holds(results), text
        assert results.llf <= free.llf + 1e-8
    prior = lf.lmm(
        formula, data, reml=False, priors=[lf.normal("sd(study: dose)", 0, 0.001), lf.laplace("sigma", 0.3, 0.01)]
    )
    shrunk = prior.fit()
    assert shrunk.converged
    assert shrunk.var_components()["sd"][1] < free.var_components()["sd"][1]
    assert lf.lmm(formula, data, priors=[lf.normal("sd(study: dose)", 0, 0.01)]).fit().method == "REML"


def test_a_uniform_prior_is_a_pair_of_limits_with_a_density() -> None:
    data = dose_data(16)
    prior = lf.lmm(
        FORMULA, data, se="se", priors=[lf.uniform("dose[3]", 0.8, 1.0), lf.uniform("sd(study)", 0, 0.003)]
    ).fit()
    limits = [lf.bounds("dose[3]", lower=0.8, upper=1.0), "sd(study) <= 0.003"]
    held = lf.lmm(FORMULA, data, se="se", constraints=limits).fit()
    assert prior.llf == pytest.approx(held.llf, abs=1e-6)
    assert prior.log_priors.sum() == pytest.approx(-np.log(0.2) - np.log(0.003))


def test_shapes_on_a_domain_hold_there() -> None:
    data = dose_data(17)
    data["y"] -= np.where(data["dose"] > 55, 0.02 * (data["dose"] - 55), 0)
    constraints = [lf.increasing("dose", domain=(0, 40)), lf.concave("dose", domain=(20, 70))]
    results = lf.lmm(FORMULA, data, se="se", constraints=constraints).fit()
    inside = results.curve("dose", np.linspace(0, 40, 10_000))["fit"]
    assert np.diff(inside).min() >= -1e-8
    assert np.diff(results.curve("dose", np.linspace(20, 70, 10_000))["fit"], 2).max() <= 1e-8


def test_penalty_equals_the_prior_it_stands_for() -> None:
    data = dose_data(10)
    prior = lf.lmm(FORMULA, data, se="se", priors=[lf.normal("dose[4]", 1, 0.1)]).fit()
    for options in (
        {},
        {"gradient": lambda b: np.eye(len(b))[4] * (b["dose[4]"] - 1) / 0.01},
    ):
        same = lf.lmm(
            FORMULA, data, se="se", priors=[lf.penalty(lambda b: 0.5 * ((b["dose[4]"] - 1) / 0.1) ** 2, **options)]
        ).fit()
        np.testing.assert_allclose(same.params, prior.params, atol=1e-5)


def test_functions_as_constraints() -> None:
    data = dose_data(11)
    text = lf.lmm(FORMULA, data, se="se", constraints=["dose[1]**2 + dose[2]**2 <= 0.8"]).fit()

    def squares(b: pd.Series) -> float:
        return b["dose[1]"] ** 2 + b["dose[2]"] ** 2

    def jacobian(b: pd.Series) -> np.ndarray:
        row = np.zeros(len(b))
        row[[1, 2]] = 2 * b["dose[1]"], 2 * b["dose[2]"]
        return row

    for own in (None, jacobian):
        function = lf.lmm(FORMULA, data, se="se", constraints=[lf.constraint(squares, upper=0.8, jacobian=own)]).fit()
        assert function.llf == pytest.approx(text.llf, abs=1e-6)
    with pytest.raises(lf.OptionError, match="is not the derivative of the function"):
        lf.lmm(
            FORMULA,
            data,
            se="se",
            start={"dose[1]": 1.0},
            constraints=[lf.constraint(squares, upper=0.8, jacobian=lambda b: 0 * b)],
        )


def test_the_multiplier_is_the_price_of_the_limit() -> None:
    data = dose_data(12)

    def value(limit: float) -> lf.LMMResults:
        return lf.lmm(FORMULA, data, se="se", constraints=[f"dose[3] <= {limit}"]).fit()

    here = value(1.0)
    price = (value(1.0 - 1e-3).llf - value(1.0 + 1e-3).llf) / 2e-3
    assert here.active_constraints.loc["dose[3] <= 1.0", "multiplier"] == pytest.approx(-price, rel=1e-3)
    assert np.isnan(here.bse["dose[3]"])
    assert np.isfinite(here.bse.drop("dose[3]")).all()
    assert "Active constraints" in str(here.summary())


def test_the_multiplier_of_a_standard_deviation() -> None:
    data = dose_data(12, sd=0.01)

    def value(limit: float) -> lf.LMMResults:
        return lf.lmm(FORMULA, data, se="se", constraints=[f"sd(study) <= {limit}"]).fit()

    price = (value(0.0049).llf - value(0.0051).llf) / 2e-4
    found = value(0.005).active_constraints["multiplier"].iloc[0]
    assert found == pytest.approx(-price, rel=1e-2)


def test_opposite_shapes_leave_a_constant() -> None:
    data = dose_data(13)
    results = lf.lmm(FORMULA, data, se="se", constraints=[lf.increasing("dose"), lf.decreasing("dose")]).fit()
    assert results.converged
    assert np.ptp(results.params) < 1e-8


def test_clashes_are_named_before_the_fit() -> None:
    data = dose_data(14)
    constraints = [
        lf.concave("dose"),
        lf.passes("dose", at=10, value=0),
        lf.passes("dose", at=40, value=-1),
        lf.increasing("dose"),
    ]
    with pytest.raises(lf.InfeasibleError) as caught:
        lf.lmm(FORMULA, data, se="se", constraints=constraints).fit()
    assert "increasing" in str(caught.value)
    assert "at=10" in str(caught.value)
    assert "concave" not in str(caught.value)
    with pytest.raises(lf.InfeasibleError, match=r"no value of sd\(study: dose\)"):
        lf.lmm(FORMULA, data, se="se", constraints=["sd(study) <= 0.1", "sd(study) >= 0.2"]).fit()


@pytest.mark.parametrize(
    ("constraints", "priors", "message"),
    [
        ([lf.increasing("dosis")], [], "did you mean 'dose'"),
        (["age <= 3"], [], "neither a coefficient"),
        (["dose[1] < 3"], [], "<=, >= or =="),
        (["__import__('os') <= 1"], [], "not allowed"),
        ([], [lf.normal("dose", 0, 1, derivative=4)], "degree 3"),
        ([], [lf.normal("age", 0, 1)], "neither a coefficient"),
        ([3], [], "constraints= takes"),
        ([], ["x"], "priors= takes"),
        ([lf.passes("dose", at=1, value=0, derivative=4)], [], "this derivative is zero"),
    ],
)
def test_what_is_refused(constraints: list, priors: list, message: str) -> None:
    with pytest.raises(lf.LimeformError, match=message):
        lf.lmm(FORMULA, dose_data(), se="se", constraints=constraints, priors=priors)


@pytest.mark.parametrize(
    "make",
    [
        lambda: lf.normal("x", 0, 0),
        lambda: lf.normal("x", 0, np.nan),
        lambda: lf.laplace("x", np.inf, 1),
        lambda: lf.uniform("x", 1, 1),
        lambda: lf.bounds("x"),
        lambda: lf.bounds("x", lower=2, upper=1),
        lambda: lf.passes("x", at=np.nan, value=0),
        lambda: lf.increasing("x", domain=(3, 1)),
        lambda: lf.average("x", value=1),
        lambda: lf.average("x", value=1, at=[1, 2], weights=[1]),
        lambda: lf.constraint(3),
        lambda: lf.penalty(3),
    ],
)
def test_bad_arguments(make) -> None:
    with pytest.raises(lf.OptionError):
        make()


def test_a_prior_on_a_column_that_was_left_out() -> None:
    data = dose_data()
    data["twice"] = 2 * data["dose"]
    with pytest.raises(lf.OptionError, match="left out because earlier ones explain it"):
        lf.lmm("y ~ dose + twice + (1 | study)", data, se="se", priors=[lf.normal("twice", 0, 1)])


def test_reml_is_explained_where_it_is_not_defined() -> None:
    with pytest.raises(lf.OptionError, match="restricted likelihood is not defined"):
        lf.lmm(FORMULA, dose_data(), se="se", reml=True, constraints=[lf.increasing("dose")])
    results = lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose")]).fit()
    assert "ML in place of REML" in str(results.summary())


def test_priors_stand_in_for_data() -> None:
    data = dose_data(15)
    data = data[(data["dose"] < 20) | (data["dose"] > 60)]
    formula = "y ~ 0 + bspline(dose, knots=[10, 30, 35, 40, 45, 50, 55], bounds=(0, 80)) + (0 + dose | study)"
    with pytest.raises(lf.DataError, match="do not determine the curve"):
        lf.lmm(formula, data, se="se")
    results = lf.lmm(formula, data, se="se", priors=[lf.normal("dose", 0, 1e-4, derivative=3)]).fit()
    assert results.converged
    with pytest.raises(lf.DataError, match="do not determine all coefficients"):
        lf.lmm(formula, data, se="se", constraints=[lf.increasing("dose")]).fit()


@pytest.mark.slow
def test_constraints_that_hold_do_not_raise_the_error() -> None:
    grid = np.linspace(0, 80, 161)
    truth = np.log1p(grid / 10)
    errors = []
    for seed in range(200):
        data = dose_data(1000 + seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pair = [
                lf.lmm(FORMULA, data, se="se", reml=False, constraints=given).fit().curve("dose", grid)["fit"]
                for given in ([], [lf.increasing("dose"), lf.concave("dose")])
            ]
        errors.append([np.mean((fit - truth) ** 2) for fit in pair])
    free, held = np.mean(errors, axis=0)
    print(f"mean squared error over 200 data sets: unconstrained {free:.5f}, increasing and concave {held:.5f}")
    assert held <= free


def test_one_grouping_factor_only() -> None:
    data = dose_data().assign(site=lambda d: np.arange(len(d)) % 7)
    with pytest.raises(lf.FormulaError, match="take one grouping factor"):
        lf.lmm(FORMULA + " + (1 | site)", data, se="se", constraints=[lf.increasing("dose")])

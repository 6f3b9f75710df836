"""Designs that identify nothing, or less than was asked for."""

import numpy as np
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame, notes


def test_one_observation_per_group_needs_known_errors() -> None:
    data = frame(i=range(60))
    for keywords in ({}, {"weights": "se"}):
        with pytest.raises(lf.DataError, match=r"'i' has 60 levels and 1 random effect each for 60 rows.*give se="):
            lf.lmm("y ~ x + (1 | i)", data, **keywords)
    assert fit("y ~ x + (1 | i)", data, se="se").converged


@pytest.mark.parametrize("keywords", [{}, {"se": "se"}])
def test_one_group_is_refused(keywords: dict[str, str]) -> None:
    with pytest.raises(lf.DataError, match=r"'h' has one level \(1\).*leave the random term out"):
        lf.lmm("y ~ x + (1 | h)", frame(h=1), **keywords)


def test_more_random_effects_than_rows_are_refused() -> None:
    with pytest.raises(lf.DataError, match=r"'g' has 12 levels and 6 random effects each for 30 rows"):
        lf.lmm("y ~ 1 + (x + z + se + f | g)", frame().iloc[::2])


@pytest.mark.parametrize("rows", [1, 2])
def test_fewer_rows_than_parameters_are_refused(rows: int) -> None:
    with pytest.raises(lf.DataError, match=f"{rows} complete rows are too few for {rows} fixed effects"):
        lf.lmm(FORMULA, frame().iloc[:rows])
    with pytest.raises(
        lf.DataError, match=r"60 complete rows are too few for 60 fixed effects and a residual variance"
    ):
        lf.lmm("y ~ C(i)", frame(i=range(60)))


def test_a_saturated_fit_with_known_errors_is_possible() -> None:
    results = fit("y ~ C(i)", frame(i=range(60)), se="se")
    assert results.q == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(results.fittedvalues, frame()["y"], atol=1e-9)


@pytest.mark.parametrize(
    ("formula", "columns", "left_out"),
    [
        ("y ~ x + c + (1 | g)", {"c": 3.0}, "c"),
        ("y ~ x + c + (1 | g)", {"c": 0.0}, "c"),
        ("y ~ x + c + (1 | g)", {"c": 2 * frame()["x"] - 1}, "c"),
        ("y ~ x + h + (1 | g)", {"h": "only"}, "h"),
        ("y ~ C(g) + g + (0 + x | f)", {}, "g"),
        ("y ~ f * h + (1 | g)", {"h": np.where(frame()["f"] == "a", "u", np.where(frame()["x"] > 0, "u", "v"))}, "h"),
    ],
    ids=["constant", "zero", "collinear", "one level", "group means", "empty cells"],
)
def test_columns_that_others_explain_are_left_out_and_named(formula: str, columns: dict, left_out: str) -> None:
    results = fit(formula, frame(**columns))
    assert any(left_out in name for name in results.dropped_columns)
    assert f"Columns left out because earlier ones explain them: {', '.join(results.dropped_columns)}." in notes(
        results
    )
    assert not set(results.dropped_columns) & set(results.params.index)
    np.testing.assert_allclose(results.predict(frame(**columns)), results.fittedvalues, rtol=1e-12)


def test_the_fit_without_the_columns_that_were_left_out_is_the_same() -> None:
    assert fit("y ~ x + c + (1 | g)", frame(c=2 * frame()["x"])).llf == fit().llf


@pytest.mark.parametrize("value", [0.0, 3.0, 2 * frame()["x"]], ids=["zero", "constant", "collinear"])
def test_random_columns_that_others_explain_are_refused(value: object) -> None:
    with pytest.raises(lf.DataError, match=r"random term on 'g' other columns explain c .* leave it out"):
        lf.lmm("y ~ x + (x + c | g)", frame(c=value))


def test_a_factor_beside_the_intercept_is_allowed_where_the_covariance_is_diagonal() -> None:
    assert fit("y ~ x + (f || g)").converged


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_constant_response_has_no_residual_variance(constant: float) -> None:
    with pytest.raises(lf.DataError, match=r"reproduce the response 'y' exactly \(is it constant\?\)"):
        fit(FORMULA, frame(y=constant))


def test_a_perfect_fit_has_no_residual_variance() -> None:
    with pytest.raises(lf.DataError, match=r"reproduce the response 'y' exactly"):
        fit(FORMULA, frame(y=1 + 2 * frame()["x"]))


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_constant_response_with_known_errors_has_no_heterogeneity(constant: float) -> None:
    results = fit(FORMULA, frame(y=constant), se="se")
    assert results.tau2 == pytest.approx(0.0, abs=1e-12)
    assert results.params["Intercept"] == pytest.approx(constant)
    assert "tau²" in str(results.summary())


def test_models_without_fixed_effects() -> None:
    results = fit("y ~ 0 + (1 | g)", reml=True)
    assert results.llf == pytest.approx(fit("y ~ 0 + (1 | g)", reml=False).llf)
    assert results.params.empty
    assert "Variance components" in str(results.summary())
    np.testing.assert_allclose(results.predict(frame()), results.fittedvalues, rtol=1e-12)
    with pytest.raises(lf.OptionError, match=r"the model has no fixed effects"):
        results.t_test("x")


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ 0", "y ~ 1"])
@pytest.mark.parametrize("keywords", [{}, {"se": "se"}])
def test_models_without_random_effects(formula: str, keywords: dict[str, str]) -> None:
    results = fit(formula, **keywords)
    assert results.random_effects == {}
    assert results.cov_re.shape == (0, 0)
    assert results.ranef().empty
    assert results.converged
    assert str(results.summary())
    np.testing.assert_allclose(results.predict(frame()), results.fittedvalues, rtol=1e-12)

"""What a summary says of constraints: whose they are, what they do not hold, and why an error is missing."""

from typing import Any

import numpy as np
import pytest

import limeform as lf
from tests.results.restricted_fits import DATA, RATIO, SHAPE

NOTES = "y ~ x + (1 | study)"


def notes_of(formula: str = NOTES, **keywords: Any) -> str:
    return str(lf.lmm(formula, keywords.pop("data", DATA), **keywords).fit().summary())


def test_given_and_added_constraints_are_counted_apart_and_idle_ones_named() -> None:
    text = notes_of(RATIO, se="se", constraints=[lf.increasing("b"), "sd(study) <= 3"])
    assert (
        'Constraints: 2 given (not active: increasing("b"); sd(study) <= 3), 2 added by the model (not active: '
        '"b" is positive from 0 to' in text
    )
    text = notes_of("ratio ~ 0 + log_ratio(low, 10, knots=2) + (1 | study)", constraints=lf.passes("low", 10, 2))
    assert "Constraints: 1 given (all active), 1 added by the model (" in text
    text = notes_of("y ~ x + (1 + x | study)", priors=lf.uniform("cor(study: 1, x)", -0.9, 0.9), constraints="x <= 100")
    assert "1 given (not active: x <= 100), 1 from uniform priors (not active: uniform(" in text


def test_a_correction_that_breaks_a_constraint_is_named() -> None:
    limit = lf.bounds("sigma", upper=0.15)
    said = "no longer hold for the corrected variances"
    fit = lf.lmm(NOTES, DATA, trim=lf.Trimming(0.1, correct=True), constraints=[limit, "sd(study) <= 3"]).fit()
    assert np.sqrt(fit.scale) > 0.15
    text = str(fit.summary())
    assert f'{said}: bounds("sigma", upper=0.15). Trimming(correct=False)' in text
    assert said not in notes_of(trim=lf.Trimming(0.1), constraints=limit)
    assert said not in notes_of(trim=lf.Trimming(0.1, correct=True), constraints=lf.bounds("sigma", upper=5))


def test_a_written_curved_constraint_that_the_correction_breaks_is_named() -> None:
    text = notes_of(trim=lf.Trimming(0.1, correct=True), constraints="exp(sigma) <= 1.16")
    assert "corrected variances: exp(sigma) <= 1.16." in text


def test_missing_standard_errors_have_a_reason() -> None:
    text = notes_of(constraints="x == 0.1")
    assert "given for x: equations among the constraints fix it, so that it is zero" in text
    text = notes_of(SHAPE, constraints=[lf.passes("dose", 0, 0), lf.passes("dose", 0, 0.01, derivative=1)])
    assert "fix them, so that theirs is zero" in text
    text = notes_of(priors=lf.laplace("x", 0, 0.001))
    assert 'given for x: held at the mean of laplace("x", 0, 0.001), where' in text
    assert "active inequality" not in text
    text = notes_of(constraints="x >= 1")
    assert "given for x: an active inequality involves them" in text
    assert "No standard error" not in notes_of(constraints="x <= 100")


def test_up_to_ten_names_are_listed() -> None:
    formula = "y ~ 0 + bspline(dose, knots={}) + (1 | study)"
    text = notes_of(formula.format([20, 35, 50, 65]), constraints=lf.decreasing("dose"))
    assert "dose[7]: an active inequality" in text
    assert "dose[5], dose[6]" in text
    text = notes_of(formula.format([9, 18, 27, 36, 45, 54, 63, 72]), constraints=lf.decreasing("dose"))
    assert "dose[9] and 2 more: an active inequality" in text


@pytest.mark.parametrize("formula", ["y ~ x * bspline(dose, 2)", "y ~ bspline(dose, 2) + x:bspline(dose, 2)"])
def test_a_shape_of_a_curve_in_an_interaction_is_noted(formula: str) -> None:
    text = notes_of(formula, constraints=lf.increasing("dose"))
    assert 'increasing("dose") holds for the curve itself, not for the sum with x:bspline(dose, 2): only where' in text
    assert "holds for the curve itself" not in notes_of("y ~ x + bspline(dose, 2)", constraints=lf.increasing("dose"))


def test_open_ended_ranges_are_advised_on() -> None:
    data = DATA.copy()
    data.loc[3:5, "high"] = np.nan
    advice = "high: an open-ended range: put in the largest exposure that is meant"
    formula = "y ~ bspline(interval(low, high), 2) + (1 | study)"
    assert advice in notes_of(formula, data=data)
    with pytest.raises(lf.DataError, match=advice):
        lf.lmm(formula, data, missing="raise")
    with pytest.raises(lf.DataError, match=advice):
        lf.lmm(formula, data.assign(high=np.nan))
    elsewhere = DATA.assign(x=DATA["x"].where(DATA.index > 5))
    text = notes_of("y ~ x + bspline(interval(low, high), 2) + (1 | study)", data=elsewhere)
    assert "Rows left out because of missing values: 6 (x: 6)." in text
    assert "open-ended" not in text


def test_a_log_ratio_without_an_intercept_is_noted() -> None:
    said = "There is no intercept"
    bare = RATIO.replace("0 + ", "")
    assert said in notes_of(bare, se="se")
    for formula in (RATIO, bare.replace("~", "~ 1 +"), bare + " - 1"):
        assert said not in notes_of(formula, se="se")


def test_one_equals_sign_and_places_of_levels() -> None:
    with pytest.raises(lf.FormulaError, match="for an equation write =="):
        lf.lmm(NOTES, DATA, constraints="x = 3")
    with pytest.raises(lf.FormulaError, match="uses <=, >= or =="):
        lf.lmm(NOTES, DATA, constraints="x < 3")
    with pytest.raises(lf.OptionError, match=r"as text: 'lev\[b\] == 1'"):
        lf.passes("lev", at="b", value=1)  # type: ignore[arg-type]
    levels = DATA.assign(first="a")
    fit = lf.lmm("y ~ 0 + difference(lev, first) + (1 | study)", levels, constraints="lev[b] == 1").fit()
    assert fit.params["lev[b]"] == pytest.approx(1)

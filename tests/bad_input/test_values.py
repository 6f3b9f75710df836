"""Missing, infinite, zero and negative values, and those too large to be squared."""

import numpy as np
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame, notes, with_value


@pytest.mark.parametrize("column", ["y", "x", "g", "se"])
def test_a_row_with_a_missing_value_is_left_out_and_counted(column: str) -> None:
    results = fit(FORMULA, with_value(column, 3, np.nan), se="se")
    assert results.missing == {column: 1}
    assert results.nobs == 59
    assert f"missing values: 1 ({column}: 1)" in notes(results)
    assert 3 not in results.fittedvalues.index


@pytest.mark.parametrize("column", ["y", "x", "g", "se"])
def test_missing_values_can_be_refused(column: str) -> None:
    with pytest.raises(lf.DataError, match=rf"missing values: 1 \({column}: 1\)"):
        lf.lmm(FORMULA, with_value(column, 3, np.nan), se="se", missing="raise")


@pytest.mark.parametrize("column", ["y", "x", "g", "se"])
def test_a_column_without_any_value_is_named(column: str) -> None:
    with pytest.raises(lf.DataError, match=rf"no row is complete.*{column}: 60"):
        lf.lmm(FORMULA, frame(**{column: np.nan}), se="se")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("column", ["y", "x", "se"])
def test_infinite_values_are_named_with_their_rows(column: str, value: float) -> None:
    with pytest.raises(lf.DataError, match=rf"{column}.* is infinite in 1 row \(3\)"):
        lf.lmm(FORMULA, with_value(column, 3, value), se="se")


def test_infinite_groups_slopes_and_offsets_are_named() -> None:
    with pytest.raises(lf.DataError, match=r"grouping factor 'g' has infinite values"):
        lf.lmm(FORMULA, with_value("g", 3, np.inf))
    with pytest.raises(lf.DataError, match=r"z is infinite in 1 row \(3\)"):
        lf.lmm("y ~ 1 + (z | g)", with_value("z", 3, np.inf))
    with pytest.raises(lf.DataError, match=r"offset\(z\) is infinite in 1 row \(3\)"):
        lf.lmm("y ~ x + offset(z) + (1 | g)", with_value("z", 3, np.inf))
    with pytest.raises(lf.DataError, match=r"offset= is infinite in 1 row \(3\)"):
        lf.lmm(FORMULA, with_value("z", 3, np.inf), offset="z")


@pytest.mark.parametrize("term", ["poly(x, 2)", "scale(x)", "bs(x, df=4)", "poly(x, 2):C(f)", "poly(`x`, 2)"])
def test_a_missing_value_in_a_transform_is_counted_by_its_column(term: str) -> None:
    results = fit(f"y ~ {term} + (1 | g)", with_value("x", 3, np.nan))
    assert results.missing == {"x": 1}
    assert results.nobs == 59


def test_values_that_a_transform_makes_missing_or_infinite() -> None:
    assert fit("np.log(y) ~ x + (1 | g)").missing == {"response 'np.log(y)'": int((frame()["y"] < 0).sum())}
    assert fit("y ~ np.log(x) + (1 | g)").missing == {"np.log(x)": int((frame()["x"] < 0).sum())}
    assert fit("y ~ x + offset(np.log(z)) + (1 | g)").missing == {"the offset": int((frame()["z"] < 0).sum())}
    with pytest.raises(lf.DataError, match=r"x / 0 is infinite in 60 rows \(0, 1, 2, 3, 4, \.\.\.\)"):
        fit("y ~ {x / 0} + (1 | g)")


@pytest.mark.parametrize("where", ["offset(z)", "keyword"])
def test_a_missing_offset_is_counted(where: str) -> None:
    data = with_value("z", 3, np.nan)
    results = fit(FORMULA, data, offset="z") if where == "keyword" else fit("y ~ x + offset(z) + (1 | g)", data)
    assert results.missing == {"z": 1}


@pytest.mark.parametrize("keyword", ["se", "variance", "weights"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_errors_and_weights_that_are_not_positive_are_named_with_their_rows(keyword: str, value: float) -> None:
    data = with_value("se", 3, value)
    data.loc[7, "se"] = value
    with pytest.raises(lf.DataError, match=rf"{keyword}= \(se\) is zero or negative in 2 rows \(3, 7\)"):
        lf.lmm(FORMULA, data, **{keyword: "se"})


def test_a_missing_weight_is_counted() -> None:
    assert fit(FORMULA, with_value("se", 3, np.nan), weights="se").missing == {"se": 1}


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_units_do_not_matter(scale: float) -> None:
    plain, scaled = fit(), fit(FORMULA, frame(y=frame()["y"] * scale))
    np.testing.assert_allclose(scaled.params, plain.params * scale, rtol=1e-9)
    assert scaled.llf == pytest.approx(plain.llf - 58 * np.log(scale), abs=1e-6)
    other = fit("y ~ x + (x | g)", frame(x=frame()["x"] * scale))
    assert other.params["x"] * scale == pytest.approx(fit("y ~ x + (x | g)").params["x"], rel=1e-9)
    known = fit(FORMULA, frame(y=frame()["y"] * scale, se=frame()["se"] * scale), se="se")
    assert known.tau2 == pytest.approx(fit(se="se").tau2 * scale**2, rel=1e-6)


@pytest.mark.parametrize("size", [1e-300, 1e200])
def test_values_that_cannot_be_squared_are_refused_by_name(size: float) -> None:
    for column, formula, keywords in [
        ("y", FORMULA, {}),
        ("x", FORMULA, {}),
        ("z", "y ~ x + (z | g)", {}),
        ("se", FORMULA, {"se": "se"}),
        ("se", FORMULA, {"weights": "se"}),
    ]:
        with pytest.raises(lf.DataError, match=rf"{column}.* out of the range of floating-point numbers"):
            lf.lmm(formula, frame(**{column: frame()[column] * size}), **keywords)

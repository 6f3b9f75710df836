"""Columns of unusual types: objects, dates, nullable and Arrow types, categories."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame

FACTOR = "y ~ f + (1 | g)"


@pytest.mark.parametrize(
    "values",
    [
        frame()["f"],
        frame()["y"].astype(str),
        frame()["f"].astype("category"),
        frame()["y"] + 1j,
        pd.Series(pd.date_range("2020", periods=60)),
        pd.Series(pd.to_timedelta(range(60), unit="D")),
    ],
    ids=["text", "numbers as text", "category", "complex", "dates", "durations"],
)
def test_a_response_that_is_not_numeric_is_shown(values: pd.Series) -> None:
    with pytest.raises(lf.DataError, match=f"response 'y' is not numeric: found .*{values.dtype.name[:4]}.* such as"):
        lf.lmm(FORMULA, frame(y=values))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.date_range("2020", periods=60), "datetime64"),
        (pd.date_range("2020", periods=60, tz="UTC"), "datetime64"),
        (pd.to_timedelta(range(60), unit="D"), "timedelta64"),
        (pd.period_range("2020", periods=60), "period"),
        ([datetime.date(2020, 1, 1 + i % 9) for i in range(60)], "date"),
    ],
)
def test_dates_are_no_numbers(values: object, kind: str) -> None:
    data = frame(x=values)
    for formula in (FORMULA, "y ~ x", "y ~ 0 + x", "y ~ 1 + (x | g)"):
        with pytest.raises(lf.DataError, match=f"'x' holds {kind} values, which are no numbers: make numbers"):
            lf.lmm(formula, data)


def test_dates_can_be_made_numbers_in_the_formula_and_can_be_groups() -> None:
    days = pd.Series(np.arange(60) // 5)
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")
    data = frame(d=dates, days=days)
    results = fit("y ~ {d.dt.day} + (1 | g)", data)
    assert results.llf == pytest.approx(fit("y ~ {days + 1} + (1 | g)", data).llf)
    assert fit("y ~ x + (1 | d)", data).llf == pytest.approx(fit("y ~ x + (1 | days)", data).llf)


def test_complex_columns_are_refused() -> None:
    with pytest.raises(lf.DataError, match=r"x.* not all numbers.*complex"):
        lf.lmm(FORMULA, frame(x=frame()["x"] + 1j))


NUMBERS = ["Int64", "Float64", "Float32", "float32", "int8", "UInt8", "int64[pyarrow]", "double[pyarrow]"]


@pytest.mark.parametrize("column", ["y", "x", "g", "w"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_every_type_of_number_gives_the_same_fit(kind: str, column: str) -> None:
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    whole = frame(w=1).assign(x=frame()["x"].round().abs(), y=(5 * frame()["y"]).round().abs())
    whole["w"] = 1 + np.arange(60) % 3
    plain = fit(FORMULA, whole, weights="w")
    results = fit(FORMULA, whole.assign(**{column: whole[column].astype(int).astype(kind)}), weights="w")
    assert results.llf == pytest.approx(plain.llf, abs=1e-9)
    np.testing.assert_allclose(results.params, plain.params, rtol=1e-9)


@pytest.mark.parametrize("column", ["y", "x", "g", "w"])
def test_missing_values_of_nullable_types_are_counted(column: str) -> None:
    data = frame(w=1 + np.arange(60) % 3, y=(5 * frame()["y"]).round()).assign(x=frame()["x"].round())
    data[column] = data[column].astype("Int64")
    data.loc[[3, 5], column] = pd.NA
    assert fit(FORMULA, data, weights="w").missing == {column: 2}


@pytest.mark.parametrize("kind", ["string", "string[pyarrow]", object, "category", "dictionary"])
def test_every_type_of_text_is_a_factor(kind: object) -> None:
    if "pyarrow" in str(kind) or kind == "dictionary":
        pyarrow = pytest.importorskip("pyarrow")
        kind = pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string())) if kind == "dictionary" else kind
    plain, data = fit(FACTOR), frame(f=frame()["f"].astype(kind))
    results = fit(FACTOR, data)
    pd.testing.assert_series_equal(results.params, plain.params)
    np.testing.assert_allclose(results.predict(data), plain.fittedvalues, rtol=1e-12)
    np.testing.assert_allclose(plain.predict(data), plain.fittedvalues, rtol=1e-12)
    assert fit(FACTOR, data.assign(f=data["f"].where(data.index != 3))).missing == {"f": 1}
    assert len(fit("y ~ x + (0 + x | f)", data).random_effects) == 3


@pytest.mark.parametrize("kind", ["boolean", "bool[pyarrow]", bool])
def test_truth_values_are_zero_and_one(kind: object) -> None:
    if "pyarrow" in str(kind):
        pytest.importorskip("pyarrow")
    positive = frame()["x"] > 0
    plain = fit(FORMULA, frame(x=positive.astype(float)))
    for column in ("x", "y"):
        results = fit(FORMULA, frame(**{column: positive.astype(kind)}))
        assert results.llf == pytest.approx(fit(FORMULA, frame(**{column: positive.astype(float)})).llf)
    np.testing.assert_allclose(plain.predict(frame(x=positive.astype(kind))), plain.fittedvalues)
    if kind == "boolean":
        assert fit(FORMULA, frame(x=positive.astype("boolean").where(frame().index != 3))).missing == {"x": 1}


@pytest.mark.parametrize("convert", [float, decimal.Decimal])
def test_numbers_in_an_object_column_are_numbers(convert: type) -> None:
    plain = fit()
    data = frame(x=frame()["x"].map(convert).astype(object), y=frame()["y"].map(convert).astype(object))
    results = fit(FORMULA, data)
    assert results.llf == pytest.approx(plain.llf, abs=1e-6)
    np.testing.assert_allclose(plain.predict(data), plain.fittedvalues, rtol=1e-6)
    data.loc[3, "x"] = None
    assert fit(FORMULA, data).missing == {"x": 1}
    assert fit(FORMULA, data, se=list(data["se"].astype(object))).known_variance


@pytest.mark.parametrize("column", ["x", "g", "y", "se"])
def test_mixed_types_are_counted(column: str) -> None:
    with pytest.raises(lf.DataError, match=rf"'{column}' mixes types \(.*20 str.*\): make it all numbers or all text"):
        lf.lmm(FORMULA, frame(**{column: [1, "a", 2.0] * 20}), se="se")


@pytest.mark.parametrize("column", ["x", "g", "y"])
def test_lists_are_no_values(column: str) -> None:
    with pytest.raises(lf.DataError, match=f"'{column}' holds list values"):
        lf.lmm(FORMULA, frame(**{column: [[1], [2]] * 30}))


def test_categories_that_no_row_has_are_no_columns() -> None:
    wide = pd.Categorical(frame()["f"], categories=list("zabcd"))
    pd.testing.assert_series_equal(fit(FACTOR, frame(f=wide)).params, fit(FACTOR).params)
    assert list(fit("y ~ x + (0 + x | f)", frame(f=wide)).random_effects) == ["a", "b", "c"]
    gone = frame(f=frame()["f"].astype("category"), y=frame()["y"].where(frame()["f"] != "c"))
    assert list(fit(FACTOR, gone).params.index) == ["Intercept", "f[T.b]"]


def test_the_order_of_categories_is_kept() -> None:
    ordered = pd.Categorical(frame()["f"], categories=list("cba"), ordered=True)
    assert list(fit(FACTOR, frame(f=ordered)).params.index) == ["Intercept", "f[T.b]", "f[T.a]"]

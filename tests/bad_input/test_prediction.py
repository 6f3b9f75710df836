"""New data that lack something, have something new, or something of another kind."""

import warnings

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.bad_input.frames import fit, frame

FORMULA = "y ~ x + f + (x | g)"


@pytest.fixture(scope="module")
def results() -> lf.LMMResults:
    return fit(FORMULA)


def test_an_unseen_level_of_a_factor_is_named(results: lf.LMMResults) -> None:
    new = frame(f=["q", "q", *frame()["f"][2:]])
    message = "column 'f' has levels that the fit did not have: 'q', in 2 rows; the fit knows 'a', 'b', 'c'"
    with pytest.raises(lf.DataError, match=message):
        results.predict(new)
    with pytest.raises(lf.DataError, match=r"'h' .* 4, in 60 rows; the fit knows 1, 2, 3"):
        fit("y ~ C(h) + (1 | g)", frame(h=np.tile([1, 2, 3], 20))).predict(frame(h=4))


def test_an_unseen_group_is_predicted_at_the_population_level(results: lf.LMMResults) -> None:
    with pytest.warns(lf.NewLevelWarning, match=r"60 rows have levels of 'g' that the fit did not have \(99\)"):
        predicted = results.predict(frame(g=99))
    pd.testing.assert_series_equal(predicted, results.predict(frame(), random="none"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results.predict(frame(g=99), random="none")


def test_an_unseen_level_of_a_random_factor_matters_only_with_random_effects() -> None:
    results = fit("y ~ x + (f || g)")
    with pytest.raises(lf.DataError, match=r"'f' .* 'q'"):
        results.predict(frame(f="q"))
    assert results.predict(frame(f="q"), random="none").notna().all()


@pytest.mark.parametrize("column", ["x", "f", "g"])
def test_a_column_that_is_missing_is_named(results: lf.LMMResults, column: str) -> None:
    with pytest.raises(lf.UnknownColumnError, match=f"'{column}'"):
        results.predict(frame().drop(columns=column))
    if column == "g":
        assert results.predict(frame().drop(columns="g"), random="none").notna().all()


@pytest.mark.parametrize("column", ["x", "f", "g"])
def test_rows_that_lack_a_value_are_predicted_as_missing(results: lf.LMMResults, column: str) -> None:
    new = frame(**{column: frame()[column].astype(object).where(frame().index != 3)})
    predicted = results.predict(new)
    assert list(predicted.index[predicted.isna()]) == [3]
    assert results.predict(frame(**{column: None})).isna().all()


def test_infinite_values_are_named(results: lf.LMMResults) -> None:
    with pytest.raises(lf.DataError, match=r"x is not finite in the new data in 1 row \(0\)"):
        results.predict(frame(x=np.r_[np.inf, np.ones(59)]))


@pytest.mark.parametrize("values", ["a", frame()["x"].astype("category"), pd.Timestamp("2020")], ids=str)
def test_a_column_of_another_kind_is_named_and_leaves_the_fit_as_it_was(values: object) -> None:
    results = fit(FORMULA)
    with pytest.raises(lf.DataError, match=r"column 'x' was numeric in the fit, and has .* values in the new data"):
        results.predict(frame(x=values))
    np.testing.assert_allclose(results.predict(frame()), results.fittedvalues, rtol=1e-12)


def test_a_prediction_that_fails_leaves_the_fit_as_it_was() -> None:
    results = fit("y ~ np.log(x + 10) + C(f) + (1 | g)")
    for new in (frame(x="a"), frame(f=3), frame(x=-11.0)):
        with pytest.raises(lf.LimeformError):
            results.predict(new)
    np.testing.assert_allclose(results.predict(frame()), results.fittedvalues, rtol=1e-12)


@pytest.mark.parametrize("kind", [float, "Int64", "category", object])
def test_groups_are_matched_by_value(kind: object) -> None:
    for formula, data in [("y ~ x + (x | g)", frame()), ("y ~ x + (1 | g:f)", frame()), ("y ~ x + (1 | f:g)", frame())]:
        results = fit(formula, data)
        new = data.assign(g=data["g"].astype(kind))
        np.testing.assert_allclose(results.predict(new), results.fittedvalues, rtol=1e-12)


def test_combinations_of_levels_that_look_alike_are_kept_apart() -> None:
    first = np.where(frame()["g"] < 6, "p:q", "p")
    second = np.select([frame()["g"] < 3, frame()["g"] < 6, frame()["g"] < 9], ["r", "s", "q:r"], "t")
    data = frame(a=first, b=second)
    results = fit("y ~ x + (1 | a:b)", data)
    assert len(results.random_effects) == 4
    np.testing.assert_allclose(results.predict(data), results.fittedvalues, rtol=1e-12)


@pytest.mark.parametrize("data", [frame().iloc[:0], {"x": 1.0, "f": "a", "g": 1}, np.ones((3, 3))], ids=repr)
def test_new_data_have_to_be_a_table_with_rows(results: lf.LMMResults, data: object) -> None:
    with pytest.raises(lf.DataError, match=r"no rows|no table|has to be a data frame"):
        results.predict(data)


def test_options_are_checked(results: lf.LMMResults) -> None:
    with pytest.raises(lf.OptionError, match=r'random=.* "all" or "none"'):
        results.predict(frame(), random="some")  # type: ignore[arg-type]
    with pytest.raises(lf.OptionError, match=r"offset= has 3 values for 60 rows"):
        results.predict(frame(), offset=np.ones(3))
    with pytest.raises(lf.UnknownColumnError, match=r"'oo' in offset="):
        results.predict(frame(), offset="oo")
    assert results.predict(frame(), offset=np.r_[np.nan, np.ones(59)]).isna().sum() == 1


TRANSFORMS = ["center(x)", "scale(x)", "standardize(x)", "bs(x, df=5)", "cr(x, df=4)", "cc(x, df=4)", "poly(x, 2)"]
TRANSFORMS += [
    "C(f, contr.sum)",
    "C(f, contr.treatment('b'))",
    "C(f, levels=['c', 'b', 'a'])",
    "center(x):f",
    "{f == 'a'}",
]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_keep_what_they_learned_from_the_data_of_the_fit(transform: str) -> None:
    results = fit(f"y ~ {transform} + (1 | g)")
    few = frame().iloc[3:10]
    np.testing.assert_allclose(results.predict(few), results.fittedvalues[3:10], rtol=1e-9)


@pytest.mark.parametrize("formula", ["center(y) ~ x + (1 | g)", "y ~ x + offset(center(z)) + (1 | g)"])
def test_so_do_those_outside_of_the_fixed_part(formula: str) -> None:
    for text in (formula, "y ~ x + (1 | {np.floor(center(z))})", "y ~ x + (0 + scale(x) | g)"):
        results = fit(text)
        np.testing.assert_allclose(results.predict(frame().iloc[3:10]), results.fittedvalues[3:10], rtol=1e-9)


def test_missing_values_inside_a_polynomial_keep_their_rows():
    data = lf.datasets.sleepstudy().astype({"Days": float})
    fit = lf.lmm("Reaction ~ poly(Days, 2) + (1 | Subject)", data).fit()
    data.loc[3, "Days"] = np.nan
    assert np.flatnonzero(fit.predict(data).isna()).tolist() == [3]

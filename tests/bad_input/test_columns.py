"""Columns that are not there, have odd names, or occur twice."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("y ~ xx + (1 | g)", "xx"),
        ("yy ~ x + (1 | g)", "yy"),
        ("y ~ x + (1 | gg)", "gg"),
        ("y ~ x + (xx | g)", "xx"),
        ("y ~ np.log(xx) + (1 | g)", "xx"),
        ("y ~ center(xx) + (1 | g)", "xx"),
        ("y ~ C(ff) + (1 | g)", "ff"),
        ("y ~ x + offset(xx) + (1 | g)", "xx"),
        ("y ~ `x x` + (1 | g)", "x x"),
    ],
)
def test_an_unknown_column_is_named_with_a_caret_under_it(formula: str, name: str) -> None:
    with pytest.raises(lf.UnknownColumnError) as caught:
        lf.lmm(formula, frame())
    message, line, carets = str(caught.value).split("\n")
    assert message.startswith(f"{name!r} in the formula is not a column of the data; ")
    assert name in line[carets.index("^") - 1 : carets.rindex("^") + 2]
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("keyword", ["se", "variance", "weights", "sigma", "offset"])
def test_an_unknown_column_of_a_keyword_is_named_with_a_proposal(keyword: str) -> None:
    with pytest.raises(lf.UnknownColumnError, match=f"'see' in {keyword}= .* did you mean 'se'"):
        lf.lmm(FORMULA, frame(), **{keyword: "see"})


def test_a_misspelt_keyword_is_named() -> None:
    with pytest.raises(TypeError, match=r"weight"):
        lf.lmm(FORMULA, frame(), weight="se")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"solvr"):
        lf.lmm(FORMULA, frame()).fit(solvr=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"rndm"):
        fit().predict(rndm="none")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "keywords", [{"se": "se", "variance": "se"}, {"se": "se", "weights": "se"}, {"variance": "se", "sigma": "f"}]
)
def test_keywords_that_exclude_each_other_are_both_named(keywords: dict[str, str]) -> None:
    first, second = keywords
    with pytest.raises(lf.OptionError, match=f"{first}= and {second}= exclude each other"):
        lf.lmm(FORMULA, frame(), **keywords)


def test_a_name_that_occurs_twice_is_refused() -> None:
    with pytest.raises(lf.DataError, match=r"'z' occurs 2 times"):
        fit(FORMULA, pd.concat([frame(), frame()[["z"]]], axis=1))
    with pytest.raises(lf.DataError, match=r"'0' occurs 2 times"):
        fit(FORMULA, frame().rename(columns={"z": 0, "se": "0"}))


def test_a_column_called_intercept_is_refused_beside_the_constant() -> None:
    with pytest.raises(lf.DataError, match=r"two columns .* 'Intercept': rename"):
        fit("y ~ Intercept + (1 | g)", frame().rename(columns={"x": "Intercept"}))


RENAMED = [
    ({"y": "y (mg)", "x": "x 1|2", "g": "g:h"}, "`y (mg)` ~ `x 1|2` + (1 | `g:h`)"),
    ({"y": 0, "x": 4, "g": 2, "z": 3}, "`0` ~ `4` + (1 | `2`)"),
    ({"y": "max", "x": "len", "g": "id"}, "max ~ len + (1 | id)"),
    ({"y": "lambda", "x": "class", "g": "for"}, "`lambda` ~ `class` + (1 | `for`)"),
    ({"x": "center", "g": "C"}, "y ~ center + (1 | C)"),
    ({"x": "offset", "g": "np"}, "y ~ offset + (1 | np)"),
    ({"x": "a.b", "g": "g.h"}, "y ~ a.b + (1 | g.h)"),
    ({"x": "a[b]"}, "y ~ `a[b]` + (1 | g)"),
    ({"x": "größe", "g": "ß"}, "y ~ größe + (1 | ß)"),
    ({"z": None, "se": ("a", "b")}, "y ~ x + (1 | g)"),
]


@pytest.mark.parametrize(("names", "formula"), RENAMED)
def test_names_do_not_matter(names: dict[str, object], formula: str) -> None:
    data = frame().set_axis([names.get(name, name) for name in frame().columns], axis=1)
    results, plain = fit(formula, data), fit()
    assert results.llf == pytest.approx(plain.llf, abs=1e-9)
    np.testing.assert_allclose(results.params, plain.params, rtol=1e-9)
    np.testing.assert_allclose(results.predict(data), results.fittedvalues, rtol=1e-12)


def test_missing_values_are_counted_under_names_in_backticks() -> None:
    data = frame(x=frame()["x"].where(frame().index != 3)).rename(columns={"x": "x 1|2"})
    assert fit("y ~ np.exp(`x 1|2`) + (1 | g)", data).missing == {"x 1|2": 1}


def test_a_dot_stands_for_columns_whose_names_are_no_text() -> None:
    assert "0" in fit("y ~ . + (1 | g)", frame().rename(columns={"z": 0})).params.index


def test_columns_of_several_levels_are_named_in_the_message() -> None:
    data = frame().set_axis(pd.MultiIndex.from_product([["a"], frame().columns]), axis=1)
    with pytest.raises(lf.UnknownColumnError, match=r"'y' .*\('a', 'x'\)"):
        fit(FORMULA, data)

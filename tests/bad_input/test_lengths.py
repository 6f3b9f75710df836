"""Arrays of the wrong shape, and Series whose labels are others or in another order."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame

KEYWORDS = ["se", "variance", "weights", "sigma", "offset"]


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_an_array_of_the_wrong_length_is_refused(keyword: str) -> None:
    with pytest.raises(lf.OptionError, match=f"{keyword}= has 3 values for 60 rows"):
        lf.lmm(FORMULA, frame(), **{keyword: np.ones(3)})


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize(
    "value", [0.3, True, {"a": 1}, (i for i in range(60))], ids=["number", "bool", "dict", "generator"]
)
def test_a_single_value_is_refused(keyword: str, value: object) -> None:
    with pytest.raises(lf.OptionError, match=f"{keyword}= takes the name of a column or one value for each row"):
        lf.lmm(FORMULA, frame(), **{keyword: value})


def test_a_matrix_is_refused_although_its_size_fits() -> None:
    with pytest.raises(lf.OptionError, match=r"se= takes one column, found an array of shape \(30, 2\)"):
        lf.lmm(FORMULA, frame(), se=np.ones((30, 2)))


@pytest.mark.parametrize("values", [list, tuple, np.asarray, lambda s: s.to_numpy()[:, None], lambda s: s])
def test_columns_in_many_forms(values: object) -> None:
    assert fit(se=values(frame()["se"])).llf == fit(se="se").llf  # type: ignore[operator]


def test_a_series_is_matched_by_its_labels() -> None:
    assert fit(se=frame()["se"].sample(frac=1, random_state=1)).llf == fit(se="se").llf
    for index in (range(100, 160), [0] * 60):
        with pytest.raises(lf.OptionError, match=r"index of se= is not that of the data"):
            fit(se=frame()["se"].set_axis(list(index)))


def test_arrays_of_a_model_have_to_match() -> None:
    y, x, g = frame()["y"], frame()[["x"]], frame()["g"]
    for arguments, what in [
        ((y, x.iloc[:3], lf.Random(g)), "exog has 3 rows, the response 60"),
        ((y, x, lf.Random(g.iloc[:5])), "groups has 5 rows, the response 60"),
        ((y, x, lf.Random(g, np.ones(4))), "random exog has 4 rows"),
        ((np.ones((30, 2)), x, lf.Random(g)), r"endog has to be one column.*\(30, 2\)"),
        ((y, x, lf.Random(np.ones((30, 2)))), r"groups has to be one column.*\(30, 2\)"),
        ((y, np.ones((60, 1, 1)), lf.Random(g)), r"exog has to be a column or a matrix.*\(60, 1, 1\)"),
        ((3, x), r"endog has to be one column.*\(\)"),
        (([], np.zeros((0, 1))), "no rows"),
    ]:
        with pytest.raises(lf.DataError, match=what):
            lf.LMM(*arguments)


def test_random_effects_of_a_model_have_to_be_random() -> None:
    with pytest.raises(lf.OptionError, match=r"random= takes lf.Random.* found int"):
        lf.LMM(frame()["y"], frame()[["x"]], frame()["g"])
    with pytest.raises(lf.OptionError, match=r"covariance='cs'"):
        lf.Random(frame()["g"], covariance="cs")


def test_labelled_arrays_of_a_model_are_matched_by_their_labels() -> None:
    y, x, g = frame()["y"], frame()[["x"]], frame()["g"]
    plain = lf.LMM(y, x, lf.Random(g)).fit()
    shuffled = lf.LMM(y, x.sample(frac=1, random_state=1), lf.Random(g.sample(frac=1, random_state=2))).fit()
    assert shuffled.llf == plain.llf
    with pytest.raises(lf.DataError, match=r"index of exog is not that of the response"):
        lf.LMM(y, x.set_axis(range(5, 65)), lf.Random(g))
    assert lf.LMM(y.to_numpy(), x.set_axis(range(5, 65)), lf.Random(g)).fit().llf == plain.llf


def test_default_names_of_a_frame_are_columns_like_any_other() -> None:
    x = np.column_stack([np.ones(60), frame()["x"]])
    plain = lf.LMM(frame()["y"], x, lf.Random(frame()["g"])).fit()
    numbered = lf.LMM(frame()["y"], pd.DataFrame(x), lf.Random(frame()["g"], pd.DataFrame(x[:, :1]))).fit()
    assert list(numbered.params.index) == ["0", "1"]
    np.testing.assert_allclose(numbered.params, plain.params, rtol=1e-6)
    assert numbered.llf == pytest.approx(plain.llf)
    assert plain.llf == pytest.approx(fit().llf)


def test_two_random_parts_on_equal_groups_are_on_one_factor() -> None:
    data = frame()
    parts = [lf.Random(data["g"]), lf.Random(data["g"], data["x"].to_numpy())]
    results = lf.LMM(data["y"], np.column_stack([np.ones(60), data["x"]]), parts).fit()
    assert results.llf == pytest.approx(fit("y ~ x + (x || g)").llf, abs=1e-7)


def test_names_that_a_formula_cannot_hold_are_refused() -> None:
    with pytest.raises(lf.DataError, match=r"'a`b' has a backtick"):
        lf.LMM(frame()["y"], frame()[["x"]].rename(columns={"x": "a`b"}))
    with pytest.raises(lf.OptionError, match=r"response and a column are both called 'x'"):
        lf.LMM(frame()["y"].rename("x"), frame()[["x"]])

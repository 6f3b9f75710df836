"""Curves as terms of a formula: columns, names, replay, references, levels, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.design.curves import label_of


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 60
    frame = pd.DataFrame({"dose": rng.uniform(0, 10, n), "study": np.repeat(np.arange(12), 5), "se": 0.3})
    frame["low"], frame["high"] = frame["dose"], frame["dose"] + rng.choice([0.0, 1.0], n)
    frame["ref"] = rng.uniform(0, 2, n)
    frame["sex"] = rng.choice(list("ab"), n)
    frame["y"] = np.log1p(frame["dose"]) + rng.normal(0, 0.3, n)
    return frame


def fit(formula: str, data: pd.DataFrame, **keywords) -> lf.LMMResults:
    return lf.lmm(formula, data, se="se", **keywords).fit()


def test_names_and_columns(data: pd.DataFrame) -> None:
    full = fit("y ~ 0 + bspline(dose, knots=[3, 6])", data)
    assert list(full.params.index) == [f"dose[{j}]" for j in range(6)]
    beside = fit("y ~ bspline(dose, knots=[3, 6])", data)
    assert list(beside.params.index) == ["Intercept", *(f"dose[{j}]" for j in range(1, 6))]
    assert beside.llf == pytest.approx(fit("y ~ 0 + bspline(dose, knots=[3, 6])", data).llf, abs=1e-8)
    np.testing.assert_allclose(beside.fittedvalues, full.fittedvalues, atol=1e-10)
    factor = fit("y ~ 0 + C(sex) + bspline(dose, knots=[3, 6])", data)
    assert "dose[0]" not in factor.params.index


def test_knots_from_the_callers_scope_and_pickle(data: pd.DataFrame) -> None:
    where = [3, 6]
    results = lf.lmm("y ~ 0 + bspline(dose, where) + (1 | study)", data, se="se").fit()
    again = pickle.loads(pickle.dumps(results))
    del where
    np.testing.assert_allclose(again.predict(data), results.fittedvalues, atol=1e-12)
    assert results.t_test("`dose[1]` = 0").effect[0] == pytest.approx(results.params["dose[1]"])


def test_replay_and_continuation_with_one_warning(data: pd.DataFrame) -> None:
    results = fit("y ~ 0 + bspline(dose, knots=3)", data)
    few = data.iloc[:3].assign(dose=[1.0, 5.0, 7.0])
    np.testing.assert_allclose(results.predict(few), results.curve("dose", [1, 5, 7])["fit"], atol=1e-12)
    beyond = pd.DataFrame({"dose": [20.0, 21.0, 22.0]})
    with pytest.warns(lf.OutOfBoundsWarning, match="3 exposures lie outside") as caught:
        predicted = results.predict(beyond, random="none")
    assert len(caught) == 1
    np.testing.assert_allclose(np.diff(predicted, 2), 0, atol=1e-10)


def test_references_are_differences_of_the_curve(data: pd.DataFrame) -> None:
    results = fit("y ~ 0 + bspline(interval(low, high), [3, 6], reference=ref, name='d', bounds=(0, 12))", data)
    curve = results.design.curves[0]
    expected = curve.exposure.rows(curve.basis) - curve.basis.values(data["ref"])
    np.testing.assert_allclose(results.design.x, expected[:, 1:], atol=1e-13)
    assert results.curve("d", [0.0])["fit"][0] == pytest.approx(0.0)
    fixed = fit("y ~ 0 + bspline(dose, [3, 6], reference=1.0)", data)
    assert fixed.curve("dose", [1.0])["fit"][0] == pytest.approx(0.0)


def test_passes_anchors_a_curve_of_differences(data: pd.DataFrame) -> None:
    formula = "y ~ 0 + bspline(dose, [3, 6], reference=ref)"
    free, anchored = fit(formula, data), fit(formula, data, constraints=[lf.passes("dose", at=5, value=1)])
    assert anchored.llf == pytest.approx(free.llf, abs=1e-7)
    shift = anchored.curve("dose", [2, 5])["fit"] - free.curve("dose", [2, 5])["fit"]
    assert anchored.curve("dose", [5])["fit"][0] == pytest.approx(1.0)
    assert shift[0] == pytest.approx(shift[1], abs=1e-5)


def test_differences_of_levels() -> None:
    rng = np.random.default_rng(1)
    levels = ["none", "low", "mid", "high"]
    effect = dict(zip(levels, [0.0, 0.5, 0.45, 1.0], strict=True))
    n = 80
    frame = pd.DataFrame(
        {"a": rng.choice(levels[1:], n), "b": rng.choice(levels[:2], n), "study": np.repeat(np.arange(20), 4)}
    )
    frame["se"] = 0.1
    frame["y"] = frame["a"].map(effect) - frame["b"].map(effect) + rng.normal(0, 0.1, n)
    formula = "y ~ 0 + difference(C(a), C(b), levels=['none', 'low', 'mid', 'high'])"
    free = lf.lmm(formula, frame, se="se").fit()
    assert list(free.params.index) == ["a[low]", "a[mid]", "a[high]"]
    held = lf.lmm(formula, frame, se="se", constraints=[lf.increasing("a")]).fit()
    steps = np.diff(held.curve("a")["fit"])
    assert steps.min() >= -1e-9
    assert held.curve("a")["at"].tolist() == levels
    with pytest.raises(lf.OptionError, match="only increasing and decreasing"):
        lf.lmm(formula, frame, se="se", constraints=[lf.passes("a", at=1, value=0)])
    # The order of the categories is known even where a column never has the baseline, or a level is used nowhere.
    for name in ("a", "b"):
        frame[name] = pd.Categorical(frame[name], ["none", "low", "rare", "mid", "high"])
    ordered = lf.lmm("y ~ 0 + difference(C(a), C(b))", frame, se="se").fit()
    assert ordered.curve("a")["at"].tolist() == levels
    np.testing.assert_allclose(ordered.params, free.params, rtol=1e-8)
    frame["a"], frame["b"] = frame["a"].astype(object), frame["b"].astype(object)
    with pytest.raises(lf.DataError, match="does not know"):
        held.predict(frame.assign(a="huge"))


def test_exposures_of_any_size_give_the_same_curve(data: pd.DataFrame) -> None:
    formula = "y ~ 0 + bspline(dose, knots=3, linear_right=True) + (0 + dose | study)"
    shape = [lf.increasing("dose"), lf.concave("dose")]
    plain = fit(formula, data, constraints=shape)
    for factor in (1e-6, 1e6):
        scaled = fit(formula, data.assign(dose=data["dose"] * factor), constraints=shape)
        np.testing.assert_allclose(
            scaled.curve("dose", np.array([1, 5, 9]) * factor)["fit"], plain.curve("dose", [1, 5, 9])["fit"], atol=1e-6
        )
        assert scaled.llf == pytest.approx(plain.llf, abs=1e-6)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ 0 + bspline(dose, [5, 5])", "occurs twice"),
        ("y ~ 0 + bspline(dose, [6, 5])", "increasing order"),
        ("y ~ 0 + bspline(dose, [5, 50])", "between the bounds"),
        ("y ~ 0 + bspline(dose, 70)", "coefficients, but the data only"),
        ("y ~ 0 + bspline(interval(high, low), 3)", "lies above the upper one in"),
        ("y ~ 0 + bspline(interval(low, open), 3)", "no end"),
        ("y ~ 0 + bspline(sex, 3)", "not numeric"),
        ("y ~ 0 + bspline(dose, 3) + bspline(dose, 4)", "two curves are called 'dose'"),
        ("y ~ dose + bspline(dose, 3)", "do not determine the curve"),
    ],
)
def test_what_is_refused(data: pd.DataFrame, formula: str, message: str) -> None:
    data["open"] = np.where(np.arange(len(data)) == 3, np.inf, data["high"])
    with pytest.raises(lf.LimeformError, match=message):
        lf.lmm(formula, data, se="se")


def test_missing_ends_are_counted(data: pd.DataFrame) -> None:
    data.loc[4, "high"] = np.nan
    results = fit("y ~ 0 + bspline(interval(low, high), 3, name='d')", data)
    assert results.missing == {"high": 1}
    assert "high (1)" in str(results.summary()) or "high" in str(results.summary())


def test_labels() -> None:
    assert label_of("bspline(interval(lo, hi), 3)") == "interval(lo, hi)"
    assert label_of("bspline(`my dose`, 3)") == "my dose"
    assert label_of("difference(C(a), C(b))") == "a"

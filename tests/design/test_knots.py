"""A design with other knots is the one that the rewritten formula gives, column for column."""

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formulaic import ModelSpec

import limeform as lf
from limeform.design import Design
from limeform.design.knots import design_with_knots
from limeform.design.rewrite import with_knots
from limeform.formula import parse


def frame(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.uniform(0, 10, n), "z": rng.normal(size=n), "g": np.repeat(np.arange(n // 10), 10)})
    data["my x"], data["c"] = data["x"], rng.choice(list("abc"), n)
    data["lo"], data["hi"] = np.maximum(data["x"] - 1, 0), data["x"] + rng.choice([0, 1], n)
    data["r"], data["ref"] = 0.0, rng.uniform(0, 3, n)
    data["y"] = np.log1p(data["x"]) + rng.normal(size=n) * 0.2
    return data


def built_again(model: lf.LMM, knots: list[float]) -> lf.LMM:
    """Return the model of the rewritten formula, from the data."""
    curve = last_spline(model)
    text = with_knots(model.formula.text, curve.text, knots, (curve.basis.lower, curve.basis.upper))
    return lf.LMM.of(replace(model.source, formula=parse(text)), model.design.recipe.scope.mapping())


def last_spline(model: lf.LMM) -> Any:
    return [curve for curve in model.design.curves if curve.basis is not None][-1]


def assert_same(one: Any, other: Any, path: str = "design") -> None:
    """Compare everything that two designs hold."""
    assert type(one) is type(other), path
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13, err_msg=path)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=path)
    elif isinstance(one, ModelSpec):
        assert one.column_names == other.column_names
        assert str(one.formula) == str(other.formula)
        assert set(one.transform_state) == set(other.transform_state)
        assert set(one.encoder_state) == set(other.encoder_state)
        assert one.variables_by_source == other.variables_by_source
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{path}.{field.name}")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), path
        for i, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{path}[{i}]")
    elif isinstance(one, pd.Index | pd.Series | pd.DataFrame):
        assert one.equals(other), path
    elif not isinstance(one, dict):
        assert one == other, path


REUSED = [
    "y ~ bspline(x, 3)",
    'y ~ bspline( x,3 , name="a b") + (1 | g)',
    "y ~ bspline(`my x`, 3) + `my x`:z + (1 | g)",
    "y ~ z + bspline(np.log(x), 3) + (1 | g)",
    "y ~ z + bspline(scale(x), 3) + (1 + z | g) + offset(z)",
    "y ~ C(c) + bspline(x, 3, linear_left=True) + bspline(z, 2) + (1 | g)",
    "y ~ bspline(z, 2) + bspline(x, [2, 5], 3, (-1, 11), 'quantile', False, True) + (1 | c) + (1 | g)",
    "y ~ 0 + C(c) + bspline(interval(lo, hi), 3, 2, reference=ref, name='k') + poly(z, 2) + (1 | g)",
    "y ~ 0 + bspline(x, 3, 3, None, 'quantile', False, False, ref, 'k') + (1 | g)",
    "y ~ 0 + z + log_ratio(interval(lo,hi), r, 3) + (1 | g)",
    "y ~ 0 + scale(z) + log_ratio(`my x`, ref, 3, name='u') + (1 | g)",
    "y ~ 0 + nl(a * exp(-b * z)) + log_ratio(x, ref, 2) + (1 | g)",
    "y ~ bspline(x, 3, degree=1) + (1 | g)",
]
REBUILT = {
    "an interaction": "y ~ bspline(x, 3) + bspline(x,3):z + (1 | g)",
    "a product": "y ~ C(c) * bspline(x, 3) + (1 | g)",
    "random effects": "y ~ bspline(x, 2, degree=1) + (0 + bspline(x, 2, degree=1) || g)",
    "columns left out": "y ~ z + I(2 * z) + bspline(x, 3) + (1 | g)",
    "columns left out beside a ratio": "y ~ 0 + z + I(2 * z) + log_ratio(x, r, 2) + (1 | g)",
    "rows that a transform dropped": "y ~ np.log(z) + bspline(x, 3) + (1 | g)",
}


def model_of(formula: str) -> lf.LMM:
    return lf.lmm(formula, frame(), start={"a": 0.1, "b": 0.1} if "nl(" in formula else None)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::limeform.SingularFitWarning")
@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize("formula", [*REUSED, *REBUILT.values()])
def test_equals_the_model_of_the_rewritten_formula(formula: str, number: int) -> None:
    model = model_of(formula)
    basis = last_spline(model).basis
    knots = np.linspace(basis.lower, basis.upper, number + 2)[1:-1].tolist()
    other, again = model.with_knots(last_spline(model).name, knots), built_again(model, knots)
    assert_same(other.design, again.design)
    assert other.formula.text == again.formula.text
    assert other.source.data.equals(again.source.data)
    np.testing.assert_allclose(other.start, again.start)
    new = frame().sample(40, random_state=1).query("z > 0")
    fit = other.fit()
    np.testing.assert_allclose(fit.predict(new), again.fit().predict(new), rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_says_where_the_design_cannot_be_taken_over() -> None:
    def design_of(formula: str) -> Design | None:
        model = model_of(formula)
        curve = last_spline(model)
        ends = curve.basis.lower, curve.basis.upper
        knots = [sum(ends) / 2]
        text = with_knots(formula, curve.text, knots, ends)
        return design_with_knots(model.design, curve, parse(text), knots, ends, False)

    for name, formula in REBUILT.items():
        assert design_of(formula) is None, name
    assert all(design_of(formula) is not None for formula in REUSED)


def test_one_curve_in_an_interaction_has_one_set_of_knots() -> None:
    other = model_of(REBUILT["an interaction"]).with_knots("x", [2.0, 6.0])
    assert other.formula.text.count("knots=[2.0, 6.0]") == 2
    assert len(other.design.names) == 6 + 6


def test_curves_have_their_names_whatever_their_columns_are_called() -> None:
    model = lf.lmm("y ~ bspline(`my x`, 3) + (1 | g)", frame(), constraints=[lf.increasing("my x")])
    assert model.design.names[1] == "my x[1]"


def test_a_ratio_is_a_curve_beside_other_transforms() -> None:
    """Without its curve nothing would keep it positive, or fix its scale."""
    model = lf.lmm("y ~ 0 + scale(z) + log_ratio(x, r, 3) + (1 | g)", frame())
    assert [curve.name for curve in model.design.curves] == ["x"]
    assert model.restrictions is not None
    assert any("is positive" in label for label in model.restrictions.labels)


def test_knots_that_do_not_fit() -> None:
    model = model_of("y ~ bspline(x, 3) + (1 | g)")
    with pytest.raises(lf.OptionError, match="not a spline of the model; there are 'x'"):
        model.with_knots("z", [3.0])
    with pytest.raises(lf.OptionError, match="between the bounds"):
        model.with_knots("x", [30.0])
    with pytest.raises(lf.OptionError, match="has no spline"):
        lf.lmm("y ~ x + (1 | g)", frame()).with_knots("x", [3.0])
    for knots in (5, "a", [None], [[3.0]], [np.nan], None):
        with pytest.raises(lf.OptionError, match="give a list of finite numbers"):
            model.with_knots("x", knots)  # type: ignore[arg-type]
    with pytest.raises(lf.OptionError, match="in increasing order"):
        model.with_knots("x", [5.0, 3.0])
    for bounds in ((1.0,), (5.0, 1.0), "ab", 3):
        with pytest.raises(lf.OptionError, match="bounds="):
            model.with_knots("x", [3.0], bounds=bounds)  # type: ignore[arg-type]
    wider = model.with_knots("x", [5.0], bounds=(-5.0, 15.0))
    assert (wider.design.curves[0].basis.lower, wider.design.curves[0].basis.upper) == (-5.0, 15.0)
    with pytest.warns(lf.OutOfBoundsWarning):
        model.with_knots("x", [5.0], bounds=(2.0, 9.0))

"""What cannot be a curve, a constraint, a prior or a mean is refused, and the message names it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.fit.dose_data import FORMULA, dose_data


def fit(term: str, **changes: object) -> object:
    data = dose_data().assign(low=lambda d: d["dose"], high=lambda d: d["dose"] + 1.0).assign(**changes)
    return lf.lmm(f"y ~ 0 + {term} + (0 + dose | study)", data, se="se")


@pytest.mark.parametrize("knots", ["True", "None", "'a'", "['a']", "[[1, 2], [3, 4]]", "2.5", "-1"])
def test_knots_that_are_no_numbers(knots: str) -> None:
    with pytest.raises(lf.OptionError, match="whole number of interior knots, or a list of positions"):
        fit(f"bspline(dose, knots={knots})")


def test_bounds_that_are_no_numbers() -> None:
    with pytest.raises(lf.OptionError, match="two finite numbers"):
        fit("bspline(dose, knots=3, bounds='a')")


@pytest.mark.parametrize(("column", "value", "advice"), [("low", -np.inf, "smallest"), ("high", np.inf, "largest")])
def test_open_ranges(column: str, value: float, advice: str) -> None:
    with pytest.raises(lf.DataError, match=rf"open .* in 1 rows .*put in the {advice} exposure"):
        fit(
            "bspline(interval(low, high), knots=3)", **{column: lambda d: d["dose"].where(d.index != d.index[3], value)}
        )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: lf.bounds("x", lower="a"), "lower has to be a number"),  # type: ignore[arg-type]
        (lambda: lf.constraint(lambda p: p["x"]), "no limit was set"),
        (lambda: lf.normal("x", [0, 1], 1), "the mean has to be a number"),  # type: ignore[arg-type]
        (lambda: lf.normal("x", 0, [1, 2]), "sd has to be a number"),  # type: ignore[arg-type]
    ],
)
def test_limits_and_priors(made: Callable[[], object], message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        made()


def test_a_coefficient_is_not_proposed_as_a_curve() -> None:
    data = dose_data().assign(x=1.0)
    with pytest.raises(lf.OptionError, match=r"'x' is not a curve of the model; curves: 'dose'$"):
        lf.lmm(FORMULA.replace("+ (", "+ x + ("), data, se="se", constraints=[lf.increasing("x")])


def mean_model(mean: object) -> object:
    return lf.lmm("y ~ 0 + (1 | study)", dose_data(), se="se", mean=mean, start={"slope": 1.0}).fit()  # type: ignore[arg-type]


def test_means() -> None:
    with pytest.raises(lf.OptionError, match="takes a function of"):
        mean_model(3)
    for wrong in (lambda p, data: p["rate"] * data["dose"], lambda p, data: p["slope"] * data["age"]):
        with pytest.raises(lf.OptionError, match=r"mean= asks for .*the parameters are slope, the columns .*dose"):
            mean_model(wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"draws": True}, {"n_knots": 1.5}, {"n_knots": -1}, {"n_jobs": 0}, {"n_jobs": "a"}, {"min_spacing": np.nan}],
    ids=repr,
)
def test_ensembles(wrong: dict[str, object]) -> None:
    model = lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose")])
    with pytest.raises(lf.OptionError, match=next(iter(wrong))):
        lf.knot_ensemble(model, **({"draws": 2} | wrong))  # type: ignore[arg-type]


def test_an_ensemble_and_a_curve_of_the_wrong_thing() -> None:
    results = lf.lmm(FORMULA, dose_data(), se="se").fit()
    with pytest.raises(lf.OptionError, match=r"give results\.model"):
        lf.knot_ensemble(results, 2)  # type: ignore[arg-type]
    with pytest.raises(lf.OptionError, match="at= takes exposures"):
        results.curve("dose", at="a")
    with pytest.raises(lf.OptionError, match="give a function"):
        results.curve("dose", transform="log")  # type: ignore[arg-type]
    assert isinstance(results.curve("dose", at=[1.0]), pd.DataFrame)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("bspline(dose, knots=1e9)", "but the data only 80 different exposures"),
        ("bspline(dose, knots=10**12)", "but the data only 80 different exposures"),
        ("bspline(dose, knots=3, linear_left='a')", "linear_left='a': give True or False"),
        ("bspline(dose, knots=3, name=3)", "name=3: give a text"),
        ("bspline(dose, knots=3, name='')", "give a text that is not empty"),
        ("bspline(day, knots=3)", "is a date or a time span"),
        ("bspline(dose, knots=[90])", "interior knots lie between the bounds"),
        ("bspline(dose, knots=[20, 20])", "a knot occurs twice"),
        ("bspline(dose, knots=[30, 20])", "in increasing order"),
        ("bspline(dose, knots=[20, float('nan')])", "every knot has to be a finite number"),
        ("bspline(dose, knots=100)", "coefficients, but the data only 80 different exposures"),
        ("interval(low, high)", "it is a range: put it into a curve"),
        ("bspline(interval(high, low), knots=3)", r"lies above the upper one in 80 rows \(0, 1, 2"),
    ],
)
def test_terms(term: str, message: str) -> None:
    with pytest.raises(lf.LimeformError, match=message):
        fit(term, day=pd.Timestamp("2020-01-01"))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: lf.increasing(3), "give the name of a curve"),  # type: ignore[arg-type]
        (lambda: lf.bounds(None, upper=3), "give the name of a curve"),  # type: ignore[arg-type]
        (lambda: lf.normal("", 0, 1), "give the name of a curve"),
        (lambda: lf.bounds("x", lower=np.inf), "leave no number or set no limit"),
        (lambda: lf.bounds("x", lower=np.nan), "leave no number"),
        (lambda: lf.passes("x", at="a", value=1), "at has to be a number"),  # type: ignore[arg-type]
        (lambda: lf.passes("x", at=1, value=np.nan), "value has to be a finite number"),
        (lambda: lf.passes("x", 1, 1, derivative=True), "derivative=True"),
        (lambda: lf.average("x", np.inf, at=[1]), "value has to be a finite number"),
        (lambda: lf.average("x", 1, at="a"), "at= takes numbers"),
        (lambda: lf.average("x", 1, at=[]), "at= takes one finite number"),
        (lambda: lf.average("x", 1, at=[1, 2], weights="ab"), "weights= takes numbers"),
        (lambda: lf.increasing("x", domain="ab"), "give two numbers"),  # type: ignore[arg-type]
        (lambda: lf.increasing("x", domain=(5, 1)), "the smaller first"),
        (lambda: lf.normal("x", 0, 0), "to fix a value use a constraint"),
        (lambda: lf.normal("x", 0, -1), "positive number"),
        (lambda: lf.laplace("x", 0, np.nan), "scale has to be a finite number"),
        (lambda: lf.normal("x", 0, True), "sd has to be a number"),
        (lambda: lf.uniform("x", "a", 1), "lower has to be a number"),  # type: ignore[arg-type]
        (lambda: lf.penalty(lambda p: 1, gradient=3), "gradient= takes a function"),  # type: ignore[arg-type]
        (lambda: lf.constraint(lambda p: 1, upper=1, jacobian=3), "jacobian= takes a function"),  # type: ignore[arg-type]
        (lambda: lf.lmm("y ~ dose", dose_data(), constraints=3), "constraints= takes text"),  # type: ignore[arg-type]
        (lambda: lf.lmm("y ~ dose", dose_data(), constraints={"dose": 3}), "constraints= takes text"),  # type: ignore[arg-type]
        (lambda: lf.lmm("y ~ dose", dose_data(), priors="dose"), "priors= takes .* found 'dose'"),  # type: ignore[arg-type]
    ],
)
def test_arguments(made: Callable[[], object], message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        made()


def test_domains_beyond_the_bounds() -> None:
    """There the curve is its tangent: it has a slope and values, but no bend."""
    with pytest.raises(lf.OptionError, match="beyond its bounds 0 to 80 the curve is a straight line"):
        lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.convex("dose", domain=(90, 100))])
    held = lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.bounds("dose", upper=1.0, domain=(85, 100))]).fit()
    with pytest.warns(lf.OutOfBoundsWarning):
        assert held.curve("dose", [85.0, 100.0])["fit"].max() <= 1.0 + 1e-8


def ratio(*constraints: object, dose: object = None) -> lf.LMM:
    data = dose_data().assign(reference=20.0)
    data["y"] -= np.log1p(2.0)
    formula = "y ~ log_ratio(dose, reference, knots=[30], bounds=(5, 60)) + (1 | study)"
    with pytest.warns(lf.OutOfBoundsWarning):
        return lf.lmm(formula, data, se="se", constraints=list(constraints))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "constraint",
    [
        lf.passes("dose", at=0, value=-1),
        lf.passes("dose", at=20, value=0),
        lf.bounds("dose", upper=0),
        lf.bounds("dose", upper=-1, domain=(70, 90)),
        lf.average("dose", value=-1, domain=(10, 50)),
        lf.average("dose", value=0, at=[10, 20]),
    ],
    ids=str,
)
def test_a_curve_under_a_logarithm_is_positive(constraint: object) -> None:
    with pytest.raises(lf.InfeasibleError, match=r"'dose' stands under a logarithm, so that its values are positive"):
        ratio(constraint)


def test_a_coefficient_clashes_with_the_logarithm() -> None:
    with pytest.raises(lf.InfeasibleError, match=r"dose\[0\].*\"dose\" is positive from .* as it stands under a log"):
        ratio(lf.bounds("dose[0]", upper=-1)).fit()


def test_a_curve_under_a_logarithm_is_positive_where_data_and_constraints_are() -> None:
    model = ratio(lf.decreasing("dose"), lf.passes("dose", at=-5, value=3))
    results = model.fit()
    assert "positive from -5 to 7" in str(results.summary())
    with pytest.warns(lf.OutOfBoundsWarning):
        assert results.curve("dose", np.linspace(-5, dose_data()["dose"].max(), 200))["fit"].min() > 0


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_where_a_curve_under_a_logarithm_is_not_positive_it_is_said() -> None:
    data = dose_data().assign(reference=20.0)
    data["y"] = np.log((1.3 - data["dose"] / 80) / 1.05) + np.random.default_rng(0).normal(0, 0.05, len(data))
    results = lf.lmm("y ~ log_ratio(dose, reference, knots=[40]) + (1 | study)", data, se=np.full(len(data), 0.1)).fit()
    with pytest.warns(lf.OutOfBoundsWarning, match=r"'dose' stands under a logarithm, and is not positive at 1 of"):
        table = results.curve("dose", [20.0, 150.0])
    assert table.loc[0].notna().all()
    assert table.loc[1].drop("at").isna().all()
    new = pd.DataFrame({"dose": [20.0, 150.0], "reference": 20.0, "study": 0})
    with pytest.warns(lf.OutOfBoundsWarning, match=r"1 rows \(1\) are predicted as NaN: there log_ratio"):
        predicted = results.predict(new)
    assert np.isfinite(predicted[0])
    assert np.isnan(predicted[1])

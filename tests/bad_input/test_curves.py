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

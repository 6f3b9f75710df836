"""Constraints that cannot be met, and functions without a value at the start, are named before anything is fitted."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.fit.dose_data import FORMULA, dose_data


def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n, group = 80, np.repeat(np.arange(16), 5)
    frame = pd.DataFrame({"x1": rng.normal(size=n), "x2": rng.normal(size=n), "g": group, "se": 0.3})
    frame["y"] = 1 + 0.5 * frame["x1"] - 0.3 * frame["x2"] + rng.normal(0, 0.3, 16)[group] + rng.normal(0, 0.3, n)
    return frame


def fit(*constraints: object, formula: str = "y ~ x1 + x2 + (1 | g)", **keywords: Any) -> lf.LMMResults:
    given = {"se": "se"} | keywords
    return lf.lmm(formula, data(), constraints=list(constraints), **given).fit()  # type: ignore[arg-type]


def name_of(given: object) -> str:
    """Return a name that is the same in every process: the text of constraints, nothing of functions."""
    return "; ".join(map(str, given)) if isinstance(given, list) and not callable(given) else ""


PROVEN = [
    (["exp(x1) <= -1"], r"exp\(x1\) <= -1 cannot be met: .* is above 0, whatever the parameters are"),
    (["exp(x1) <= 0"], "is above 0, whatever"),
    (["x1**2 + x2**2 <= -0.5"], "is at least 0, whatever"),
    (["sd(g)**2 <= -1"], "is at least 0, whatever"),
    (["sqrt(x1) <= -1"], "is at least 0, whatever"),
    (["tanh(x1) >= 2"], "has to be at least 2, but is above -1 and below 1, whatever"),
    (["x1**2 >= 4", lf.bounds("x1", -1, 1)], r"x1\*\*2 >= 4; bounds\(\"x1\", lower=-1, upper=1\).*at most 1, given"),
    (["x2 <= 0.7", "exp(x1) <= 1", "x1 >= 0.5"], r"together: exp\(x1\) <= 1; x1 >= 0.5\. .*at least 1.64872, given"),
    (["log(x1) <= 3", "x1 + x2 <= -1", "x2 >= 0"], r"log\(x1\) <= 3; x1 \+ x2 <= -1; x2 >= 0\. .*has no real value"),
    (["sd(g)**2 >= 4", "sd(g) <= 1"], r"sd\(g\)\*\*2 >= 4; sd\(g\) <= 1\. .* at most 1, given"),
]


@pytest.mark.parametrize(("constraints", "message"), PROVEN, ids=name_of)
def test_what_interval_arithmetic_proves(constraints: list[object], message: str) -> None:
    with pytest.raises(lf.InfeasibleError, match=message):
        fit(*constraints)


SEARCHED = [
    (["x1**2 + x2**2 <= 1", "x1*x2 >= 1"], [r"x1\*\*2 \+ x2\*\*2 <= 1 \(missed by", r"x1\*x2 >= 1 \(missed by"]),
    ([lf.constraint(lambda p: p["x1"] ** 2, upper=-1)], [r"constraint\(<lambda>\) \(missed by 1\)"]),
    (["x1 + sd(g) <= -1", "x1 >= 0"], [r"x1 >= 0 \(missed", r"x1 \+ sd\(g\) <= -1 \(missed"]),
    ([lf.constraint(lambda p: np.sqrt(p["x2"]), 1, 2), "x2 <= -1"], [r"At the start .* constraint\(<lambda>\) is nan"]),
]


@pytest.mark.parametrize(("constraints", "messages"), SEARCHED, ids=name_of)
def test_what_a_search_does_not_find(constraints: list[object], messages: list[str]) -> None:
    with pytest.raises(lf.InfeasibleError, match=r"from 20 starts.*This is a search, not a proof.*start=") as caught:
        fit(*constraints)
    for message in messages:
        assert pd.Series([str(caught.value)]).str.contains(message).all()


def test_a_shape_clashes_with_a_written_constraint() -> None:
    with pytest.raises(lf.InfeasibleError, match=r"exp\(`dose\[0\]`\) >= 2\*exp\(`dose\[6\]`\)"):
        lf.lmm(
            FORMULA, dose_data(), se="se", constraints=["exp(`dose[0]`) >= 2*exp(`dose[6]`)", lf.increasing("dose")]
        ).fit()


FEASIBLE = [
    (["(x1 - 100)**2 <= 1"], lambda p: (p["x1"] - 100) ** 2 <= 1 + 1e-6),
    (["log(x1) <= -1"], lambda p: 0 < p["x1"] <= np.exp(-1) + 1e-6),
    (["log(x2) >= -3"], lambda p: p["x2"] >= np.exp(-3) - 1e-6),
    (["x1**2 <= 0.3", "x1**2 >= 0.3"], lambda p: abs(p["x1"] ** 2 - 0.3) < 1e-6),
    (["x1**2 + x2**2 == 0.3", "x1 <= 0"], lambda p: abs(p["x1"] ** 2 + p["x2"] ** 2 - 0.3) < 1e-6),
    ([lf.constraint(lambda p: np.log(p["x2"]), lower=-1)], lambda p: p["x2"] >= np.exp(-1) - 1e-6),
    (["x1 <= 0.3", "x1 >= 0.3"], lambda p: abs(p["x1"] - 0.3) < 1e-8),
]


@pytest.mark.parametrize(("constraints", "holds"), FEASIBLE, ids=name_of)
def test_what_can_be_met_is_met_from_a_start_that_does_not(
    constraints: list[object], holds: Callable[[pd.Series], bool]
) -> None:
    if "log" in str(constraints) or not isinstance(constraints[0], str):
        pytest.importorskip("cyipopt", reason="SciPy's SLSQP does not come back from where a logarithm has no value")
    results = fit(*constraints)
    assert results.converged
    assert holds(results.params)


def test_a_start_that_meets_everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("no search is needed")

    monkeypatch.setattr("limeform.fit.first_start.nearest_point", never)
    assert fit("x1**2 + x2**2 <= 10", "exp(x1) <= 50").converged


LINEAR = [
    (["3 <= x1**2 <= 1"], "no number between its limits"),
    (["x1 <= 0.3", "x1 >= 0.4"], "x1 <= 0.3; x1 >= 0.4"),
    (["sd(g) <= -1"], r"sd\(g\), which is 0 or more"),
    ([lf.bounds("cor(g: 1, x1)", lower=1.5)], "between -1 and 1"),
]


@pytest.mark.parametrize(("constraints", "message"), LINEAR, ids=name_of)
def test_limits_that_leave_nothing(constraints: list[object], message: str) -> None:
    with pytest.raises(lf.InfeasibleError, match=message):
        fit(*constraints, formula="y ~ x1 + x2 + (x1 | g)" if "cor" in str(constraints) else "y ~ x1 + x2 + (1 | g)")


def test_sigma_is_more_than_zero() -> None:
    with pytest.raises(lf.InfeasibleError, match="sigma, which is more than 0"):
        fit(lf.bounds("sigma", upper=0), se=None)


def broken(_: object) -> float:
    return 1 / 0


FUNCTIONS = [
    ({"priors": [lf.penalty(lambda p: np.nan)]}, r"penalty\(<lambda>\) is nan at the start \(.*x1 = .*start="),
    ({"priors": [lf.penalty(lambda p: np.inf)]}, "is inf at the start"),
    ({"priors": [lf.penalty(broken)]}, r"penalty\(broken\) raised ZeroDivisionError.*at the start"),
    ({"priors": [lf.penalty(lambda p: p.nothing)]}, "raised AttributeError"),
    ({"priors": [lf.penalty(lambda p: p)]}, "has to return one number, found 4"),
    ({"priors": [lf.penalty(lambda p: None)]}, "has to return numbers"),
    ({"priors": [lf.penalty(lambda p: p["x1"] ** 2, gradient=lambda p: np.ones(2))]}, "has 2 entries; it needs 4"),
    ({"priors": [lf.penalty(lambda p: p["x1"] ** 2, gradient=lambda p: np.ones(4))]}, "not the derivative .*Intercept"),
    (
        {
            "priors": [
                lf.penalty(lambda p: p["x1"] ** 2, lambda p: np.array([0, 2 * p["x1"], 0, 0]), lambda p: np.eye(len(p)))
            ]
        },
        "the hessian of penalty.* is not the derivative",
    ),
    ({"constraints": [lf.constraint(broken, upper=1)]}, r"constraint\(broken\) raised ZeroDivisionError"),
    ({"constraints": [lf.constraint(lambda p: p.nothing, upper=1)]}, "raised AttributeError"),
    ({"constraints": [lf.constraint(lambda p: [], upper=1)]}, "found none"),
    ({"constraints": [lf.constraint(lambda p: p["x1"] + 1j, upper=1)]}, "has to return numbers"),
    ({"constraints": [lf.constraint(lambda p: p["x9"], upper=1)]}, "asks for the parameter 'x9'; there are Intercept"),
]


@pytest.mark.parametrize(("keywords", "message"), FUNCTIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_functions_without_a_value(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        lf.lmm("y ~ x1 + (1 | g)", data(), **({"se": "se"} | keywords)).fit()


def test_a_penalty_may_have_no_value_at_zero() -> None:
    results = lf.lmm("y ~ x1 + (1 | g)", data(), se="se", priors=[lf.penalty(lambda p: -np.log(p["x1"]))]).fit()
    assert results.converged
    assert results.params["x1"] > 0
    reached = lf.lmm(
        "y ~ x2 + (1 | g)", data(), se="se", priors=[lf.penalty(lambda p: -np.log(p["x2"]))], start={"x2": 1.0}
    ).fit()
    assert reached.converged
    assert reached.params["x2"] > 0


@pytest.mark.parametrize("mean", [broken, lambda p, d: d["x1"] * np.nan, lambda p, d: 1 / 0], ids=["a", "b", "c"])
def test_means_without_a_value(mean: Callable[..., object]) -> None:
    with pytest.raises(lf.LimeformError, match="mean="):
        lf.lmm("y ~ 0 + (1 | g)", data(), se="se", mean=mean, start={"a": 1.0}).fit()  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["sqrt(x1) <= -1", "x1**0.5 == 0.1", "log(x1) <= -1"])
def test_derivatives_that_are_not_finite_do_not_end_the_process(text: str) -> None:
    """They once reached the factorisation inside of Ipopt."""
    with suppress(lf.InfeasibleError):
        assert fit(text).converged

"""Starts and expressions of nonlinear means that cannot be used."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import limeform as lf


def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    time = np.tile(np.linspace(0, 5, 5), 16)
    frame = pd.DataFrame({"time": time, "dose": time + 1, "g": np.repeat(np.arange(16), 5), "se": 0.2})
    frame["conc"] = 10 * np.exp(-0.5 * time) + rng.normal(0, 0.2, 80)
    return frame


def model(expression: str = "A * exp(-k * time)", start: Any = None) -> lf.LMM:
    return lf.lmm(f"conc ~ nl({expression}) + (1 | g)", data(), se="se", start=start)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"A": "x", "k": 1}, "'A' has to be a number, found 'x'"),
        ({"A": np.nan, "k": 1}, "'A' has to be a finite number"),
        ({"A": [1, 2], "k": 1}, "'A' has to be a number"),
        ({"A": None, "k": 1}, "'A' has to be a number"),
        ([1, 2], "give values by name"),
        (3, "give values by name"),
        ({"A": 1, "k": 1, "B": 3}, "names 'B', which is no parameter of the mean; they are A, k"),
        ({"A": 1, "k": 1, 7: 3}, "names 7"),
        ({"A": 1}, r"k of .* need a start, as in start=\{'k': 1.0\}"),
        (None, "A, k of"),
        ({}, "A, k of"),
    ],
    ids=str,
)
def test_starts(start: object, message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        model(start=start)


def test_a_start_of_a_model_that_needs_none() -> None:
    with pytest.raises(lf.OptionError, match="start= is for a nonlinear mean"):
        lf.lmm("conc ~ time", data(), se="se", start={"time": 1.0})
    assert model(start=pd.Series({"A": 5.0, "k": 0.1})).fit().converged


@pytest.mark.parametrize("expression", ["A * log(k * time - 1)", "A * exp(k * 1000 * time)"])
def test_a_mean_without_a_value_at_the_start(expression: str) -> None:
    with pytest.raises(lf.DataError, match=r"at the start \(A = 5, k = 1\).*give another start="):
        model(expression, {"A": 5, "k": 1}).fit()


HOSTILE = {
    "exp(dose, B)": r"takes one argument, as in exp\(x\), found 2 arguments",
    "A * exp()": "takes one argument",
    "A * exp(x=dose)": "takes one argument",
    "A * exp": "exp is a function",
    "__import__('os').system('true') * A": "attributes are not allowed",
    "A * dose.__class__": "attributes are not allowed",
    "A * np.exp(dose)": r"write exp\(x\), not np.exp",
    "(lambda: A)()": "only numbers, names",
    "[A for A in dose][0]": "only numbers, names",
    "(B := A)": "only numbers, names",
    "A if k else 1": "only numbers, names",
    "f'{A}' * A": "only numbers, names",
    "__builtins__ * A": "two underscores",
    "A * __name__": "two underscores",
    "A * 9**9**9": "too large",
    "A * 9**9**9**9": "too large",
    "A * 1e999": "too large",
    "A / 0": "divides by zero",
    "A * (-8)**0.5": "too large, or is none",
    "A * " + "9" * 400: "too large",
    "A * " + "9" * 5000: "Python expression",
    "A * " + "(" * 300 + "k" + ")" * 300: "nested",
    "A * " + "exp(" * 150 + "k" + ")" * 150: "nested too deeply",
    "A * " + "-" * 4000 + "k": "cannot be read",
    "A" + "+k" * 2000: "nested too deeply",
    "A" + "+k" * 20000: "cannot be read",
}


@pytest.mark.parametrize(("expression", "message"), HOSTILE.items(), ids=lambda text: text[:30])
def test_expressions_that_are_refused(expression: str, message: str) -> None:
    with pytest.raises(lf.FormulaError, match=message) as caught:
        model(expression, {"A": 1, "k": 1})
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    "text",
    [
        "x.__class__ <= 1",
        "(lambda: 1)() <= 1",
        "9**9**9 * time <= 1",
        "time**9**9**9 <= 1",
        "time / 0 <= 1",
        "time <= 1e999",
        "time < 1",
        "time != 1",
        "time = 1",
        "exp <= 1",
        "time <= 'a'",
        "",
        "time <= " + "(" * 3000 + "1" + ")" * 3000,
    ],
    ids=lambda text: text[:30],
)
def test_written_constraints_that_are_refused(text: str) -> None:
    with pytest.raises(lf.FormulaError):
        lf.lmm("conc ~ time", data(), se="se", constraints=[text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sd(h) <= 1", r"'sd\(h\)'.*did you mean 'sd\(g\)'"),
        ("cor(g: 1, time) <= 0.5", "the random effects are independent"),
        ("sigma <= 1", "the sampling errors are known"),
        ("Time <= 1", "did you mean 'time'"),
    ],
)
def test_variances_that_do_not_exist(text: str, message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        lf.lmm("conc ~ time + (1 | g)", data(), se="se", constraints=[text])
    with pytest.raises(lf.OptionError, match=message):
        lf.lmm("conc ~ time + (1 | g)", data(), se="se", constraints=[lf.bounds(text.split(" <=")[0], upper=1)])


def test_a_variance_of_a_model_without_random_effects() -> None:
    with pytest.raises(lf.OptionError, match="the formula has no random effects"):
        lf.lmm("conc ~ time", data(), se="se", constraints=["sd(g) <= 1"])

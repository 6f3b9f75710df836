"""Interval arithmetic: no value of an expression lies outside of the range that it is given."""

import numpy as np
import pytest

from limeform.formula.expression import (
    FUNCTIONS,
    Call,
    Name,
    Node,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    read_expression,
)
from limeform.mean.jet import constant, evaluate
from limeform.mean.ranges import Range, range_of

ENDS = [-np.inf, -30.0, -3.0, -1.0, -0.5, 0.2, 1.0, 2.0, 7.0, np.inf]
INSIDE = 200


def tree(rng: np.random.Generator, depth: int) -> Node:
    if depth == 0 or rng.random() < 0.15:
        return Name(str(rng.choice(["x", "y"]))) if rng.random() < 0.7 else Number(float(rng.choice([-2, 0.3, 1, 3])))
    parts = tree(rng, depth - 1), tree(rng, depth - 1)
    match rng.integers(6):
        case 0:
            return Sum(*parts, int(rng.choice([-1, 1])))
        case 1:
            return Product(*parts)
        case 2:
            return Quotient(*parts)
        case 3:
            return Power(parts[0], Number(float(rng.choice([-2, -1, 0, 1, 2, 3, 4, 0.5, -0.5, 1.5]))))
        case 4:
            return Call(str(rng.choice(FUNCTIONS)), parts[0])
        case _:
            return Power(*parts)


def test_every_value_lies_within() -> None:
    """Points are drawn from the inside of the ranges: at an end an expression may divide by zero."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        expression = tree(rng, 3)
        low, high = np.sort(rng.choice(len(ENDS), size=(2, 2), replace=False), axis=0)
        names = {name: Range(ENDS[a], ENDS[b]) for name, a, b in zip("xy", low, high, strict=True)}
        found = range_of(expression, names)
        points = {
            name: constant(rng.uniform(max(own.low, -50), min(own.high, 50), INSIDE), 1, INSIDE)
            for name, own in names.items()
        }
        values = evaluate(expression, points, 1, INSIDE).value
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        assert found is not None, expression
        slack = 1e-9 * (1 + np.abs(values))
        assert (values >= found.low - slack).all(), (expression, names, found)
        assert (values <= found.high + slack).all(), (expression, names, found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp(x)", "above 0"),
        ("exp(x) + y**2", "above 0"),
        ("x * x", "at least 0"),
        ("x * y", "any number"),
        ("tanh(x)", "above -1 and below 1"),
        ("expit(x) / 2", "above 0 and at most 0.5"),
        ("sin(x)", "at least -1 and at most 1"),
        ("1 / (1 + x**2)", "above 0 and at most 1"),
        ("sqrt(x) - 1", "at least -1"),
        ("x**3", "any number"),
        ("x**-2", "above 0"),
    ],
)
def test_ranges_of_parameters_without_limits(text: str, expected: str) -> None:
    assert str(range_of(read_expression(text), {"x": Range(), "y": Range()})) == expected


@pytest.mark.parametrize("text", ["log(x)", "sqrt(x - 1)", "x**0.5", "1 + log1p(x)"])
def test_expressions_without_a_value(text: str) -> None:
    assert range_of(read_expression(text), {"x": Range(-9.0, -2.0), "y": Range()}) is None


def test_limits_on_the_edge_are_not_excluded() -> None:
    assert not Range(0.0, 1.0).excludes(1.0, 2.0)
    assert not Range(0.1 + 0.2, 1.0).excludes(-1.0, 0.3)
    assert Range(0.0, 1.0, below=True).excludes(1.0, 2.0)
    assert Range(0.0, np.inf, above=True).excludes(-np.inf, 0.0)


@pytest.mark.parametrize("text", ["(-2)**k", "x**k"])
def test_negative_numbers_have_powers_at_whole_exponents(text: str) -> None:
    """(-2)**3 is -8, and (-2)**2 is 4: nothing is proved of such powers."""
    found = range_of(read_expression(text), {"k": Range(), "x": Range(-3, -1)})
    assert found is not None
    assert not found.excludes(-8, -8)
    assert not found.excludes(4, 4)

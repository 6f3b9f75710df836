"""Random terms as written to plain ones: the intercept, nesting, covariance, spans."""

import pytest

from limeform.errors import FormulaError
from limeform.formula import parse


@pytest.mark.parametrize(
    ("written", "effects"),
    [
        ("1", "1"),
        ("x", "1 + x"),
        ("1 + x", "1 + x"),
        ("x + 1", "1 + x"),
        ("0 + x", "0 + x"),
        ("x + 0", "0 + x"),
        ("-1 + x", "0 + x"),
        ("x - 1", "0 + x"),
        ("x - 0", "1 + x"),
        ("0 + x + 1", "1 + x"),
        ("x*z", "1 + x*z"),
        ("x*z - x", "1 + x*z - x"),
        ("-x + z", "1 - x + z"),
        ("0 + C(f)", "0 + C(f)"),
        ("(x + z)", "1 + (x + z)"),
        ("f + bs(x,  df=3)", "1 + f + bs(x,  df=3)"),
        ("2:x", "1 + 2:x"),
    ],
)
def test_the_intercept_of_the_effects_is_written_out(written: str, effects: str) -> None:
    assert [term.effects for term in parse(f"y ~ ({written} | g)").random] == [effects]


# The factors that lme4's lFormula finds for the same formulas, where it can evaluate them.
@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("a", [("a",)]),
        ("a:b", [("a", "b")]),
        ("a/b", [("a",), ("a", "b")]),
        ("a/b/c", [("a",), ("a", "b"), ("a", "b", "c")]),
        ("a:b/c", [("a", "b"), ("a", "b", "c")]),
        ("a/b:c", [("a",), ("a", "b", "c")]),
        ("`g h`", [("`g h`",)]),
        ("`g`", [("g",)]),
        ("C(a)/{b|c}", [("C(a)",), ("C(a)", "{b|c}")]),
    ],
)
def test_nested_grouping_factors_become_terms_of_their_own(written: str, groups: list[tuple[str, ...]]) -> None:
    assert [term.groups for term in parse(f"y ~ (x | {written})").random] == groups


def test_the_doubled_bar_makes_every_expanded_term_diagonal() -> None:
    terms = parse("y ~ (x || a/b) + (x | a)").random
    assert [term.covariance for term in terms] == ["diagonal", "diagonal", "unstructured"]
    assert [term.effects for term in terms] == ["1 + x"] * 3


def test_spans_are_those_of_the_parentheses() -> None:
    text = "y ~ (1 | a/b) +\n  ((x | c))"
    assert [text[slice(*term.span)] for term in parse(text).random] == ["(1 | a/b)", "(1 | a/b)", "((x | c))"]


@pytest.mark.parametrize("effects", ["0", "-1", "1 - 1", "0 - x"])
def test_effects_that_amount_to_nothing(effects: str) -> None:
    with pytest.raises(FormulaError, match="no effects are left"):
        parse(f"y ~ ({effects} | g)")


@pytest.mark.parametrize("group", ["a + b", "a*b", "-a", "a^2", "a %in% b", "(a)", "2", "'a'", ".", "a:1", "offset(a)"])
def test_what_cannot_stand_after_the_bar(group: str) -> None:
    with pytest.raises(FormulaError, match=r"grouping factor|after the bar"):
        parse(f"y ~ (1 | {group})")

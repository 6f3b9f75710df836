"""Summands, depths and the printing of symbols."""

import pytest

from limeform.formula.grammar import check_order, is_enclosed, summands, with_depths, written, written_sum
from limeform.formula.symbols import read_symbols


def test_summands_are_cut_outside_of_parentheses() -> None:
    terms = summands(read_symbols("x - (a + b)*c + - -z"))
    assert [written(term.symbols) for term in terms] == ["x", "(a + b)*c", "z"]
    assert [term.subtracted for term in terms] == [False, True, False]
    assert [len(term.signs) for term in terms] == [0, 1, 3]


@pytest.mark.parametrize(
    ("text", "printed"),
    [("+x", "x"), ("-x+z", "-x + z"), ("x  *\n z-1", "x * z - 1"), ("f(x,\n   z)", "f(x, z)"), ("- -x", "x")],
)
def test_a_sum_is_printed_on_one_line(text: str, printed: str) -> None:
    assert written_sum(summands(read_symbols(text))) == printed


def test_a_parenthesis_counts_as_inside_of_itself() -> None:
    assert [depth for depth, _ in with_depths(read_symbols("a + (b * (c)) + d"))] == [0, 0, 1, 1, 1, 2, 2, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("text", "enclosed"), [("(a)", True), ("((a) + b)", True), ("(a) + (b)", False), ("a", False), ("(a)*b", False)]
)
def test_is_enclosed(text: str, enclosed: bool) -> None:
    assert is_enclosed(read_symbols(text)) is enclosed


@pytest.mark.parametrize("text", ["x", "-x", "+ -x", "(-x)", "x + -z", "(1 | g)", "(-1 + x || g)", "x**2:z", "(x)*(z)"])
def test_correct_orders_pass(text: str) -> None:
    check_order(text, read_symbols(text))

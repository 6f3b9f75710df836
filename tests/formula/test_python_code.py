"""The Python inside a formula: its syntax and its place."""

import pytest

from limeform.errors import FormulaError
from limeform.formula.python_code import check_code, on_one_line
from limeform.formula.symbols import read_symbols


@pytest.mark.parametrize(
    "text",
    ["f(x)", "{ a|b }", "f(`a b`, '`c`')", "f(\n x\n)", "f('#')", "f(`#`)", "{a if b else c}", "x[1, 2]", "{a +\n b}"],
)
def test_python_expressions_pass(text: str) -> None:
    check_code(text, read_symbols(text))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("z + f(x,, 1)", "        ^"),
        ("z + {x @@ 1}", "        ^"),
        ("z + { x @@ 1}", "         ^"),
        ("z + f(`a b`,, 1)", "            ^"),
        ("z + f(x,\n,)", "    ^^^^^^^^^^^"),
    ],
)
def test_the_place_where_python_cannot_read_on(text: str, marked: str) -> None:
    with pytest.raises(FormulaError, match="not a Python expression") as caught:
        check_code(text, read_symbols(text))
    start = marked.index("^")
    assert caught.value.start == start
    if "\n" in text:
        assert caught.value.stop == len(text)


def test_an_expression_too_deep_for_python() -> None:
    text = "f(" + "-" * 100_000 + "x)"
    with pytest.raises(FormulaError, match=r"cannot be read|not a Python expression"):
        check_code(text, read_symbols(text))


def test_a_comment_is_refused_at_its_sign() -> None:
    text = "f('#', # the dose\n x)"
    with pytest.raises(FormulaError, match="comments") as caught:
        check_code(text, read_symbols(text))
    assert caught.value.start == 7


@pytest.mark.parametrize("name", ["us", "cs", "diag", "ar1"])
def test_named_covariance_structures_are_not_taken_for_functions_of_columns(name: str) -> None:
    text = f"{name}(1 + x | g)"
    with pytest.raises(FormulaError, match="not available for random terms"):
        check_code(text, read_symbols(text))
    check_code(f"{name}(x)", read_symbols(f"{name}(x)"))


def test_lines_are_joined_outside_of_strings() -> None:
    assert on_one_line("f(x,\n    'a\\\n b', `c`)") == "f(x, 'a\\\n b', `c`)"

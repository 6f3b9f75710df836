"""Numbers and strings among the terms."""

import pytest

from limeform.errors import FormulaError
from limeform.formula.grammar import summands
from limeform.formula.literals import check_literals
from limeform.formula.symbols import read_symbols


def check(text: str) -> None:
    check_literals(text, summands(read_symbols(text)))


@pytest.mark.parametrize(
    "text", ["0 + x", "x - 1", "1", "2:x", "x:0.5 + z", "x**2", "(x + z)^3", ".", "x:.", "2:x + ."]
)
def test_numbers_with_a_meaning_pass(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "piece", "message"),
    [
        ("x + 2", "2", "is not a term"),
        ("2*x", "2", "is not a term"),
        ("1*x", "1", "stands for the intercept"),
        ("(x - 1)*z", "1", "stands for the intercept"),
        ("(x + 0)", "0", "stands for the intercept"),
        ("0:x", "0", "scaled by zero"),
        ("x:0.0", "0.0", "scaled by zero"),
        ("x + 1.2.3", "1.2.3", "is not a number"),
        ("x:'a'", "'a'", "string"),
        ("2:x + x", "2", "scaled by different numbers"),
    ],
)
def test_other_literals_are_refused(text: str, piece: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        check(text)
    assert text[caught.value.start : caught.value.stop] == piece

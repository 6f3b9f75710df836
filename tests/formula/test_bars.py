"""Random terms and offsets lifted out of a sum."""

import pytest

from limeform.errors import FormulaError
from limeform.formula.bars import is_offset, lift_bars, lift_offsets
from limeform.formula.grammar import summands, written
from limeform.formula.symbols import read_symbols


def test_bars_are_separated_from_the_other_terms() -> None:
    text = "x + (z*w || a/b) - 1 + ((1 | g))"
    bars, others = lift_bars(text, summands(read_symbols(text)))
    assert [(written(bar.effects), written(bar.groups), bar.doubled) for bar in bars] == [
        ("z*w", "a/b", True),
        ("1", "g", False),
    ]
    assert [text[slice(*bar.span)] for bar in bars] == ["(z*w || a/b)", "((1 | g))"]
    assert [(term.subtracted, written(term.symbols)) for term in others] == [(False, "x"), (True, "1")]


@pytest.mark.parametrize("text", ["x:(1|g)", "(1|g)/x", "(x + z)*(1|g)", "(1|g)*(1|h)", "a %in% (1|g)"])
def test_a_random_term_in_a_product_is_refused_at_the_operator(text: str) -> None:
    with pytest.raises(FormulaError, match="only be added") as caught:
        lift_bars(text, summands(read_symbols(text)))
    assert text[caught.value.start : caught.value.stop] in (":", "/", "*", "%in%")


def test_offsets_are_separated_from_the_other_terms() -> None:
    text = "offset(log(n)) + x + offset({'a': 1}['a'])"
    offsets, others = lift_offsets(text, summands(read_symbols(text)))
    assert offsets == ["log(n)", "{'a': 1}['a']"]
    assert [written(term.symbols) for term in others] == ["x"]


def test_only_a_call_of_offset_is_an_offset() -> None:
    found = {symbol.text: is_offset(symbol) for symbol in read_symbols("offset(x) offset my_offset(x) f(offset(x))")}
    assert found == {"offset(x)": True, "offset": False, "my_offset(x)": False, "f(offset(x))": False}

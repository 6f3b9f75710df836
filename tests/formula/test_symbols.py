"""Symbols and their places in the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limeform.errors import FormulaError
from limeform.formula.symbols import read_symbols


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a+-b", ["a", "+", "-", "b"]),
        ("y~-1", ["y", "~", "-", "1"]),
        ("(x||g)", ["(", "x", "||", "g", ")"]),
        ("(x| |g)", ["(", "x", "|", "|", "g", ")"]),
        ("x**2 ^ 3", ["x", "**", "2", "^", "3"]),
        ("a %in% b", ["a", "%in%", "b"]),
        ("`a |b`:{c | d}", ["`a |b`", ":", "{c | d}"]),
        ("f(x)[0](`y)`) + np.log(x)", ["f(x)[0](`y)`)", "+", "np.log(x)"]),
        ("f (x)", ["f", "(", "x", ")"]),
        ("größe + été", ["größe", "+", "été"]),
    ],
)
def test_symbols_are_pieces_of_the_text(text: str, expected: list[str]) -> None:
    symbols = read_symbols(text)
    assert [symbol.text for symbol in symbols] == expected
    assert [text[symbol.start : symbol.stop] for symbol in symbols] == expected


def test_kinds() -> None:
    assert [symbol.kind for symbol in read_symbols("(a.b + 1 - f(x) * {y} : `z`)")] == [
        "bracket", "name", "operator", "value", "operator", "code", "operator", "code", "operator", "name", "bracket",
    ]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="xy1. \n+-*:/|~()[]{}`'\"%\\,=é", max_size=12))
def test_the_symbols_cover_the_text_in_order_or_the_error_points_into_it(text: str) -> None:
    place: tuple[int | None, int | None] | None = None
    try:
        symbols = read_symbols(text)
    except FormulaError as error:
        place = (error.start, error.stop)
    if place is not None:
        start, stop = place
        assert start is not None
        assert stop is not None
        assert 0 <= start < stop <= len(text)
        return
    position = 0
    for symbol in symbols:
        assert symbol.start >= position
        assert text[position : symbol.start].strip() == ""
        assert text[symbol.start : symbol.stop] == symbol.text
        position = symbol.stop
    assert text[position:].strip() == ""

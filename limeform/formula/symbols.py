"""
Formula text to symbols with their places in the text.

The tokenizer is formulaic's own, so that both agree on what is a name, a call or a string. It leaves some
work to its parser, done here instead where the place in the text is still known: operators that stand side
by side come as one token, quotation marks are outside of the span, and nothing is checked.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from formulaic.errors import FormulaSyntaxError
from formulaic.parser.algos.tokenize import tokenize

from limeform.errors import FormulaError

Kind = Literal["name", "code", "value", "operator", "bracket"]

_KINDS: dict[str, Kind] = {
    "name": "name",
    "python": "code",
    "value": "value",
    "operator": "operator",
    "context": "bracket",
}
_OPERATORS = frozenset(["~", "|", "||", "+", "-", "*", "/", ":", "**", "^", "%in%"])
_OPERATOR_PATTERN = re.compile(r"%[^%]*%|\*\*|\|\||\S")
_CLOSER_BY_OPENER = {"(": ")", "[": "]", "{": "}"}
# A string or a name in backticks, whose characters have no meaning of their own; for re.DOTALL.
QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`"""
_QUOTED = re.compile(QUOTED, re.DOTALL)


class Symbol(NamedTuple):
    """One name, call, literal, operator or parenthesis: ``text`` is the formula from `start` up to `stop`."""

    kind: Kind
    text: str
    start: int
    stop: int


def read_symbols(formula: str) -> list[Symbol]:
    """
    Cut a formula into its symbols.

    Parameters
    ----------
    formula : str
        The formula as typed, on one line or several.

    Returns
    -------
    list of Symbol
        In the order of the text. Backticks and braces belong to the text of a symbol.

    Raises
    ------
    FormulaError
        At a character that has no meaning in a formula, at a bracket or quotation mark without its partner.

    Examples
    --------
    >>> [symbol.text for symbol in read_symbols("log(y) ~ (x||`g h`)")]
    ['log(y)', '~', '(', 'x', '||', '`g h`', ')']
    """
    symbols: list[Symbol] = []
    position = 0
    try:
        for token in tokenize(formula):
            start: int = token.source_start
            # The closing quotation mark is not in formulaic's span, nor is a pair with nothing inside a token.
            stop: int = token.source_end + (2 if formula[start] in "`{%" else 1)
            _check_gap(formula, position, start)
            _append(symbols, formula, _KINDS[token.kind.value], start, stop)
            position = stop
    except FormulaSyntaxError as error:
        raise _unreadable(formula, position) from error
    _check_gap(formula, position, len(formula))
    _check_brackets(formula, symbols)
    return symbols


def _append(symbols: list[Symbol], formula: str, kind: Kind, start: int, stop: int) -> None:
    """Append one token, cut into single operators where several stand side by side."""
    text = formula[start:stop]
    if text[:2] in ("``", "{}"):
        raise FormulaError(f"there is nothing between {text[0]} and {text[1]}", formula, start, start + 2)
    if kind != "operator":
        symbols.append(Symbol(kind, text, start, stop))
        return
    for match in _OPERATOR_PATTERN.finditer(text):
        operator = Symbol("operator", match.group(), start + match.start(), start + match.end())
        _check_operator(formula, operator)
        symbols.append(operator)


def _check_operator(formula: str, operator: Symbol) -> None:
    if operator.text in _OPERATORS:
        return
    if operator.text == "=":
        advice = "the response and the right-hand side are separated by ~"
    elif operator.text == ",":
        advice = "a comma can stand only inside a call such as f(x, y)"
    else:
        advice = "put a column name with unusual characters in backticks, and Python code in braces, as in {x > 0}"
    raise FormulaError(
        f"{operator.text!r} has no meaning in a formula; {advice}", formula, operator.start, operator.stop
    )


def _check_gap(formula: str, start: int, stop: int) -> None:
    """Refuse characters that formulaic passes over silently, such as an empty pair of backticks."""
    piece = formula[start:stop]
    if piece and not piece.isspace():
        start += len(piece) - len(piece.lstrip())
        piece = piece.strip()
        raise FormulaError(f"{piece!r} has no meaning in a formula", formula, start, start + len(piece))


def _check_brackets(formula: str, symbols: list[Symbol]) -> None:
    """Check that every parenthesis has its partner, and refuse square brackets outside of Python code."""
    opened: list[Symbol] = []
    for symbol in symbols:
        if symbol.kind != "bracket":
            continue
        if symbol.text in "[]":
            message = f"'{symbol.text}' can stand only directly after a name, as in x[0]; group terms with parentheses"
            raise FormulaError(message, formula, symbol.start, symbol.stop)
        if symbol.text == "(":
            opened.append(symbol)
        elif opened:
            opened.pop()
        else:
            raise FormulaError("this ')' closes nothing; there is no '(' before it", formula, symbol.start, symbol.stop)
    if opened:
        raise FormulaError("this '(' is never closed", formula, opened[-1].start, opened[-1].stop)


def _unreadable(formula: str, position: int) -> FormulaError:
    """Return the error for a formula that the tokenizer gave up on somewhere after `position`."""
    opened: list[tuple[str, int]] = []
    place = position
    while place < len(formula):
        char = formula[place]
        quoted = _QUOTED.match(formula, place)
        if quoted:
            place = quoted.end()
            continue
        if char in "'\"`":
            return FormulaError(f"this {char} is never closed", formula, place, place + 1)
        if char == "%" and "%" not in formula[place + 1 :]:
            return FormulaError("'%' has no meaning in a formula but in %in%", formula, place, place + 1)
        if char in _CLOSER_BY_OPENER:
            opened.append((_CLOSER_BY_OPENER[char], place))
        elif opened and char == opened[-1][0]:
            opened.pop()
        place += 1
    if opened:
        place = opened[-1][1]
        return FormulaError(f"this '{formula[place]}' is never closed", formula, place, place + 1)
    start = position + len(formula[position:]) - len(formula[position:].lstrip())
    message = "the formula cannot be read from here on; a string in a call cannot contain brackets or backticks"
    return FormulaError(message, formula, start, start + 1)

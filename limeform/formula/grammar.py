"""The order of symbols in a formula: operands and operators alternate, terms are separated by signs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from limeform.errors import FormulaError
from limeform.formula.python_code import on_one_line
from limeform.formula.symbols import Symbol

_BARS = ("|", "||")
_POWERS = ("**", "^")  # both mean the same to formulaic


class Summand(NamedTuple):
    """The symbols between two signs: ``signs`` are the + and - before them, none at the beginning."""

    signs: tuple[Symbol, ...]
    symbols: tuple[Symbol, ...]

    @property
    def subtracted(self) -> bool:
        """Return whether the signs amount to a minus."""
        return sum(sign.text == "-" for sign in self.signs) % 2 == 1


def is_bar(symbol: Symbol) -> bool:
    """Return whether the symbol is ``|`` or ``||``."""
    return symbol.kind == "operator" and symbol.text in _BARS


def with_depths(symbols: Sequence[Symbol]) -> Iterator[tuple[int, Symbol]]:
    """Yield each symbol with the number of parentheses around it; a parenthesis counts as inside of itself."""
    depth = 0
    for symbol in symbols:
        depth += symbol.kind == "bracket" and symbol.text == "("
        yield depth, symbol
        depth -= symbol.kind == "bracket" and symbol.text == ")"


def is_enclosed(symbols: Sequence[Symbol]) -> bool:
    """Return whether the first symbol is a parenthesis and the last one its partner."""
    return len(symbols) > 1 and symbols[0].text == "(" and all(depth > 0 for depth, _ in with_depths(symbols))


def summands(symbols: Sequence[Symbol]) -> list[Summand]:
    """Cut at the signs that are outside of parentheses; `symbols` must be in a correct order."""
    found: list[Summand] = []
    signs: list[Symbol] = []
    current: list[Symbol] = []
    for depth, symbol in with_depths(symbols):
        if depth == 0 and symbol.kind == "operator" and symbol.text in "+-":
            if current:
                found.append(Summand(tuple(signs), tuple(current)))
                signs, current = [], []
            signs.append(symbol)
        else:
            current.append(symbol)
    if current:
        found.append(Summand(tuple(signs), tuple(current)))
    return found


def written(symbols: Sequence[Symbol]) -> str:
    """Return the symbols as the user wrote them, on one line and with single spaces."""
    pieces: list[str] = []
    previous = None
    for symbol in symbols:
        if previous is not None and symbol.start > previous.stop:
            pieces.append(" ")
        pieces.append(on_one_line(symbol.text) if symbol.kind == "code" else symbol.text)
        previous = symbol
    return "".join(pieces)


def written_sum(terms: Sequence[Summand]) -> str:
    """Return the summands joined by their signs; a leading plus is left out."""
    text = ""
    for term in terms:
        sign = "-" if term.subtracted else "+"
        before = f" {sign} " if text else sign.strip("+")
        text += before + written(term.symbols)
    return text


def check_order(formula: str, symbols: Sequence[Symbol]) -> None:
    """
    Check that operands and operators alternate.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    symbols : sequence of Symbol
        One side of it, at least one symbol, with parentheses in pairs.

    Raises
    ------
    FormulaError
        At an operator without an operand, at two operands without an operator, at empty parentheses, at a
        power that is no positive integer.
    """
    previous: Symbol | None = None
    for symbol in symbols:
        wants_operand = previous is None or previous.kind == "operator" or previous.text == "("
        if symbol.kind == "operator":
            if wants_operand and not _is_sign_of_operand(symbol, previous):
                raise _missing_before(formula, symbol, previous)
        elif symbol.text == ")":
            if wants_operand:
                raise _missing_before(formula, symbol, previous)
        elif not wants_operand:
            raise _missing_operator(formula, symbol, previous)
        elif previous is not None and previous.text in _POWERS:
            _check_power(formula, symbol)
        previous = symbol
    if previous is not None and previous.kind == "operator":
        raise FormulaError(f"nothing stands after '{previous.text}'", formula, previous.start, previous.stop)


def _is_sign_of_operand(symbol: Symbol, previous: Symbol | None) -> bool:
    """Return whether a + or - stands at the beginning of a part or after another sign."""
    return symbol.text in ("+", "-") and (previous is None or previous.text in ("(", "+", "-", *_BARS))


def _check_power(formula: str, symbol: Symbol) -> None:
    if not (symbol.kind == "value" and symbol.text.isdecimal() and int(symbol.text) > 0):
        message = "the power must be a positive integer; for the square of a number write {x**2}"
        raise FormulaError(message, formula, symbol.start, symbol.stop)


def _missing_before(formula: str, symbol: Symbol, previous: Symbol | None) -> FormulaError:
    """Return the error for an operator or ')' where an operand should be."""
    if is_bar(symbol) and previous is not None and is_bar(previous):
        message = "two bars side by side; write | or ||"
    elif is_bar(symbol):
        message = f"there are no effects before '{symbol.text}'; write 1 for a random intercept, as in (1 | g)"
    elif previous is not None and is_bar(previous):
        message = f"there is no grouping factor after '{previous.text}'; write the name of a column, as in (1 | g)"
    elif symbol.text == ")" and previous is not None and previous.text == "(":
        return FormulaError("there is nothing inside the parentheses", formula, previous.start, symbol.stop)
    elif previous is not None and previous.kind == "operator":
        message = f"nothing stands between '{previous.text}' and '{symbol.text}'"
    else:
        message = f"nothing stands before '{symbol.text}'"
    return FormulaError(message, formula, symbol.start, symbol.stop)


def _missing_operator(formula: str, symbol: Symbol, previous: Symbol | None) -> FormulaError:
    """Return the error for an operand directly after another one."""
    before = previous.text if previous is not None else ""
    message = f"there is no operator between '{before}' and '{symbol.text}'; to add a term write +"
    if symbol.text == "(" and previous is not None and previous.kind == "name":
        message += f", to call {before} leave out the space before '('"
    elif symbol.text.startswith("."):
        message += ", to use an attribute put the whole expression in braces"
    return FormulaError(message, formula, symbol.start, symbol.stop)

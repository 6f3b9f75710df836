"""Numbers and strings among the terms: 0 and 1 for the intercept, other numbers that scale a term."""

from __future__ import annotations

from collections.abc import Sequence

from formulaic import Formula
from formulaic.errors import FormulaParsingError

from limeform.errors import FormulaError
from limeform.formula.grammar import Summand, written_sum
from limeform.formula.symbols import Symbol

_INTERCEPTS = ("0", "1")


def check_literals(formula: str, terms: Sequence[Summand]) -> None:
    """
    Check that 0 and 1 stand alone as terms, and that other numbers only scale a term.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    terms : sequence of Summand
        The fixed part or the effects of a random term.

    Raises
    ------
    FormulaError
        At a string, at a number that formulaic would refuse or, inside of parentheses, ignore.
    """
    scaling: Symbol | None = None
    for term in terms:
        if len(term.symbols) == 1 and term.symbols[0].text in _INTERCEPTS:
            continue
        for index, symbol in enumerate(term.symbols):
            if symbol.kind == "value" and symbol.text != ".":
                before = term.symbols[index - 1].text if index > 0 else ""
                after = term.symbols[index + 1].text if index + 1 < len(term.symbols) else ""
                _check_literal(formula, symbol, before, after)
                scaling = symbol if ":" in (before, after) else scaling
    if scaling is not None:
        _check_scaling(formula, terms, scaling)


def _check_literal(formula: str, symbol: Symbol, before: str, after: str) -> None:
    """Check one literal that is not a whole term, between the symbols `before` and `after`."""
    if before in ("**", "^"):
        return
    if symbol.text[0] in "'\"":
        message = "a string is not a term; put a column name in backticks"
    elif symbol.text in _INTERCEPTS and ":" not in (before, after):
        message = f"{symbol.text} stands for the intercept and must be a term of its own, outside of parentheses"
    elif not _is_number(symbol.text):
        message = f"{symbol.text} is not a number"
    elif ":" not in (before, after):
        message = "a number other than 0 and 1 is not a term; to scale a term write 2:x, to compute write {2 * x}"
    elif float(symbol.text) == 0.0:
        message = "a term cannot be scaled by zero; leave it out"
    else:
        return
    raise FormulaError(message, formula, symbol.start, symbol.stop)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_scaling(formula: str, terms: Sequence[Summand], scaling: Symbol) -> None:
    """Ask formulaic, which refuses one term with two scalings; dear, but such numbers are rare."""
    if any(symbol.text == "." for term in terms for symbol in term.symbols):
        return
    try:
        Formula(written_sum(terms))
    except FormulaParsingError as error:
        message = "a term stands here twice, scaled by different numbers; compute it in braces, as in {2 * x}"
        raise FormulaError(message, formula, scaling.start, scaling.stop) from error

"""Lift the random terms, ``(effects | group)`` and ``(effects || group)``, and the offsets out of a sum."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from limeform.errors import FormulaError
from limeform.formula.grammar import Summand, is_bar, is_enclosed, with_depths
from limeform.formula.python_code import expression, on_one_line
from limeform.formula.symbols import Symbol


class Bar(NamedTuple):
    """A random term as written: what stands before and after the bar, and where the parentheses are."""

    effects: tuple[Symbol, ...]
    groups: tuple[Symbol, ...]
    doubled: bool
    span: tuple[int, int]


def lift_bars(formula: str, terms: Sequence[Summand]) -> tuple[list[Bar], list[Summand]]:
    """
    Separate random terms from the others.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    terms : sequence of Summand
        The right-hand side.

    Returns
    -------
    bars : list of Bar
        The random terms in the order of the text.
    others : list of Summand
        The terms without a bar.

    Raises
    ------
    FormulaError
        At a bar outside of parentheses, at a random term that is subtracted or multiplied, at a second bar.
    """
    bars: list[Bar] = []
    others: list[Summand] = []
    for term in terms:
        if any(is_bar(symbol) for symbol in term.symbols):
            bars.append(_bar(formula, term))
        else:
            others.append(term)
    return bars, others


def lift_offsets(formula: str, terms: Sequence[Summand]) -> tuple[list[str], list[Summand]]:
    """
    Separate the terms ``offset(expression)`` from the others.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    terms : sequence of Summand
        The right-hand side without random terms.

    Returns
    -------
    offsets : list of str
        The expressions.
    others : list of Summand
        The terms that are no offset.

    Raises
    ------
    FormulaError
        At an offset that is empty, subtracted, multiplied, or has several arguments.
    """
    offsets: list[str] = []
    others: list[Summand] = []
    for term in terms:
        if len(term.symbols) == 1 and is_offset(term.symbols[0]):
            offsets.append(_offset(formula, term))
        else:
            refuse_offsets(formula, term.symbols, "an offset can only be added: write + offset(x)")
            others.append(term)
    return offsets, others


def refuse_offsets(formula: str, symbols: Sequence[Symbol], message: str) -> None:
    """Raise `message` at the first ``offset(...)`` among the symbols."""
    for symbol in symbols:
        if is_offset(symbol):
            raise FormulaError(message, formula, symbol.start, symbol.stop)


def is_offset(symbol: Symbol) -> bool:
    """Return whether the symbol is a call of ``offset``."""
    return symbol.kind == "code" and symbol.text.startswith("offset(")


def _bar(formula: str, term: Summand) -> Bar:
    for depth, symbol in with_depths(term.symbols):
        if depth == 0 and is_bar(symbol):
            message = f"a random term stands in parentheses: write (x {symbol.text} g)"
            raise FormulaError(message, formula, symbol.start, symbol.stop)
    if not is_enclosed(term.symbols):
        raise _not_added(formula, term.symbols)
    for sign in term.signs:
        if sign.text == "-":
            message = "a random term can only be added; leave it out instead of subtracting it"
            raise FormulaError(message, formula, sign.start, sign.stop)
    inner = term.symbols[1:-1]
    while is_enclosed(inner):
        inner = inner[1:-1]
    return _at_the_bar(formula, inner, (term.symbols[0].start, term.symbols[-1].stop))


def _at_the_bar(formula: str, inner: tuple[Symbol, ...], span: tuple[int, int]) -> Bar:
    """Split what stands inside the parentheses at its only bar."""
    bars = [(depth, index) for index, (depth, symbol) in enumerate(with_depths(inner)) if is_bar(symbol)]
    outer = [index for depth, index in bars if depth == 0]
    if not outer:
        message = "a random term cannot stand with other terms inside parentheses; leave out these parentheses"
        raise FormulaError(message, formula, span[0], span[0] + 1)
    if len(bars) > 1:
        second = next(inner[index] for _, index in bars if index != outer[0])
        message = "a random term has only one bar; write one term for each grouping factor, as in (1 | g) + (1 | h)"
        raise FormulaError(message, formula, second.start, second.stop)
    place = outer[0]
    return Bar(inner[:place], inner[place + 1 :], inner[place].text == "||", span)


def _not_added(formula: str, symbols: Sequence[Symbol]) -> FormulaError:
    """Return the error for a random term that is a factor of a product, at the operator."""
    barred = next(index for index, symbol in enumerate(symbols) if is_bar(symbol))
    outside = [index for index, (depth, _) in enumerate(with_depths(symbols)) if depth == 0]
    before = [index for index in outside if index < barred]
    operator = symbols[before[-1] if before else outside[0]]
    message = f"a random term can only be added, with +, not joined to another one by '{operator.text}'"
    return FormulaError(message, formula, operator.start, operator.stop)


def _offset(formula: str, term: Summand) -> str:
    """Return the expression inside ``offset(...)``."""
    symbol = term.symbols[0]
    if term.subtracted:
        message = "an offset can only be added; to subtract it write + offset(-(x))"
        raise FormulaError(message, formula, term.signs[-1].start, term.signs[-1].stop)
    tree = expression(formula, symbol)
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
        raise FormulaError("nothing can follow offset(...)", formula, symbol.start, symbol.stop)
    if len(tree.args) != 1 or tree.keywords or isinstance(tree.args[0], ast.Starred):
        found = len(tree.args) + len(tree.keywords)
        message = f"offset takes one expression, as in offset(log(n)); found {found}"
        raise FormulaError(message, formula, symbol.start, symbol.stop)
    return on_one_line(symbol.text)[len("offset(") : -1].strip().removesuffix(",").rstrip()

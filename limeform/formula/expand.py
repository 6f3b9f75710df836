"""One random term as written to the plain terms it stands for: ``a/b``, ``a:b``, ``||``, the implicit intercept."""

from __future__ import annotations

import re
from collections.abc import Sequence

from limeform.errors import FormulaError
from limeform.formula.bars import Bar, refuse_offsets
from limeform.formula.grammar import Summand, summands, written, written_sum
from limeform.formula.literals import check_literals
from limeform.formula.symbols import Symbol
from limeform.formula.terms import RandomTerm

# A name that formulaic reads as a name without backticks, too.
_PLAIN_NAME = re.compile(r"`([^\W\d][\w.]*)`")


def expand(formula: str, bar: Bar) -> tuple[RandomTerm, ...]:
    """
    Write out a random term as terms with one grouping factor each.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    bar : Bar
        The term as written.

    Returns
    -------
    tuple of RandomTerm
        One term, or with ``a/b`` one for ``a`` and one for ``a:b``.

    Raises
    ------
    FormulaError
        At anything but ``:`` and ``/`` between grouping factors, at effects that amount to nothing.
    """
    effects = _effects(formula, bar)
    return tuple(
        RandomTerm(effects, groups, "diagonal" if bar.doubled else "unstructured", bar.span)
        for groups in _grouping_factors(formula, bar.groups)
    )


def _effects(formula: str, bar: Bar) -> str:
    """Return the effects with their intercept, or its absence, written first."""
    refuse_offsets(formula, bar.effects, "an offset cannot stand inside a random term; add it to the fixed part")
    _refuse_dots(formula, bar.effects)
    terms = summands(bar.effects)
    check_literals(formula, terms)
    intercept = True
    others: list[Summand] = []
    # As in R, the last word on the intercept counts: 0 + x + 1 has one.
    for term in terms:
        if term.symbols[0].text in ("0", "1") and len(term.symbols) == 1:
            intercept = (term.symbols[0].text == "1") != term.subtracted
        else:
            others.append(term)
    if not intercept and not any(not term.subtracted for term in others):
        message = "no effects are left without the intercept; leave this random term out"
        raise FormulaError(message, formula, bar.effects[0].start, bar.effects[-1].stop)
    first = "1" if intercept else "0"
    rest = written_sum(others)
    if not rest:
        return first
    return f"{first} - {rest[1:]}" if others[0].subtracted else f"{first} + {rest}"


def _refuse_dots(formula: str, symbols: Sequence[Symbol]) -> None:
    for symbol in symbols:
        if symbol.text == ".":
            message = "'.' (all other columns) can stand only in the fixed part; name the columns that vary by group"
            raise FormulaError(message, formula, symbol.start, symbol.stop)


def _grouping_factors(formula: str, symbols: Sequence[Symbol]) -> list[tuple[str, ...]]:
    """Cut at ``/``, which binds less than ``:``, and nest each piece in those before it."""
    refuse_offsets(formula, symbols, "an offset cannot be a grouping factor")
    nested: list[tuple[str, ...]] = []
    factors: list[str] = []
    for symbol in symbols:
        if symbol.kind in ("name", "code"):
            factor = _PLAIN_NAME.sub(r"\1", written([symbol]))
            if factor in factors:
                message = f"the grouping factor {factor} stands twice in one term"
                raise FormulaError(message, formula, symbol.start, symbol.stop)
            factors.append(factor)
        elif symbol.text == "/":
            nested.append(tuple(factors))
        elif symbol.text != ":":
            raise _not_a_grouping_factor(formula, symbol)
    return [*nested, tuple(factors)]


def _not_a_grouping_factor(formula: str, symbol: Symbol) -> FormulaError:
    advice = {
        "+": "write a random term for each grouping factor, as in (1 | a) + (1 | b)",
        "*": "write separate random terms, as in (1 | a) + (1 | b) + (1 | a:b)",
        "(": "leave the parentheses out; ':' binds more than '/'",
    }
    if symbol.text in advice:
        message = f"'{symbol.text}' cannot stand among grouping factors; {advice[symbol.text]}"
    elif symbol.kind == "value":
        message = f"{symbol.text} is not a grouping factor; after the bar write the name of a column, as in (1 | g)"
    else:
        message = f"'{symbol.text}' cannot stand after the bar; join grouping factors by ':' or '/', as in (1 | a/b)"
    return FormulaError(message, formula, symbol.start, symbol.stop)

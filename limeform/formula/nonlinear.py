"""The nonlinear pieces of a formula, ``nl(...)`` and ``log_ratio(...)``, taken out of its fixed part."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from limeform.errors import FormulaError
from limeform.formula.expression import read_expression
from limeform.formula.grammar import Summand, written_sum
from limeform.formula.python_code import expression, on_one_line
from limeform.formula.symbols import Symbol
from limeform.formula.terms import NonlinearTerm

KINDS = ("nl", "log_ratio")


def lift_nonlinear(formula: str, summands: Sequence[Summand]) -> tuple[tuple[NonlinearTerm, ...], list[Summand]]:
    """Take the nonlinear terms out of the fixed part.

    Parameters
    ----------
    formula : str
        The formula, for messages.
    summands : sequence of Summand
        The fixed part.

    Returns
    -------
    tuple of (tuple of NonlinearTerm, list of Summand)
        The terms, and what is left.

    Raises
    ------
    FormulaError
        If such a term is not a summand of its own, or its expression is not allowed.
    """
    terms, others = [], []
    for summand in summands:
        if len(summand.symbols) == 1 and _kind(summand.symbols[0]):
            terms.append(_term(formula, summand))
            continue
        for symbol in summand.symbols:
            if _kind(symbol):
                message = f"{_kind(symbol)}(...) can only be added, not joined to another term"
                raise FormulaError(message, formula, symbol.start, symbol.stop)
        others.append(summand)
    return tuple(terms), others


def fixed_text(summands: Sequence[Summand], nonlinear: bool) -> str:
    """Return the fixed part as text; beside a nonlinear term it has an intercept only where one is written."""
    if not nonlinear:
        return written_sum(summands) or "1"
    explicit = any(not part.subtracted and [s.text for s in part.symbols] == ["1"] for part in summands)
    text = written_sum([part for part in summands if [s.text for s in part.symbols] not in (["0"], ["1"])])
    text = f"1 + {text}" if explicit and text else "1" if explicit else text
    return text if explicit else f"0 + {text}" if text else "0"


def _kind(symbol: Symbol) -> str | None:
    if symbol.kind != "code":
        return None
    return next((kind for kind in KINDS if symbol.text.startswith(f"{kind}(")), None)


def _term(formula: str, summand: Summand) -> NonlinearTerm:
    symbol = summand.symbols[0]
    kind = _kind(symbol) or ""
    span = (symbol.start, symbol.stop)
    if summand.subtracted:
        raise FormulaError(f"{kind}(...) can only be added; put the minus inside", formula, summand.signs[-1].start)
    tree = expression(formula, symbol)
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
        raise FormulaError(f"nothing can follow {kind}(...)", formula, *span)
    text = on_one_line(symbol.text)
    if kind == "nl":
        text = text[len("nl(") : -1].strip()
        if len(tree.args) != 1 or tree.keywords:
            raise FormulaError("nl takes one expression, as in nl(A * exp(-k * time))", formula, *span)
        read_expression(text)
    return NonlinearTerm(kind, text, span)

"""The pieces of a formula that are Python, calls such as ``np.log(x)`` and braces such as ``{a - b}``: syntax only."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from limeform.errors import FormulaError
from limeform.formula.symbols import QUOTED, Symbol

_QUOTED_OR_LINE_BREAK = re.compile(rf"(?P<quoted>{QUOTED})|(?P<other>\s*\n\s*|#)", re.DOTALL)
_QUOTED = re.compile(QUOTED, re.DOTALL)
_COVARIANCE_STRUCTURES = frozenset(["us", "cs", "diag", "ar1"])


def on_one_line(code: str) -> str:
    """Return the code with its lines joined; line breaks inside of strings stay."""
    if "\n" not in code:
        return code
    return _QUOTED_OR_LINE_BREAK.sub(_joined, code)


def check_code(formula: str, symbols: Sequence[Symbol]) -> None:
    """
    Check that every call and every piece in braces is a Python expression.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    symbols : sequence of Symbol
        The symbols of the formula.

    Raises
    ------
    FormulaError
        At the place where Python cannot read on, at a comment, and at ``cs(x | g)``, in which formulaic would
        take ``x | g`` for the bitwise or of two columns.
    """
    for symbol in symbols:
        if symbol.kind == "code":
            _refuse_comment(formula, symbol)
            _refuse_covariance_structure(formula, symbol, expression(formula, symbol))


def expression(formula: str, symbol: Symbol) -> ast.expr:
    """
    Read a piece of Python.

    Parameters
    ----------
    formula : str
        The formula, for the error.
    symbol : Symbol
        A symbol of the kind "code".

    Returns
    -------
    ast.expr
        Its syntax tree. A name in backticks has become a name of underscores.

    Raises
    ------
    FormulaError
        At the place where Python cannot read on.
    """
    # Every replacement keeps the length, so that the columns of Python's error are those of the formula.
    code = _QUOTED.sub(_without_backticks, symbol.text)
    code = code[1:-1] if code.startswith("{") else code
    margin = (len(symbol.text) - len(code)) // 2 + len(code) - len(code.lstrip())
    try:
        return ast.parse(on_one_line(code.strip()), mode="eval").body
    except SyntaxError as error:
        start, stop = _place(symbol, margin, error)
        raise FormulaError(f"this is not a Python expression: {error.msg}", formula, start, stop) from error
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"this Python expression cannot be read: {error or 'it is nested too deeply'}"
        raise FormulaError(message, formula, symbol.start, symbol.stop) from error


def _joined(match: re.Match[str]) -> str:
    if match["quoted"] is not None or match["other"] == "#":
        return match.group()
    return " "


def _without_backticks(match: re.Match[str]) -> str:
    """Replace a name in backticks by a Python name of the same length, and leave strings as they are."""
    text = match.group()
    return f" {'_' * (len(text) - 2)} " if text[0] == "`" else text


def _place(symbol: Symbol, margin: int, error: SyntaxError) -> tuple[int, int]:
    """Return where Python stopped, or the whole symbol where its columns are not those of the text."""
    if "\n" in symbol.text or error.offset is None:
        return symbol.start, symbol.stop
    start = min(symbol.start + margin + error.offset - 1, symbol.stop - 1)
    width = max(1, (error.end_offset or 0) - error.offset)
    return start, min(start + width, symbol.stop)


def _refuse_comment(formula: str, symbol: Symbol) -> None:
    if "#" not in symbol.text:
        return
    for match in _QUOTED_OR_LINE_BREAK.finditer(symbol.text):
        if match["other"] == "#":
            start = symbol.start + match.start()
            raise FormulaError("a formula cannot contain comments", formula, start, start + 1)


def _refuse_covariance_structure(formula: str, symbol: Symbol, tree: ast.expr) -> None:
    match tree:
        case ast.Call(func=ast.Name(id=name), args=[ast.BinOp(op=ast.BitOr()), *_]) if name in _COVARIANCE_STRUCTURES:
            message = f"{name}(...) is not available for random terms; write (x | g), or (x || g) for a diagonal"
            raise FormulaError(message, formula, symbol.start, symbol.stop)

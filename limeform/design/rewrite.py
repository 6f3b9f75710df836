"""The knots of a curve replaced in the text of a formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from limeform.errors import OptionError
from limeform.formula.symbols import Symbol, read_symbols

POSITIONS = {"bspline": 1, "log_ratio": 2}
"""Place of ``knots`` among the arguments of the transforms that have it."""

_SHARED = ("degree", "bounds", "placement", "linear_left", "linear_right")
LATER = {"bspline": (*_SHARED, "reference", "name"), "log_ratio": (*_SHARED, "name")}
"""Arguments after it."""


def calls_of(text: str, call: str) -> list[Symbol]:
    """Return where a call of a transform is written in a formula, spaces and quotation marks aside.

    Examples
    --------
    >>> [symbol.start for symbol in calls_of("y ~ bspline(x,3) + bspline( x, 3):z + bspline(x, 4)", "bspline(x, 3)")]
    [4, 19]
    """
    wanted = _plain(call)
    return [symbol for symbol in read_symbols(text) if symbol.kind == "code" and _plain(symbol.text) == wanted]


def with_knots(text: str, call: str, knots: Sequence[float], bounds: tuple[float, float]) -> str:
    """Return a formula in which one curve has other knots, wherever it is written.

    Parameters
    ----------
    text : str
        The formula as typed.
    call : str
        The curve's term: the call of its transform.
    knots : sequence of float
        Positions of the interior knots.
    bounds : tuple of float
        Bounds of the curve.

    Returns
    -------
    str

    Raises
    ------
    OptionError
        If the formula has no such curve.

    Examples
    --------
    >>> with_knots("y ~ 0 + bspline(dose,3) + (1 | g)", "bspline(dose, 3)", [1.0, 2.0], (0.0, 5.0))
    'y ~ 0 + bspline(dose, knots=[1.0, 2.0], bounds=(0.0, 5.0)) + (1 | g)'
    """
    found = calls_of(text, call)
    if not found:
        raise OptionError(f"the text of the formula, {text!r}, has no {call}: write the curve out in it")
    return replaced(text, found, call_with_knots(call, knots, bounds))


def replaced(text: str, symbols: Sequence[Symbol], new: str) -> str:
    """Return a text with another one in the place of each of the symbols."""
    for symbol in reversed(symbols):
        text = text[: symbol.start] + new + text[symbol.stop :]
    return text


def call_with_knots(call: str, knots: Sequence[float], bounds: tuple[float, float]) -> str:
    """Return a call with other knots; names in backticks are kept."""
    tree, quoted = _parsed(call)
    assert isinstance(tree, ast.Call)
    assert isinstance(tree.func, ast.Name)
    position = POSITIONS[tree.func.id]
    later = dict(zip(LATER[tree.func.id], tree.args[position + 1 :], strict=False))
    keywords = {keyword.arg: keyword.value for keyword in tree.keywords if keyword.arg} | later
    keywords.pop("placement", None)
    keywords |= {"knots": ast.parse(repr([float(k) for k in knots]), mode="eval").body}
    keywords |= {"bounds": ast.parse(repr((float(bounds[0]), float(bounds[1]))), mode="eval").body}
    first = {"knots": keywords.pop("knots"), "bounds": keywords.pop("bounds")}
    arguments = [ast.keyword(arg=arg, value=value) for arg, value in (first | keywords).items()]
    written = ast.unparse(ast.Call(func=tree.func, args=tree.args[:position], keywords=arguments))
    return _with_quoted(written, quoted)


def _parsed(call: str) -> tuple[ast.expr, list[str]]:
    """Return the tree of a call, and the names in backticks that it has placeholders for."""
    quoted: list[str] = []

    def hidden(match: re.Match[str]) -> str:
        quoted.append(match.group())
        return f"_q{len(quoted) - 1}_"

    return ast.parse(re.sub("`[^`]+`", hidden, call), mode="eval").body, quoted


def _with_quoted(written: str, quoted: Sequence[str]) -> str:
    return re.sub(r"_q(\d+)_", lambda match: quoted[int(match[1])], written)


def _plain(call: str) -> str:
    """Return a call in one way of writing it; what is no Python is returned as it is."""
    try:
        tree, quoted = _parsed(call)
    except SyntaxError:
        return call
    return _with_quoted(ast.unparse(tree), quoted)

"""Arguments that say how many columns a transform makes: a file could ask for more than any memory holds."""

from __future__ import annotations

import ast
from collections.abc import Collection

MOST = 10_000
"""Most columns that a formula in a file may ask for by a number."""

POSITIONS = {
    **dict.fromkeys(("bs", "cc", "cr", "cs", "poly"), slice(1, 4)),
    "bspline": slice(1, 3),
    "log_ratio": slice(2, 4),
}
"""Which positional arguments they are; as keywords they are called df, knots, degree."""


def asks_for_too_many(call: ast.Call, large: Collection[str]) -> bool:
    """Say whether a call asks for a number of columns that is too large, or computes that number.

    Parameters
    ----------
    call : ast.Call
        Of a transform.
    large : collection of str
        Names that stand for large numbers.
    """
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in POSITIONS:
        return False
    named = [item.value for item in call.keywords if item.arg in ("df", "knots", "degree")]
    return any(_is_large(argument, large) for argument in (*call.args[POSITIONS[name]], *named))


def _is_large(argument: ast.expr, large: Collection[str]) -> bool:
    match argument:
        case ast.Constant(value=int() | float() as value):
            return not abs(value) <= MOST
        case ast.Name(id=name):
            return name in large
        case ast.UnaryOp(operand=operand):
            return _is_large(operand, large)
    return isinstance(argument, ast.BinOp)

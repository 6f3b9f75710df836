"""Which Python a formula from the command line may contain.

A formula is partly Python (``np.log(x)``, ``{a - b}``), and whoever writes it could otherwise read files and run
programs with it. On the command line, where formulas may come from elsewhere, only arithmetic and functions of columns
pass.
"""

from __future__ import annotations

import ast
import builtins

import numpy as np

from limeform.errors import FormulaError
from limeform.formula.python_code import expression
from limeform.formula.symbols import read_symbols

_PLAIN = (
    ast.Name,
    ast.expr_context,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.keyword,
    ast.List,
    ast.Tuple,
)
_BUILTINS = frozenset(dir(builtins)) - {"abs"}
_NUMPY = frozenset({"where", "clip", "pi", "e", "inf", "nan"})
_LARGEST_POWER = 300
_LONG_OPERATORS = (ast.Pow, ast.LShift)


def check_formula(text: str) -> None:
    """Refuse a formula with Python other than arithmetic, comparisons and functions of columns.

    Parameters
    ----------
    text : str
        The formula.

    Raises
    ------
    FormulaError
        If it cannot be read, or at the piece that is not allowed.

    Examples
    --------
    >>> check_formula("y ~ np.log(x) + (1 | g)")
    >>> check_formula("y ~ open('x') + (1 | g)")
    Traceback (most recent call last):
        ...
    limeform.errors.FormulaError: open('x') is not allowed in a formula on the command line: ...
    """
    for symbol in read_symbols(text):
        if symbol.kind != "code":
            continue
        found = _first_refused(expression(text, symbol))
        if found is not None:
            raise FormulaError(
                f"{found} is not allowed in a formula on the command line: it may contain columns, arithmetic, "
                "functions of columns such as log(x) or np.sqrt(x), and formulaic's transforms",
                text,
                symbol.start,
                symbol.stop,
            )


def _first_refused(tree: ast.AST) -> str | None:
    """Return the source of the first node that is not allowed, None if all are."""
    if not _allowed(tree):
        return ast.unparse(tree)
    children = tree.args + tree.keywords if isinstance(tree, ast.Call) else ast.iter_child_nodes(tree)
    if isinstance(tree, ast.Attribute):
        return None
    return next((found for child in children if (found := _first_refused(child)) is not None), None)


def _allowed(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name not in _BUILTINS
        case ast.Call(func=function):
            return isinstance(function, ast.Attribute) and _allowed(function)
        case ast.Attribute(value=ast.Name(id="np"), attr=name):
            return name in _NUMPY or isinstance(getattr(np, name, None), np.ufunc)
        case ast.Attribute(value=ast.Name(id="contr"), attr=name):
            return not name.startswith("_")
        case ast.BinOp(left=left, op=operator, right=right):
            return not (_is_text_or_list(left) or _is_text_or_list(right) or _is_long(operator, left, right))
    return isinstance(node, _PLAIN)


def _is_text_or_list(node: ast.AST) -> bool:
    """Say whether repeating or joining the value could fill the memory."""
    return isinstance(node, ast.List | ast.Tuple) or (
        isinstance(node, ast.Constant) and not isinstance(node.value, int | float | complex)
    )


def _is_long(operator: ast.operator, left: ast.AST, right: ast.AST) -> bool:
    """Say whether it may be a giant power of whole numbers, of which Python would compute all digits."""
    if not isinstance(operator, _LONG_OPERATORS):
        return False
    if any(isinstance(node, ast.Name) for side in (left, right) for node in ast.walk(side)):
        return False
    match left, right:
        case ast.Constant(), ast.Constant(value=int() | float() as power):
            return abs(power) > _LARGEST_POWER
    return True

"""Expressions that only compute: what a saved formula may hold, so that loading a file runs nobody's code.

A formula is Python between its operators. Here its expressions are read as syntax trees and allowed column names,
numbers, text, arithmetic, and calls of a fixed list of functions; nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from limeform.formula.counts import asks_for_too_many

TRANSFORMS = frozenset(
    {
        *("C", "I", "Q", "Treatment", "Sum", "Helmert", "Diff", "Poly"),
        *(
            "bspline",
            "log_ratio",
            "difference",
            "interval",
            "bs",
            "cc",
            "cr",
            "cs",
            "poly",
            "center",
            "scale",
            "standardize",
            "lag",
        ),
        *("log", "log2", "log10", "exp", "exp2", "exp10"),
    }
)
"""formulaic's transforms, but those that take functions."""

CODINGS = frozenset({"Treatment", "Sum", "Helmert", "Diff", "Poly"})
"""Those that may also stand without a call, as in ``C(x, Sum)``."""

CONTRASTS = frozenset({"treatment", "sum", "helmert", "diff", "poly", "backward", "forward", "sas", "SAS"})

NUMPY = frozenset(
    {
        *("abs", "absolute", "arccos", "arcsin", "arctan", "arctan2", "cbrt", "ceil", "clip", "cos", "cosh", "degrees"),
        *("exp", "exp2", "expm1", "floor", "hypot", "isfinite", "isnan", "log", "log10", "log1p", "log2", "maximum"),
        *("minimum", "pi", "power", "radians", "reciprocal", "round", "sign", "sin", "sinh", "sqrt", "square", "tan"),
        *("tanh", "where", "array", "mean", "median", "std", "var", "e", "inf", "nan"),
    }
)
"""Functions and constants of numpy that compute."""

NODES = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Load, ast.Constant, ast.List, ast.Tuple),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.keyword),
)
LARGEST_POWER = 100


def refused(
    expression: str,
    columns: Collection[str],
    values: Collection[str],
    numpy: Collection[str],
    large: Collection[str] = (),
) -> str | None:
    """Say what in an expression is more than computing; None where nothing is.

    Parameters
    ----------
    expression : str
        An expression of a formula, such as ``log(x)``.
    columns : collection of str
        Columns of the data.
    values : collection of str
        Names that stand for numbers, text, or lists of them.
    numpy : collection of str
        Names that stand for the module numpy.
    large : collection of str
        Those of the values that are numbers above `limeform.formula.counts.MOST`.

    Returns
    -------
    str or None
        The offending piece.

    Examples
    --------
    >>> refused("log(x) + np.sqrt(x)", ["x"], [], ["np"])
    >>> refused("x.to_csv('file')", ["x"], [], ["np"])
    "x.to_csv('file')"
    """
    if expression in columns or expression.strip("`") in columns:
        return None
    text = re.sub(r"`[^`]*`", "_quoted_", expression.strip().removeprefix("{").removesuffix("}")).strip()
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return expression
    names = {*columns, *values, "_quoted_", "True", "False", "None"}
    return _first_refused(tree, names, {*numpy, "np"} - set(values), set(large))


def _first_refused(node: ast.AST, names: set[str], numpy: set[str], large: set[str]) -> str | None:
    if isinstance(node, ast.Call):
        if not _may_be_called(node.func, names, numpy) or asks_for_too_many(node, large):
            return ast.unparse(node)
        children: list[ast.AST] = [*node.args, *node.keywords]
    elif isinstance(node, ast.Attribute):
        plain = _is_constant_of_numpy(node, numpy) or _is_contrast(node, names)
        return None if plain else ast.unparse(node)
    elif isinstance(node, ast.Name):
        return None if node.id in names or node.id in CODINGS else node.id
    elif not isinstance(node, NODES) or _too_large(node):
        return ast.unparse(node)
    else:
        children = list(ast.iter_child_nodes(node))
    return next(
        (found for child in children if (found := _first_refused(child, names, numpy, large)) is not None), None
    )


def _may_be_called(function: ast.expr, names: set[str], numpy: set[str]) -> bool:
    if isinstance(function, ast.Name):
        return function.id in TRANSFORMS and function.id not in names
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        module = function.value.id
        if module == "contr":
            return _is_contrast(function, names)
        return module in numpy and module not in names and function.attr in NUMPY
    return False


def _is_contrast(node: ast.Attribute, names: set[str]) -> bool:
    known = isinstance(node.value, ast.Name) and node.value.id == "contr" and "contr" not in names
    return known and node.attr in CONTRASTS


def _is_constant_of_numpy(node: ast.Attribute, numpy: set[str]) -> bool:
    known = isinstance(node.value, ast.Name) and node.value.id in numpy
    return known and node.attr in {"pi", "e", "inf", "nan"}


def _too_large(node: ast.AST) -> bool:
    """Say whether constants alone could take forever, such as 9**9**9 or text times a number."""
    if isinstance(node, ast.keyword):
        return node.arg is None
    if not isinstance(node, ast.BinOp):
        return isinstance(node, ast.Constant) and not isinstance(node.value, (int, float, str, bool, type(None)))
    if isinstance(node.op, (ast.LShift, ast.RShift)) or any(
        isinstance(side, (ast.List, ast.Tuple)) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    ):
        return True
    if isinstance(node.op, ast.Pow):
        exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
        small = isinstance(exponent, ast.Constant) and abs(complex(exponent.value)) <= LARGEST_POWER  # type: ignore[arg-type]
        based = isinstance(node.left, ast.Constant) or any(isinstance(part, ast.Name) for part in ast.walk(node.left))
        return not (small and based)
    return False

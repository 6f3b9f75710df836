"""Arithmetic expressions of users, read into a small tree of allowed pieces; nothing is ever executed.

Used for ``nl(A * exp(-k * time))`` in a formula and for constraints such as ``"exp(x1) + x2**2 <= 4"``. Python's own
parser only takes the text apart; what is not a number, a name, arithmetic or a listed function is refused.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from limeform.errors import FormulaError

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "tanh", "expit")
"""Functions that an expression may call; all are smooth where they are defined."""

LONGEST = 10_000
"""Longest text that is read."""
DEEPEST = 100
"""Deepest nesting that is read."""


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Name:
    """A parameter or a column."""

    name: str


@dataclass(frozen=True)
class Sum:
    """``left + right``, or ``left - right`` where ``sign`` is -1."""

    left: Node
    right: Node
    sign: int


@dataclass(frozen=True)
class Product:
    """``left * right``."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Quotient:
    """``left / right``."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Power:
    """``left ** right``."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """A function of `FUNCTIONS` at an argument."""

    function: str
    argument: Node


Node = Number | Name | Sum | Product | Quotient | Power | Call


@dataclass(frozen=True)
class Relation:
    """``lower <= tree <= upper``; equal limits for an equation.

    Attributes
    ----------
    tree : Node
        The expression between the limits.
    lower, upper : float
        Limits, infinite where there is none.
    """

    tree: Node
    lower: float
    upper: float


def read_expression(text: str, names: Iterable[str] = ()) -> Node:
    """Read an expression.

    Parameters
    ----------
    text : str
        Such as ``"A * exp(-k * time)"``. A name that is no Python name stands in backticks.
    names : iterable of str
        Names that are known and may be written without backticks whatever they look like: ``sd(study)``, ``dose[2]``.

    Returns
    -------
    Node

    Raises
    ------
    FormulaError
        If it holds anything but arithmetic; the message points at the place.

    Examples
    --------
    >>> sorted(names_in(read_expression("A * exp(-k * `my time`)")))
    ['A', 'k', 'my time']
    """
    code, known = _protected(text, names)
    return _node(_parsed(text, code), _Reading(text, code, known), 0)


def read_relation(text: str, names: Iterable[str] = ()) -> Relation:
    """Read a constraint such as ``"x1 + 2*x2 <= 3"``, ``"0 <= a <= 1"`` or ``"a == b"``; see `read_expression`.

    Returns
    -------
    Relation
        Constants on both sides are collected in the limits where a side is a number.
    """
    code, known = _protected(text, names)
    if _has_single_equals(code):
        raise FormulaError("= compares nothing: for an equation write ==, as in 'x1 == 3'", text)
    tree, reading = _parsed(text, code), _Reading(text, code, known)
    if not isinstance(tree, ast.Compare):
        raise FormulaError("a constraint compares two sides, as in 'x1 + 2*x2 <= 3'", text)
    sides = [_node(part, reading, 0) for part in (tree.left, *tree.comparators)]
    signs = [_sign(operator, text) for operator in tree.ops]
    if len(sides) == 2:
        return _two_sided(sides[0], sides[1], signs[0])
    ends = (_constant(sides[0]), _constant(sides[-1]))
    if len(sides) > 3 or signs[0] != signs[1] or signs[0] == "==" or ends[0] is None or ends[1] is None:
        raise FormulaError("a constraint with three sides has numbers at both ends, as in '0 <= a + b <= 1'", text)
    low, high = (ends[0], ends[1]) if signs[0] == "<=" else (ends[1], ends[0])
    return Relation(sides[1], low, high)


def names_in(tree: Node) -> set[str]:
    """Return the names of an expression."""
    match tree:
        case Number():
            return set()
        case Name():
            return {tree.name}
        case Call():
            return names_in(tree.argument)
        case _:
            return names_in(tree.left) | names_in(tree.right)


def degree(tree: Node) -> int:
    """Return 0 for a constant, 1 for an expression that is linear in its names, 2 for any other."""
    match tree:
        case Number():
            return 0
        case Name():
            return 1
        case Sum():
            return max(degree(tree.left), degree(tree.right))
        case Product():
            return min(2, degree(tree.left) + degree(tree.right))
        case Quotient():
            return degree(tree.left) if degree(tree.right) == 0 else 2
        case Power():
            both = degree(tree.left), degree(tree.right)
            if both == (0, 0):
                return 0
            return both[0] if tree.right == Number(1.0) else 2
        case Call():
            return 0 if degree(tree.argument) == 0 else 2


@dataclass(frozen=True)
class _Reading:
    """The text as typed and as parsed, and the names that placeholders stand for."""

    text: str
    code: str
    names: dict[str, str]

    def refuse(self, message: str, node: ast.AST) -> FormulaError:
        """Return an error at a piece; no place is given where placeholders have moved it."""
        if self.code != self.text or "\n" in self.text:
            return FormulaError(message, self.text)
        start = len(self.text.encode()[: node.col_offset].decode())  # type: ignore[attr-defined]
        stop = len(self.text.encode()[: node.end_col_offset].decode())  # type: ignore[attr-defined]
        return FormulaError(message, self.text, start, stop)


def _protected(text: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Replace names that are no Python names by placeholders."""
    if len(text) > LONGEST:
        raise FormulaError(f"an expression may have {LONGEST} characters; this one has {len(text)}")
    special = sorted((name for name in names if not name.isidentifier()), key=len, reverse=True)
    patterns = ["`(?P<quoted>[^`]+)`", *(_flexible(name) for name in special)]
    placeholders: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        if match["quoted"] is not None:
            name = match["quoted"]
        else:
            squeezed = re.sub(r"\s", "", match.group())
            name = next(name for name in special if re.sub(r"\s", "", name) == squeezed)
        token = next((token for token, known in placeholders.items() if known == name), f"_v{len(placeholders)}_")
        placeholders[token] = name
        return token

    return re.sub("|".join(patterns), replaced, text), placeholders


def _flexible(name: str) -> str:
    pieces = r"\s*".join(re.escape(char) for char in re.sub(r"\s", "", name))
    return (r"(?<!\w)" if name[0].isalnum() else "") + pieces + (r"(?!\w)" if name[-1].isalnum() else "")


def _parsed(text: str, code: str) -> ast.expr:
    try:
        return ast.parse(" ".join(code.split()) if "\n" in code else code.strip(), mode="eval").body
    except SyntaxError as error:
        raise FormulaError(f"this is not an expression: {error.msg}", text) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(f"this expression cannot be read: {error or 'it is nested too deeply'}", text) from error


def _node(tree: ast.expr, reading: _Reading, depth: int) -> Node:
    if depth > DEEPEST:
        raise FormulaError("this expression is nested too deeply", reading.text)
    match tree:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(value, tree, reading)
        case ast.Name(id=name):
            return _name(name, tree, reading)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _node(operand, reading, depth + 1)
            if isinstance(sign, ast.UAdd):
                return inner
            return Number(-inner.value) if isinstance(inner, Number) else Product(Number(-1.0), inner)
        case ast.BinOp(left=left, op=operator, right=right):
            sides = _node(left, reading, depth + 1), _node(right, reading, depth + 1)
            return _binary(tree, sides, operator, reading)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return Call(name, _node(argument, reading, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in FUNCTIONS:
            found = f"{len(arguments) + len(tree.keywords)} arguments" if not tree.keywords else "one with a name"
            raise reading.refuse(f"{name}(...) takes one argument, as in {name}(x), found {found}", tree)
        case ast.Call(func=ast.Name(id=name)):
            listed = ", ".join(FUNCTIONS)
            raise reading.refuse(f"{name}(...) is not allowed in an expression; the functions are {listed}", tree)
        case ast.Attribute():
            raise reading.refuse("attributes are not allowed in an expression; write exp(x), not np.exp(x)", tree)
        case ast.Call(func=ast.Attribute()):
            raise reading.refuse("attributes are not allowed in an expression; write exp(x), not np.exp(x)", tree)
    raise reading.refuse("only numbers, names, + - * / **, parentheses and functions are allowed here", tree)


def _number(value: float, tree: ast.expr, reading: _Reading) -> Number:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise reading.refuse("this number is too large, or is none", tree)
    return Number(number)


def _name(name: str, tree: ast.expr, reading: _Reading) -> Name:
    """Return a parameter or column; names with a meaning of their own stand in backticks if they are meant."""
    if name in reading.names:
        return Name(reading.names[name])
    if name in FUNCTIONS:
        raise reading.refuse(f"{name} is a function: write {name}(x), or `{name}` for a column of that name", tree)
    if name.startswith("__"):
        raise reading.refuse("a name cannot begin with two underscores; write such a column in backticks", tree)
    return Name(name)


def _binary(tree: ast.BinOp, sides: tuple[Node, Node], operator: ast.operator, reading: _Reading) -> Node:
    made = _joined(tree, sides, operator, reading)
    match made:
        case Quotient(right=Number(value=0.0)):
            raise reading.refuse("this divides by zero", tree)
        case Sum(left=Number(value=a), right=Number(value=b), sign=sign):
            return _number(a + sign * b, tree, reading)
        case Product(left=Number(value=a), right=Number(value=b)):
            return _number(a * b, tree, reading)
        case Quotient(left=Number(value=a), right=Number(value=b)):
            return _number(a / b, tree, reading)
        case Power(left=Number(value=a), right=Number(value=b)):
            return _number(_raised(a, b), tree, reading)
    return made


def _raised(base: float, exponent: float) -> float:
    """Return a power; infinite where it is too large or no real number."""
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):
        return math.inf


def _joined(tree: ast.BinOp, sides: tuple[Node, Node], operator: ast.operator, reading: _Reading) -> Node:
    match operator:
        case ast.Add():
            return Sum(*sides, 1)
        case ast.Sub():
            return Sum(*sides, -1)
        case ast.Mult():
            return Product(*sides)
        case ast.Div():
            return Quotient(*sides)
        case ast.Pow():
            return Power(*sides)
        case ast.BitXor():
            raise reading.refuse("for a power write **", tree)
    raise reading.refuse("only + - * / ** are allowed between two parts", tree)


def _has_single_equals(code: str) -> bool:
    """Say whether two sides are joined by one =, outside of parentheses, where it names an argument."""
    outside, inner = code, r"\([^()]*\)"
    while re.search(inner, outside):
        outside = re.sub(inner, "", outside)
    return re.search(r"(?<![<>=!])=(?![<>=])", outside) is not None


def _sign(operator: ast.cmpop, text: str) -> str:
    match operator:
        case ast.LtE():
            return "<="
        case ast.GtE():
            return ">="
        case ast.Eq():
            return "=="
    raise FormulaError("a constraint uses <=, >= or ==", text)


def _two_sided(left: Node, right: Node, sign: str) -> Relation:
    infinity = float("inf")
    constants = _constant(left), _constant(right)
    if constants[1] is not None:
        tree, limit = left, constants[1]
    elif constants[0] is not None:
        tree, limit, sign = right, constants[0], {"<=": ">=", ">=": "<=", "==": "=="}[sign]
    else:
        tree, limit = Sum(left, right, -1), 0.0
    return Relation(tree, -infinity if sign == "<=" else limit, infinity if sign == ">=" else limit)


def _constant(tree: Node) -> float | None:
    """Return the value of a side that is a number; computed ones such as ``1/3`` have become numbers when read."""
    return tree.value if isinstance(tree, Number) else None

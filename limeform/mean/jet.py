"""Values with exact first and second derivatives, carried through arithmetic by the chain rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from limeform.formula.expression import Call, Name, Node, Number, Power, Product, Quotient, Sum

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Jet:
    """A quantity on n rows with its derivatives in q parameters.

    Attributes
    ----------
    value : ndarray, shape (n,)
        The quantity.
    first : ndarray, shape (q, n)
        First derivatives.
    second : ndarray, shape (q, q, n)
        Second derivatives.
    """

    value: FloatArray
    first: FloatArray
    second: FloatArray


def constant(value: FloatArray | float, q: int, n: int) -> Jet:
    """Return a quantity that no parameter changes."""
    return Jet(np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)), np.zeros((q, n)), np.zeros((q, q, n)))


def parameter(value: float, index: int, q: int, n: int) -> Jet:
    """Return the parameter number ``index``."""
    first = np.zeros((q, n))
    first[index] = 1.0
    return Jet(np.full(n, value), first, np.zeros((q, q, n)))


def evaluate(tree: Node, names: Mapping[str, Jet], q: int, n: int) -> Jet:
    """Evaluate an expression.

    Parameters
    ----------
    tree : Node
        The expression.
    names : mapping of str to Jet
        What its names stand for.
    q, n : int
        Number of parameters and of rows.

    Returns
    -------
    Jet
        Not finite where the expression has no value.
    """
    with np.errstate(all="ignore"):
        return _evaluate(tree, names, q, n)


def _evaluate(tree: Node, names: Mapping[str, Jet], q: int, n: int) -> Jet:
    match tree:
        case Number():
            return constant(tree.value, q, n)
        case Name():
            return names[tree.name]
        case Call():
            inner = _evaluate(tree.argument, names, q, n)
            return _chain(inner, *_FUNCTIONS[tree.function](inner.value))
        case Power(right=Number(value=exponent)):
            return _power(_evaluate(tree.left, names, q, n), exponent)
    left, right = _evaluate(tree.left, names, q, n), _evaluate(tree.right, names, q, n)
    match tree:
        case Sum():
            sign = tree.sign
            return Jet(
                left.value + sign * right.value, left.first + sign * right.first, left.second + sign * right.second
            )
        case Product():
            return _product(left, right)
        case Quotient():
            return _product(left, _power(right, -1.0))
        case _:
            logarithm = _chain(left, *_FUNCTIONS["log"](left.value))
            return _exponential(_product(right, logarithm))


def _product(left: Jet, right: Jet) -> Jet:
    mixed = left.first[:, None] * right.first[None]
    return Jet(
        left.value * right.value,
        left.first * right.value + left.value * right.first,
        left.second * right.value + left.value * right.second + mixed + mixed.transpose(1, 0, 2),
    )


def _power(base: Jet, exponent: float) -> Jet:
    x, c = base.value, exponent
    first = np.zeros_like(x) if c == 0 else c * x ** (c - 1)
    second = np.zeros_like(x) if c in (0, 1) else c * (c - 1) * x ** (c - 2)
    return _chain(base, x**c, first, second)


def _exponential(inner: Jet) -> Jet:
    return _chain(inner, *_FUNCTIONS["exp"](inner.value))


def _chain(inner: Jet, value: FloatArray, first: FloatArray, second: FloatArray) -> Jet:
    """Return f(inner) from the value and the derivatives of f."""
    square = inner.first[:, None] * inner.first[None]
    return Jet(value, first * inner.first, first * inner.second + second * square)


def _sigmoid(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    y = expit(x)
    return y, y * (1 - y), y * (1 - y) * (1 - 2 * y)


def _tangent(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    y = np.tan(x)
    return y, 1 + y**2, 2 * y * (1 + y**2)


def _hyperbolic(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    y = np.tanh(x)
    return y, 1 - y**2, -2 * y * (1 - y**2)


_FUNCTIONS = {
    "exp": lambda x: (np.exp(x), np.exp(x), np.exp(x)),
    "expm1": lambda x: (np.expm1(x), np.exp(x), np.exp(x)),
    "log": lambda x: (np.log(x), 1 / x, -1 / x**2),
    "log1p": lambda x: (np.log1p(x), 1 / (1 + x), -1 / (1 + x) ** 2),
    "sqrt": lambda x: (np.sqrt(x), 0.5 / np.sqrt(x), -0.25 / np.sqrt(x) ** 3),
    "sin": lambda x: (np.sin(x), np.cos(x), -np.sin(x)),
    "cos": lambda x: (np.cos(x), -np.sin(x), -np.cos(x)),
    "tan": _tangent,
    "tanh": _hyperbolic,
    "expit": _sigmoid,
}
"""Name to value, first and second derivative."""

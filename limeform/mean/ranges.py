"""Which values an expression can take while its names stay within ranges: interval arithmetic on the tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from limeform.formula.expression import Call, Name, Node, Number, Power, Product, Quotient, Sum

INFINITE = math.inf


@dataclass(frozen=True)
class Range:
    """Numbers between two ends.

    Attributes
    ----------
    low, high : float
        The ends; may be infinite.
    above, below : bool
        Whether the lower, and the upper end, cannot be reached.
    """

    low: float = -INFINITE
    high: float = INFINITE
    above: bool = False
    below: bool = False

    def excludes(self, lower: float, upper: float) -> bool:
        """Return whether no number of the range lies within the limits, rounding aside."""
        slack = 1e-9 * max([1e-300, *(abs(end) for end in (lower, upper, self.low, self.high) if math.isfinite(end))])
        over = self.low > upper + slack or (self.above and self.low >= upper)
        return over or self.high < lower - slack or (self.below and self.high <= lower)

    def __str__(self) -> str:
        """Return the range in words."""
        low, high = "above " if self.above else "at least ", "below " if self.below else "at most "
        parts = [f"{low}{self.low:g}"] if math.isfinite(self.low) else []
        parts += [f"{high}{self.high:g}"] if math.isfinite(self.high) else []
        return " and ".join(parts) or "any number"


ANY = Range()


def range_of(tree: Node, names: Mapping[str, Range]) -> Range | None:
    """Return a range that holds every value of an expression.

    Parameters
    ----------
    tree : Node
        The expression.
    names : mapping of str to Range
        Ranges of its names.

    Returns
    -------
    Range or None
        It may be wider than the values, where a name occurs twice; never narrower. None if the expression has no value
        anywhere: the logarithm of a negative number.

    Examples
    --------
    >>> from limeform.formula.expression import read_expression
    >>> str(range_of(read_expression("exp(x) + 1"), {"x": Range()}))
    'above 1'
    >>> str(range_of(read_expression("x**2 - 3"), {"x": Range(-1, 2)}))
    'at least -3 and at most 1'
    """
    match tree:
        case Number():
            return Range(tree.value, tree.value)
        case Name():
            return names[tree.name]
        case Call():
            inner = range_of(tree.argument, names)
            return None if inner is None else _FUNCTIONS[tree.function](inner)
        case Power(right=Number(value=0.0)):
            return Range(1.0, 1.0)
    left, right = range_of(tree.left, names), range_of(tree.right, names)
    if left is None or right is None:
        return None
    match tree:
        case Sum():
            return _sum(left, right if tree.sign > 0 else _negative(right))
        case Product():
            return _whole_power(left, 2) if tree.left == tree.right else _product(left, right)
        case Quotient():
            return _product(left, _inverse(right))
        case Power(right=Number(value=exponent)):
            return _power(left, exponent)
        case _:
            return _general_power(left, right)


def _sum(a: Range, b: Range) -> Range:
    low, high = a.low + b.low, a.high + b.high
    return Range(
        -INFINITE if math.isnan(low) else low, INFINITE if math.isnan(high) else high, a.above or b.above,
        a.below or b.below,
    )  # fmt: skip


def _negative(a: Range) -> Range:
    return Range(-a.high, -a.low, a.below, a.above)


def _product(a: Range, b: Range) -> Range:
    """Return the products; an end of zero that cannot be reached stays so where both factors are of one sign."""
    ends = [0.0 if 0.0 in (x, y) else x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    positive = _positive(a) and _positive(b)
    return Range(min(ends), max(ends), above=positive and min(ends) == 0.0)


def _positive(a: Range) -> bool:
    return a.low > 0 or (a.low == 0 and a.above)


def _inverse(a: Range) -> Range:
    if a.low < 0 < a.high or a.low == a.high == 0:
        return ANY
    low = -INFINITE if a.high == 0 else 1 / a.high
    high = INFINITE if a.low == 0 else 1 / a.low
    return Range(low, high, above=math.isinf(a.high), below=math.isinf(a.low))


def _power(base: Range, exponent: float) -> Range | None:
    if exponent < 0:
        positive = _power(base, -exponent)
        return None if positive is None else _inverse(positive)
    if exponent == round(exponent):
        return _whole_power(base, exponent)
    inside = _at_least(base, 0.0)
    return None if inside is None else _rising(inside, lambda x: x**exponent)


def _whole_power(base: Range, exponent: float) -> Range:
    if exponent % 2:
        return _rising(base, lambda x: _raised(x, exponent))
    ends = Range(_raised(base.low, exponent), 0.0, base.above), Range(_raised(base.high, exponent), 0.0, base.below)
    large = max(ends, key=lambda end: end.low)
    if base.low < 0 < base.high or 0.0 in (base.low, base.high):
        return Range(0.0, large.low, above=_positive(base) or _positive(_negative(base)))
    small = min(ends, key=lambda end: end.low)
    return Range(small.low, large.low, small.above, large.above)


def _raised(x: float, exponent: float) -> float:
    try:
        return math.pow(x, exponent)
    except OverflowError:
        return math.copysign(INFINITE, x) if exponent % 2 else INFINITE


def _general_power(base: Range, exponent: Range) -> Range | None:
    if base.low < 0:  # a negative number has powers too, of either sign, where the exponent is whole
        return ANY
    if base.high == 0:
        return Range(0.0, INFINITE)
    logarithm = _logarithm(base)
    return None if logarithm is None else _closed(_exponential(_product(exponent, logarithm)))


def _closed(a: Range) -> Range:
    """Return the range with its ends: a power of zero is zero, which the logarithm does not know."""
    return Range(a.low, a.high)


def _at_least(a: Range, end: float) -> Range | None:
    if a.high < end:
        return None
    return a if a.low >= end else Range(end, a.high, False, a.below)


def _rising(a: Range, function: Callable[[float], float]) -> Range:
    return Range(_value(function, a.low), _value(function, a.high), a.above, a.below)


def _value(function: Callable[[float], float], x: float) -> float:
    try:
        return function(x)
    except OverflowError:
        return INFINITE


def _exponential(a: Range) -> Range:
    low = _value(math.exp, a.low)
    return Range(low, _value(math.exp, a.high), a.above or low == 0.0, a.below)


def _expm1(a: Range) -> Range:
    low = _value(math.expm1, a.low)
    return Range(low, _value(math.expm1, a.high), a.above or low == -1.0, a.below)


def _logarithm(a: Range) -> Range | None:
    if a.high <= 0:
        return None
    high = INFINITE if math.isinf(a.high) else math.log(a.high)
    return Range(-INFINITE if a.low <= 0 else math.log(a.low), high, a.above, a.below)


def _log1p(a: Range) -> Range | None:
    return _logarithm(_sum(a, Range(1.0, 1.0)))


def _root(a: Range) -> Range | None:
    inside = _at_least(a, 0.0)
    return None if inside is None else _rising(inside, math.sqrt)


def _sine(a: Range) -> Range:
    return _wave(a, math.sin, math.pi / 2)


def _cosine(a: Range) -> Range:
    return _wave(a, math.cos, 0.0)


def _wave(a: Range, function: Callable[[float], float], top: float) -> Range:
    """Return the values of a sine whose maxima are at ``top`` and whole turns from there."""
    if not a.high - a.low < 2 * math.pi:
        return Range(-1.0, 1.0)
    ends = function(a.low), function(a.high)
    reaches = [math.floor((a.high - at) / (2 * math.pi)) >= (a.low - at) / (2 * math.pi) for at in (top, top + math.pi)]
    return Range(-1.0 if reaches[1] else min(ends), 1.0 if reaches[0] else max(ends))


def _tangent(a: Range) -> Range:
    half = math.pi / 2
    if not (a.high - a.low < math.pi and math.floor((a.low + half) / math.pi) == math.floor((a.high + half) / math.pi)):
        return ANY
    return _rising(a, math.tan)


def _hyperbolic(a: Range) -> Range:
    found = _rising(a, math.tanh)
    return Range(found.low, found.high, found.above or found.low == -1.0, found.below or found.high == 1.0)


def _sigmoid(a: Range) -> Range:
    found = _rising(a, lambda x: 0.5 * (1 + math.tanh(x / 2)) if x > 0 else math.exp(x) / (1 + math.exp(x)))
    return Range(found.low, found.high, found.above or found.low == 0.0, found.below or found.high == 1.0)


_FUNCTIONS: dict[str, Callable[[Range], Range | None]] = {
    "exp": _exponential,
    "expm1": _expm1,
    "log": _logarithm,
    "log1p": _log1p,
    "sqrt": _root,
    "sin": _sine,
    "cos": _cosine,
    "tan": _tangent,
    "tanh": _hyperbolic,
    "expit": _sigmoid,
}
"""Name to the range of the function on a range."""

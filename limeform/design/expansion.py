"""How many terms a formula expands to, counted before it is expanded: ``(a + b) ** 99`` would never end."""

from __future__ import annotations

from typing import Any

MOST = 1_000_000
"""Most products that are formed; a few seconds' work."""


def count_terms(tree: Any, columns: int) -> float:
    """Return at least how many products of terms are formed when a formula is expanded.

    Parameters
    ----------
    tree : object
        formulaic's syntax tree: a node has an ``operator`` and ``args``, a leaf is a token.
    columns : int
        What a dot stands for.

    Returns
    -------
    float
    """
    # By a stack: the tree of a sum is as deep as the sum is long.
    done: list[float] = []
    todo: list[tuple[Any, bool]] = [(tree, False)]
    while todo:
        node, ready = todo.pop()
        args = getattr(node, "args", None)
        if args is None:
            done.append(float(columns) if str(node) == "." else 1.0)
        elif ready:
            sizes = [done.pop() for _ in args][::-1]
            done.append(_combined(node.operator.symbol, sizes, args))
        else:
            todo.append((node, True))
            todo += [(arg, False) for arg in reversed(args)]
    return done[-1]


def _combined(symbol: str, sizes: list[float], args: Any) -> float:
    if len(sizes) == 2:
        first, second = sizes
        if symbol == "*":
            return min(first + second + first * second, 1e300)
        if symbol in (":", "in"):
            return min(first * second, 1e300)
        if symbol in ("**", "^"):
            text = str(args[1])
            return min(first, 1e4) ** min(int(text), 60) if text.isdigit() else first
    return sum(sizes)

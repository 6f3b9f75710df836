"""Compares what an example printed with what its page shows."""

import re
from decimal import Decimal

TOKEN = re.compile(r"\.\.\.|-?\d+\.\d+(?:e[-+]?\d+)?|\w+|\S")
RULE = re.compile(r"([-=_])\1{3,}")
RUN = re.compile(r"(?<=Ipopt) [\d.]+|(?<=Iterations:) +\d+")


def shows(page: str, printed: str) -> bool:
    """Tell whether `printed` is what `page` shows.

    White space, the length of ruled lines, the version of Ipopt and its number of iterations do not count, a decimal
    number may differ by one in its last digit shown, and ``...`` in the page stands for anything.
    """
    runs: list[list[str]] = [[]]
    for token in tokens(page):
        if token == "...":
            runs.append([])
        else:
            runs[-1].append(token)
    found = tokens(printed)
    if len(runs) == 1:
        return len(found) == len(runs[0]) and same(runs[0], found)
    first, *middle, last = runs
    at = len(first)
    end = len(found) - len(last)
    if at > end or not same(first, found[:at]) or not same(last, found[end:]):
        return False
    for run in middle:
        starts = (start for start in range(at, end - len(run) + 1) if same(run, found[start : start + len(run)]))
        at = next(starts, end) + len(run)
    return at <= end


def tokens(text: str) -> list[str]:
    """Cut text into words, decimal numbers and single signs."""
    return TOKEN.findall(RUN.sub("", RULE.sub(r"\1\1\1", text)))


def same(expected: list[str], found: list[str]) -> bool:
    """Compare token by token."""
    return all(a == b or close(a, b) for a, b in zip(expected, found, strict=True))


def close(expected: str, found: str) -> bool:
    """Tell whether two decimal numbers agree but for one in the last digit of the first."""
    if "." not in expected or "." not in found or len(expected) < 3 or len(found) < 3:
        return False
    number = Decimal(expected)
    return abs(number - Decimal(found)) <= Decimal(1).scaleb(int(number.as_tuple().exponent))

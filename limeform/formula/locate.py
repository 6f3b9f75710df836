"""Find a piece of a formula in the text, so that a later stage can point at it."""

from __future__ import annotations

import re

from limeform.formula.symbols import QUOTED
from limeform.formula.terms import ModelFormula

# A string is matched as a whole, so that no name is found inside of it.
_WORD = re.compile(rf"(?P<quoted>{QUOTED})|(?P<plain>[\w.]+)", re.DOTALL)
_CALL = re.compile(r"\s*\(")
_KEYWORD = re.compile(r"\s*=(?!=)")


def locate(formula: ModelFormula, name: str, within: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """
    Find where a name stands in the text of a formula.

    Parameters
    ----------
    formula : ModelFormula
        A parsed formula.
    name : str
        The name of a column, without backticks. A whole piece such as ``"bs(x, df=3)"`` is found, too,
        whatever its spaces.
    within : tuple of int, optional
        Search only ``text[start:stop]``, for example the span of a random term.

    Returns
    -------
    tuple of int or None
        The piece is ``formula.text[start:stop]``, backticks included; None if it is not there. Strings and
        keywords of a call (``df`` in ``df=3``) are passed over. The first column of that name comes before
        the ``x`` of ``x.clip(0)``, and that before a function of that name.

    Examples
    --------
    >>> from limeform.formula.parse import parse
    >>> formula = parse("y ~ log(dose) + (dose | g)")
    >>> locate(formula, "dose"), locate(formula, "dose", within=formula.random[0].span)
    ((8, 12), (17, 21))
    """
    start, stop = within if within is not None else (0, len(formula.text))
    return _name(formula.text, name, start, stop) or _piece(formula.text, name, start, stop)


def _name(text: str, name: str, start: int, stop: int) -> tuple[int, int] | None:
    """Return the span of the word that is most likely a column called `name`."""
    likely: list[tuple[int, int, int]] = []
    for match in _WORD.finditer(text, start, stop):
        first, last = match.span()
        if match.group() in (name, f"`{name}`") and not _KEYWORD.match(text, last):
            likely.append((2 if _CALL.match(text, last) else 0, first, last))
        elif match["plain"] is not None and match["plain"].startswith(f"{name}."):
            likely.append((1, first, first + len(name)))
    return min(likely)[1:] if likely else None


def _piece(text: str, piece: str, start: int, stop: int) -> tuple[int, int] | None:
    """Return the span of a piece of several symbols, with any white space between them."""
    symbols = re.findall(r"\w+|[^\w\s]", piece)
    if len(symbols) < 2:
        return None
    words = (rf"\b{symbol}\b" if symbol[0].isalnum() or symbol[0] == "_" else re.escape(symbol) for symbol in symbols)
    pattern = re.compile(r"(?<![\w.])" + r"\s*".join(words) + r"(?!\w)")
    quoted = [match.span() for match in _WORD.finditer(text) if match["quoted"] is not None]
    for match in pattern.finditer(text, start, stop):
        if not any(first < match.start() < last for first, last in quoted):
            return match.span()
    return None

"""The knots of a curve replaced in the text of a formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from limeform.design.curves import label_of
from limeform.errors import OptionError
from limeform.formula.symbols import read_symbols

POSITIONS = {"bspline": 1, "log_ratio": 2}
"""Place of ``knots`` among the arguments of the transforms that have it."""


def with_knots(text: str, name: str, knots: Sequence[float], bounds: tuple[float, float]) -> str:
    """Return a formula in which one curve has other knots.

    Parameters
    ----------
    text : str
        The formula as typed.
    name : str
        Name of the curve.
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
    >>> with_knots("y ~ 0 + bspline(dose, 3) + (1 | g)", "dose", [1.0, 2.0], (0.0, 5.0))
    'y ~ 0 + bspline(dose, knots=[1.0, 2.0], bounds=(0.0, 5.0)) + (1 | g)'
    """
    for symbol in read_symbols(text):
        function = symbol.text.split("(")[0]
        if symbol.kind == "code" and function in POSITIONS and label_of(symbol.text) == name:
            return text[: symbol.start] + _call(symbol.text, POSITIONS[function], knots, bounds) + text[symbol.stop :]
    raise OptionError(f"the formula has no bspline(...) or log_ratio(...) called {name!r}")


def _call(text: str, position: int, knots: Sequence[float], bounds: tuple[float, float]) -> str:
    """Return a call with other knots; names in backticks are kept."""
    quoted: list[str] = []

    def hidden(match: re.Match[str]) -> str:
        quoted.append(match.group())
        return f"_q{len(quoted) - 1}_"

    call = ast.parse(re.sub("`[^`]+`", hidden, text), mode="eval").body
    assert isinstance(call, ast.Call)
    names = ("degree", "bounds", "placement", "linear_left", "linear_right")
    later = dict(zip(names, call.args[position + 1 :], strict=False))
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg} | later
    keywords.pop("placement", None)
    keywords |= {"knots": ast.parse(repr([float(k) for k in knots]), mode="eval").body}
    keywords |= {"bounds": ast.parse(repr((float(bounds[0]), float(bounds[1]))), mode="eval").body}
    first = {"knots": keywords.pop("knots"), "bounds": keywords.pop("bounds")}
    arguments = [ast.keyword(arg=arg, value=value) for arg, value in (first | keywords).items()]
    written = ast.unparse(ast.Call(func=call.func, args=call.args[:position], keywords=arguments))
    return re.sub(r"_q(\d+)_", lambda match: quoted[int(match[1])], written)

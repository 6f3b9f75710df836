"""Formula text to a `ModelFormula`."""

from __future__ import annotations

from collections.abc import Sequence

from limeform.errors import FormulaError, OptionError
from limeform.formula.bars import is_offset, lift_bars, lift_offsets
from limeform.formula.expand import expand
from limeform.formula.grammar import check_order, summands, with_depths, written
from limeform.formula.literals import check_literals
from limeform.formula.nonlinear import fixed_text, lift_nonlinear
from limeform.formula.python_code import check_code
from limeform.formula.symbols import Symbol, read_symbols
from limeform.formula.terms import ModelFormula


def parse(text: str) -> ModelFormula:
    """
    Take a formula apart.

    Parameters
    ----------
    text : str
        A formula in the notation of lme4, such as ``"y ~ x + offset(z) + (x | g)"``. The fixed part and both
        sides of a bar are formulaic's grammar. It can have several lines.

    Returns
    -------
    ModelFormula
        The response, the fixed part, the offsets and the random terms.

    Raises
    ------
    FormulaError
        If the formula cannot be read; the message points at the character.
    OptionError
        If the formula is not a string.

    Notes
    -----
    The notation is that of Bates, Mächler, Bolker and Walker (2015), Fitting linear mixed-effects models
    using lme4, Journal of Statistical Software 67(1), section 2. Unlike there, ``||`` makes the covariance
    diagonal for the columns of a factor, too.

    Examples
    --------
    >>> formula = parse("log(y) ~ x + (x || school/pupil)")
    >>> formula.response, formula.fixed
    ('log(y)', 'x')
    >>> for term in formula.random:
    ...     print(term)
    (1 + x || school)
    (1 + x || school:pupil)
    """
    if not isinstance(text, str):
        raise OptionError(f"the formula must be a string such as 'y ~ x + (1 | g)', not {type(text).__name__}")
    symbols = read_symbols(text)
    if not symbols:
        raise FormulaError("the formula is empty; write for example 'y ~ x + (1 | g)'")
    left, right = _sides(text, symbols)
    check_order(text, right)
    check_code(text, symbols)
    bars, others = lift_bars(text, summands(right))
    offsets, linear = lift_offsets(text, others)
    nonlinear, fixed = lift_nonlinear(text, linear)
    check_literals(text, fixed)
    return ModelFormula(
        response=_response(text, left),
        fixed=fixed_text(fixed, bool(nonlinear)),
        offsets=tuple(offsets),
        random=tuple(term for bar in bars for term in expand(text, bar)),
        nonlinear=nonlinear,
        text=text,
    )


def _sides(text: str, symbols: list[Symbol]) -> tuple[list[Symbol], list[Symbol]]:
    """Return the symbols before and after the only ``~``, neither of them empty."""
    tildes = [index for index, symbol in enumerate(symbols) if symbol.kind == "operator" and symbol.text == "~"]
    if not tildes:
        raise FormulaError(
            "the formula has no response; write it before a ~, as in 'y ~ x + (1 | g)'", text, symbols[0].start
        )
    first = symbols[tildes[0]]
    if len(tildes) > 1:
        second = symbols[tildes[1]]
        raise FormulaError("the formula has a second ~; only one is allowed", text, second.start, second.stop)
    if any(symbol is first and depth > 0 for depth, symbol in with_depths(symbols)):
        raise FormulaError("the ~ stands inside parentheses; leave them out", text, first.start, first.stop)
    if tildes[0] == 0:
        raise FormulaError("there is no response before ~", text, first.start, first.stop)
    if tildes[0] == len(symbols) - 1:
        raise FormulaError("nothing stands after ~; write 1 for a mean only", text, first.start, first.stop)
    return symbols[: tildes[0]], symbols[tildes[0] + 1 :]


def _response(text: str, symbols: Sequence[Symbol]) -> str:
    """Return the left-hand side, which has to be one column or one expression."""
    start, stop = symbols[0].start, symbols[-1].stop
    if len(symbols) > 1 or symbols[0].kind not in ("name", "code"):
        message = "the response must be one column or one call; to compute it write for example {a - b} or log(y)"
        raise FormulaError(message, text, start, stop)
    if is_offset(symbols[0]):
        raise FormulaError("an offset cannot be the response; add it to the right-hand side", text, start, stop)
    return written(symbols)

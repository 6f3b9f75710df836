"""The data behind the nonlinear part of a mean, as the design keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.errors import DataError, FormulaError, OptionError
from limeform.formula import ModelFormula, NonlinearTerm
from limeform.formula.expression import names_in, read_expression

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanFunction:
    """A mean of the user's own, for ``lmm(..., mean=)``.

    Parameters
    ----------
    function : callable
        (Series of parameters, data frame) to the mean of each row.
    jacobian : callable, optional
        The same arguments to its derivatives, shape (rows, parameters); checked against differences at the start.
    """

    function: Callable[[pd.Series, pd.DataFrame], object]
    jacobian: Callable[[pd.Series, pd.DataFrame], object] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be called."""
        for word, given in (("mean", self.function), ("jacobian", self.jacobian)):
            if not callable(given) and not (word == "jacobian" and given is None):
                raise OptionError(f"{word}= takes a function of (parameters, data), found {type(given).__name__}")


@dataclass(frozen=True, eq=False)
class NonlinearBlock:
    """One nonlinear part of the mean on the rows of the data.

    Attributes
    ----------
    kind : {"nl", "log_ratio", "function"}
        What it is.
    text : str
        The expression or call.
    names : tuple of str
        Names of its parameters.
    matrix : ndarray, shape (n, columns)
        Its columns: those of the expression; basis at the exposure and at the reference.
    columns : tuple of str
        Their names.
    function : MeanFunction or None
        The user's function.
    frame : DataFrame or None
        The rows that the function is given.
    """

    kind: str
    text: str
    names: tuple[str, ...]
    matrix: FloatArray
    columns: tuple[str, ...]
    function: MeanFunction | None = None
    frame: pd.DataFrame | None = None


def part_text(term: NonlinearTerm, frame: pd.DataFrame) -> str:
    """Return the formulaic text whose columns a nonlinear term needs."""
    if term.kind == "log_ratio":
        return f"0 + {term.text}"
    used = sorted(name for name in names_in(read_expression(term.text)) if name in frame.columns)
    return "0 + " + " + ".join(f"`{name}`" for name in used) if used else "1"


def make_block(
    formula: ModelFormula, term: NonlinearTerm, matrix: FloatArray, names: tuple[str, ...], label: str
) -> NonlinearBlock:
    """Build the block of a term from its columns.

    Parameters
    ----------
    formula : ModelFormula
        The formula, for messages.
    term : NonlinearTerm
        The term.
    matrix : ndarray, shape (n, columns)
        Columns made by formulaic.
    names : tuple of str
        Their names.
    label : str
        Name of the curve of a log-ratio.

    Returns
    -------
    NonlinearBlock

    Raises
    ------
    DataError
        If a column of an expression is not numeric.
    FormulaError
        If an expression has no parameter.
    """
    if term.kind == "log_ratio":
        size = matrix.shape[1] // 2
        return NonlinearBlock("log_ratio", term.text, tuple(f"{label}[{j}]" for j in range(size)), matrix, names)
    tree_names = names_in(read_expression(term.text))
    wrong = [name for name in names if name not in tree_names and name != "Intercept"]
    if wrong:
        raise DataError(f"nl({term.text}) takes numeric columns; found {wrong[0].split('[')[0]!r}, which is not")
    parameters = _in_order(term.text, tree_names - set(names))
    if not parameters:
        raise FormulaError(
            "nl(...) has no parameter: a name that is no column is one; for a transformed column write {...}",
            formula.text,
            *term.span,
        )
    return NonlinearBlock("nl", term.text, parameters, matrix, names)


def _in_order(text: str, names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (text.find(name), name)))

"""The errors and warnings of limeform, and the caret under the offending piece of a formula."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from statsmodels.tools.sm_exceptions import ConvergenceWarning as _StatsmodelsConvergenceWarning

_COLUMNS_SHOWN = 10
_LONGEST_LINE = 400
"""Characters of a longer line that are shown, around the offending piece."""


class LimeformError(Exception):
    """Any refusal by limeform; catch this to catch them all."""


class DataError(LimeformError, ValueError):
    """Something is wrong in the data: missing or infinite values, a standard error of zero, a single group."""


class OptionError(LimeformError, ValueError):
    """A keyword has a value that it cannot take."""


class MemoryLimitError(LimeformError, MemoryError):
    """A model would need more memory than there is; said before any of it is taken."""


class InfeasibleError(LimeformError, ValueError):
    """Constraints that no parameters meet together; the message names the members that clash."""


class SolverError(LimeformError, RuntimeError):
    """A solver cannot be used: it is not installed, or it cannot take this kind of problem."""


class ArchiveError(LimeformError, ValueError):
    """A file of saved results that cannot be written or read: damaged, foreign, or holding what cannot be stored."""


class FormulaError(LimeformError, ValueError):
    """
    A formula that cannot be read, with a caret under the offending characters.

    Parameters
    ----------
    message : str
        What was found and what to do about it.
    text : str, optional
        The formula as the user typed it; it may have several lines.
    start, stop : int, optional
        The offending piece is ``text[start:stop]``, counted in characters. ``stop`` defaults to
        ``start + 1``. A piece that is empty, or that lies at the end of the text, gets one caret.

    Attributes
    ----------
    message, text, start, stop
        The arguments as given.

    Examples
    --------
    >>> print(FormulaError("there is no group after the bar", "y ~ x + (1 |)", 11, 12))
    there is no group after the bar
        y ~ x + (1 |)
                   ^
    """

    def __init__(
        self, message: str, text: str | None = None, start: int | None = None, stop: int | None = None
    ) -> None:
        # All of the arguments go to Exception.args, so that the error survives pickling on its way from a worker.
        super().__init__(message, text, start, stop)
        self.message = message
        self.text = text
        self.start = start
        self.stop = stop

    def __str__(self) -> str:
        """Return the message, and below it the line of the formula with carets under the piece."""
        return _with_caret(self.message, self.text, self.start, self.stop)


class UnknownColumnError(LimeformError, KeyError):
    """
    A name that is not a column of the data.

    Parameters
    ----------
    name : str
        The name that was asked for.
    columns : iterable of str
        The names that exist; those that look like `name` are proposed.
    where : str, optional
        Where the name was used, such as ``"the formula"`` or ``"se="``.
    text : str, optional
        The formula in which the name stands.
    start, stop : int, optional
        The name is ``text[start:stop]``.

    Attributes
    ----------
    name, columns, where, text, start, stop
        The arguments as given (`columns` as a tuple of str).
    matches : tuple of str
        The columns that look like `name`, the most similar first.

    Examples
    --------
    >>> print(UnknownColumnError("dayz", ["days", "reaction"], "the formula", "reaction ~ dayz", 11, 15))
    'dayz' in the formula is not a column of the data; did you mean 'days'?
        reaction ~ dayz
                   ^^^^
    """

    def __init__(
        self,
        name: str,
        columns: Iterable[object] = (),
        where: str | None = None,
        text: str | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> None:
        self.name = name
        self.columns = tuple(str(column) for column in columns)
        super().__init__(name, self.columns, where, text, start, stop)
        self.where = where
        self.text = text
        self.start = start
        self.stop = stop
        self.matches = _similar_names(name, self.columns)

    def __str__(self) -> str:
        """Return a sentence; KeyError would print the repr of its first argument."""
        where = f" in {self.where}" if self.where else ""
        message = f"{self.name!r}{where} is not a column of the data; {self._proposal()}"
        return _with_caret(message, self.text, self.start, self.stop)

    def _proposal(self) -> str:
        if self.matches:
            return f"did you mean {' or '.join(repr(match) for match in self.matches)}?"
        if not self.columns:
            return "the data have no columns"
        shown = ", ".join(repr(column) for column in self.columns[:_COLUMNS_SHOWN])
        hidden = len(self.columns) - _COLUMNS_SHOWN
        return f"the columns are {shown}" + (f" and {hidden} more" if hidden > 0 else "")


class ConvergenceWarning(_StatsmodelsConvergenceWarning):  # type: ignore[misc,unused-ignore]
    """The solver stopped before it reached an optimum."""


class SingularFitWarning(UserWarning):
    """A variance is zero or a correlation is one at the optimum."""


class OutOfBoundsWarning(UserWarning):
    """A curve was evaluated outside of its bounds, where it continues linearly."""


class UnknownBandWarning(UserWarning):
    """A band of a curve could not be computed and is NaN."""


class NewLevelWarning(UserWarning):
    """New data contain a group that was not in the data of the fit."""


OWN_WARNINGS = (ConvergenceWarning, SingularFitWarning, OutOfBoundsWarning, UnknownBandWarning, NewLevelWarning)
"""What this package warns of: refits by the hundred keep these to themselves, and count what failed."""


def _similar_names(name: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Columns that differ from `name` by case only, then those that difflib finds close."""
    folded = name.casefold()
    same_but_case = [column for column in columns if column.casefold() == folded]
    close = difflib.get_close_matches(name, columns, n=3, cutoff=0.6)
    return tuple(dict.fromkeys(same_but_case + close))


def _with_caret(message: str, text: str | None, start: int | None, stop: int | None) -> str:
    """Put the line of `text` that holds ``text[start:stop]`` under the message, and carets under the piece."""
    if text is None or start is None:
        return message
    start = min(max(start, 0), len(text))
    stop = start + 1 if stop is None else stop
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    width = max(1, min(stop, line_end) - start)
    if line_end - line_start > _LONGEST_LINE:
        first = max(line_start, start - _LONGEST_LINE // 2)
        last = min(line_end, first + _LONGEST_LINE)
        width = max(1, min(width, last - start))
        piece = f"... {text[first:last].rstrip()}" + (" ..." if last < line_end else "")
        return f"{message}\n    {piece}\n    {' ' * (4 + start - first)}{'^' * width}"
    # Tabs are kept as tabs, so that the carets stand under the piece whatever the width of a tab.
    indent = "".join("\t" if char == "\t" else " " for char in text[line_start:start])
    return f"{message}\n    {text[line_start:line_end].rstrip()}\n    {indent}{'^' * width}"

"""Does the refits of a bootstrap again, to ask other questions of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from limeform.bootstrap.parameters import ParameterNames
from limeform.bootstrap.refits import Cases
from limeform.bootstrap.run import Stream, as_sent, run
from limeform.errors import OWN_WARNINGS, OptionError, UnknownBandWarning

FloatArray = NDArray[np.float64]

TOGETHER = 8
"""Refits in a chunk."""


@dataclass(frozen=True)
class Raised:
    """What a function of the user raised; the exception itself may not survive the way to another process."""

    text: str


@dataclass(frozen=True)
class Asked:
    """A function of some refits."""

    refits: Any
    function: Callable[[Any], Any]

    def __call__(self, streams: Sequence[Stream]) -> list[pd.Series | Raised]:
        """Return the function of the refits with these streams."""
        return [_value(self.function, self.refits.results, stream) for stream in streams]


@dataclass(frozen=True)
class Again:
    """Does the refits of a bootstrap again.

    Attributes
    ----------
    refits : Refits
        What does them.
    streams : sequence of Stream
        Their random numbers.
    parameters : ParameterNames
        The parameters of a refit.
    jackknife : Cases or str
        What refits without one unit, or why nothing does.
    """

    refits: Any
    streams: Sequence[Stream]
    parameters: ParameterNames
    jackknife: Cases | str

    def of_fit(self, function: Any) -> Any:
        """Return the function of the fit itself."""
        return function(self.refits.fit)

    def quantity(
        self, function: Any, numbers: Sequence[int], n_jobs: int | None, backend: str | None, progress: bool
    ) -> tuple[list[pd.Series | Raised], bool]:
        """Return the function of some refits, and whether Ctrl-C ended it early; arguments as in `run`."""
        # The refits are sent, the function is not: a list that it fills in this process is to be filled.
        work = Asked(as_sent(self.refits), function)
        chosen = [self.streams[number] for number in numbers]
        chunks, interrupted = run(work, chosen, TOGETHER, n_jobs, backend, progress, sent=True)
        return [value for chunk in chunks for value in chunk], interrupted

    def leave_out(self, function: Any | None) -> FloatArray:
        """Return the parameters, or the function, of refits that lack one unit each, shape (units, columns).

        Raises
        ------
        OptionError
            If there are no units, or the function fails for every refit.

        Warns
        -----
        UnknownBandWarning
            If the function fails for some of the refits: the others say how it changes.
        """
        if isinstance(self.jackknife, str):
            raise OptionError(self.jackknife)
        units = [self.jackknife.sampling.without(unit) for unit in range(self.jackknife.sampling.units)]
        if function is None:
            size = self.jackknife.size
            parts = [self.jackknife.of_many(units[start : start + size]) for start in range(0, len(units), size)]
            return np.concatenate([self.parameters.values(draws) for draws in parts])
        size = np.size(function(self.refits.fit))
        values = [_value(function, self.jackknife.of_units, chosen) for chosen in units]
        reasons = [reason for value in values if (reason := _failure(value, size)) is not None]
        if len(reasons) == len(values):
            raise OptionError(f'method="bca" needs refits without one unit each; in all {len(values)} {reasons[0]}')
        if reasons:
            warnings.warn(
                f"in {len(reasons)} of {len(values)} refits without one unit {reasons[0]}; the acceleration of BCa "
                "intervals comes from the others",
                UnknownBandWarning,
                stacklevel=2,
            )
        blank = np.full(size, np.nan)
        return np.array([blank if isinstance(one, Raised) or len(one) != size else one.to_numpy() for one in values])


def _failure(value: pd.Series | Raised, size: int) -> str | None:
    """Say why a function gave nothing for a refit; None if it gave as many values as for the fit."""
    if isinstance(value, Raised):
        return f"the function raised {value.text}"
    return None if len(value) == size else f"the function gave {len(value)} values, {size} for the fit"


def _value(function: Any, refit: Any, argument: Any) -> pd.Series | Raised:
    try:
        with warnings.catch_warnings():
            for category in OWN_WARNINGS:
                warnings.simplefilter("ignore", category)
            return as_series(function(refit(argument)))
    except Exception as error:  # the function is the user's own: anything can come out of it
        return Raised(f"{type(error).__name__}: {error}")


def as_series(value: ArrayLike | pd.Series) -> pd.Series:
    """Return a number, an array or a Series as a Series of floats."""
    if isinstance(value, pd.Series):
        return value.astype(np.float64)
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0:
        return pd.Series([float(array)], index=["value"])
    return pd.Series(array.ravel())

"""What a user says about trimming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from limeform.errors import OptionError

Rng = int | np.random.Generator | None

_WHOLE = (int, np.integer)
_NUMBERS = (int, float, np.number)


@dataclass(frozen=True, eq=False)
class Trimming:
    """Leave the least likely rows, or groups, out of the likelihood.

    Parameters
    ----------
    fraction : float
        Share that is left out: ``floor(fraction * n)`` of the n rows (or groups); the other h are kept.
    level : {"observation", "group"}
        Trim rows, or whole levels of the grouping factor.
    interpolation : {"linear", "power"}
        How a weight between zero and one acts: as the power of the conditional density, in which the search is
        invariant to units and never rises, or as in eq. (9) of the paper. Both agree where it ends.
    starts : int
        Random starts; the uniform start is always taken too.
    keep : str, array of bool, or sequence of row labels, optional
        Rows that are never trimmed: a boolean column, a boolean for each row of the data, or labels of the index.
    rng : None, int or Generator
        Source of the random starts; the result does not depend on ``n_jobs``. None means 0: the same fit each time.
    step : float
        Length of the projected-gradient steps of Algorithm 1 from the uniform start. Infinite, the default, means
        concentration, and that is how every start ends in any case.
    max_outer : int
        Most outer steps from one start.
    correct : bool
        Correct the variances for the good rows that were trimmed, and the standard errors with them.
    reweight : float, optional
        After the search, flag rows by their standardized conditional residual at this two-sided normal probability,
        such as 0.99, and fit all that pass.
    n_jobs : int
        Processes in which the best starts are followed to the end, as in joblib: worth it for large data only.

    Raises
    ------
    OptionError
        If a value is out of range.

    References
    ----------
    Zheng, Barber, Sorensen, Murray, Aravkin: Trimmed Constrained Mixed Effects Models: Formulations and Algorithms,
    section 2.4. Rousseeuw & Leroy (1987), Robust Regression and Outlier Detection, for reweighting; Croux & Rousseeuw
    (1992), A class of high-breakdown scale estimators based on subranges, for the correction.

    Examples
    --------
    >>> Trimming(0.1).kept(25)
    23
    """

    fraction: float
    level: Literal["observation", "group"] = "observation"
    interpolation: Literal["linear", "power"] = "linear"
    starts: int = 50
    keep: str | ArrayLike | Sequence[object] | None = None
    rng: Rng = None
    step: float = np.inf
    max_outer: int = 100
    correct: bool = False
    reweight: float | None = None
    n_jobs: int = 1

    def __post_init__(self) -> None:
        """Check the values."""
        if isinstance(self.fraction, bool) or not isinstance(self.fraction, _NUMBERS):
            raise OptionError(f"trim={self.fraction!r}: give the share to leave out, such as 0.1, or lf.Trimming(...)")
        if not 0 <= self.fraction < 1:
            raise OptionError(f"trim={self.fraction!r}: the share to leave out has to be at least 0 and below 1")
        if self.level not in ("observation", "group"):
            raise OptionError(f'level={self.level!r}: give "observation" or "group"')
        if self.interpolation not in ("linear", "power"):
            raise OptionError(f'interpolation={self.interpolation!r}: give "linear" or "power"')
        _check_count("starts", self.starts, 0)
        _check_count("max_outer", self.max_outer, 1)
        _check_rng(self.rng)
        if isinstance(self.step, bool) or not isinstance(self.step, _NUMBERS) or not self.step > 0:
            raise OptionError(f"step={self.step!r}: give a positive number; infinity means concentration")
        if isinstance(self.n_jobs, bool) or not isinstance(self.n_jobs, _WHOLE) or self.n_jobs == 0:
            raise OptionError(f"n_jobs={self.n_jobs!r}: give a whole number of processes, -1 for all cores")
        if not isinstance(self.correct, (bool, np.bool_)):
            raise OptionError(f"correct={self.correct!r}: give True or False")
        if self.reweight is not None and not (isinstance(self.reweight, _NUMBERS) and 0.5 <= self.reweight < 1):
            raise OptionError(f"reweight={self.reweight!r}: give a probability such as 0.99")
        if self.level == "group" and np.isfinite(self.step):
            raise OptionError('step= is for level="observation": trimming of groups goes by concentration')
        if self.level == "group" and self.correct:
            raise OptionError(
                'correct=True is for level="observation": errors in whole groups that stay are not truncated row by row'
            )
        if self.level == "group" and self.reweight is not None:
            raise OptionError('reweight= flags single rows: it goes with level="observation"')

    def kept(self, n: int) -> int:
        """Return h, the number kept of ``n`` rows or groups."""
        return n - int(np.floor(self.fraction * n + 1e-9))


def _check_count(name: str, value: object, least: int) -> None:
    """Refuse what is not a whole number from ``least``."""
    if isinstance(value, bool) or not isinstance(value, _WHOLE) or value < least:
        raise OptionError(f"{name}={value!r}: give a whole number from {least}")


def _check_rng(rng: object) -> None:
    """Refuse what no random numbers come from."""
    whole = isinstance(rng, _WHOLE) and not isinstance(rng, bool) and rng >= 0
    if not (rng is None or whole or isinstance(rng, np.random.Generator)):
        raise OptionError(f"rng={rng!r}: give None, a whole number from 0, or a numpy.random.Generator")

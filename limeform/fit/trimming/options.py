"""What a user says about trimming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from limeform.errors import OptionError

Rng = int | np.random.Generator | None


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
        if isinstance(self.fraction, bool) or not isinstance(self.fraction, (int, float, np.number)):
            raise OptionError(f"trim={self.fraction!r}: give the share to leave out, such as 0.1, or lf.Trimming(...)")
        if not 0 <= self.fraction < 1:
            raise OptionError(f"trim={self.fraction!r}: the share to leave out has to be at least 0 and below 1")
        if self.level not in ("observation", "group"):
            raise OptionError(f'level={self.level!r}: give "observation" or "group"')
        if self.interpolation not in ("linear", "power"):
            raise OptionError(f'interpolation={self.interpolation!r}: give "linear" or "power"')
        if self.starts < 0 or self.max_outer < 1:
            raise OptionError(f"starts={self.starts!r}, max_outer={self.max_outer!r}: give numbers from 0 and from 1")
        if not self.step > 0:
            raise OptionError(f"step={self.step!r}: give a positive number; infinity means concentration")
        if self.reweight is not None and not 0.5 <= self.reweight < 1:
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

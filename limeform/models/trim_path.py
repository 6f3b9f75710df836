"""A sweep over the fraction that is trimmed: the user's way to choose it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from limeform.errors import OptionError
from limeform.models.lmm import LMM
from limeform.plot import PathPicture, trim_path_plot
from limeform.results import LMMResults
from limeform.results.inference import wald_interval, wald_table
from limeform.solve import Solver

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TrimPath:
    """Fits of one model that trim different fractions.

    Attributes
    ----------
    results : tuple of LMMResults
        The fits, by ascending fraction.
    frame : DataFrame
        On the fractions: ``trimmed`` (rows left out), each fixed effect, its standard error as ``se(name)``, standard
        deviations of random effects as ``sd(group: effect)``, ``sigma`` where it is estimated, and ``agreeing``, the
        share of the starts followed to the end that reached the best fit.
    """

    results: tuple[LMMResults, ...]
    frame: pd.DataFrame

    def plot(
        self, *, names: Sequence[str] | None = None, alpha: float = 0.05, ax: Axes | Iterable[Axes] | None = None
    ) -> NDArray[np.object_]:
        """Draw the estimates against the fraction, one panel each, fixed effects with their Wald intervals.

        Parameters
        ----------
        names : sequence of str, optional
            Columns of ``frame`` to draw; all fixed effects and standard deviations if left out.
        alpha : float
            One minus the coverage of the intervals.
        ax : Axes or array of Axes, optional
            Where to draw, one for each name; a new figure if left out.

        Returns
        -------
        ndarray of Axes
        """
        every = [str(name) for name in self.frame]
        plain = [name for name in every if name not in ("trimmed", "agreeing") and not name.startswith("se(")]
        chosen = plain if names is None else list(names)
        unknown = [name for name in chosen if name not in plain]
        if unknown:
            raise OptionError(f"names={unknown[0]!r} is not one of {', '.join(plain)}")
        half = self.frame[chosen] * np.nan
        for fraction, fit in zip(self.frame.index, self.results, strict=True):
            interval = wald_interval(wald_table(fit.estimates.beta, fit.estimates.beta_covariance), alpha)
            for name, (lower, upper) in zip(fit.params.index, interval, strict=True):
                if name in chosen:
                    half.loc[fraction, name] = (upper - lower) / 2
        content = PathPicture(
            fractions=self.frame.index.to_numpy(dtype=np.float64),
            names=chosen,
            estimates=self.frame[chosen].to_numpy(dtype=np.float64),
            half_widths=half.to_numpy(dtype=np.float64),
            coverage=1.0 - alpha,
        )
        return trim_path_plot(content, ax=ax)

    def __repr__(self) -> str:
        """Return one line: how many fits, over which fractions."""
        return f"<TrimPath: {len(self.results)} fits, {self.frame.index.min():g} to {self.frame.index.max():g} trimmed>"


def trim_path(model: LMM, fractions: Iterable[float], *, solver: Solver | None = None) -> TrimPath:
    """Fit a model at several fractions trimmed, each search warmed by the fit before it.

    A good fraction is the smallest after which the estimates stand still: then the outliers are out, and trimming more
    only removes good rows.

    Parameters
    ----------
    model : LMM
        Its ``trim=`` gives all options but the fraction.
    fractions : iterable of float
        Shares to leave out, at least 0 and below 1; sorted, and duplicates left out.
    solver : Solver, optional
        As in ``fit``.

    Returns
    -------
    TrimPath

    Raises
    ------
    OptionError
        If a fraction is out of range, or there is none.

    Examples
    --------
    >>> import limeform as lf
    >>> model = lf.lmm("y ~ x + (1 | study)", lf.datasets.contaminated_studies(rng=1), se="se")
    >>> lf.trim_path(model, [0.0, 0.1, 0.15, 0.2]).frame["x"].round(1).tolist()
    [0.4, 3.4, 4.7, 4.9]
    """
    values = sorted({float(fraction) for fraction in fractions})
    if not values:
        raise OptionError("fractions= is empty: give the shares to leave out, such as [0, 0.05, 0.1]")
    fits: list[LMMResults] = []
    for fraction in values:
        trimmed = model.with_trim(fraction)
        fits.append(trimmed.fit(solver, start=fits[-1] if fits else None))
    rows = [_row(fit) for fit in fits]
    return TrimPath(tuple(fits), pd.DataFrame(rows, index=pd.Index(values, name="fraction")))


def _row(fit: LMMResults) -> dict[str, float]:
    """Return one row of the table."""
    row: dict[str, float] = {"trimmed": fit.nobs - fit.n_kept}
    row |= {str(name): float(value) for name, value in fit.params.items()}
    row |= {f"se({name})": float(value) for name, value in fit.bse.items()}
    sd = np.sqrt(np.diag(fit.estimates.gamma))
    random = fit.design.random
    if random is not None:
        row |= {f"sd({random.factor}: {name})": float(value) for name, value in zip(random.names, sd, strict=True)}
    if isinstance(fit.sigma, float) and not fit.known_variance:
        row["sigma"] = fit.sigma
    found = None if fit.trimming is None else fit.trimming.found
    row["agreeing"] = 1.0 if found is None else found.agreeing / found.followed
    return row

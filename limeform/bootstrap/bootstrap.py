"""What a bootstrap found: draws of the parameters, and standard errors and intervals from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_params

from limeform.bootstrap import intervals
from limeform.bootstrap.replay import Raised, as_series
from limeform.errors import ConvergenceWarning, FewDrawsWarning, OptionError
from limeform.tables import FitSummary

FloatArray = NDArray[np.float64]
Method = Literal["percentile", "expanded", "basic", "bca"]
METHODS = ("percentile", "expanded", "basic", "bca")
Quantity = Callable[[Any], Any]

FEW = 0.05
"""Share of refits that may fail before a warning."""


class Replay(Protocol):
    """Does the refits of a bootstrap again, to ask other questions of them."""

    def quantity(
        self, function: Quantity, numbers: Sequence[int], n_jobs: int | None, backend: str | None, progress: bool
    ) -> tuple[list[Any], bool]:
        """Return the function of some refits, by their numbers, and whether Ctrl-C ended it early."""

    def of_fit(self, function: Quantity) -> Any:
        """Return the function of the fit itself."""

    def leave_out(self, function: Quantity | None) -> FloatArray:
        """Return the parameters, or the function, of refits without one unit each, shape (units, columns)."""


@dataclass(eq=False)
class BootstrapResults:
    """Draws from the refits of a bootstrap.

    Attributes
    ----------
    estimate : Series
        Parameters of the fit: fixed effects, standard deviations and correlations of the random effects, sigma.
    draws : DataFrame
        The same of each refit that converged, by the number of the refit.
    failures : Series
        Why the others did not, by number.
    kind, refit : str
        How responses were made, and what was done with trimmed rows.
    requested : int
        Refits asked for.
    interrupted : bool
        Whether Ctrl-C ended it early.
    n_fixed : int
        Number of fixed effects.
    restricted : ndarray of bool, shape (parameters,)
        Those that constraints or priors may act on. Their intervals are expanded percentiles unless `conf_int` is told
        otherwise, since the ends of reflected ones may break the constraints.
    units : int
        Groups, or rows where there are none: expanded percentiles allow for how few they are.

    Examples
    --------
    >>> import limeform as lf
    >>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
    >>> boot = results.bootstrap(200, rng=1)
    >>> boot.conf_int().round(1).loc["Days"].tolist()
    [7.4, 13.1]
    """

    estimate: pd.Series
    draws: pd.DataFrame
    failures: pd.Series
    kind: str
    refit: str
    requested: int
    interrupted: bool = False
    n_fixed: int = 0
    restricted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    units: int = 0
    replay: Replay | None = field(default=None, repr=False)
    of: Quantity | None = field(default=None, repr=False)
    _left_out: FloatArray | None = field(default=None, repr=False)

    # ------------------------------------------------------------------ how it went

    @property
    def n(self) -> int:
        """Number of refits that were done."""
        return len(self.draws) + len(self.failures)

    @property
    def n_converged(self) -> int:
        """Number of refits that converged: those that are used."""
        return len(self.draws)

    def _require(self) -> None:
        if len(self.draws) < 2:
            raise OptionError(
                f"{len(self.draws)} of {self.n} refits converged: nothing can be said from them; see failures"
            )

    def warn(self) -> None:
        """Warn where so many refits failed that the rest may be a selection."""
        if len(self.failures) > FEW * self.n:
            reasons = "; ".join(f"{count} x {reason}" for reason, count in self.failures.value_counts().head(3).items())
            message = f"{len(self.failures)} of {self.n} refits failed and are left out: {reasons}"
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    # ------------------------------------------------------------------ numbers

    @property
    def params(self) -> pd.DataFrame:
        """Draws of the fixed effects, one row a refit: ``curve(draws=)`` takes its bands from them."""
        return self.draws.iloc[:, : self.n_fixed]

    @property
    def se(self) -> pd.Series:
        """Standard deviations of the draws."""
        self._require()
        return self.draws.std(ddof=1).rename("std err")

    @property
    def bias(self) -> pd.Series:
        """Mean of the draws less the estimate."""
        self._require()
        return (self.draws.mean() - self.estimate).rename("bias")

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix of the draws."""
        self._require()
        return self.draws.cov()

    def conf_int(
        self, level: float | None = None, method: Method | None = None, *, alpha: float | None = None
    ) -> pd.DataFrame:
        """Return confidence intervals.

        Parameters
        ----------
        level : float
            Coverage; 0.95 if left out.
        method : {"basic", "percentile", "expanded", "bca"}, optional
            Quantiles of the draws, reflected at the estimate; as they are; as they are at levels that are as wide as t
            intervals (Hesterberg 2015); or bias-corrected and accelerated, which refits the model without each group
            (or row) in turn. If left out, basic, and expanded for parameters that constraints or priors act on:
            docs/uncertainty.md has the coverage of all.
        alpha : float, optional
            One minus the coverage, in place of ``level``.

        Returns
        -------
        DataFrame
            Columns 0 and 1: lower and upper ends. Ends of a standard deviation are not below zero, those of a
            correlation between -1 and 1.

        Raises
        ------
        OptionError
            If the level is not between 0 and 1, the method unknown, or fewer than two refits converged.

        Warns
        -----
        FewDrawsWarning
            If there are fewer draws than quantiles k / (d + 1) of that level take: 39 for 0.95, 199 for 0.99.
        """
        share = intervals.alpha_of(level, alpha)
        if method is not None and method not in METHODS:
            raise OptionError(f"method={method!r}: give {', '.join(map(repr, METHODS))}")
        self._require()
        self._warn_of_few(method, share)
        return self._within_range(pd.DataFrame(self._ends(method, share), index=self.estimate.index))

    def _ends(self, method: Method | None, alpha: float) -> FloatArray:
        """Return intervals by a method, or by that of each parameter; shape (parameters, 2)."""
        estimate, draws = self.estimate.to_numpy(dtype=np.float64), self.draws.to_numpy(dtype=np.float64)
        if method == "percentile":
            return intervals.percentile(draws, alpha)
        if method == "expanded":
            return intervals.expanded(draws, alpha, self.units)
        if method == "bca":
            return intervals.bca(estimate, draws, self._jackknife(), alpha)
        ends = intervals.basic(estimate, draws, alpha)
        if method is None and self.restricted.any():
            ends[self.restricted] = intervals.expanded(draws[:, self.restricted], alpha, self.units)
        return ends

    def _warn_of_few(self, method: Method | None, alpha: float) -> None:
        """Warn where the k / (d + 1) of d draws do not reach the level."""
        wider = method == "expanded" or (method is None and bool(self.restricted.any()))
        least = intervals.least_draws(intervals.expanded_alpha(alpha, self.units) if wider else alpha)
        counts = np.isfinite(self.draws.to_numpy(dtype=np.float64)).sum(axis=0)
        fewest = int(counts[counts > 0].min(initial=len(self.draws)))
        if fewest < least:
            message = (
                f"{fewest} draws do not reach a level of {1 - alpha:g}: the ends of the intervals come from the "
                f"smallest and the largest draw; this level takes at least {least} draws"
            )
            warnings.warn(message, FewDrawsWarning, stacklevel=3)

    def _jackknife(self) -> FloatArray:
        if self._left_out is None:
            if self.replay is None:
                raise OptionError('method="bca" needs the fit, which a loaded or reduced bootstrap does not have')
            self._left_out = self.replay.leave_out(self.of)
        return self._left_out

    def curve(self, term: str, at: ArrayLike | None = None, derivative: int = 0) -> pd.DataFrame:
        """Return draws of a curve: its values, or those of a derivative, at the parameters of each refit.

        Parameters
        ----------
        term : str
            Name of the curve.
        at : array (n,), optional
            Exposures, or levels; 200 between the bounds if left out.
        derivative : int
            Order of the derivative.

        Returns
        -------
        DataFrame
            One row a refit that converged, by its number; one column an exposure. Values are in the units of the column
            ``fit`` of `LMMResults.curve`.

        Raises
        ------
        OptionError
            If there is no such curve, or the bootstrap is of a function of the refits.

        Examples
        --------
        >>> import limeform as lf
        >>> data = lf.datasets.sleepstudy()
        >>> results = lf.lmm("Reaction ~ bspline(Days, knots=2) + (1 | Subject)", data).fit()
        >>> results.bootstrap(50, rng=1).curve("Days", [0, 9]).shape
        (50, 2)
        """
        if self.of is not None or self.replay is None:
            raise OptionError(
                "curve() needs the draws of all parameters and the fit: take what results.bootstrap() gave"
            )
        draws = self.params.to_numpy(dtype=np.float64)
        places, values = self.replay.of_fit(lambda fit: fit._curve_draws(term, at, derivative, draws))
        return pd.DataFrame(values, index=self.draws.index, columns=pd.Index(places, name="at"))

    def _within_range(self, table: pd.DataFrame) -> pd.DataFrame:
        if self.of is not None:
            return table
        for name in table.index[self.n_fixed :]:
            low, high = (-1.0, 1.0) if str(name).startswith("cor(") else (0.0, np.inf)
            table.loc[name] = table.loc[name].clip(low, high)
        return table

    def function(
        self, function: Quantity, n_jobs: int | None = None, progress: bool = False, *, backend: str | None = None
    ) -> BootstrapResults:
        """Bootstrap any quantity of a fit, from the same refits done again.

        Parameters
        ----------
        function : callable
            Takes the results of a refit (an `LMMResults`), returns a number, an array or a Series.
        n_jobs, progress, backend
            As in `LMMResults.bootstrap`; the result does not depend on ``n_jobs``. In other processes the function is a
            copy: it can return something, but not change what belongs to this one.

        Returns
        -------
        BootstrapResults
            Of that quantity. Where the function raises, the refit counts as failed; after Ctrl-C of the refits that
            were done.

        Raises
        ------
        OptionError
            If the function fails for the fit itself, or does not return numbers.

        Examples
        --------
        >>> import limeform as lf
        >>> results = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff()).fit()
        >>> share = lambda fit: fit.cov_re.iloc[0, 0] / (fit.cov_re.iloc[0, 0] + fit.scale)
        >>> results.bootstrap(50, rng=1).function(share).draws.shape
        (50, 1)
        """
        if self.replay is None:
            raise OptionError("function= needs the fit, which a reduced bootstrap does not have")
        try:
            estimate = as_series(self.replay.of_fit(function))
        except Exception as error:  # the function is the user's own: anything can come out of it
            raise OptionError(f"the function fails for the fit itself: {error}") from error
        numbers = [int(number) for number in self.draws.index]
        found, interrupted = self.replay.quantity(function, numbers, n_jobs, backend, progress)
        rows, failures = {}, dict(self.failures)
        for number, series in zip(numbers, found, strict=False):
            if isinstance(series, Raised):
                failures[number] = f"the function raised {series.text}"
            elif len(series) != len(estimate):
                failures[number] = f"the function gave {len(series)} values, {len(estimate)} for the fit"
            else:
                rows[number] = series.to_numpy(dtype=np.float64)
        draws = pd.DataFrame.from_dict(rows, orient="index", columns=estimate.index).rename_axis("refit")
        reduced = BootstrapResults(
            estimate=estimate,
            draws=draws,
            failures=pd.Series(failures, dtype=object).sort_index(),
            kind=self.kind,
            refit=self.refit,
            requested=self.requested,
            interrupted=self.interrupted or interrupted,
            restricted=np.full(len(estimate), self.restricted.any()),
            units=self.units,
            replay=self.replay,
            of=function,
        )
        reduced.warn()
        return reduced

    # ------------------------------------------------------------------ tables

    def summary(
        self, level: float | None = None, method: Method | None = None, *, alpha: float | None = None
    ) -> FitSummary:
        """Return a table of estimates, bias, standard errors and intervals: text, HTML, ``.as_latex()``.

        Parameters
        ----------
        level, method, alpha
            As in `conf_int`.

        Returns
        -------
        FitSummary
            A statsmodels ``Summary`` whose HTML and LaTeX escape all text.
        """
        share = intervals.alpha_of(level, alpha)
        ends = self.conf_int(method=method, alpha=share)
        columns = [self.estimate, self.bias, self.se, ends[0], ends[1]]
        cells = [[f"{value:.4f}" for value in row] for row in zip(*columns, strict=True)]
        headers = ["estimate", "bias", "std err", f"[{share / 2:.3g}", f"{1 - share / 2:.3g}]"]
        table = SimpleTable(
            cells, headers, [str(name) for name in self.estimate.index], title=self._title(), txt_fmt=fmt_params
        )
        summary = FitSummary()
        summary.tables.append(table)
        summary.add_extra_txt(["Notes:", *(f"[{i}] {note}" for i, note in enumerate(self._notes(method), 1))])
        return summary

    def _title(self) -> str:
        return {"parametric": "Parametric", "residual": "Residual", "cases": "Case"}[self.kind] + " bootstrap"

    def _notes(self, method: Method | None) -> list[str]:
        notes = [f"{self._kind_of_interval(method)} intervals from {self.n_converged} refits."]
        if len(self.failures):
            reasons = "; ".join(f"{count} x {reason}" for reason, count in self.failures.value_counts().items())
            notes.append(f"{len(self.failures)} refits are left out: {reasons}.")
        if self.interrupted:
            notes.append(f"Interrupted: {self.n} of {self.requested} refits were done.")
        if self.refit:
            notes.append(
                "Trimming: the rows kept by the fit were kept in every refit."
                if self.refit == "held"
                else "Trimming: every refit chose the rows that it kept anew."
            )
        undefined = self.draws.columns[self.draws.isna().any()]
        for name in undefined:
            notes.append(f"{name} is undefined in {int(self.draws[name].isna().sum())} refits with a variance of zero.")
        return notes

    def _kind_of_interval(self, method: Method | None) -> str:
        if method is not None:
            return "expanded percentile" if method == "expanded" else method
        if self.restricted.all() and len(self.restricted):
            return "expanded percentile"
        return "expanded percentile (constrained parameters) and basic" if self.restricted.any() else "basic"

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())

    def __repr__(self) -> str:
        """Return one line: kind, refits, failures."""
        return f"<BootstrapResults: {self.kind}, {self.n_converged} of {self.n} refits converged>"

"""What a bootstrap found: draws of the parameters, and standard errors and intervals from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_params

from limeform.bootstrap import intervals
from limeform.bootstrap.replay import Raised, as_series
from limeform.errors import ConvergenceWarning, OptionError
from limeform.tables import FitSummary

FloatArray = NDArray[np.float64]
Method = Literal["percentile", "basic", "bca"]
METHODS = ("percentile", "basic", "bca")
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
    default : {"basic", "percentile"}
        Kind of interval that `conf_int` gives: percentiles for fits with constraints or priors, since the ends of
        others may break the constraints.

    Examples
    --------
    >>> import limeform as lf
    >>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
    >>> boot = results.bootstrap(200, rng=1)
    >>> boot.conf_int().round(1).loc["Days"].tolist()
    [7.4, 12.9]
    """

    estimate: pd.Series
    draws: pd.DataFrame
    failures: pd.Series
    kind: str
    refit: str
    requested: int
    interrupted: bool = False
    n_fixed: int = 0
    default: Method = "basic"
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
        method : {"basic", "percentile", "bca"}, optional
            That of ``default`` if left out.
            Quantiles of the draws, reflected at the estimate; as they are; or bias-corrected and accelerated, which
            refits the model without each group (or row) in turn. Reflection has the best coverage of standard
            deviations (see docs/uncertainty.md).
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
        """
        share = _alpha(level, alpha)
        method = self.default if method is None else method
        if method not in METHODS:
            raise OptionError(f"method={method!r}: give {', '.join(map(repr, METHODS))}")
        self._require()
        estimate, draws = self.estimate.to_numpy(dtype=np.float64), self.draws.to_numpy(dtype=np.float64)
        if method == "percentile":
            ends = intervals.percentile(draws, share)
        elif method == "basic":
            ends = intervals.basic(estimate, draws, share)
        else:
            ends = intervals.bca(estimate, draws, self._jackknife(), share)
        return self._within_range(pd.DataFrame(ends, index=self.estimate.index))

    def _jackknife(self) -> FloatArray:
        if self._left_out is None:
            if self.replay is None:
                raise OptionError('method="bca" needs the fit, which a loaded or reduced bootstrap does not have')
            self._left_out = self.replay.leave_out(self.of)
        return self._left_out

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
            default=self.default,
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
        share = _alpha(level, alpha)
        method = self.default if method is None else method
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

    def _notes(self, method: str) -> list[str]:
        notes = [f"{method} intervals from {self.n_converged} refits."]
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

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())

    def __repr__(self) -> str:
        """Return one line: kind, refits, failures."""
        return f"<BootstrapResults: {self.kind}, {self.n_converged} of {self.n} refits converged>"


def _alpha(level: float | None, alpha: float | None) -> float:
    """Return alpha from either of the two ways to give it."""
    if level is not None and alpha is not None:
        raise OptionError("give level= (the coverage) or alpha= (one minus the coverage), not both")
    name, given = ("alpha", alpha) if alpha is not None else ("level", 0.95 if level is None else level)
    if isinstance(given, bool) or not isinstance(given, (int, float, np.number)) or not 0 < given < 1:
        raise OptionError(f"{name}={given!r} has to lie between 0 and 1, such as {0.05 if name == 'alpha' else 0.95}")
    return float(given) if name == "alpha" else 1.0 - float(given)

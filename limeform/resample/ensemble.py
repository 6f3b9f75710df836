"""Many placements of the knots of a curve, weighted by how well each fits: one averaged curve."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from limeform.bootstrap.run import generator_of, workers_of
from limeform.design.curves import spline_of
from limeform.errors import DataError, OptionError, OutOfBoundsWarning, UnknownBandWarning
from limeform.models import LMM
from limeform.models.knots import spline_called
from limeform.plot import curve_plot
from limeform.resample.average import averaged
from limeform.resample.members import Members, fit_all
from limeform.resample.picture import ensemble_picture
from limeform.resample.placements import draw_knots
from limeform.resample.weights import NAMED, Criterion, scores_of
from limeform.results import LMMResults
from limeform.results.curve import transformed
from limeform.solve import Solver

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
Random = np.random.Generator | int | None


@dataclass(frozen=True, eq=False)
class KnotEnsemble:
    """Fits of one model with different knots, and their weights.

    Attributes
    ----------
    term : str
        The curve whose knots were drawn.
    members : tuple of LMMResults
        The fits that converged.
    placements : ndarray, shape (draws, j)
        Interior knots of each draw.
    scores : Series
        The criterion of each member, by the number of its draw (higher is better).
    weights : Series
        Weights of the members, exp(score) over its sum.
    criterion : str
        What the weights are made from.
    failed : Series
        Why the other draws gave no member, by their number.
    """

    term: str
    members: tuple[LMMResults, ...]
    placements: FloatArray
    scores: pd.Series
    weights: pd.Series
    criterion: str
    failed: pd.Series

    @property
    def knots(self) -> FloatArray:
        """Interior knots of each member, shape (members, j)."""
        return self.placements[self.weights.index]

    @property
    def effective_members(self) -> float:
        """How many members of equal weight vary as much: one over the sum of the squared weights."""
        return float(1.0 / np.sum(self.weights**2))

    def __repr__(self) -> str:
        """Return one line: the curve, how many draws were fitted, what the weights are made from."""
        failed = f", {len(self.failed)} failed" if len(self.failed) else ""
        return (
            f"<KnotEnsemble of {self.term!r}: {len(self.members)} of {len(self.placements)} draws fitted{failed}; "
            f"weights by {self.criterion}, the largest {self.weights.max():.3f}, "
            f"as many as {self.effective_members:.1f} equal ones>"
        )

    def summary(self) -> pd.DataFrame:
        """Return the draws, members first, by their weight.

        Returns
        -------
        DataFrame
            One row a draw: its knots, log-likelihood, log priors, score, weight, and ``status``: "converged", or why
            there is no member. What the weights are made from stands above the index.
        """
        names = [f"knot {j + 1}" for j in range(self.placements.shape[1])]
        table = pd.DataFrame(self.placements, columns=names).rename_axis(index="draw")
        own = self.weights.index
        table.loc[own, "llf"] = [member.llf for member in self.members]
        table.loc[own, "log_prior"] = [float(member.log_priors.sum()) for member in self.members]
        table["score"], table["weight"] = self.scores, self.weights.reindex(table.index, fill_value=0.0)
        table["status"] = self.failed.reindex(table.index).fillna("converged")
        table = table.sort_values(["weight", "score"], ascending=False, kind="stable")
        return table.rename_axis(columns=f"weights by {self.criterion}")

    def curve(
        self,
        at: ArrayLike | None = None,
        *,
        derivative: int = 0,
        transform: Callable[[Any], Any] | None = None,
        alpha: float = 0.05,
        random: Mapping[str, ArrayLike] | None = None,
        draws: int | None = None,
        rng: Random = None,
    ) -> pd.DataFrame:
        """Return the weighted average of the members' curves.

        Parameters
        ----------
        at, derivative, transform, alpha, random
            As in `LMMResults.curve`.
        draws : int, optional
            For the bands: this many refits of simulated data in all, each within all of the constraints, spread over
            the members by their weights. Without it the bands are normal ones, which do not exist for a member that
            touches a constraint.
        rng : Generator or int, optional
            Randomness of the refits.

        Returns
        -------
        DataFrame
            Columns ``at, fit, mean_lower, mean_upper, new_lower, new_upper`` as in `LMMResults.curve` (variance within
            and between members), and ``knots_lower, knots_upper``: weighted quantiles of the members' curves, which is
            the uncertainty of the placement alone.

        Warns
        -----
        UnknownBandWarning
            Where a band is NaN: a member touches a constraint and there are no ``draws``, or the columns of the random
            effects do not follow from the exposure and ``random=`` does not give them.
        """
        tables, used = self._curves(at, derivative, alpha, random, draws, rng)
        table = averaged(tables, self.weights.to_numpy(), alpha, used)
        self._warn_of_unknown(tables, used, derivative)
        return transformed(table, transform)

    def plot_curve(
        self,
        at: ArrayLike | None = None,
        *,
        members: bool = True,
        derivative: int = 0,
        transform: Callable[[Any], Any] | None = None,
        alpha: float = 0.05,
        random: Mapping[str, ArrayLike] | None = None,
        draws: int | None = None,
        rng: Random = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the averaged curve with its bands, the members' curves (the stronger the heavier), rows and knots.

        Rows stand as in `LMMResults.plot_curve`, at the values that the members ask for on average; a row is crossed
        where members of more than half of the weight trimmed it. Marks at the lower edge are the members' knots.

        Parameters
        ----------
        at, derivative, transform, alpha, random, draws, rng
            As in `curve`.
        members : bool
            Whether to draw the members' curves and knots.
        ax : Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes
        """
        tables, used = self._curves(at, derivative, alpha, random, draws, rng)
        table = averaged(tables, self.weights.to_numpy(), alpha, used)
        self._warn_of_unknown(tables, used, derivative)
        tables = [transformed(one, transform) for one in tables]
        average = transformed(table, transform)
        return curve_plot(ensemble_picture(self, tables, average, transform, derivative, alpha, members), ax=ax)

    def _curves(
        self,
        at: ArrayLike | None,
        derivative: int,
        alpha: float,
        random: Mapping[str, ArrayLike] | None,
        draws: int | None,
        rng: Random,
    ) -> tuple[list[pd.DataFrame], NDArray[np.bool_]]:
        """Return the curve of each member, and whose bands are used."""
        if draws is not None and not _is_count(draws, 2):
            raise OptionError(f"draws={draws!r}: give the number of refits, 2 or more")
        weights, generator = self.weights.to_numpy(), generator_of(rng)
        counts = np.zeros(len(weights), dtype=int) if draws is None else generator.multinomial(draws, weights)
        tables: list[pd.DataFrame] = []
        for member, count, child in zip(self.members, counts, generator.spawn(len(weights)), strict=True):
            # A member that gets a handful of refits only is described by them as well as by more of its own weight.
            refits = max(int(count), 2) if count else None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UnknownBandWarning)  # said of all members together
                if tables:  # all members have the same bounds: the first one has warned for all
                    warnings.simplefilter("ignore", OutOfBoundsWarning)
                tables.append(
                    member.curve(
                        self.term, at, derivative=derivative, alpha=alpha, random=random, draws=refits, rng=child
                    )
                )
        return tables, weights > 0 if draws is None else counts > 0

    def _warn_of_unknown(self, tables: list[pd.DataFrame], used: NDArray[np.bool_], derivative: int) -> None:
        """Say why bands are NaN, and what makes them known."""
        touching = used & [bool(table["mean_lower"].isna().any()) for table in tables]
        random = self.members[0].design.random
        message = ""
        if touching.any():
            share = self.weights[touching].sum()
            message = (
                f"{touching.sum()} of {len(tables)} members, with {share:.0%} of the weight, touch a constraint and "
                "have no normal band, so that the bands are NaN: give draws=, such as draws=200, for bands from refits"
            )
        elif derivative == 0 and random is not None and all(table["new_lower"].isna().all() for table in tables):
            message = (
                "the band of a new group is NaN, as the columns of the random effects do not follow from the exposure: "
                f"give random= with the values of {', '.join(random.names)} at the exposures"
            )
        if message:
            warnings.warn(message, UnknownBandWarning, stacklevel=3)


def knot_ensemble(
    model: LMM,
    draws: int = 50,
    rng: Random = None,
    n_jobs: int = 1,
    *,
    term: str | None = None,
    n_knots: int | None = None,
    min_spacing: float = 0.1,
    criterion: Criterion = "aic",
    solver: Solver | None = None,
) -> KnotEnsemble:
    """Fit a model with many placements of the knots of a curve, and weight the fits.

    Parameters
    ----------
    model : LMM
        The model, with all its constraints, priors and trimming.
    draws : int
        Number of placements.
    rng : Generator or int, optional
        Randomness of the placements; the result does not depend on ``n_jobs``.
    n_jobs : int
        Processes, as in joblib.
    term : str, optional
        The curve; may be left out where there is only one.
    n_knots : int, optional
        Interior knots of each member; as many as the model has if left out.
    min_spacing : float
        Least distance between knots, and to the bounds, as a share of the range.
    criterion : {"aic", "bic", "posterior", "mrbert"} or callable
        What a member weighs.

        * "aic", "bic": exp(-AIC/2), exp(-BIC/2) (Buckland et al. 1997). Members have equally many coefficients, so that
          both are in proportion to the maximised likelihood unless columns of some members are dependent.
        * "posterior": exp(log-likelihood + log priors), for models with priors.
        * "mrbert": by fit and by variation, as the ensembles of mrtool (`MRBeRT`), which the authors of section 3.2.3
          published, do by default: log-likelihood + log priors, and minus the mean absolute size of the highest
          derivative of the curve, are each brought to 0..1 over the members and sent through an S-shaped curve; their
          product is the weight.
        * a function of the results of a member: exp of what it returns.

        With trimming the likelihood is that of the rows a member keeps, which are equally many in all members.
        Constraints take nothing off the number of parameters. Members of a REML model stay what they are, but are
        judged by the likelihood of a refit by ML: restricted likelihoods of different bases cannot be compared.
    solver : Solver, optional
        The solver of all fits.

    Returns
    -------
    KnotEnsemble

    Raises
    ------
    OptionError
        If an argument cannot be used.
    DataError
        If no placement can be fitted.

    References
    ----------
    Zheng, Barber, Sorensen, Murray, Aravkin: Trimmed Constrained Mixed Effects Models, section 3.2.3, for the ensemble
    over placements; Buckland, Burnham & Augustin (1997), Biometrics 53, 603–618, for the weights.

    Examples
    --------
    >>> import limeform as lf
    >>> model = lf.lmm("Reaction ~ bspline(Days, knots=2) + (1 | Subject)", lf.datasets.sleepstudy())
    >>> ensemble = lf.knot_ensemble(model, draws=10, rng=1)
    >>> len(ensemble.members), ensemble.curve([0, 9])["fit"].round(0).tolist()
    (10, [257.0, 351.0])
    """
    workers = _checked(model, draws, n_knots, n_jobs, criterion)
    generator = generator_of(rng)
    curve = spline_called(model.design, term)
    basis = spline_of(curve)
    number = len(basis.interior) if n_knots is None else n_knots
    if not number:
        raise OptionError(f"{curve.name!r} has no interior knot that could be placed: give n_knots=, such as n_knots=2")
    placements = draw_knots(number, basis.lower, basis.upper, min_spacing, draws, generator)
    fitted = fit_all(Members.of(model, curve.name, solver), placements, n_jobs, workers)
    kept = [i for i, one in enumerate(fitted) if not isinstance(one, str)]
    members = tuple(one for one in fitted if not isinstance(one, str))
    failed = pd.Series({i: one for i, one in enumerate(fitted) if isinstance(one, str)}, name="reason", dtype=object)
    if not members:
        raise DataError(f"none of {draws} placements of the knots could be fitted; the first: {failed.iloc[0]}")
    index = pd.Index(kept, name="draw")
    scores = pd.Series(scores_of(members, kept, curve.name, criterion), index=index, name="score")
    weights = np.exp(scores - scores.max())
    return KnotEnsemble(
        term=curve.name,
        members=members,
        placements=placements,
        scores=scores,
        weights=(weights / weights.sum()).rename("weight"),
        criterion=getattr(criterion, "__name__", str(criterion)),
        failed=failed.rename_axis("draw"),
    )


def _checked(model: object, draws: object, n_knots: object, n_jobs: int, criterion: object) -> int:
    """Check the arguments; return the number of processes."""
    if not isinstance(model, LMM):
        kind = type(model).__name__
        raise OptionError(f"knot_ensemble takes a model, found {kind}: of results, give results.model")
    if model.source is None:
        raise OptionError("this model does not have the data that it was made from: build it by lf.lmm")
    if not _is_count(draws, 1):
        raise OptionError(f"draws={draws!r}: give the number of placements")
    if n_knots is not None and not _is_count(n_knots, 1):
        raise OptionError(f"n_knots={n_knots!r}: give the number of interior knots, 1 or more")
    if not callable(criterion) and criterion not in NAMED:
        raise OptionError(f"criterion={criterion!r}: give one of {', '.join(map(repr, NAMED))}, or a function")
    return workers_of(n_jobs)


def _is_count(number: object, least: int) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool) and int(number) >= least

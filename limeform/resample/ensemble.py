"""Many placements of the knots of a curve, weighted by how well each fits: one averaged curve."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from limeform.design.curves import spline_of
from limeform.errors import DataError, LimeformError, OptionError, OutOfBoundsWarning
from limeform.models import LMM, KnotRecipe
from limeform.results import LMMResults
from limeform.results.curve import transformed
from limeform.solve import Solver

FloatArray = NDArray[np.float64]
Criterion = Literal["aic", "bic", "posterior"] | Callable[[LMMResults], float]

NAMED = ("aic", "bic", "posterior")

TASKS = 4
"""Tasks for each worker: sending a task costs about as much as a small fit, and the last ones should end together."""


@dataclass(frozen=True, eq=False)
class KnotEnsemble:
    """Fits of one model with different knots, and their weights.

    Attributes
    ----------
    term : str
        The curve whose knots were drawn.
    members : tuple of LMMResults
        The fits that converged.
    knots : ndarray, shape (members, j)
        Interior knots of each.
    scores : Series
        The criterion of each (higher is better).
    weights : Series
        Weights of the members, summing to one.
    criterion : str
        What the weights are made from.
    failed : tuple of str
        Why the other draws gave no member.
    """

    term: str
    members: tuple[LMMResults, ...]
    knots: FloatArray
    scores: pd.Series
    weights: pd.Series
    criterion: str
    failed: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return the members, the best first: knots, log-likelihood, log priors, score and weight."""
        table = pd.DataFrame(
            self.knots, columns=[f"knot {j + 1}" for j in range(self.knots.shape[1])], index=self.weights.index
        )
        table["llf"] = [member.llf for member in self.members]
        table["log_prior"] = [float(member.log_priors.sum()) for member in self.members]
        table["score"], table["weight"] = self.scores, self.weights
        return table.sort_values("weight", ascending=False)

    def curve(
        self,
        at: ArrayLike | None = None,
        *,
        derivative: int = 0,
        transform: Callable[[Any], Any] | None = None,
        alpha: float = 0.05,
        random: Mapping[str, ArrayLike] | None = None,
        draws: int | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> pd.DataFrame:
        """Return the weighted average of the members' curves.

        Parameters
        ----------
        at, derivative, transform, alpha, random
            As in `LMMResults.curve`.
        draws : int, optional
            For the band of the mean: this many refits in all, spread over the members by their weights.
        rng : Generator or int, optional
            Randomness of the refits.

        Returns
        -------
        DataFrame
            Columns ``at, fit, mean_lower, mean_upper, new_lower, new_upper`` as in `LMMResults.curve` (variance within
            and between members), and ``knots_lower, knots_upper``: weighted quantiles of the members' curves, which is
            the uncertainty of the placement alone.
        """
        options: dict[str, Any] = {"derivative": derivative, "alpha": alpha, "random": random}
        weights = self.weights.to_numpy()
        counts = np.zeros(len(weights), dtype=int)
        generator = np.random.default_rng(rng)
        if draws is not None:
            counts = generator.multinomial(draws, weights)
        tables: list[pd.DataFrame] = []
        for member, count, child in zip(self.members, counts, generator.spawn(len(weights)), strict=True):
            # A member that gets a handful of refits only is described by them as well as by more of its own weight.
            refits = None if draws is None else max(int(count), 2 if count else 0) or None
            with warnings.catch_warnings():
                if tables:  # all members have the same bounds: the first one has warned for all
                    warnings.simplefilter("ignore", OutOfBoundsWarning)
                tables.append(member.curve(self.term, at, draws=refits, rng=child, **options))
        return transformed(_averaged(tables, weights, alpha, draws is not None, counts), transform)


def _averaged(
    tables: list[pd.DataFrame], weights: FloatArray, alpha: float, drawn: bool, counts: NDArray[np.int64]
) -> pd.DataFrame:
    fits = np.array([table["fit"].to_numpy() for table in tables])
    fit = weights @ fits
    z = norm.isf(alpha / 2)
    result = pd.DataFrame({"at": tables[0]["at"], "fit": fit})
    used = counts > 0 if drawn else weights > 0
    share = weights[used] / weights[used].sum()
    between = share @ (fits[used] - fit) ** 2
    for kind in ("mean", "new"):
        ends = np.array([table[[f"{kind}_lower", f"{kind}_upper"]].to_numpy() for table in tables])[used]
        # Each side has its own width, so that bands that are not symmetric stay so.
        lower = np.sqrt(share @ ((fits[used] - ends[:, :, 0]) / z) ** 2 + between)
        upper = np.sqrt(share @ ((ends[:, :, 1] - fits[used]) / z) ** 2 + between)
        result[f"{kind}_lower"], result[f"{kind}_upper"] = fit - z * lower, fit + z * upper
    quantiles = np.array([_weighted_quantiles(column, weights, alpha) for column in fits.T])
    result["knots_lower"], result["knots_upper"] = quantiles[:, 0], quantiles[:, 1]
    return result


def _weighted_quantiles(values: FloatArray, weights: FloatArray, alpha: float) -> tuple[float, float]:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    low, high = np.searchsorted(cumulative, [alpha / 2, 1 - alpha / 2 - 1e-12])
    return float(values[order][low]), float(values[order][min(high, len(values) - 1)])


def draw_knots(
    number: int, lower: float, upper: float, spacing: float, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw interior knots uniformly among those that keep a distance from each other and from the bounds.

    Parameters
    ----------
    number : int
        Interior knots in each draw, j.
    lower, upper : float
        Bounds.
    spacing : float
        Least distance, as a share of the range.
    draws : int
        Number of draws.
    rng : Generator
        Randomness.

    Returns
    -------
    ndarray, shape (draws, j)
    """
    if not spacing >= 0:
        raise OptionError(f"min_spacing={spacing!r}: give a share of the range, 0 or more")
    free = 1.0 - (number + 1) * spacing
    if free <= 0:
        raise OptionError(
            f"min_spacing={spacing:g} leaves no room for {number} knots: it has to be below {1 / (number + 1):.3g}"
        )
    shares = np.sort(rng.uniform(0.0, free, (draws, number)), axis=1) + spacing * np.arange(1, number + 1)
    return np.asarray(lower + (upper - lower) * shares, dtype=np.float64)


def knot_ensemble(
    model: LMM,
    draws: int = 50,
    rng: np.random.Generator | int | None = None,
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
    criterion : {"aic", "bic", "posterior"} or callable
        Weights are proportional to exp(-AIC/2), exp(-BIC/2), or exp(log-likelihood + log priors); or to the exponential
        of what a function of the results returns.
    solver : Solver, optional
        The solver of all fits.

    Returns
    -------
    KnotEnsemble

    References
    ----------
    Zheng, Barber, Sorensen, Murray, Aravkin: Trimmed Constrained Mixed Effects Models, section 3.2.3, for the ensemble
    over placements; Buckland, Burnham & Augustin (1997), Biometrics 53, 603–618, for the weights.
    """
    workers = _checked(model, draws, n_knots, n_jobs, criterion)
    curves = [curve for curve in model.design.curves if curve.basis is not None]
    if term is None and len(curves) != 1:
        raise OptionError(f"term= is needed: the model has {len(curves)} splines")
    curve = next((curve for curve in curves if term in (None, curve.name, curve.text)), None)
    if curve is None:
        raise OptionError(f"{term!r} is not a spline of the model; there are {', '.join(c.name for c in curves)}")
    basis = spline_of(curve)
    number = len(basis.interior) if n_knots is None else n_knots
    placements = draw_knots(number, basis.lower, basis.upper, min_spacing, draws, np.random.default_rng(rng))
    recipe = KnotRecipe.of(model)
    if model.joint is not None and model.trim.fraction > 0:
        # Which rows are outliers hardly depends on the knots: members search on from the answer of the model as it is.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trimming = model.fit(solver).trimming
        recipe = replace(recipe, warm_weights=None if trimming is None else trimming.found.best.weights)
    bounds = (basis.lower, basis.upper)
    parts = np.array_split(placements, min(draws, TASKS * workers))
    tasks = (delayed(_fit_members)(recipe, curve.name, part, bounds, solver) for part in parts)
    fitted = [one for part in Parallel(n_jobs=n_jobs, batch_size=1)(tasks) for one in part]
    kept = [i for i, one in enumerate(fitted) if not isinstance(one, str)]
    members = tuple(one for one in fitted if not isinstance(one, str))
    failed = tuple(f"draw {i}: {one}" for i, one in enumerate(fitted) if isinstance(one, str))
    if not members:
        raise DataError(f"no placement of the knots could be fitted; {failed[0]}")
    scores = pd.Series([_score(member, criterion) for member in members], index=pd.Index(kept, name="draw"))
    weights = np.exp(scores - scores.max())
    return KnotEnsemble(
        term=curve.name,
        members=members,
        knots=placements[kept],
        scores=scores,
        weights=weights / weights.sum(),
        criterion=getattr(criterion, "__name__", str(criterion)),
        failed=failed,
    )


def _checked(model: object, draws: object, n_knots: object, n_jobs: int, criterion: object) -> int:
    """Check the arguments; return the number of processes."""
    if not isinstance(model, LMM):
        kind = type(model).__name__
        raise OptionError(f"knot_ensemble takes a model, found {kind}: of results, give results.model")
    if not _is_count(draws, 1):
        raise OptionError(f"draws={draws!r}: give the number of placements")
    if n_knots is not None and not _is_count(n_knots, 0):
        raise OptionError(f"n_knots={n_knots!r}: give the number of interior knots")
    if not callable(criterion) and criterion not in NAMED:
        raise OptionError(f"criterion={criterion!r}: give one of {', '.join(map(repr, NAMED))}, or a function")
    try:
        return int(effective_n_jobs(n_jobs))
    except (TypeError, ValueError) as error:
        raise OptionError(f"n_jobs={n_jobs!r}: give a number of processes, or -1 for all cores") from error


def _is_count(number: object, least: int) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool) and int(number) >= least


def _fit_members(
    recipe: Callable[..., LMM], name: str, placements: FloatArray, bounds: tuple[float, float], solver: Solver | None
) -> list[LMMResults | str]:
    """Fit some of the placements, one after the other."""
    return [_member(recipe, name, tuple(knots), bounds, solver) for knots in placements]


def _member(
    recipe: Callable[..., LMM], name: str, knots: tuple[float, ...], bounds: tuple[float, float], solver: Solver | None
) -> LMMResults | str:
    """Fit one placement; return the reason where that is not possible."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            results = recipe(name, knots, bounds).fit(solver)
        except LimeformError as error:
            return str(error)
    return results if results.converged else f"the solver {results.status}"


def _score(results: LMMResults, criterion: Criterion) -> float:
    if callable(criterion):
        return float(criterion(results))
    if criterion == "posterior":
        return results.llf + float(results.log_priors.sum())
    return -0.5 * (results.aic if criterion == "aic" else results.bic)

"""Simulation and bootstrap of a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.bootstrap import (
    BootstrapResults,
    Effects,
    Responses,
    case_sampling,
    parameters_of,
    parametric,
    residual,
    run,
    streams,
)
from limeform.bootstrap.refits import Alone, Cases, Held, Retrimmed
from limeform.bootstrap.replay import Again
from limeform.bootstrap.run import Rng
from limeform.errors import OptionError
from limeform.fit import Draws, stack

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

FloatArray = NDArray[np.float64]
KINDS = ("parametric", "residual", "cases")


class Resampling:
    """Part of a results class: new responses from the model, and the bootstrap."""

    def simulate(self, n: int = 1, rng: Rng = None, *, random: Literal["new", "fitted"] = "new") -> pd.DataFrame:
        """Draw responses from the fitted model.

        Parameters
        ----------
        n : int
            Number of responses.
        rng : None, int or Generator
            Source of random numbers.
        random : {"new", "fitted"}
            Draw the random effects of each level anew, or hold them at their conditional modes.

        Returns
        -------
        DataFrame
            One column a response, ``sim_1`` to ``sim_n``, on the rows of the fit. Errors have the estimated variances
            (of a meta-analysis the known ones).

        Raises
        ------
        OptionError
            If n is not positive, or another argument does not fit.

        Examples
        --------
        >>> import limeform as lf
        >>> results = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff()).fit()
        >>> results.simulate(3, rng=1).shape
        (30, 3)
        """
        fit = cast("LMMResults", self)
        if random not in ("new", "fitted"):
            raise OptionError(f'random={random!r}: give "new" or "fitted"')
        _refuse_chunks(fit)
        children = streams(rng, n)
        mean = (fit.fittedvalues if random == "fitted" else fit.design.y - fit.resid_marginal).to_numpy()
        source = parametric(mean, _effects(fit) if random == "new" else (), np.sqrt(fit.error_variance))
        drawn = np.column_stack([source.draw(child.generator()) for child in children])
        return pd.DataFrame(drawn, index=fit.design.index, columns=[f"sim_{i + 1}" for i in range(drawn.shape[1])])

    def bootstrap(
        self,
        n: int = 1000,
        kind: Literal["parametric", "residual", "cases"] = "parametric",
        refit: Literal["held", "retrimmed"] = "held",
        rng: Rng = None,
        n_jobs: int | None = None,
        progress: bool = False,
        *,
        backend: str | None = None,
    ) -> BootstrapResults:
        """Refit the model to resampled data.

        Parameters
        ----------
        n : int
            Number of refits.
        kind : {"parametric", "residual", "cases"}
            Simulate responses from the fitted model; build them from its own random effects and residuals, centred and
            brought to the estimated variances; or draw whole groups (rows, without random effects) with replacement.
        refit : {"held", "retrimmed"}
            Keep in each refit the rows that the fit kept, or search for them anew, which takes as long as the fit each
            time and is what accounts for the search. Without trimming there is no difference.
        rng : None, int or Generator
            Source of random numbers; each refit has a stream of its own, so ``n_jobs`` does not change the result.
        n_jobs : int, optional
            Workers, as in joblib: -1 for all cores; None for one, or for what ``joblib.parallel_config`` says.
        progress : bool
            Show a bar.
        backend : str, optional
            One of joblib's backends, such as "dask" where a client is running.

        Returns
        -------
        BootstrapResults
            After Ctrl-C with the refits that were done.

        Raises
        ------
        OptionError
            If an argument does not fit.

        References
        ----------
        Zheng, Barber, Sorensen, Murray, Aravkin: Trimmed Constrained Mixed Effects Models: Formulations and Algorithms,
        section 2.6. Carpenter, Goldstein, Rasbash (2003), Applied Statistics 52(4), for the residual bootstrap.

        Examples
        --------
        >>> import limeform as lf
        >>> results = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff()).fit()
        >>> results.bootstrap(100, rng=1)
        <BootstrapResults: parametric, 100 of 100 refits converged>
        """
        fit = cast("LMMResults", self)
        _check_options(kind, refit)
        _refuse_chunks(fit)
        children = streams(rng, n)
        refits, parameters = _refits(fit, kind, refit), parameters_of(fit.design)
        chunks, interrupted = run(refits, children, refits.size, n_jobs, backend, progress)
        values, failures = _collected(chunks, len(parameters.names), parameters.values)
        good = np.array([not reason for reason in failures], dtype=bool)
        numbers = np.arange(len(failures))
        found = BootstrapResults(
            estimate=pd.Series(parameters.values(stack([fit.estimates], fit.estimates))[0], index=parameters.names),
            draws=pd.DataFrame(values[good], index=pd.Index(numbers[good], name="refit"), columns=parameters.names),
            failures=pd.Series([reason for reason in failures if reason], index=numbers[~good], dtype=object),
            kind=kind,
            refit="" if fit.trimming is None else refit,
            requested=len(children),
            interrupted=interrupted,
            n_fixed=len(fit.params),
            default="basic" if fit._joint is None else "percentile",
            replay=Again(refits, children, parameters, _jackknife(fit, refits_retrim(fit, refit))),
        )
        found.warn()
        return found


def _cases(fit: LMMResults, retrim: bool) -> Cases:
    return Cases(fit, case_sampling(fit.design), retrim, fit._correction())


def _jackknife(fit: LMMResults, retrim: bool) -> Cases | str:
    """Return what refits without one unit; where factors are crossed, so that there are no units, a refusal."""
    try:
        return _cases(fit, retrim)
    except OptionError:
        names = ", ".join(factor.factor for factor in fit.design.factors)
        return (
            f'method="bca" leaves out one group at a time, and the factors {names} are crossed, so that there are no '
            'groups to leave out: give method="basic" or "percentile"'
        )


def refits_retrim(fit: LMMResults, refit: str) -> bool:
    """Say whether refits search for the rows to keep."""
    return refit == "retrimmed" and fit.trimming is not None


def _check_options(kind: str, refit: str) -> None:
    if kind not in KINDS:
        raise OptionError(f"kind={kind!r}: give {', '.join(map(repr, KINDS))}")
    if refit not in ("held", "retrimmed"):
        raise OptionError(f'refit={refit!r}: give "held" or "retrimmed"')


def _collected(chunks: list[Draws], width: int, values: Any) -> tuple[FloatArray, list[str]]:
    """Return the parameters of all refits, shape (d, width), and why each failed, empty where it did not."""
    if not chunks:
        return np.zeros((0, width)), []
    return np.concatenate([values(draws) for draws in chunks]), [text for draws in chunks for text in draws.failures]


def _refits(fit: LMMResults, kind: str, refit: str) -> Any:
    """Return what does the refits."""
    retrim = refits_retrim(fit, refit)
    if kind == "cases":
        return _cases(fit, retrim)
    error_sd = np.sqrt(_full_variance(fit) if retrim else _held_variance(fit))
    mean = (fit.design.y - fit.resid_marginal).to_numpy()
    responses: Responses = parametric(mean, _effects(fit), error_sd)
    if kind == "residual":
        kept = fit.inliers.to_numpy(dtype=bool)
        responses = residual(mean, _effects(fit), error_sd, fit.resid.to_numpy(), kept)
    if retrim:
        return Retrimmed(fit, responses)
    return Held(fit, responses) if fit._joint is None else Alone(fit, responses)


def _effects(fit: LMMResults) -> tuple[Effects, ...]:
    found, start = [], 0
    for random, modes in zip(fit.design.factors, fit._all_modes if fit.design.factors else (), strict=True):
        own = slice(start, start + len(random.names))
        found.append(Effects(random.z, random.codes, fit.estimates.gamma[own, own], modes.effects))
        start = own.stop
    return tuple(found)


def _refuse_chunks(fit: LMMResults) -> None:
    if fit.design.rows_read:
        raise OptionError("the rows were read in chunks and not kept: there is nothing to simulate or to draw from")


def _residual_variance(fit: LMMResults) -> FloatArray:
    """Return the residual variance of each row before weights, shape (n,) or (1,)."""
    strata, variances = fit.design.errors.strata, fit.estimates.residual_variance
    return variances if strata is None else variances[strata]


def _held_variance(fit: LMMResults) -> FloatArray:
    """Return the error variances that the refits take for granted: after a correction those of the kept rows."""
    return np.asarray(_residual_variance(fit) / fit._setup.rows.precision, dtype=np.float64)


def _full_variance(fit: LMMResults) -> FloatArray:
    """Return error variances from which trimming would leave those that were estimated."""
    report = fit.trimming
    corrected = report is None or report.options.correct or fit.known_variance
    return fit.error_variance / (1.0 if corrected or report is None else report.factor)

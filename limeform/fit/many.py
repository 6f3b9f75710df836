"""Many responses on one design: the refits of a bootstrap, all at once where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import BlockDiagonal
from limeform.fit.boundary import NEARLY_ZERO
from limeform.fit.estimate import Estimates, estimate
from limeform.fit.setup import Setup
from limeform.likelihood import CrossProducts, ResidualVariance, Rows, reduce_response
from limeform.likelihood.gaussian import Criterion, make_criterion
from limeform.likelihood.many import ManyProducts, UnitProducts, evaluate_many, many_products, unit_products
from limeform.solve import Newton, Status
from limeform.solve.newton_many import minimise_many

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Estimates of d refits in the user's units.

    Attributes
    ----------
    beta : ndarray, shape (d, p)
        Fixed effects.
    gamma : ndarray, shape (d, k, k)
        Covariances of the random effects.
    residual_variance : ndarray, shape (d, s)
        Residual variances; ones where sampling variances are known.
    log_likelihood : ndarray, shape (d,)
        Maxima of the (restricted) log-likelihood.
    failures : tuple of str
        Why a refit is not to be used; empty for one that converged.
    """

    beta: FloatArray
    gamma: FloatArray
    residual_variance: FloatArray
    log_likelihood: FloatArray
    failures: tuple[str, ...]


def stack(fits: Sequence[Estimates | str], like: Estimates) -> Draws:
    """Put single refits together; those that raised are given as what they said, and become NaN.

    Parameters
    ----------
    fits : sequence of Estimates or str
        Refits, or the reason why there is none.
    like : Estimates
        Gives the shapes.

    Returns
    -------
    Draws
    """

    def gather(name: str) -> FloatArray:
        blank = np.full_like(np.asarray(getattr(like, name), dtype=np.float64), np.nan)
        values = [blank if isinstance(fit, str) else getattr(fit, name) for fit in fits]
        return np.asarray(values, dtype=np.float64).reshape(len(fits), *blank.shape)

    return Draws(
        beta=gather("beta"),
        gamma=gather("gamma"),
        residual_variance=gather("residual_variance"),
        log_likelihood=gather("log_likelihood"),
        failures=tuple(fit if isinstance(fit, str) else _failure(fit) for fit in fits),
    )


def _failure(fit: Estimates) -> str:
    if fit.solution.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return "" if fit.solution.success else fit.solution.status.value


def estimate_many(
    setup: Setup, responses: FloatArray, reml: bool, start: FloatArray, lower: FloatArray | None = None
) -> Draws:
    """Fit the same design to many responses.

    Parameters
    ----------
    setup : Setup
        The design, at the weights of the fit.
    responses : ndarray, shape (d, n)
        Responses less offset.
    reml : bool
        Restricted likelihood.
    start : ndarray, shape (q,)
        Variance parameters to start from, working coordinates.
    lower : ndarray, shape (q,), optional
        Lower bounds of the variance parameters where variances are stratified.

    Returns
    -------
    Draws
        Equal, within the solver's tolerance, to refitting one by one: refits that end near a variance of zero, or do
        not converge, are handed to the solver for single problems, which settles such cases.
    """
    second = _quadratic(setup.covariance)
    if second is None or not _at_once(setup):
        return _by_one(setup, responses, reml, start, lower)
    assert isinstance(setup.products, CrossProducts)
    assert isinstance(setup.rows, Rows)
    criterion = make_criterion(setup.products, setup.residual, reml)
    data = many_products(setup.products, responses, setup.rows, criterion)
    draws, settled = _solve(setup, data, second, criterion, start)
    return completed(draws, settled, lambda i: _by_one(setup, responses[i : i + 1], reml, start, None))


def completed(draws: Draws, settled: NDArray[np.bool_], single: Callable[[int], Draws]) -> Draws:
    """Return the draws with those that are not settled replaced by what ``single`` gives for their number."""
    failures = list(draws.failures)
    for i in np.flatnonzero(~settled):
        one = single(int(i))
        failures[i] = one.failures[0]
        for name in ("beta", "gamma", "residual_variance", "log_likelihood"):
            getattr(draws, name)[i] = getattr(one, name)[0]
    return replace(draws, failures=tuple(failures))


def _at_once(setup: Setup) -> bool:
    """Say whether the batched criterion covers this model."""
    return isinstance(setup.products, CrossProducts) and setup.residual is not ResidualVariance.STRATA


@dataclass(frozen=True)
class ManyCases:
    """Fits of many draws of a design's units at once.

    Attributes
    ----------
    setup : Setup
        The design, at the weights of the fit.
    units : UnitProducts
        Statistics of each unit.
    second : ndarray, shape (q, q, k, k)
        Second derivatives of Gamma.
    reml : bool
        Restricted likelihood.
    """

    setup: Setup
    units: UnitProducts
    second: FloatArray
    reml: bool

    @classmethod
    def of(cls, setup: Setup, y: FloatArray, reml: bool, units: NDArray[np.int32], count: int) -> ManyCases | None:
        """Return them where the batched criterion covers the model; ``units``, shape (n,), is the unit of each row."""
        second = _quadratic(setup.covariance)
        if second is None or not _at_once(setup):
            return None
        assert isinstance(setup.products, CrossProducts)
        assert isinstance(setup.rows, Rows)
        return cls(setup, unit_products(setup.products, y, setup.rows, units, count), second, reml)

    def estimate(self, chosen: NDArray[np.integer], start: FloatArray) -> tuple[Draws, NDArray[np.bool_]]:
        """Return the fits of draws, shape (d, units), and which are settled; the others have to be fitted singly."""
        criterion = make_criterion(self.setup.products, self.setup.residual, self.reml)
        total = np.array([self.setup.products.weight.sum(), self.setup.products.log_precision])
        return _solve(self.setup, self.units.drawn(chosen, criterion, total), self.second, criterion, start)


def _by_one(setup: Setup, responses: FloatArray, reml: bool, start: FloatArray, lower: FloatArray | None) -> Draws:
    fits = []
    for y in responses:
        again = replace(setup, products=reduce_response(setup.products, y, setup.rows))
        fits.append(estimate(again, reml, Newton(), start, lower))
    return stack(fits, fits[0])


def _quadratic(covariance: BlockDiagonal) -> FloatArray | None:
    """Return the second derivatives of Gamma where it is a quadratic form in its parameters; else None."""
    theta = covariance.start(1.0)
    theta = theta + 0.1 * np.arange(1, len(theta) + 1)
    at = covariance.covariance(theta)
    value = 0.5 * np.einsum("i,j,ijkl->kl", theta, theta, at.second)
    return at.second if np.allclose(value, at.gamma, rtol=1e-12, atol=1e-12) else None


def _solve(
    setup: Setup, data: ManyProducts, second: FloatArray, criterion: Criterion, start: FloatArray
) -> tuple[Draws, NDArray[np.bool_]]:
    """Return all refits, and which of them are settled."""
    d = len(data.within)
    evaluate = partial(evaluate_many, data, second, criterion)
    minima = minimise_many(evaluate, np.broadcast_to(start, (d, len(start))).copy())
    at = evaluate(minima.x, np.arange(d))
    coordinates = setup.products.coordinates
    root = coordinates.fixed
    gamma = at.scale[:, None, None] * (coordinates.effects @ at.gamma @ coordinates.effects.T)
    draws = Draws(
        beta=coordinates.origin + at.beta @ root.T,
        gamma=0.5 * (gamma + gamma.transpose(0, 2, 1)),
        residual_variance=coordinates.variance * at.scale[:, None],
        log_likelihood=-at.value,
        failures=("",) * d,
    )
    return draws, minima.converged & _inside(setup.covariance, at.gamma)


def _inside(covariance: BlockDiagonal, gamma: FloatArray) -> NDArray[np.bool_]:
    """Say for which draws no variance is near zero, in working units."""
    inside = np.ones(len(gamma), dtype=bool)
    start = 0
    for structure in covariance.structures:
        stop = start + structure.size
        inside &= np.linalg.eigvalsh(gamma[:, start:stop, start:stop])[:, 0] > NEARLY_ZERO
        start = stop
    return inside

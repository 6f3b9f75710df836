"""The criterion as a function of the solver's variables, with what it has computed kept at the last point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from limeform.covariance import BlockDiagonal, Covariance
from limeform.likelihood import gaussian
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.derivatives import CrossedDerivatives, crossed_derivatives
from limeform.likelihood.crossed.information import average_information
from limeform.likelihood.crossed.reduction import CrossedReduction, Ready, make_ready, ready_of, reduce_crossed
from limeform.likelihood.crossed.statistics import CrossedProducts
from limeform.likelihood.crossed.strata import crossed_strata_derivatives
from limeform.likelihood.crossproducts import CrossProducts
from limeform.likelihood.derivatives import VarianceDerivatives, gamma_derivatives
from limeform.likelihood.gaussian import Criterion, Profile, ResidualVariance, make_criterion
from limeform.likelihood.grouped import Groups, Reduction, pool, reduce
from limeform.likelihood.strata import pool_strata, strata_derivatives
from limeform.solve import EvaluationError


@dataclass
class Point:
    """Everything computed so far at one set of variance parameters; derivatives are filled in on demand."""

    x: FloatArray
    covariance: Covariance
    reduction: Reduction | CrossedReduction
    profile: Profile
    derivatives: VarianceDerivatives | None = None
    gradient: FloatArray | None = None
    hessian: FloatArray | None = None


@dataclass
class Objective:
    """Minus the profiled log-likelihood in the variance parameters x = (theta, psi).

    theta are the parameters of the covariance structures in working coordinates; psi, present only with one variance
    per stratum, the log residual variances. With one unknown variance Gamma is relative to it.

    Attributes
    ----------
    products : CrossProducts
        Sufficient statistics.
    covariance : BlockDiagonal
        Structures of the random effects.
    criterion : Criterion
        Constants of the log-likelihood.
    evaluations : int
        Number of points visited.
    watch : callable, optional
        Is told the number and the value of every evaluation.
    """

    products: CrossProducts | CrossedProducts
    covariance: BlockDiagonal
    criterion: Criterion
    evaluations: int = 0
    watch: Callable[[int, float], None] | None = field(default=None, repr=False)
    _groups: Groups | None = field(default=None, repr=False)
    _ready: Ready | None = field(default=None, repr=False)
    _last: Point | None = field(default=None, repr=False)
    _key: bytes = field(default=b"", repr=False)

    @classmethod
    def of(
        cls,
        products: CrossProducts | CrossedProducts,
        covariance: BlockDiagonal,
        residual: ResidualVariance,
        reml: bool,
    ) -> Objective:
        """Build the objective for given statistics.

        Parameters
        ----------
        products : CrossProducts
            Sufficient statistics.
        covariance : BlockDiagonal
            Structures of the random effects.
        residual : ResidualVariance
            What is known of the error variances.
        reml : bool
            Restricted likelihood.

        Returns
        -------
        Objective
        """
        criterion = make_criterion(products, residual, reml)
        if isinstance(products, CrossedProducts):
            return cls(products=products, covariance=covariance, criterion=criterion, _ready=ready_of(products))
        groups = None if residual is ResidualVariance.STRATA else pool(products)
        return cls(products=products, covariance=covariance, criterion=criterion, _groups=groups)

    @property
    def n_parameters(self) -> int:
        """Number of the solver's variables."""
        return self.covariance.n_parameters + self.n_strata

    @property
    def n_strata(self) -> int:
        """Number of log-variances among the variables; zero unless variances are stratified."""
        return len(self.products.weight) if self.criterion.residual is ResidualVariance.STRATA else 0

    def value(self, x: FloatArray) -> float:
        """Return f at ``x``, shape (q,)."""
        return self.at(x).profile.value

    def gradient(self, x: FloatArray) -> FloatArray:
        """Return the gradient of f at ``x``, shape (q,)."""
        point = self.at(x)
        if point.gradient is None:
            weight = self.products.weight if self.n_strata else np.zeros(0)
            point.gradient = gaussian.gradient(self.criterion, point.profile, self._derivatives(point), weight)
        return point.gradient

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return the Hessian of f at ``x``, shape (q, q); by average information where crossed effects are many."""
        point = self.at(x)
        if point.hessian is None:
            derivatives = self._derivatives(point)
            exact = not isinstance(derivatives, CrossedDerivatives) or derivatives.exact
            second = gaussian.hessian if exact else average_information
            point.hessian = second(self.criterion, point.profile, derivatives)  # type: ignore[arg-type]
        return point.hessian

    def at(self, x: FloatArray) -> Point:
        """Return what is known at ``x``, computing the reduction and the profile if ``x`` is new."""
        key = x.tobytes()
        if self._last is None or self._key != key:
            self._last, self._key = self._evaluate(np.array(x, dtype=np.float64)), key
            self.evaluations += 1
            if self.watch is not None:
                self.watch(self.evaluations, self._last.profile.value)
        return self._last

    def _evaluate(self, x: FloatArray) -> Point:
        if not np.abs(x).max(initial=0.0) < 1e75:  # false for NaN too
            raise EvaluationError("variance parameters out of range")
        theta, psi = x[: self.covariance.n_parameters], x[self.covariance.n_parameters :]
        covariance = self.covariance.covariance(theta)
        reduction = self._reduce(covariance.gamma, psi)
        log_variance = float(self.products.weight @ psi) if self.n_strata else 0.0
        at = gaussian.profile(self.criterion, reduction.gram, reduction.log_det, log_variance)
        return Point(x=x, covariance=covariance, reduction=reduction, profile=at)

    def reduction_at(self, point: Point) -> Reduction | CrossedReduction:
        """Return the reduction of these statistics at the variances of a point of the same model at other weights."""
        return self._reduce(point.covariance.gamma, point.x[self.covariance.n_parameters :])

    def _reduce(self, gamma: FloatArray, psi: FloatArray) -> Reduction | CrossedReduction:
        if isinstance(self.products, CrossedProducts):
            ready = make_ready(self.products, np.exp(-psi), self._ready) if self.n_strata else self._ready
            assert ready is not None
            return reduce_crossed(ready, [gamma[shape.columns, shape.columns] for shape in self.products.shapes])
        return reduce(pool_strata(self.products, psi) if self._groups is None else self._groups, gamma)

    def _derivatives(self, point: Point) -> VarianceDerivatives:
        if point.derivatives is None:
            point.derivatives = self._derive(point, point.x[self.covariance.n_parameters :])
        return point.derivatives

    def _derive(self, point: Point, psi: FloatArray) -> VarianceDerivatives:
        if isinstance(point.reduction, CrossedReduction):
            derivatives = crossed_derivatives(point.reduction, point.covariance)
            return crossed_strata_derivatives(derivatives, psi) if self.n_strata else derivatives
        if self.n_strata:
            assert isinstance(self.products, CrossProducts)
            return strata_derivatives(self.products, psi, point.reduction, point.covariance)
        return gamma_derivatives(point.reduction, point.covariance)


def derivatives_in_gamma(reduction: Reduction | CrossedReduction, covariance: Covariance) -> VarianceDerivatives:
    """Differentiate a reduction in the parameters of ``covariance``."""
    if isinstance(reduction, CrossedReduction):
        return crossed_derivatives(reduction, covariance)
    return gamma_derivatives(reduction, covariance)

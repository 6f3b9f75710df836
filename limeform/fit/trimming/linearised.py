"""Starts of a nonlinear mean: random starts of models that are linear in its parameters, made anew where they end.

Near any parameters the mean is its value there plus its Jacobian times the change, so that all random starts of a
linear mean can be taken at once. The best are then followed by Gauss-Newton steps between concentrations. Constraints
and priors have no part in this: the starts only say which units might be kept, and from which parameters to fit them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from limeform.fit.restricted import JointModel
from limeform.fit.trimming.batch import columns_of
from limeform.fit.trimming.starts import Descent, carried, descents
from limeform.fit.trimming.steps import Search
from limeform.likelihood import ResidualVariance, reduce_rows
from limeform.mean import OutsideDomainError

FloatArray = NDArray[np.float64]

ROUNDS = 4
"""Gauss-Newton steps of a start."""

HALVINGS = 6
"""How often a step is halved that leaves the domain of the mean, or misses by far what the linear mean promised."""

OVERSHOT = 2.0
"""A step is too long that multiplies the squares of the kept residuals by more than this."""

PROMISING = 2.0
"""Starts are followed whose criterion, linearised, is at most this much above that of the best."""

TINY = 1e-12
"""Variances below this, in working units, are those of rows that are reproduced exactly."""

LARGEST = 1e100
"""Entries of the Jacobian beyond this have squares that overflow, or soon will."""

FOLLOWED = 3
"""How many different starts are followed from each point of linearisation."""


@dataclass(frozen=True)
class NonlinearStart:
    """Where a start has come to.

    Attributes
    ----------
    weights : ndarray, shape (units,)
        Ones and zeros.
    x : ndarray, shape (t + p,)
        Variables (theta, psi, b) to fit from.
    value : float
        Criterion of the linearised model, up to a constant.
    """

    weights: FloatArray = field(repr=False)
    x: FloatArray
    value: float


@dataclass(frozen=True)
class Linearised:
    """A model whose mean can be made linear anywhere.

    Attributes
    ----------
    model : JointModel
        The model, with a nonlinear mean and at most one residual variance to estimate.
    plain : Search
        Its search without an inner fit.
    """

    model: JointModel
    plain: Search

    def at(self, beta: FloatArray) -> Search:
        """Return the search of the model that is linear in the change from ``beta``, shape (p,); as yet unreduced."""
        assert self.model.mean is not None
        value, jacobian = self.model.mean.evaluate(beta)
        if not np.abs(jacobian).max() < LARGEST:  # false for NaN too
            raise OutsideDomainError("the mean is too steep to be made linear")
        setup = self.plain.setup
        coordinates = replace(setup.products.coordinates, origin=np.zeros(len(beta)))
        products = replace(setup.products, coordinates=coordinates)
        return replace(
            self.plain,
            setup=replace(setup, rows=replace(setup.rows, x=jacobian), products=products),
            y=self.model.y - value,
        )

    def starts(
        self,
        beta: FloatArray,
        children: Sequence[np.random.Generator],
        rng: np.random.Generator,
        known: FloatArray | None = None,
    ) -> list[NonlinearStart]:
        """Descend from random subsets near ``beta``, and follow the best different ones.

        Where units of ``known`` weights fit best, only starts that are nearly as good are followed.
        """
        try:
            search = self.at(beta)
        except OutsideDomainError:
            return []
        setup = search.setup
        setup = replace(setup, products=reduce_rows(search.y, setup.rows, setup.products.coordinates))
        ends: dict[bytes, Descent] = {}
        for end in sorted(descents(replace(search, setup=setup), children, rng), key=lambda end: end.value):
            if _sound(end):
                ends.setdefault(end.weights.tobytes(), end)
        best = next(iter(ends.values()), None)
        if best is not None and known is not None and np.array_equal(best.weights, known):
            ends = {key: end for key, end in ends.items() if end is not best and end.value < best.value + PROMISING}
        followed = [self._followed(beta, end) for end in list(ends.values())[:FOLLOWED]]
        return [NonlinearStart(end.weights, self._variables(at, end), end.value) for at, end in followed if _sound(end)]

    def level(self, weights: FloatArray, x: FloatArray) -> float:
        """Return the criterion of the start that a fit is, to compare with that of others."""
        q = self.model.setup.covariance.n_parameters
        known = self.plain.known
        scale = 1.0 if known else float(np.exp(x[q]))
        gamma = self.model.setup.covariance.covariance(x[:q]).gamma / scale
        p = self.model.products.n_fixed
        here = Descent(weights, gamma, np.append(np.zeros(p), 1.0), scale, np.inf)
        return self._followed(self.model.objective().beta(x), here)[1].value

    def _followed(self, beta: FloatArray, end: Descent) -> tuple[FloatArray, Descent]:
        """Take Gauss-Newton steps, each with a few concentrations, until the same units are kept."""
        for _ in range(ROUNDS):
            moved = self._moved(beta, end)
            if moved is None:
                break
            beta, search = moved
            here = replace(end, rho=np.append(np.zeros(len(beta)), 1.0))
            after = carried(search, columns_of(search), here, end.weights)
            same, end = np.array_equal(after.weights, end.weights), after
            if same:
                break
        return beta, end

    def _moved(self, beta: FloatArray, end: Descent) -> tuple[FloatArray, Search] | None:
        """Return the parameters after a step, and the search there; None where no part of it can be taken."""
        step = -self.model.products.coordinates.fixed @ end.rho[:-1]
        weights = self.plain.row_weights(end.weights) * self.plain.setup.rows.precision
        assert self.model.mean is not None
        before = float(weights @ (self.model.y - self.model.mean.value(beta)) ** 2)
        for halved in range(HALVINGS):
            after = beta + 0.5**halved * step
            try:
                search = self.at(after)
            except OutsideDomainError:
                continue
            if float(weights @ search.y**2) <= OVERSHOT * before:
                return after, search
        return None

    def _variables(self, beta: FloatArray, end: Descent) -> FloatArray:
        """Return (theta, psi, b) of a joint fit."""
        setup, coordinates = self.model.setup, self.model.products.coordinates
        psi = np.zeros(0 if setup.residual is ResidualVariance.KNOWN else 1) + np.log(end.scale)
        b = np.linalg.solve(coordinates.fixed, beta - coordinates.origin)
        return np.concatenate([setup.covariance.parameters(end.scale * end.gamma), psi, b])


def _sound(end: Descent) -> bool:
    """Say whether a start did not end at rows that it reproduces exactly, or in overflow."""
    size = float(np.abs(end.gamma).max(initial=0.0))
    return bool(np.isfinite(end.value) and end.scale > TINY and np.isfinite(size) and size < 1.0 / TINY)

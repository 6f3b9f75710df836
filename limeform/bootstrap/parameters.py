"""All parameters of a fit in one row: fixed effects, standard deviations, correlations, sigma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.design import Design
from limeform.fit import Draws

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ParameterNames:
    """Names of the parameters and where they are found.

    Attributes
    ----------
    fixed, sds, correlations, sigmas : tuple of str
        Names of each kind.
    pairs : tuple of (int, int)
        Effects of each correlation.
    groups : tuple of str
        Grouping factor of each of the parameters after the fixed ones; "Residual" for those of the errors.
    """

    fixed: tuple[str, ...]
    sds: tuple[str, ...]
    correlations: tuple[str, ...]
    sigmas: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    groups: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the columns of `values`."""
        return (*self.fixed, *self.sds, *self.correlations, *self.sigmas)

    def values(self, draws: Draws) -> FloatArray:
        """Return all parameters of d refits, shape (d, names); correlations with a variance of zero are NaN."""
        sd = np.sqrt(np.clip(np.diagonal(draws.gamma, axis1=1, axis2=2), 0.0, None))
        with np.errstate(divide="ignore", invalid="ignore"):
            related = [draws.gamma[:, i, j] / (sd[:, i] * sd[:, j]) for i, j in self.pairs]
        sigma = np.sqrt(draws.residual_variance[:, : len(self.sigmas)])
        return np.column_stack([draws.beta, sd, *related, sigma])


def parameters_of(design: Design) -> ParameterNames:
    """Return the parameters of a design, under the names that its summary prints.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    ParameterNames

    Notes
    -----
    Standard deviations are called ``sd(group)`` where the intercept is a group's only effect, else
    ``sd(group: effect)`` with 1 for the intercept; correlations ``cor(group: effect, effect)``; residual standard
    deviations ``sigma`` or ``sigma(level)``. Known sampling variances are no parameters.
    """
    sds, correlations, pairs = [], [], []
    sd_groups, correlation_groups = [], []
    start = 0
    for random in design.factors:
        for term in random.terms:
            names = ["1" if name == "Intercept" else name for name in term.names]
            alone = tuple(random.names) == ("Intercept",)
            sds += [f"sd({random.factor})" if alone else f"sd({random.factor}: {name})" for name in names]
            below = [(i, j) for i in range(len(names)) for j in range(i) if term.covariance == "unstructured"]
            correlations += [f"cor({random.factor}: {names[j]}, {names[i]})" for i, j in below]
            pairs += [(start + i, start + j) for i, j in below]
            sd_groups += [random.factor] * len(names)
            correlation_groups += [random.factor] * len(below)
            start += len(names)
    known = design.errors.variance is not None
    levels = [f"sigma({level})" for level in design.errors.strata_levels] or ["sigma"]
    sigmas = () if known else tuple(levels)
    return ParameterNames(
        fixed=tuple(design.names),
        sds=tuple(sds),
        correlations=tuple(correlations),
        sigmas=sigmas,
        pairs=tuple(pairs),
        groups=(*sd_groups, *correlation_groups, *["Residual"] * len(sigmas)),
    )

"""Standard deviations, correlations and sigma as smooth functions of the solver's variables, with names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import Covariance
from limeform.design import GroupedEffects

FloatArray = NDArray[np.float64]

TINY = 1e-16
"""Added to a variance, relative to its working unit, so that its root has derivatives at zero."""


@dataclass(frozen=True)
class VarianceName:
    """One variance parameter.

    Attributes
    ----------
    kind : {"sd", "variance", "cor", "sigma"}
        What it is. A "variance" is the square of an sd: its limits are smooth where those of the sd are not.
    label : str
        Its name in the summary.
    first, second : int
        Which effects, or which stratum.
    aliases : tuple of str
        Other names that users may write.
    """

    kind: str
    label: str
    first: int
    second: int = -1
    aliases: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Return whether a user may call it so; white space does not count."""
        return squeezed(name) in {squeezed(label) for label in (self.label, *self.aliases)}


def squeezed(name: str) -> str:
    """Return a name without white space."""
    return re.sub(r"\s", "", name)


def variance_names(random: GroupedEffects | None, strata: Sequence[str] | None) -> tuple[VarianceName, ...]:
    """Name the variance parameters of a model.

    Parameters
    ----------
    random : GroupedEffects or None
        Random effects.
    strata : sequence of str or None
        Levels that sigma goes by; empty for one sigma, None where the sampling variances are known.

    Returns
    -------
    tuple of VarianceName
        Standard deviations, their squares, correlations, then sigma.
    """
    names: list[VarianceName] = []
    if random is not None:
        names += _of_effects(random)
    if strata is not None:
        labels = [f"sigma({level})" for level in strata] or ["sigma"]
        names += [VarianceName("sigma", label, i) for i, label in enumerate(labels)]
    return tuple(names)


def _of_effects(random: GroupedEffects) -> list[VarianceName]:
    factor, start = random.factor, 0
    effects = [name for term in random.terms for name in term.names]
    sds, squares, correlations = [], [], []
    for i, effect in enumerate(effects):
        # A single slope may be called by its group alone, too: that is not ambiguous, but its label is the full name.
        short = (factor,) if len(effects) == 1 or effect == "Intercept" else ()
        shown = factor if effects == ["Intercept"] else f"{factor}: {_one(effect)}"
        spelled = {*short, f"{factor}: {effect}", f"{factor}: {_one(effect)}"}
        sds.append(VarianceName("sd", f"sd({shown})", i, -1, tuple(f"sd({s})" for s in spelled)))
        squares.append(VarianceName("variance", f"variance({shown})", i, -1, tuple(f"variance({s})" for s in spelled)))
    for term in random.terms:
        k = len(term.names)
        pairs = [(i, j) for i in range(start, start + k) for j in range(i)] if term.covariance != "diagonal" else []
        for i, j in pairs:
            spelled = {
                f"cor({factor}: {one}, {other})"
                for a, b in ((i, j), (j, i))
                for one in (effects[a], _one(effects[a]))
                for other in (effects[b], _one(effects[b]))
            }
            label = f"cor({factor}: {_one(effects[j])}, {_one(effects[i])})"
            correlations.append(VarianceName("cor", label, i, j, tuple(spelled)))
        start += k
    return sds + squares + correlations


def _one(effect: str) -> str:
    return "1" if effect == "Intercept" else effect


@dataclass(frozen=True)
class VarianceValues:
    """Values of the variance parameters with their derivatives in the t variables (theta, psi).

    Attributes
    ----------
    value : ndarray, shape (k,)
        Values, in the units of the data.
    first : ndarray, shape (k, t)
        First derivatives.
    second : ndarray, shape (k, t, t)
        Second derivatives.
    """

    value: FloatArray
    first: FloatArray
    second: FloatArray


def variance_values(
    names: Sequence[VarianceName], covariance: Covariance, transform: FloatArray, psi: FloatArray, unit: float
) -> VarianceValues:
    """Evaluate the variance parameters.

    Parameters
    ----------
    names : sequence of VarianceName
        Which ones.
    covariance : Covariance
        Gamma in working coordinates with its derivatives in theta, shape (q,).
    transform : ndarray, shape (k, k)
        T: Gamma in the units of the data is T Gamma T'.
    psi : ndarray, shape (s,)
        Log residual variances in working units.
    unit : float
        c²: the residual variances in the units of the data are c² exp(psi).

    Returns
    -------
    VarianceValues
    """
    q, s = len(covariance.first), len(psi)
    gamma = transform @ covariance.gamma @ transform.T
    first = transform @ covariance.first @ transform.T
    second = transform @ covariance.second @ transform.T
    floor = TINY * np.einsum("ij,ij->i", transform, transform)
    values = np.zeros(len(names))
    slopes, curves = np.zeros((len(names), q + s)), np.zeros((len(names), q + s, q + s))
    for row, name in enumerate(names):
        i, j = name.first, name.second
        if name.kind == "sigma":
            values[row] = np.sqrt(unit) * np.exp(psi[i] / 2)
            slopes[row, q + i] = values[row] / 2
            curves[row, q + i, q + i] = values[row] / 4
            continue
        if name.kind == "cor":
            entries = [(i, j), (i, i), (j, j)]
            x = np.array([gamma[i, j], gamma[i, i] + floor[i], gamma[j, j] + floor[j]])
            values[row], g, h = _correlation(x)
        else:
            entries, x = [(i, i)], np.array([gamma[i, i] + (floor[i] if name.kind == "sd" else 0.0)])
            values[row], g, h = _root(x) if name.kind == "sd" else (x[0], np.ones(1), np.zeros((1, 1)))
        directions = np.array([first[:, a, b] for a, b in entries])
        slopes[row, :q] = g @ directions
        curved = sum(weight * second[:, :, a, b] for weight, (a, b) in zip(g, entries, strict=True))
        curves[row, :q, :q] = curved + directions.T @ h @ directions
    return VarianceValues(values, slopes, curves)


def _root(x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    root = float(np.sqrt(x[0]))
    return root, np.array([0.5 / root]), np.array([[-0.25 / root**3]])


def _correlation(x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return c / sqrt(ab) with gradient and Hessian in (c, a, b)."""
    c, a, b = x
    base = 1 / np.sqrt(a * b)
    r = c * base
    gradient = np.array([base, -r / (2 * a), -r / (2 * b)])
    hessian = np.array(
        [
            [0.0, -base / (2 * a), -base / (2 * b)],
            [-base / (2 * a), 3 * r / (4 * a**2), r / (4 * a * b)],
            [-base / (2 * b), r / (4 * a * b), 3 * r / (4 * b**2)],
        ]
    )
    return float(r), gradient, hessian

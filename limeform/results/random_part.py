"""The random part of a fitted model: variances, and the effects of each level."""

from __future__ import annotations

from abc import ABC
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from limeform.design import Design
from limeform.fit import Estimates, JointModel, Setup, joint_modes, modes_of
from limeform.likelihood import Modes, ResidualVariance
from limeform.results.effects import effects_frame, variance_components
from limeform.results.inference import FloatArray


class RandomPart(ABC):
    """Part of a results class: variance components and conditional modes of the random effects.

    Attributes
    ----------
    design : Design
        Names and levels.
    estimates : Estimates
        Estimated variances.
    """

    design: Design
    estimates: Estimates
    _setup: Setup
    _joint: JointModel | None

    @property
    def scale(self) -> float:
        """Residual variance sigma²; one where sampling variances are known, NaN where there are several."""
        values = self.estimates.residual_variance
        return float(values[0]) if len(values) == 1 else np.nan

    @property
    def sigma(self) -> float | pd.Series:
        """Residual standard deviation, or a Series of them by level of the column given as ``sigma=``."""
        if self._setup.residual is not ResidualVariance.STRATA:
            return float(np.sqrt(self.scale))
        levels = self.design.errors.strata_levels
        return pd.Series(np.sqrt(self.estimates.residual_variance), index=levels, name="sigma")

    @property
    def cov_re(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Covariance matrix of the random effects of one level; of several factors, a dict of them by factor."""
        gamma, factors = self.estimates.gamma, self.design.factors
        parts, start = {}, 0
        for random in factors:
            own, names = slice(start, start + len(random.names)), list(random.names)
            parts[random.factor] = pd.DataFrame(gamma[own, own], index=names, columns=names)
            start = own.stop
        return parts if len(parts) > 1 else next(iter(parts.values()), pd.DataFrame())

    def var_components(self) -> pd.DataFrame:
        """Return variances, standard deviations and correlations, as lme4's VarCorr prints them.

        Returns
        -------
        DataFrame
            Columns ``group, effect, variance, sd, corr``.
        """
        return variance_components(
            self.design.factors,
            self.estimates.gamma,
            self.estimates.residual_variance,
            self.design.errors.strata_levels,
            self._setup.residual is ResidualVariance.KNOWN,
        )

    @cached_property
    def _all_modes(self) -> tuple[Modes, ...]:
        if self._joint is not None:
            return (joint_modes(self._joint, self.estimates),)
        return modes_of(self._setup, self.estimates)

    @property
    def _modes(self) -> Modes:
        """Those of the first grouping factor."""
        return self._all_modes[0]

    def _effects(self, random: str) -> list[FloatArray] | None:
        return [modes.effects for modes in self._all_modes] if random == "all" and self.design.factors else None

    @property
    def random_effects(self) -> dict[Any, pd.Series] | dict[str, pd.DataFrame]:
        """Conditional modes of the random effects by level; of several factors, one table of all levels by factor."""
        factors = self.design.factors
        if len(factors) > 1:
            return {
                random.factor: pd.DataFrame(modes.effects, index=random.levels, columns=list(random.names))
                for random, modes in zip(factors, self._all_modes, strict=True)
            }
        return {
            level: pd.Series(effect, index=list(random.names))
            for random in factors
            for level, effect in zip(random.levels, self._modes.effects, strict=True)
        }

    @property
    def random_effects_cov(self) -> dict[Any, Any]:
        """Conditional covariances of the random effects by level; of several factors, a dict of them by factor."""
        found = {
            random.factor: {
                level: pd.DataFrame(covariance, index=list(random.names), columns=list(random.names))
                for level, covariance in zip(random.levels, modes.covariance, strict=True)
            }
            for random, modes in zip(self.design.factors, self._all_modes if self.design.factors else (), strict=True)
        }
        return found if len(found) > 1 else next(iter(found.values()), {})

    def ranef(self) -> pd.DataFrame:
        """Return the conditional modes with their standard deviations as one long table.

        Returns
        -------
        DataFrame
            Columns ``group, level, effect, mode, sd``.
        """
        if not self.design.factors:
            return pd.DataFrame(columns=["group", "level", "effect", "mode", "sd"])
        tables = [effects_frame(*each) for each in zip(self.design.factors, self._all_modes, strict=True)]
        return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)

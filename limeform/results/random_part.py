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
    def cov_re(self) -> pd.DataFrame:
        """Covariance matrix of the random effects of one level."""
        names = list(self.design.random.names) if self.design.random is not None else []
        return pd.DataFrame(self.estimates.gamma, index=names, columns=names)

    def var_components(self) -> pd.DataFrame:
        """Return variances, standard deviations and correlations, as lme4's VarCorr prints them.

        Returns
        -------
        DataFrame
            Columns ``group, effect, variance, sd, corr``.
        """
        return variance_components(
            self.design.random,
            self.estimates.gamma,
            self.estimates.residual_variance,
            self.design.errors.strata_levels,
            self._setup.residual is ResidualVariance.KNOWN,
        )

    @cached_property
    def _modes(self) -> Modes:
        if self._joint is not None:
            return joint_modes(self._joint, self.estimates)
        return modes_of(self._setup, self.estimates)

    @property
    def random_effects(self) -> dict[Any, pd.Series]:
        """Conditional modes of the random effects, by level."""
        random = self.design.random
        if random is None:
            return {}
        names = list(random.names)
        return {
            level: pd.Series(effect, index=names)
            for level, effect in zip(random.levels, self._modes.effects, strict=True)
        }

    @property
    def random_effects_cov(self) -> dict[Any, pd.DataFrame]:
        """Conditional covariances of the random effects, by level."""
        random = self.design.random
        if random is None:
            return {}
        names = list(random.names)
        return {
            level: pd.DataFrame(covariance, index=names, columns=names)
            for level, covariance in zip(random.levels, self._modes.covariance, strict=True)
        }

    def ranef(self) -> pd.DataFrame:
        """Return the conditional modes with their standard deviations as one long table.

        Returns
        -------
        DataFrame
            Columns ``group, level, effect, mode, sd``.
        """
        if self.design.random is None:
            return pd.DataFrame(columns=["group", "level", "effect", "mode", "sd"])
        return effects_frame(self.design.random, self._modes)

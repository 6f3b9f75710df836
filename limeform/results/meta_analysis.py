"""What a fit with known sampling variances tells about heterogeneity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import pandas as pd

from limeform.design import Design
from limeform.fit import Estimates, JointModel, Setup, cochran_q, equal_effects
from limeform.results.heterogeneity import Heterogeneity, heterogeneity
from limeform.solve import default_solver


class MetaAnalysis(ABC):
    """Part of a results class: heterogeneity of a meta-analysis.

    Attributes
    ----------
    design : Design
        Rows and sampling variances.
    estimates : Estimates
        Estimated variances.
    """

    design: Design
    estimates: Estimates
    _setup: Setup
    _joint: JointModel | None

    @property
    @abstractmethod
    def inliers(self) -> pd.Series:
        """Whether each row was kept."""

    @cached_property
    def heterogeneity(self) -> Heterogeneity | None:
        """Q, tau², I² (percent) and H² of a meta-analysis; None where the sampling variances are unknown, or not kept.

        With constraints or priors Q is that of the fit without random effects within them, and has degrees of freedom
        and a p-value only if no inequality and no prior involves the mean. The typical sampling variance in I² and H²
        is that of the columns which equations leave free; of a nonlinear mean, which has no Q, of its Jacobian.
        """
        variance = self.design.errors.variance
        if variance is None or not len(variance):
            return None
        kept = self.inliers.to_numpy()
        if self._joint is not None:
            alone = equal_effects(self._joint, self.estimates.beta, default_solver())
            return heterogeneity(alone.columns, variance[kept], alone.q, self._tau2(), alone.distributed, alone.reason)
        return heterogeneity(self.design.x[kept], variance[kept], cochran_q(self._setup), self._tau2())

    def _tau2(self) -> float | None:
        random = self.design.random
        if random is None:
            return None
        if len(self.design.factors) > 1:
            return float(np.nan)
        return float(self.estimates.gamma[0, 0]) if random.names == ("Intercept",) else np.nan

    def _measure(self, name: str) -> float:
        if self.heterogeneity is None:
            raise AttributeError(f"{name} is defined for known sampling variances only: give se= or variance=")
        return float(getattr(self.heterogeneity, name))

    @property
    def tau2(self) -> float:
        """Between-study variance of a meta-analysis; NaN with random slopes or several grouping factors."""
        return self._measure("tau2")

    @property
    def i2(self) -> float:
        """Percentage of the total variance that is heterogeneity."""
        return self._measure("i2")

    @property
    def h2(self) -> float:
        """Ratio of total to sampling variance."""
        return self._measure("h2")

    @property
    def q(self) -> float:
        """Cochran's Q of the residuals."""
        return self._measure("q")

    @property
    def q_pvalue(self) -> float:
        """P-value of ``q``."""
        return self._measure("q_pvalue")

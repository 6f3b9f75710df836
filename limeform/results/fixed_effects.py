"""The fixed effects of a fitted model with their Wald inference, under statsmodels' names."""

from __future__ import annotations

from abc import ABC
from functools import cached_property

import pandas as pd
from statsmodels.stats.contrast import ContrastResults

from limeform.design import Design
from limeform.fit import Estimates
from limeform.results import inference
from limeform.results.inference import FloatArray, Hypothesis, WaldTable


class FixedEffects(ABC):
    """Part of a results class: estimates, standard errors, tests and intervals of the fixed effects.

    Attributes
    ----------
    design : Design
        Names of the fixed effects.
    estimates : Estimates
        Their estimates and covariance.
    """

    design: Design
    estimates: Estimates

    @cached_property
    def params(self) -> pd.Series:
        """Fixed effects."""
        return pd.Series(self.estimates.beta, index=list(self.design.names), name="coef")

    @cached_property
    def _wald(self) -> WaldTable:
        return inference.wald_table(self.estimates.beta, self.estimates.beta_covariance)

    @property
    def bse(self) -> pd.Series:
        """Standard errors of the fixed effects, the variances taken as known."""
        return self._named(self._wald.se, "std err")

    @property
    def tvalues(self) -> pd.Series:
        """Estimates over standard errors."""
        return self._named(self._wald.statistic, "z")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values by the normal distribution."""
        return self._named(self._wald.p_value, "P>|z|")

    @property
    def use_t(self) -> bool:
        """Whether tests use the t distribution: they use the normal one."""
        return False

    def conf_int(self, alpha: float = 0.05, df: float | None = None) -> pd.DataFrame:
        """Return Wald confidence intervals of the fixed effects.

        Parameters
        ----------
        alpha : float
            One minus the coverage.
        df : float, optional
            Degrees of freedom of a t distribution; normal quantiles if left out. With few groups, the number of groups
            less that of the fixed effects widens the intervals to about what they promise.

        Returns
        -------
        DataFrame
            Columns 0 and 1: lower and upper ends.
        """
        return pd.DataFrame(inference.wald_interval(self._wald, alpha, df), index=self.params.index)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance matrix of the fixed effects."""
        names = list(self.design.names)
        return pd.DataFrame(self.estimates.beta_covariance, index=names, columns=names)

    def t_test(self, hypothesis: Hypothesis) -> ContrastResults:
        """Test linear combinations of the fixed effects one by one.

        Parameters
        ----------
        hypothesis : str, list of str, array (c, p), or tuple of arrays
            ``"x + 2*z = 1"``, several of them, a matrix R (R beta = 0), or (R, q).

        Returns
        -------
        statsmodels.stats.contrast.ContrastResults
        """
        return inference.t_test(self.params, self.estimates.beta_covariance, hypothesis)

    def wald_test(self, hypothesis: Hypothesis) -> ContrastResults:
        """Test linear combinations of the fixed effects jointly; argument as in `t_test`."""
        return inference.wald_test(self.params, self.estimates.beta_covariance, hypothesis)

    def _named(self, values: FloatArray, name: str) -> pd.Series:
        return pd.Series(values, index=self.params.index, name=name)

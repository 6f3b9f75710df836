"""What a fit says of each row: fitted values, residuals, predictions, and which rows were kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from limeform.bootstrap import BootstrapResults
from limeform.design import Column, Design
from limeform.errors import OptionError
from limeform.fit import Estimates, TrimReport
from limeform.results.inference import FloatArray
from limeform.results.predict import fitted_values, offset_of_new_rows, predict_new
from limeform.results.prediction import PredictionResults, predict_with_variance
from limeform.results.trimming import outlier_table, row_weights

if TYPE_CHECKING:
    from limeform.results.lmm import FittedModel, LMMResults


class FittedRows(ABC):
    """Part of a results class: fitted values, residuals and predictions of rows, and their weights.

    Attributes
    ----------
    model : FittedModel
        The model, with its keywords.
    design : Design
        The rows.
    estimates : Estimates
        Where the fit ended.
    trimming : TrimReport or None
        How rows were trimmed.
    """

    model: FittedModel
    design: Design
    estimates: Estimates
    trimming: TrimReport | None

    @abstractmethod
    def _effects(self, random: str) -> list[FloatArray] | None:
        """Return the random effects of each factor, or None."""

    @property
    def fittedvalues(self) -> pd.Series:
        """Fitted values with the random effects at their conditional modes."""
        return self._rows(fitted_values(self.design, self.estimates.beta, self._effects("all")), "fitted")

    @property
    def resid(self) -> pd.Series:
        """Conditional residuals: response less ``fittedvalues``."""
        return self._rows(self.design.y - self.fittedvalues.to_numpy(), "resid")

    @property
    def resid_marginal(self) -> pd.Series:
        """Marginal residuals: response less the fixed part (and offset)."""
        return self._rows(self.design.y - fitted_values(self.design, self.estimates.beta, None), "resid_marginal")

    def predict(
        self, data: object | None = None, *, random: Literal["all", "none"] = "all", offset: Column | None = None
    ) -> pd.Series:
        """Predict the mean response.

        Parameters
        ----------
        data : DataFrame, optional
            New data; the rows of the fit if left out.
        random : {"all", "none"}
            With the random effects of the row's level (a level that the fit did not have is predicted at the population
            level, with a warning), or for the population.
        offset : column, optional
            Offset of the new rows if the model was given one by keyword.

        Returns
        -------
        Series
            On the index of the data; NaN in rows that lack a value.
        """
        if random not in ("all", "none"):
            raise OptionError(f'random={random!r}: give "all" or "none"')
        effects = self._effects(random)
        if data is None:
            return self._rows(fitted_values(self.design, self.estimates.beta, effects), self.design.response)
        if offset is None:
            offset = offset_of_new_rows(self.model.keywords, data)
        return predict_new(self.design, self.estimates.beta, effects, data, offset)

    def get_prediction(
        self,
        data: object | None = None,
        *,
        random: Literal["all", "none"] = "all",
        offset: Column | None = None,
        draws: BootstrapResults | ArrayLike | int | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> PredictionResults:
        """Predict with confidence and prediction intervals.

        Parameters
        ----------
        data : DataFrame, optional
            New data; the rows of the fit if left out.
        random : {"all", "none"}
            With the effects of the row's group, where a group that the fit did not have is a new one, whose variance is
            in the interval; or for the population.
        offset : column, optional
            Offset of the new rows if the model was given one by keyword.
        draws : BootstrapResults, int, or array of shape (d, p), optional
            Intervals as quantiles over draws of the parameters of the mean in place of normal ones: of a bootstrap, or
            of this number of refits of simulated data. Where inequalities are active there are no others.
        rng : Generator or int, optional
            Randomness of the refits.

        Returns
        -------
        PredictionResults
            ``summary_frame()`` has the intervals, ``notes`` says which variances they hold: that of the mean those of
            the fixed effects and, with ``random="all"``, of the group's effects; that of an observation also the
            residual variance and, with ``random="none"``, the random effects of a new group. In a meta-analysis it is
            the interval of a study's true effect, without sampling error.

        Examples
        --------
        >>> import limeform as lf
        >>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
        >>> results.get_prediction({"Days": [0, 9]}, random="none").summary_frame()["mean_se"].round(3).tolist()
        [6.825, 14.629]
        """
        return predict_with_variance(cast("LMMResults", self), data, random, offset, draws, rng)

    @property
    def error_variance(self) -> FloatArray:
        """Error variance of each row at the estimates, shape (nobs,)."""
        errors, variances = self.design.errors, self.estimates.residual_variance
        return np.asarray((variances if errors.strata is None else variances[errors.strata]) / errors.precision)

    def _rows(self, values: FloatArray, name: str) -> pd.Series:
        if len(values) != self.design.nobs:
            raise OptionError("the rows were read in chunks and not kept: use predict(data) on rows at hand")
        return pd.Series(values, index=self.design.index, name=name)

    @property
    def weights(self) -> pd.Series:
        """Weight of each row: one if it was kept, zero if it was trimmed."""
        return row_weights(self.trimming, self.design)

    @property
    def inliers(self) -> pd.Series:
        """Whether each row was kept."""
        return (self.weights > 0.5).rename("inlier")

    def outliers(self) -> pd.DataFrame:
        """Return the rows that were trimmed, the most costly first.

        Returns
        -------
        DataFrame
            Columns ``group, observed, fitted, residual, std_residual`` and ``cost``: by how much minus the
            log-likelihood would rise with the row, the variances held.
        """
        return outlier_table(self.trimming, self.design)

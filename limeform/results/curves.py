"""Curves, constraints and priors of a fitted model."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from limeform.bootstrap import BootstrapResults
from limeform.bootstrap.fitted import variance_bounds
from limeform.fit import Estimates, JointModel, Setup, TrimReport
from limeform.plot import curve_plot
from limeform.results.curve import curve_inputs, curve_picture, curve_table, transformed, warn_of_unknown
from limeform.results.prediction_draws import draws_of_mean
from limeform.results.restrictions import active_table, prior_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from limeform.results.lmm import FittedModel, LMMResults


class Curves(ABC):
    """Part of a results class: curves with their bands, active constraints, priors.

    Attributes
    ----------
    model : FittedModel
        The model, with its constraints and priors.
    estimates : Estimates
        Where the fit ended.
    trimming : TrimReport or None
        How rows were trimmed.
    """

    model: FittedModel
    estimates: Estimates
    trimming: TrimReport | None
    _setup: Setup

    def curve(
        self,
        term: str,
        at: ArrayLike | None = None,
        *,
        derivative: int = 0,
        transform: Callable[[Any], Any] | None = None,
        alpha: float = 0.05,
        random: Mapping[str, ArrayLike] | None = None,
        draws: BootstrapResults | ArrayLike | int | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> pd.DataFrame:
        """Return a curve with two bands: for the mean, and for a new group.

        Parameters
        ----------
        term : str
            Name of the curve.
        at : array (n,), optional
            Exposures; 200 between the bounds if left out.
        derivative : int
            Order of the derivative.
        transform : callable, optional
            Applied to all values, such as ``np.exp``.
        alpha : float
            One minus the coverage of the bands.
        random : dict of str to array (n,), optional
            Columns of the random effects at the exposures, by name, where they do not follow from the exposure.
        draws : BootstrapResults, int or array (d, p), optional
            Bands from draws of the parameters: those of a bootstrap, given as an array, or of this number of refits of
            simulated data, all within the constraints. Percentiles; where anything restricts the mean, expanded ones
            (see `BootstrapResults.conf_int`).
        rng : Generator or int, optional
            Randomness of the refits.

        Returns
        -------
        DataFrame
            Columns ``at, fit, mean_lower, mean_upper, new_lower, new_upper``. Bands are NaN without draws where an
            active inequality involves the curve, and the last two where the columns of the random effects are unknown,
            and of derivatives.

        Warns
        -----
        UnknownBandWarning
            Where a band of all exposures is NaN; it names ``draws=`` or ``random=``, whichever gives the band.
        """
        results, inputs = cast("LMMResults", self), curve_inputs(cast("LMMResults", self), term)
        values = None if draws is None else draws_of_mean(results, draws, rng)
        table = curve_table(inputs, at, derivative, alpha, random, values)
        warn_of_unknown(inputs, table, derivative, values)
        return transformed(table, transform)

    def plot_curve(
        self,
        term: str,
        at: ArrayLike | None = None,
        *,
        derivative: int = 0,
        transform: Callable[[Any], Any] | None = None,
        alpha: float = 0.05,
        random: Mapping[str, ArrayLike] | None = None,
        draws: BootstrapResults | ArrayLike | int | None = None,
        rng: np.random.Generator | int | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw a curve with its bands, the rows (sized by precision, trimmed ones crossed), knots and references.

        A row stands at its exposure (the middle of a range, drawn as a line) and at the value of the curve that it asks
        for; its reference is marked on the curve, and joined to it where references differ. Of a log-ratio the axis
        shows f, whose log-ratios are the response. Trimmed rows far beyond all others are arrows at the edge. Bands
        that `curve` gives as NaN are not drawn: a warning and the legend say so. Parameters are those of `curve`.

        Parameters
        ----------
        term, at, derivative, transform, alpha, random, draws, rng
            As in `curve`.
        ax : Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes
        """
        results, inputs = cast("LMMResults", self), curve_inputs(cast("LMMResults", self), term)
        values = None if draws is None else draws_of_mean(results, draws, rng)
        table = curve_table(inputs, at, derivative, alpha, random, values)
        warn_of_unknown(inputs, table, derivative, values)
        picture = curve_picture(results, inputs, transformed(table, transform), transform, derivative, alpha)
        return curve_plot(picture, ax=ax)

    @property
    def active_constraints(self) -> pd.DataFrame:
        """Constraints at a limit, with the number of their rows there and the largest multiplier."""
        return active_table(self.estimates.restricted)

    @property
    def log_priors(self) -> pd.Series:
        """Log density of each prior at the estimates; not part of ``llf``."""
        return prior_table(self.estimates.restricted)

    @cached_property
    def _joint(self) -> JointModel | None:
        """The joint model at the weights and in the coordinates of this fit; None if it profiles the mean out."""
        setup = self._setup
        joint = self.model.joint_in(setup.products.coordinates)
        if joint is None:
            return None
        return replace(joint, setup=setup).with_floor(variance_bounds(cast("LMMResults", self), setup))

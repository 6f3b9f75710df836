"""The plots of a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError
from limeform.mean import linearised
from limeform.plot import caterpillar_plot, forest_plot, funnel_plot, qq_plots, residual_plot, trimming_plot
from limeform.results import plots
from limeform.results.inference import FloatArray
from limeform.results.qq import qq_contents
from limeform.results.trimming import trimming_content

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from limeform.results.lmm import LMMResults


class Plotting:
    """Part of a results class: pictures, drawn on the axes given or on a new figure."""

    def plot_forest(
        self,
        *,
        transform: Callable[[FloatArray], Any] | None = None,
        labels: plots.Labels | None = None,
        reference: float | Literal["auto"] | None = "auto",
        order: Literal["data", "estimate", "weight"] | None = None,
        annotate: bool | None = None,
        columns: Mapping[str, plots.Labels] | None = None,
        weights: bool = False,
        alpha: float = 0.05,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw a forest plot of a meta-analysis: the rows with their intervals, and the summary or the fitted values.

        Squares have areas in proportion to weights, the inverse of the marginal variance of a row. Where all rows have
        the same mean a diamond shows it with its interval, and a bar the prediction interval of a new study; with
        moderators a diamond in each row shows its fitted value. Rows that are too many to be labelled (about 100 on a
        page) are sorted by estimate and drawn as thin lines. A label that repeats the one above it is written once, so
        that the rows of a study form a group. Trimmed rows are vermillion crosses with dashed intervals, and arrows at
        the edge where they are far beyond all others. Text stays within the space that ``ax`` had.

        Parameters
        ----------
        transform : callable, optional
            Applied to all values, such as ``np.exp`` for log ratios, for which the axis is logarithmic.
        labels : sequence of length nobs, or Series on the index of the data, optional
            Names of the rows; the levels of the grouping factor if left out. The name of a Series is the heading.
        reference : float, "auto" or None
            Place of the vertical line, before the transform; "auto" is zero, left out where it is far from the rows.
        order : {"data", "estimate", "weight"}, optional
            Order of the rows; if left out that of the data, or by estimate where they are too many to be labelled.
        annotate : bool, optional
            Write estimates and intervals on the right; if left out, where ``ax`` has room for them.
        columns : mapping of str to sequence, optional
            Further columns of text on the right, by heading, such as ``{"n": data["n"]}``; values as in ``labels``.
        weights : bool
            Write the weight of each row in percent of those kept.
        alpha : float
            One minus the coverage of the intervals.
        ax : Axes, optional
            Where to draw; a new figure that fits the rows if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        OptionError
            If the sampling variances are not known, or an argument does not fit.

        Examples
        --------
        >>> import limeform as lf
        >>> data = lf.datasets.normand1999()
        >>> data["difference"] = data["m1i"] - data["m2i"]
        >>> data["se"] = (data["sd1i"] ** 2 / data["n1i"] + data["sd2i"] ** 2 / data["n2i"]) ** 0.5
        >>> results = lf.lmm("difference ~ 1 + (1 | study)", data, se="se").fit()
        >>> ax = results.plot_forest(labels=data["source"])
        """
        fit = cast("LMMResults", self)
        content = plots.forest_content(
            linearised(fit.design, fit.estimates.beta),
            fit.estimates.beta,
            fit.estimates.beta_covariance,
            fit.estimates.gamma,
            fit.heterogeneity,
            labels,
            alpha,
            columns,
            weights,
            fit.inliers.to_numpy(),
        )
        return forest_plot(content, transform=transform, reference=reference, order=order, annotate=annotate, ax=ax)

    def plot_funnel(self, *, reference: float | None = None, ax: Axes | None = None) -> Axes:
        """Draw a funnel plot of a meta-analysis: estimates, or residuals with moderators, against standard errors.

        The contours hold 90, 95 and 99 percent of the rows if nothing but sampling error makes them differ. Trimmed
        rows are vermillion crosses, and arrows at the edge where they are far beyond all others.

        Parameters
        ----------
        reference : float, optional
            Where the funnel stands; the pooled estimate (zero for residuals) if left out. With zero the contours are
            those of significance.
        ax : Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        OptionError
            If the sampling variances are not known.
        """
        fit = cast("LMMResults", self)
        kept = fit.inliers.to_numpy()
        design = linearised(fit.design, fit.estimates.beta)
        return funnel_plot(plots.funnel_content(design, fit.estimates.beta, reference, kept), ax=ax)

    def plot_residuals(self, *, ax: Axes | None = None) -> Axes:
        """Draw conditional residuals against fitted values, with a local regression line through the kept rows.

        Trimmed rows are vermillion crosses, and arrows at the edge where they are far beyond all others.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes
        """
        fit = cast("LMMResults", self)
        fitted, kept = fit.fittedvalues.to_numpy(), fit.inliers.to_numpy()
        return residual_plot(plots.residual_content(fit.design.response, fitted, fit.design.y - fitted, kept), ax=ax)

    def plot_qq(
        self,
        of: Literal["residuals", "random_effects"] = "residuals",
        *,
        alpha: float = 0.05,
        draws: int = 0,
        rng: int | np.random.Generator | None = None,
        ax: Axes | Iterable[Axes] | None = None,
    ) -> NDArray[np.object_]:
        """Draw residuals or random effects in order against the quantiles of the normal distribution.

        Residuals are the conditional ones of the kept rows, over their estimated standard deviation, which is smaller
        than that of the errors by what the random effects took up (with several grouping factors over that of the
        errors: take ``draws=`` then); conditional modes of the random effects are over theirs. Values outside the band
        are diamonds.

        Parameters
        ----------
        of : {"residuals", "random_effects"}
            What is drawn; one panel for each random effect.
        alpha : float
            One minus the coverage of the band, which is pointwise.
        draws : int
            Take the band from this many refits of simulated responses, which accounts for estimation and for the
            dependence of residuals; 0 for the band of independent normal values.
        rng : None, int or Generator
            Source of the simulated responses.
        ax : Axes or array of Axes, optional
            Where to draw, one for each panel; a new figure if left out.

        Returns
        -------
        ndarray of Axes, shape (panels,)

        Raises
        ------
        OptionError
            If the model has no random effects, or an argument does not fit.
        """
        contents = qq_contents(cast("LMMResults", self), of, alpha, draws, rng)
        return qq_plots(contents, ax=ax)

    def plot_trimming(self, *, ax: Axes | Iterable[Axes] | None = None) -> NDArray[np.object_]:
        """Draw how the trimming went: the objective by outer step, and each row's contribution with the cut.

        Parameters
        ----------
        ax : two Axes, or one for the contributions alone, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        ndarray of Axes, shape (2,) or (1,)

        Raises
        ------
        OptionError
            If the model was fitted without ``trim=``.
        """
        return trimming_plot(trimming_content(cast("LMMResults", self).trimming), ax=ax)

    def plot_random_effects(
        self,
        *,
        factor: str | None = None,
        sort_by: str | None = None,
        alpha: float = 0.05,
        ax: Axes | Iterable[Axes] | None = None,
    ) -> NDArray[np.object_]:
        """Draw the random effects with their conditional intervals, sorted, one panel for each effect.

        Parameters
        ----------
        factor : str, optional
            Grouping factor; the first if left out.
        sort_by : str, optional
            Effect that the levels are sorted by; the first if left out. All panels have the same order.
        alpha : float
            One minus the coverage of the intervals.
        ax : Axes or array of Axes, optional
            Where to draw, one for each effect; a new figure if left out.

        Returns
        -------
        ndarray of Axes, shape (number of effects,)

        Raises
        ------
        OptionError
            If the model has no random effects, or an argument does not fit.
        """
        fit = cast("LMMResults", self)
        factors = {random.factor: number for number, random in enumerate(fit.design.factors)}
        if factor is not None and factor not in factors:
            raise OptionError(f"factor={factor!r}: the grouping factors are {', '.join(factors)}")
        number = 0 if factor is None else factors[factor]
        random = fit.design.factors[number] if factors else None
        modes = None if random is None else fit._all_modes[number]
        return caterpillar_plot(
            plots.caterpillar_content(random, modes, float(np.std(fit.design.y)), sort_by, alpha), ax=ax
        )

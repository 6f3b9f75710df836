"""The model a user builds: a formula or arrays with the data, not yet fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic.utils.context import capture_context
from numpy.typing import ArrayLike, NDArray

from limeform.bootstrap import take
from limeform.design import Column, Design, Keywords, MeanFunction, build_design, to_frame
from limeform.design.rewrite import with_knots
from limeform.errors import FormulaError, OptionError
from limeform.fit import (
    JointModel,
    Progress,
    Setup,
    Trimming,
    block_table,
    check_design,
    check_memory,
    estimate,
    estimate_joint,
    fit_trimmed,
    fit_trimmed_joint,
    prepare,
    prepare_joint,
)
from limeform.formula import ModelFormula, parse
from limeform.models.arrays import Random, formula_of_arrays
from limeform.models.keep import never_trimmed
from limeform.models.restricted import other_starts, reml_or_not, resolve_all, scaled_start, start_of
from limeform.models.source import Function, Given, Source, used_columns
from limeform.restrict import Constraint, Penalty, Prior, Restrictions, as_constraints, as_priors
from limeform.results import LMMResults
from limeform.results.lmm import warn_of
from limeform.solve import Newton, Solver, default_solver

FloatArray = NDArray[np.float64]


class LMM:
    """A linear mixed model, y = X beta + Z u + e.

    Users who have a data frame call `lmm`; this class takes arrays.

    Parameters
    ----------
    endog : array of shape (n,)
        Response.
    exog : array of shape (n, p) or DataFrame
        Fixed-effects columns, the constant included.
    random : Random or sequence of Random
        Random effects; several on the same groups are independent of each other.
    se, variance : array of shape (n,), optional
        Known sampling standard errors, or variances.
    weights : array of shape (n,), optional
        Prior weights a: the error variance is sigma²/a.
    sigma : "shared" or array of shape (n,)
        One unknown error variance, or one for each level of the array.
    offset : array of shape (n,), optional
        Subtracted from the response.
    reml : bool, optional
        Restricted likelihood; None takes it wherever it is defined.
    constraints, priors : list, optional
        As in `lmm`.
    trim : float or Trimming
        Share of the rows to leave out as the least likely ones.
    missing : {"drop", "raise"}
        What to do with rows that lack a value.

    Examples
    --------
    >>> import limeform as lf
    >>> data = lf.datasets.dyestuff()
    >>> model = lf.LMM(data["Yield"], np.ones(30), random=lf.Random(data["Batch"]))
    >>> round(model.fit().llf, 4)
    -159.8271
    """

    def __init__(
        self,
        endog: ArrayLike,
        exog: ArrayLike,
        random: Random | Sequence[Random] = (),
        *,
        se: Column | None = None,
        variance: Column | None = None,
        weights: Column | None = None,
        sigma: Column = "shared",
        offset: Column | None = None,
        reml: bool | None = None,
        constraints: Sequence[Constraint | str] | Constraint | str | None = None,
        priors: Sequence[Prior | Penalty] | Prior | Penalty | None = None,
        trim: float | Trimming = 0.0,
        missing: str = "drop",
    ) -> None:
        text, frame = formula_of_arrays(endog, exog, (random,) if isinstance(random, Random) else tuple(random))
        keywords = Keywords(se=se, variance=variance, weights=weights, sigma=sigma, offset=offset)
        given = Given(as_constraints(constraints), as_priors(priors))
        self._set(parse(text), frame, keywords, {}, reml, trim, missing, given)

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: object,
        *,
        se: Column | None = None,
        variance: Column | None = None,
        weights: Column | None = None,
        sigma: Column = "shared",
        offset: Column | None = None,
        reml: bool | None = None,
        constraints: Sequence[Constraint | str] | Constraint | str | None = None,
        priors: Sequence[Prior | Penalty] | Prior | Penalty | None = None,
        mean: Function | MeanFunction | None = None,
        start: Mapping[str, float] | None = None,
        trim: float | Trimming = 0.0,
        missing: str = "drop",
        context: Mapping[str, Any] | int = 0,
    ) -> LMM:
        """Build a model from a formula; arguments as in `lmm`.

        Parameters
        ----------
        context : mapping or int
            Names that the formula may use, or how many frames above the caller they are looked up.
        """
        scope = capture_context(context + 1 if isinstance(context, int) else context) or {}
        keywords = Keywords(se=se, variance=variance, weights=weights, sigma=sigma, offset=offset)
        model = cls.__new__(cls)
        function = mean if mean is None or isinstance(mean, MeanFunction) else MeanFunction(mean)
        given = Given(as_constraints(constraints), as_priors(priors), function, start)
        model._set(parse(formula), data, keywords, scope, reml, trim, missing, given)
        return model

    def _set(
        self,
        formula: ModelFormula,
        data: object,
        keywords: Keywords,
        scope: Mapping[str, Any],
        reml: bool | None,
        trim: float | Trimming,
        missing: str,
        given: Given,
    ) -> None:
        if reml is not None and not isinstance(reml, (bool, np.bool_)):
            raise OptionError(f"reml={reml!r}: give True, False, or None to let the model decide")
        frame = to_frame(data)
        self.formula = formula
        self.keywords = replace(
            keywords,
            **{key: value if isinstance(value, str) else "<values>" for key, value in keywords.given().items()},
        )
        if given.mean is not None and not given.start:
            raise OptionError("mean= needs start={name: value} with the names of its parameters")
        self.design: Design = build_design(
            formula,
            frame,
            keywords,
            scope,
            missing,
            restricted=given.any,
            mean=given.mean,
            mean_names=tuple(given.start or ()) if given.mean is not None else (),
        )
        check_design(self.design)
        self.trim = trim if isinstance(trim, Trimming) else Trimming(trim)
        self.source: Source | None = Source(
            formula,
            used_columns(formula, frame, self.design, keywords, given, self.trim),
            keywords,
            self.design.recipe.scope,
            reml,
            self.trim,
            missing,
            given,
        )
        trimmed = self.trim.fraction > 0
        self.reml = not trimmed if reml is None else bool(reml)
        self.reml_reason = "ML, since rows are trimmed; reml=True forces REML." if trimmed and reml is None else ""
        self._always = never_trimmed(self.trim.keep, self.design, frame)
        self.start = start_of(self.design, given.start)
        self.restrictions: Restrictions | None = None
        if given.any or self.design.nonlinear:
            if len(self.design.factors) > 1:
                names = ", ".join(factor.factor for factor in self.design.factors)
                raise FormulaError(
                    f"constraints, priors and nonlinear means take one grouping factor; this formula has {names}",
                    formula.text,
                )
            found = resolve_all(self.design, given.constraints, given.priors, self.start)
            self.start = scaled_start(self.design, found, self.start, given.start)
            self.restrictions = found
            nonlinear = bool(self.design.nonlinear)
            self.reml, self.reml_reason = reml_or_not(reml, found, nonlinear, self.reml, self.reml_reason)
        self._setup: Setup | None = None
        self._joint: JointModel | None = None
        self.warm_weights: FloatArray | None = None

    def with_response(self, y: FloatArray) -> LMM:
        """Return the same model with another response on the rows used, shape (n,)."""
        other = LMM.__new__(LMM)
        other.__dict__.update(self.__dict__)
        other.design = replace(self.design, y=y)
        other._setup = None
        if self._joint is not None:
            other._joint = self._joint.with_response(y - self.design.offset)
        return other

    def by_ml(self) -> LMM:
        """Return the same model by maximum likelihood."""
        other = LMM.__new__(LMM)
        other.__dict__.update(self.__dict__)
        other.reml, other.reml_reason = False, ""
        if other.source is not None:
            other.source = replace(other.source, reml=False)
        return other

    def with_rows(self, rows: NDArray[np.intp], place: NDArray[np.int32]) -> LMM:
        """Return the same model of some rows, shape (r,), by position, each with its level of the grouping factor."""
        other = LMM.__new__(LMM)
        other.__dict__.update(self.__dict__)
        other.design = take(self.design, rows, place)
        other._always = self._always[rows]
        other.source = None
        other._setup = other._joint = None
        return other

    def with_trim(self, trim: float | Trimming) -> LMM:
        """Return the same model, by the same criterion (REML or ML), with another share of the rows left out."""
        other = copy(self)
        options = trim if isinstance(trim, Trimming) else replace(self.trim, fraction=trim)
        if options.keep is not self.trim.keep:
            raise OptionError("with_trim changes any option but keep=, which needs the data: build the model again")
        other.trim = options
        return other

    @property
    def joint(self) -> JointModel | None:
        """What a fit with constraints, priors or a nonlinear mean works on; None for a model without."""
        if self.restrictions is not None and self._joint is None:
            self._joint = prepare_joint(self.design, self.restrictions, self.start, self.reml)
        return self._joint

    def recipe(self) -> KnotRecipe:
        """Return what builds this model again with other knots; it can be sent to another process."""
        assert self.source is not None
        return KnotRecipe(self.source, self.warm_weights)

    @property
    def endog_names(self) -> str:
        """Name of the response."""
        return self.design.response

    @property
    def exog_names(self) -> list[str]:
        """Names of the fixed-effects columns."""
        return list(self.design.names)

    @property
    def endog(self) -> FloatArray:
        """Response, shape (n,)."""
        return self.design.y

    @property
    def exog(self) -> FloatArray:
        """Fixed-effects columns, shape (n, p)."""
        return self.design.x

    def blocks(self) -> pd.DataFrame:
        """Say how a model with several grouping factors will be kept while it is fitted, and the memory that takes.

        The first factor, and those it is nested in, are eliminated level by level; the others are left as a dense
        matrix, or as one for each part of the data that shares no level with the rest.

        Returns
        -------
        DataFrame
            Columns ``rows, columns, storage, shape, numbers, MiB``, in order of elimination; one block with one factor.

        Examples
        --------
        >>> import limeform as lf
        >>> model = lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", lf.datasets.penicillin())
        >>> model.blocks()[["rows", "columns", "storage", "shape"]]
                 rows columns         storage     shape
        0       plate   plate        diagonal   24 × 24
        1      sample   plate          sparse    6 × 24
        2  later ones   plate  products, kept  504 × 24
        3      sample  sample           dense     6 × 6
        """
        return block_table(self.design, self._prepared())

    def _prepared(self) -> Setup:
        """Return the statistics, made at the first call."""
        if self._setup is None:
            self._setup = prepare(self.design)
        return self._setup

    def fit(
        self,
        solver: Solver | None = None,
        *,
        start: LMMResults | None = None,
        starts: int = 1,
        rng: np.random.Generator | int | None = None,
        disp: bool = False,
        progress: bool = False,
    ) -> LMMResults:
        """Maximise the (restricted) likelihood.

        Parameters
        ----------
        solver : Solver, optional
            Such as ``lf.Ipopt(tol=1e-10)`` or ``lf.ScipyMinimize("trust-constr")``. If left out, Ipopt where it is
            installed, else SciPy, from a start that a few Newton steps have brought near the optimum. With
            several grouping factors the trust-region Newton method, which needs the fewest evaluations.
        start : LMMResults, optional
            An earlier fit of the same model to start from.
        starts : int
            Number of starts of a nonlinear mean, which can have several optima: the first one as given, the others
            drawn around it. The best is returned; the summary says how many reached it.
        rng : Generator or int, optional
            Randomness of the starts.
        disp : bool
            Print how the solver went.
        progress : bool
            Show every evaluation while the fit runs. Ctrl-C ends a fit with the best estimates so far.

        Returns
        -------
        LMMResults

        Raises
        ------
        MemoryLimitError
            If the model would take more memory than there is.
        """
        if solver is not None and (isinstance(solver, type) or not isinstance(solver, Solver)):
            raise OptionError(f"solver={solver!r} is no solver: give one such as lf.Ipopt() or lf.ScipyMinimize()")
        several = len(self.design.factors) > 1
        chosen = solver if solver is not None else Newton() if several else default_solver()
        first = None if start is None else self._start(start)
        joint = self.joint
        if joint is None:
            results = self._fit(chosen, first, start, solver is None and not several, progress)
        else:
            results = self._fit_joint(joint, chosen, first, starts, rng)
        if disp:
            print(f"{results.solver}: {results.status} after {results.n_iter} iterations, llf {results.llf:.6f}")
        warn_of(results)
        return results

    def _fit(
        self, solver: Solver, first: FloatArray | None, start: LMMResults | None, refine: bool, progress: bool
    ) -> LMMResults:
        setup = self._prepared()
        check_memory(self.design, setup.products)
        if self.trim.fraction > 0:
            return self._fit_kept(setup, solver, start)
        with Progress(progress) as watch:
            estimates = estimate(setup, self.reml, solver, first, refine=refine, watch=watch if progress else None)
        return LMMResults(self, setup, estimates)

    def _fit_joint(
        self,
        joint: JointModel,
        solver: Solver,
        first: FloatArray | None,
        starts: int,
        rng: np.random.Generator | int | None,
    ) -> LMMResults:
        """Fit with constraints, priors or a nonlinear mean; of several starts the best one is trimmed."""
        others = None
        if self.design.nonlinear:
            others = other_starts(self.design, self.start, starts - 1, np.random.default_rng(rng))
        if self.trim.fraction > 0:
            if others is not None and len(others):
                joint = replace(joint, first=estimate_joint(joint, solver, first, others).variables)
            kept, estimates, report = fit_trimmed_joint(joint, self._always, self.trim, solver, self.warm_weights)
            return LMMResults(self, kept.setup, estimates, report)
        return LMMResults(self, joint.setup, estimate_joint(joint, solver, first, others))

    def _fit_kept(self, setup: Setup, solver: Solver, start: LMMResults | None) -> LMMResults:
        y = self.design.shifted
        earlier = None if start is None else start.trimming
        same_units = earlier is not None and earlier.options.level == self.trim.level
        warm = earlier.found.best.slope if earlier is not None and same_units else None
        kept, estimates, report = fit_trimmed(setup, y, self._always, self.trim, self.reml, solver, warm)
        return LMMResults(self, kept, estimates, report)

    def _start(self, start: LMMResults) -> FloatArray:
        if not isinstance(start, LMMResults) or start.design is not self.design:
            raise OptionError("start= takes the results of an earlier fit of this same model object")
        return start.estimates.variables


@dataclass(frozen=True, eq=False)
class KnotRecipe:
    """Builds a model again with other knots of one of its curves.

    Attributes
    ----------
    source : Source
        All arguments of the model.
    warm_weights : ndarray or None
        Weights that trimming starts from.
    """

    source: Source
    warm_weights: FloatArray | None = None

    def __call__(self, name: str, knots: Sequence[float], bounds: tuple[float, float]) -> LMM:
        """Return the model with ``knots`` for the curve ``name``."""
        given = self.source
        text = with_knots(given.formula.text, name, knots, bounds)
        model = LMM.__new__(LMM)
        model._set(
            parse(text),
            given.data,
            given.keywords,
            given.scope.mapping(),
            given.reml,
            given.trim,
            given.missing,
            given.given,
        )
        model.warm_weights = self.warm_weights
        return model


def lmm(
    formula: str,
    data: object,
    *,
    se: Column | None = None,
    variance: Column | None = None,
    weights: Column | None = None,
    sigma: Column = "shared",
    offset: Column | None = None,
    reml: bool | None = None,
    constraints: Sequence[Constraint | str] | Constraint | str | None = None,
    priors: Sequence[Prior | Penalty] | Prior | Penalty | None = None,
    mean: Function | MeanFunction | None = None,
    start: Mapping[str, float] | None = None,
    trim: float | Trimming = 0.0,
    missing: str = "drop",
) -> LMM:
    """Build a linear mixed model from a formula and a data frame.

    Parameters
    ----------
    formula : str
        lme4's notation, such as ``"y ~ x + (x | g)"``.
    data : DataFrame
        One row an observation: pandas, polars, or anything that narwhals reads.
    se, variance : str or array of shape (n,), optional
        Column of known sampling standard errors, or of variances: a meta-analysis.
    weights : str or array of shape (n,), optional
        Prior weights a: the error variance is sigma²/a.
    sigma : "shared", or str or array of shape (n,)
        One unknown error variance, or a column with one for each of its levels.
    offset : str or array of shape (n,), optional
        Subtracted from the response, in addition to ``offset()`` terms of the formula.
    reml : bool, optional
        Restricted likelihood, or maximum likelihood; if left out, restricted unless rows are trimmed, or a constraint,
        a prior or a nonlinear mean makes it undefined.
    trim : float or Trimming
        Share of the rows to leave out as the least likely ones, such as 0.1; `Trimming` has all options.
    constraints : list, optional
        Shapes (``lf.increasing("dose")``), values (``lf.passes``), limits (``lf.bounds``), text such as
        ``"x1 + 2*x2 <= 3"``, or functions (``lf.constraint``), all of which hold together.
    priors : list, optional
        ``lf.normal``, ``lf.laplace``, ``lf.uniform``, ``lf.penalty``.
    mean : callable, optional
        A nonlinear part of the mean, (Series of parameters, data) to one value a row; ``lf.MeanFunction`` for one with
        a Jacobian. It is added to the fixed part, so write ``0 +`` there for a mean without an intercept.
    start : dict, optional
        Start of the parameters of ``nl(...)``, ``log_ratio(...)`` and ``mean=``.
    missing : {"drop", "raise"}
        Leave rows out that lack a value, counted in the summary, or refuse them.

    Returns
    -------
    LMM
        Unfitted; call ``.fit()``.

    Raises
    ------
    FormulaError, UnknownColumnError, DataError, OptionError
        All are `LimeformError`.

    References
    ----------
    Zheng, Barber, Sorensen, Murray, Aravkin: Trimmed Constrained Mixed Effects Models: Formulations and Algorithms,
    eq. (1)–(4); Bates, Mächler, Bolker, Walker (2015), Journal of Statistical Software 67(1), for the notation.

    Examples
    --------
    >>> import limeform as lf
    >>> results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
    >>> results.params.round(4).to_dict()
    {'Intercept': 251.4051, 'Days': 10.4673}
    """
    return LMM.from_formula(
        formula,
        data,
        se=se,
        variance=variance,
        weights=weights,
        sigma=sigma,
        offset=offset,
        reml=reml,
        constraints=constraints,
        priors=priors,
        mean=mean,
        start=start,
        trim=trim,
        missing=missing,
        context=1,
    )

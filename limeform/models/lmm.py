"""The model a user builds: a formula or arrays with the data, not yet fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from limeform.bootstrap import take, take_curve
from limeform.design import Column, Design, Keywords, build_design
from limeform.errors import FormulaError, OptionError
from limeform.fit import JointModel, Setup, Trimming, block_table, check_design, prepare
from limeform.formula import parse
from limeform.likelihood import Coordinates
from limeform.models.arrays import Random, formula_of_arrays
from limeform.models.fitting import fit_joint, fit_profiled
from limeform.models.keep import never_trimmed
from limeform.models.knots import carried_variables, changed
from limeform.models.restricted import criterion, prepared, resolve_all, scaled_start, start_of
from limeform.models.source import Given, Source, as_choice, as_trimming
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
        self._build(Source(parse(text), frame, keywords, as_choice(reml), as_trimming(trim), missing, given), {})

    @classmethod
    def of(cls, source: Source, scope: Mapping[str, Any]) -> LMM:
        """Build a model from all of its arguments.

        Parameters
        ----------
        source : Source
            The arguments.
        scope : mapping
            Where names of the formula that are no columns are looked up.
        """
        model = cls.__new__(cls)
        model._build(source, scope)
        return model

    def _build(self, source: Source, scope: Mapping[str, Any]) -> None:
        given = source.given
        self.formula, self.keywords, self.trim = source.formula, source.keywords.shown(), source.trim
        self.design: Design = build_design(
            source.formula,
            source.data,
            source.keywords,
            scope,
            source.missing,
            restricted=given.any,
            mean=given.mean,
            mean_names=given.mean_names,
        )
        check_design(self.design)
        self.source: Source | None = source.narrowed(self.design)
        self._always = never_trimmed(self.trim.keep, self.design, source.data)
        self.start = start_of(self.design, given.start)
        self._started = np.isin(self.design.names, list(given.start or ()))
        self.restrictions: Restrictions | None = None
        self._setup: Setup | None = None
        self._joint: JointModel | None = None
        if given.any or self.design.nonlinear:
            self._restrict(given)
        elif given.start:
            raise OptionError("start= is for a nonlinear mean, or for constraints and priors: this model has none")
        nonlinear, trimmed = bool(self.design.nonlinear), self.trim.fraction > 0
        self.reml, self.reml_reason = criterion(source.reml, self.restrictions, nonlinear, trimmed)

    def _restrict(self, given: Given) -> None:
        """Resolve constraints and priors, and what follows from them for the start."""
        if len(self.design.factors) > 1:
            names = ", ".join(factor.factor for factor in self.design.factors)
            raise FormulaError(
                f"constraints, priors and nonlinear means take one grouping factor; this formula has {names}",
                self.formula.text,
            )
        found = resolve_all(self.design, given.constraints, given.priors, self.start)
        self.start = scaled_start(self.design, found, self.start, given.start)
        self.restrictions = found

    def _changed(self, **changes: Any) -> LMM:
        """Return the same model with other attributes; none of what was computed from the old ones is kept."""
        other = copy(self)
        other._setup = other._joint = None
        other.__dict__.update(changes)
        return other

    def with_response(self, y: FloatArray) -> LMM:
        """Return the same model with another response on the rows used, shape (n,)."""
        joint = None if self._joint is None else self._joint.with_response(y - self.design.offset)
        return self._changed(design=replace(self.design, y=y), _joint=joint)

    def unprepared(self) -> LMM:
        """Return the same model without what was computed for its fits: there is less to send to another process."""
        return self._changed()

    def by_ml(self) -> LMM:
        """Return the same model by maximum likelihood."""
        joint = None if self._joint is None else replace(self._joint, reml=False)
        source = self._source_by(False)
        return self._changed(reml=False, reml_reason="", source=source, _setup=self._setup, _joint=joint)

    def _source_by(self, reml: bool) -> Source | None:
        """Return the arguments with the criterion decided: built again from them, the model has it too."""
        return None if self.source is None else replace(self.source, reml=reml)

    def with_rows(self, rows: NDArray[np.intp], place: NDArray[np.int32]) -> LMM:
        """Return the same model of some rows, shape (r,), by position, each with its level of the grouping factor."""
        changes: dict[str, Any] = {"design": take(self.design, rows, place), "_always": self._always[rows]}
        if self.restrictions is not None:
            curves = tuple(take_curve(curve, rows) for curve in self.restrictions.curves)
            changes["restrictions"] = replace(self.restrictions, curves=curves)
        return self._changed(**changes, source=None)

    def with_trim(self, trim: float | Trimming) -> LMM:
        """Return the same model, by the same criterion (REML or ML), with another share of the rows left out."""
        options = trim if isinstance(trim, Trimming) else replace(self.trim, fraction=trim)
        if options.keep is not self.trim.keep:
            raise OptionError("with_trim changes any option but keep=, which needs the data: build the model again")
        return self._changed(trim=options, source=self._source_by(self.reml), _setup=self._setup, _joint=self._joint)

    def with_knots(self, curve: str, knots: Sequence[float], bounds: tuple[float, float] | None = None) -> LMM:
        """Return the same model with other interior knots of one of its splines.

        Constraints and priors apply to the new curve, all else is taken over; only where more columns than those of the
        curve depend on its knots, as in an interaction, is the model built again from its data.

        Parameters
        ----------
        curve : str
            Name of a ``bspline`` or ``log_ratio``.
        knots : sequence of float
            Positions of the interior knots, in increasing order, in the units of the exposure.
        bounds : tuple of float, optional
            Ends of the basis; those that it has if left out.

        Returns
        -------
        LMM

        Raises
        ------
        OptionError, DataError
            If there is no such curve, or the knots do not fit the data.

        Examples
        --------
        >>> import limeform as lf
        >>> model = lf.lmm("Reaction ~ bspline(Days, knots=[4]) + (1 | Subject)", lf.datasets.sleepstudy())
        >>> model.with_knots("Days", [2, 6]).formula.fixed
        'bspline(Days, knots=[2.0, 6.0], bounds=(0.0, 9.0))'
        """
        design, source = changed(self.design, self.source, curve, knots, bounds)
        if design is None:
            again = LMM.of(source, self.design.recipe.scope.mapping()).with_response(self.design.y)
            return again._changed(trim=self.trim, reml=self.reml, reml_reason=self.reml_reason)
        check_design(design)
        start = start_of(design, source.given.start)
        started = np.isin(design.names, list(source.given.start or ()))
        other = self._changed(formula=source.formula, design=design, source=source, start=start, _started=started)
        if self.restrictions is not None:
            other._restrict(source.given)
        return other

    @property
    def joint(self) -> JointModel | None:
        """What a fit with constraints, priors or a nonlinear mean works on; None for a model without."""
        if self._joint is None:
            self._joint = self._prepared_joint(None)
        return self._joint

    def joint_in(self, coordinates: Coordinates) -> JointModel | None:
        """Return `joint` in the working coordinates of a fit, which may come from another response."""
        joint = self._joint
        same = joint is not None and joint.setup.products.coordinates is coordinates
        return joint if same else self._prepared_joint(coordinates)

    def _prepared_joint(self, coordinates: Coordinates | None) -> JointModel | None:
        if self.restrictions is None:
            return None
        given = np.where(self._started, self.start, np.nan)
        return prepared(self.design, self.restrictions, self.start, given, self.reml, coordinates)

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
            An earlier fit to start from: of the same model, or of the model with other knots.
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
        joint = self.joint
        first = None if start is None else carried_variables(start, self.design, joint or self._prepared())
        if joint is None:
            refine = solver is None and not several
            results = fit_profiled(self, self._prepared(), chosen, first, start, refine, progress)
        else:
            results = fit_joint(self, joint, chosen, first, start, starts, rng)
        if disp:
            print(f"{results.solver}: {results.status} after {results.n_iter} iterations, llf {results.llf:.6f}")
        warn_of(results)
        return results

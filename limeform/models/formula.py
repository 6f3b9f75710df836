"""The function that users call: a model from a formula and a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from formulaic.utils.context import capture_context

from limeform.design import Column, Keywords, MeanFunction, to_frame
from limeform.fit import Trimming
from limeform.formula import parse
from limeform.models.lmm import LMM
from limeform.models.source import Function, Given, Source, as_choice, as_start, as_trimming
from limeform.restrict import Constraint, Penalty, Prior, as_constraints, as_priors


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
    context: Mapping[str, Any] | None = None,
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
        Start of parameters of the mean, by name: those of ``nl(...)`` and ``mean=``, which need one, of
        ``log_ratio(...)``, and of columns where there are constraints or priors.
    missing : {"drop", "raise"}
        Leave rows out that lack a value, counted in the summary, or refuse them.
    context : mapping, optional
        Names that the formula may use besides columns; those of the caller's scope if left out.

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
    scope = capture_context(1) if context is None else context
    keywords = Keywords(se=se, variance=variance, weights=weights, sigma=sigma, offset=offset)
    function = mean if mean is None or isinstance(mean, MeanFunction) else MeanFunction(mean)
    given = Given(as_constraints(constraints), as_priors(priors), function, as_start(start))
    parsed, frame = parse(formula), to_frame(data)
    return LMM.of(Source(parsed, frame, keywords, as_choice(reml), as_trimming(trim), missing, given), scope or {})

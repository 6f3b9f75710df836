"""Several fits of the same data: likelihood ratios and information criteria."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import chi2

from limeform.design.fixed import independent_columns
from limeform.errors import OptionError
from limeform.results.lmm import LMMResults
from limeform.results.summary import format_p
from limeform.tables import Table


def compare(*fits: LMMResults, names: Sequence[str] | None = None) -> Table:
    """Compare fits of the same response by likelihood ratio, AIC and BIC.

    Fits are put in the order of their number of parameters, and each is tested against the one before it. Where fixed
    parts differ, fits by REML are replaced by ML refits, since restricted likelihoods of different fixed parts cannot
    be compared; the table says so.

    Parameters
    ----------
    *fits : LMMResults
        Two or more fits.
    names : sequence of str, optional
        Names for the table; the formulas if left out, with what tells equal ones apart.

    Returns
    -------
    Table
        ``frame`` has the columns ``n_parameters, llf, aic, bic, weight, chisq, df, p_value, p_boundary``. Weights are
        Akaike's. ``p_boundary`` is given where the larger model has one more random effect: the variance is zero under
        the null hypothesis, on the boundary, and the statistic an even mixture of chi-squared with df and df - 1
        degrees of freedom; ``p_value``, from df alone, is too large then.

    Raises
    ------
    OptionError
        If there are fewer than two, or they are not of the same rows and response.

    References
    ----------
    Self & Liang (1987), JASA 82, 605-610; Stram & Lee (1994), Biometrics 50, 1171-1177, case 3; Burnham & Anderson
    (2002), Model Selection and Multimodel Inference, section 2.9, for the weights.

    Examples
    --------
    >>> import limeform as lf
    >>> data = lf.datasets.sleepstudy()
    >>> small = lf.lmm("Reaction ~ Days + (1 | Subject)", data).fit()
    >>> large = lf.lmm("Reaction ~ Days + (Days | Subject)", data).fit()
    >>> lf.compare(small, large).frame["chisq"].round(3).tolist()
    [nan, 42.837]
    """
    labels = _checked(fits, names)
    order = sorted(range(len(fits)), key=lambda i: fits[i].n_parameters)
    notes: list[str] = []
    used = _comparable([fits[i] for i in order], notes)
    frame = pd.DataFrame(
        {
            "n_parameters": [fit.n_parameters for fit in used],
            "llf": [fit.llf for fit in used],
            "aic": [fit.aic for fit in used],
            "bic": [fit.bic for fit in used],
        },
        index=[labels[i] for i in order],
    )
    relative = np.exp(-0.5 * (frame["aic"] - frame["aic"].min()))
    frame["weight"] = relative / relative.sum()
    tests = [_no_test(), *(_test(a, b, notes) for a, b in pairwise(used))]
    frame[["chisq", "df", "p_value", "p_boundary"]] = tests
    return Table(frame, _cells(frame), "Comparison of models", tuple(dict.fromkeys(notes)))


def _checked(fits: Sequence[LMMResults], names: Sequence[str] | None) -> list[str]:
    if len(fits) < 2 or not all(isinstance(fit, LMMResults) for fit in fits):
        found = ", ".join(type(fit).__name__ for fit in fits) or "nothing"
        raise OptionError(f"compare takes two or more fits, such as lf.compare(small, large); found {found}")
    if names is not None and len(names) != len(fits):
        raise OptionError(f"names= has {len(names)} names for {len(fits)} fits")
    first = fits[0]
    for i, fit in enumerate(fits[1:], 2):
        if fit.nobs != first.nobs or not np.array_equal(fit.design.y, first.design.y):
            raise OptionError(
                f"fit {i} is not of the same response and rows as the first ({fit.nobs} and {first.nobs} rows): their "
                "likelihoods cannot be compared; leave out rows with missing values before fitting"
            )
        if not np.array_equal(fit.weights.to_numpy(), first.weights.to_numpy()):
            raise OptionError(
                f"fit {i} has trimmed other rows than the first: their likelihoods are of different data; compare "
                "untrimmed fits, or fits of the rows that both keep"
            )
        if fit.known_variance != first.known_variance:
            raise OptionError(f"fit {i} and the first differ in whether sampling variances are known")
    return _labels(fits) if names is None else [str(name) for name in names]


def _labels(fits: Sequence[LMMResults]) -> list[str]:
    """Return the formulas; where two are equal with the keywords of each, and numbered where these are, too."""
    labels = [str(fit.model.formula) for fit in fits]
    if len(set(labels)) < len(labels):
        keywords = [_keywords(fit) if labels.count(label) > 1 else "" for fit, label in zip(fits, labels, strict=True)]
        labels = [f"{label} ({words})" if words else label for label, words in zip(labels, keywords, strict=True)]
    return [
        f"{label} [{labels[:i].count(label) + 1}]" if labels.count(label) > 1 else label
        for i, label in enumerate(labels)
    ]


def _keywords(fit: LMMResults) -> str:
    words = [f"{key}={value!s}" for key, value in fit.model.keywords.given().items() if key in ("sigma", "weights")]
    restrictions = fit.model.restrictions
    if restrictions is not None:
        words += ["restricted"] if restrictions.labels else []
    return ", ".join([*words, fit.method])


def _comparable(fits: Sequence[LMMResults], notes: list[str]) -> list[LMMResults]:
    """Return the fits by one criterion."""
    same = all(set(fit.design.names) == set(fits[0].design.names) for fit in fits)
    restricted = [fit.reml for fit in fits]
    if not any(restricted) or (same and all(restricted)):
        notes.append("Log-likelihoods are " + ("restricted (REML)." if any(restricted) else "those of ML."))
        return list(fits)
    why = "some were fitted by ML" if same else "their fixed parts differ"
    count = "One fit by REML was" if sum(restricted) == 1 else f"{sum(restricted)} fits by REML were"
    notes.append(f"{count} refitted by ML, since {why}.")
    return [fit.refit_by_ml() if fit.reml else fit for fit in fits]


def _no_test() -> list[float]:
    return [np.nan] * 4


def _test(small: LMMResults, large: LMMResults, notes: list[str]) -> list[float]:
    if small.model.restrictions is not None or large.model.restrictions is not None:
        notes.append("No test of fits with constraints, priors or nonlinear means: the statistic is not chi-squared.")
        return _no_test()
    df = large.n_parameters - small.n_parameters
    if df == 0 or not _nested(small, large):
        notes.append("No test where a model is not nested in the next one; compare AIC or BIC.")
        return _no_test()
    chisq = max(2 * (large.llf - small.llf), 0.0)
    more = len(large.estimates.gamma) - len(small.estimates.gamma)
    same = set(small.design.names) == set(large.design.names)
    boundary = np.nan
    if more > 0:
        notes.append(
            "A variance is zero under the null hypothesis, which is on the boundary: p_value is too large"
            + ("; p_boundary is from the mixture of chi-squared distributions." if same and more == 1 else ".")
        )
        if same and more == 1:
            below = float(chi2.sf(chisq, df - 1)) if df > 1 else float(chisq <= 0)
            boundary = 0.5 * (below + float(chi2.sf(chisq, df)))
    return [chisq, df, float(chi2.sf(chisq, df)), boundary]


def _nested(small: LMMResults, large: LMMResults) -> bool:
    """Say whether the columns of one span those of the other, and its random effects are among the other's."""
    both = np.hstack([large.design.x, small.design.x])
    fixed = len(independent_columns(both, np.ones(len(both)))) == large.design.x.shape[1]
    few = {(factor.factor, name) for factor in small.design.factors for name in factor.names}
    many = {(factor.factor, name) for factor in large.design.factors for name in factor.names}
    return fixed and few <= many


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    def shown(value: float, form: str) -> str:
        return "" if np.isnan(value) else format(value, form)

    cells = pd.DataFrame(index=frame.index)
    cells["params"] = [str(int(value)) for value in frame["n_parameters"]]
    for name, title, form in (("llf", "log-lik", ".3f"), ("aic", "AIC", ".2f"), ("bic", "BIC", ".2f")):
        cells[title] = [shown(value, form) for value in frame[name]]
    cells["weight"] = [shown(value, ".3f") for value in frame["weight"]]
    cells["chisq"] = [shown(value, ".3f") for value in frame["chisq"]]
    cells["df"] = [shown(value, ".0f") for value in frame["df"]]
    cells["P>chisq"] = ["" if np.isnan(value) else format_p(value) for value in frame["p_value"]]
    if frame["p_boundary"].notna().any():
        cells["boundary P"] = ["" if np.isnan(value) else format_p(value) for value in frame["p_boundary"]]
    return cells

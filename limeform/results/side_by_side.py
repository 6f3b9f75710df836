"""Several fits in one table, as in a paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from limeform.bootstrap import parameters_of
from limeform.errors import OptionError
from limeform.fit import stack
from limeform.results.lmm import LMMResults
from limeform.results.summary import format_number, format_p
from limeform.tables import Table

Beside = Literal["se", "ci", "p", "none"]
STATISTICS = ("Observations", "Trimmed", "Groups", "Log-likelihood", "AIC", "BIC")


def table(*fits: LMMResults, names: Sequence[str] | None = None, beside: Beside = "se", alpha: float = 0.05) -> Table:
    """Put fits side by side.

    Parameters
    ----------
    *fits : LMMResults
        One or more fits.
    names : sequence of str, optional
        Names of the columns; (1), (2), ... if left out.
    beside : {"se", "ci", "p", "none"}
        What stands in brackets behind a fixed effect: its standard error, interval or p-value.
    alpha : float
        One minus the coverage of the intervals.

    Returns
    -------
    Table
        Prints as text and HTML; ``as_latex()``, and ``as_great_table()`` where great-tables is installed. ``frame`` has
        the numbers without brackets.

    Raises
    ------
    OptionError
        If an argument does not fit.

    Examples
    --------
    >>> import limeform as lf
    >>> data = lf.datasets.sleepstudy()
    >>> fits = [lf.lmm(f"Reaction ~ Days + {part}", data).fit() for part in ("(1 | Subject)", "(Days | Subject)")]
    >>> print(lf.table(*fits, names=["intercepts", "slopes"]))  # doctest: +ELLIPSIS
                                    Fits side by side
    ...
    """
    if not fits or not all(isinstance(fit, LMMResults) for fit in fits):
        raise OptionError("table takes one or more fits, such as lf.table(small, large)")
    if names is not None and len(names) != len(fits):
        raise OptionError(f"names= has {len(names)} names for {len(fits)} fits")
    if beside not in ("se", "ci", "p", "none"):
        raise OptionError(f'beside={beside!r}: give "se", "ci", "p" or "none"')
    titles = [f"({i})" for i in range(1, len(fits) + 1)] if names is None else [str(name) for name in names]
    fixed = [_fixed(fit, beside, alpha) for fit in fits]
    random = _alike([_random(fit) for fit in fits])
    statistics = [_statistics(fit) for fit in fits]
    every = sorted(_union(random), key=lambda name: name.startswith("sigma"))
    trimmed = any(fit.n_kept < fit.nobs for fit in fits)
    blocks = [_union(fixed), every, [name for name in STATISTICS if trimmed or name != "Trimmed"]]
    index = ["Response", "Method", *(name for block in blocks for name in block)]
    columns = [
        {"Response": fit.design.response, "Method": fit.method}
        | {name: cell for name, (_, cell) in (a | b | c).items()}
        for fit, a, b, c in zip(fits, fixed, random, statistics, strict=True)
    ]
    values = [
        {name: value for name, (value, _) in (a | b | c).items()}
        for a, b, c in zip(fixed, random, statistics, strict=True)
    ]
    cells = (
        pd.DataFrame({i: column for i, column in enumerate(columns)}, index=index).fillna("").set_axis(titles, axis=1)
    )
    frame = pd.DataFrame({i: value for i, value in enumerate(values)}, index=index[2:]).set_axis(titles, axis=1)
    rules = tuple(np.cumsum([2, *(len(block) for block in blocks[:-1])]).tolist())
    return Table(frame, cells, "Fits side by side", _notes(fits, beside, alpha), rules)


Cells = dict[str, tuple[float, str]]


def _fixed(fit: LMMResults, beside: Beside, alpha: float) -> Cells:
    ends, found = fit.conf_int(alpha).to_numpy(), {}
    columns = zip(fit.design.names, fit.estimates.beta, fit.bse, fit.pvalues, ends, strict=True)
    for name, value, se, p_value, (low, high) in columns:
        text = format_number(float(value))
        if np.isnan(se):  # an active constraint leaves no standard error
            pass
        elif beside == "se":
            text += f" ({format_number(float(se))})"
        elif beside == "ci":
            text += f" [{format_number(float(low))}, {format_number(float(high))}]"
        elif beside == "p":
            text += f" ({format_p(float(p_value))})"
        found[name] = (float(value), text)
    return found


def _random(fit: LMMResults) -> Cells:
    parameters = parameters_of(fit.design)
    values = parameters.values(stack([fit.estimates], fit.estimates))[0]
    first = len(parameters.fixed)
    return {
        name: (float(value), "" if np.isnan(value) else format_number(float(value)))
        for name, value in zip(parameters.names[first:], values[first:], strict=True)
    }


def _alike(parts: list[Cells]) -> list[Cells]:
    """Call the only effect of a group, if it is the intercept, as the fits with several effects do."""
    every = {name for part in parts for name in part}
    longer = {name: f"{name[:-1]}: 1)" for name in every if f"{name[:-1]}: 1)" in every}
    renamed = [{longer.get(name, name): cell for name, cell in part.items()} for part in parts]
    return renamed


def _statistics(fit: LMMResults) -> Cells:
    sizes = [len(factor.levels) for factor in fit.design.factors]
    groups = sizes[0] if len(sizes) == 1 else np.nan
    return {
        "Observations": (fit.n_kept, str(fit.n_kept)),
        "Trimmed": (fit.nobs - fit.n_kept, str(fit.nobs - fit.n_kept)),
        "Groups": (groups, ", ".join(map(str, sizes))),
        "Log-likelihood": (fit.llf, f"{fit.llf:.3f}"),
        "AIC": (fit.aic, f"{fit.aic:.2f}"),
        "BIC": (fit.bic, f"{fit.bic:.2f}"),
    }


def _union(parts: Sequence[Cells]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part))


def _notes(fits: Sequence[LMMResults], beside: Beside, alpha: float) -> tuple[str, ...]:
    brackets = {"se": "standard errors", "ci": f"{100 * (1 - alpha):g}% Wald intervals", "p": "p-values"}
    notes = [f"In brackets: {brackets[beside]}."] if beside != "none" else []
    if any(fit.n_kept < fit.nobs for fit in fits):
        notes.append("Observations are those kept; trimmed ones are counted below them.")
    if beside != "none" and any(fit.bse.isna().any() for fit in fits):
        notes.append("No bracket: an active constraint involves the parameter, which has no standard error.")
    if len({fit.reml for fit in fits}) > 1:
        notes.append("Restricted and full log-likelihoods cannot be compared.")
    return tuple(notes)

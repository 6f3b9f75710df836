"""A fit as a tidy table in the manner of broom.mixed: fixed effects, variance parameters and random effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from limeform.bootstrap import BootstrapResults, parameters_of
from limeform.errors import OptionError
from limeform.fit import stack
from limeform.results.inference import FloatArray, check_alpha, wald_interval
from limeform.results.plots import normal_quantile
from limeform.results.prediction_draws import refuse_other_fit

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

Effects = Literal["fixed", "ran_pars", "ran_vals", "ran_coefs"]
INTERVAL = ["conf_low", "conf_high"]
COLUMNS = ["effect", "group", "level", "term", "estimate", "std_error", "statistic", "p_value", *INTERVAL]


def tidy_table(
    fit: LMMResults, effects: Effects | Sequence[Effects], conf_int: bool, alpha: float, draws: BootstrapResults | None
) -> pd.DataFrame:
    """Return parts of a fit in one table.

    Parameters
    ----------
    fit : LMMResults
        The fit.
    effects : str or sequence of str
        The parts, in their order.
    conf_int : bool
        Whether there are intervals.
    alpha : float
        One minus their coverage.
    draws : BootstrapResults or None
        Refits to take standard errors and intervals of parameters from.

    Returns
    -------
    DataFrame
        Those of the columns that the parts have, in the order of `COLUMNS`.

    Raises
    ------
    OptionError
    """
    chosen: list[str] = list(effects) if isinstance(effects, (list, tuple)) else [effects]  # type: ignore[list-item]
    if not chosen or any(not isinstance(part, str) or part not in get_args(Effects) for part in chosen):
        known = ", ".join(map(repr, get_args(Effects)))
        raise OptionError(f"effects={effects!r}: give one or more of {known}")
    if draws is not None and not isinstance(draws, BootstrapResults):
        raise OptionError(f"bootstrap= is a {type(draws).__name__}: give what results.bootstrap() returned")
    if draws is not None:
        refuse_other_fit(fit, draws, "bootstrap=")
    check_alpha(alpha)
    tables = [PARTS[part](fit, alpha).assign(effect=part) for part in chosen]
    if draws is not None:
        tables = [_with_draws(table, draws, alpha) for table in tables]
    filled = [table.dropna(axis="columns", how="all") for table in tables]  # pandas infers no type from empty columns
    table = pd.concat(filled, ignore_index=True)
    needed = {"level": {"ran_vals", "ran_coefs"}, "group": {"ran_pars", "ran_vals", "ran_coefs"}}
    names = [name for name in COLUMNS if not (name in needed and needed[name].isdisjoint(chosen))]
    names = [name for name in names if name not in ("statistic", "p_value") or "fixed" in chosen]
    table = table.reindex(columns=[name for name in names if conf_int or name not in INTERVAL])
    for name in ("group", "level"):
        if name in table:
            table[name] = table[name].astype(object).where(table[name].notna(), "")
    return table


def _fixed(fit: LMMResults, alpha: float) -> pd.DataFrame:
    wald = fit._wald
    interval = wald_interval(wald, alpha)
    columns: dict[str, object] = {"term": list(fit.design.names), "estimate": wald.estimate, "std_error": wald.se}
    columns |= {"statistic": wald.statistic, "p_value": wald.p_value}
    return pd.DataFrame(columns | {"conf_low": interval[:, 0], "conf_high": interval[:, 1]})


def _variance_parameters(fit: LMMResults, alpha: float) -> pd.DataFrame:
    parameters = parameters_of(fit.design)
    values = parameters.values(stack([fit.estimates], fit.estimates))[0]
    first = len(parameters.fixed)
    return pd.DataFrame({"group": parameters.groups, "term": parameters.names[first:], "estimate": values[first:]})


def _random_values(fit: LMMResults, alpha: float) -> pd.DataFrame:
    """Return conditional modes with their normal intervals."""
    table = fit.ranef()
    mode, sd = (table[name].to_numpy(dtype=np.float64) for name in ("mode", "sd"))
    half = normal_quantile(alpha) * sd
    kept = table[["group", "level"]].assign(term=table["effect"])
    return kept.assign(estimate=mode, std_error=sd, conf_low=mode - half, conf_high=mode + half)


def _random_coefficients(fit: LMMResults, alpha: float) -> pd.DataFrame:
    """Return fixed effects plus conditional modes of each level; an effect without a fixed one is the mode alone."""
    table = _random_values(fit, alpha)[["group", "level", "term", "estimate"]]
    shared: FloatArray = table["term"].map(fit.params).fillna(0.0).to_numpy(dtype=np.float64)
    return table.assign(estimate=table["estimate"] + shared)


PARTS: Mapping[str, Callable[[LMMResults, float], pd.DataFrame]] = {
    "fixed": _fixed,
    "ran_pars": _variance_parameters,
    "ran_vals": _random_values,
    "ran_coefs": _random_coefficients,
}


def _with_draws(table: pd.DataFrame, draws: BootstrapResults, alpha: float) -> pd.DataFrame:
    """Replace standard errors and intervals by those of refits, where there are such; leave out the tests then."""
    if table["effect"].iloc[:1].isin(["ran_vals", "ran_coefs"]).any():
        return table
    ends, se = draws.conf_int(alpha=alpha).loc[table["term"]].to_numpy(), draws.se.loc[table["term"]].to_numpy()
    table = table.drop(columns=["statistic", "p_value"], errors="ignore")
    return table.assign(std_error=se, conf_low=ends[:, 0], conf_high=ends[:, 1])

"""What the simulation of coverage fits: data sets of 20 groups whose truth is known, models, and bootstraps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

import limeform as lf

GROUPS, ROWS = 20, 5
Kind = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """Data with a known truth, a model, and the bootstraps that are tried on it.

    Parameters
    ----------
    title : str
        Name in the table.
    data : callable
        Makes a data set.
    formula : str
        The model.
    truth : dict of str to float
        What intervals should hold, by name; ``f(40)`` is the value of the curve in ``dose`` at 40.
    kinds : tuple of (str, str)
        Arguments ``kind`` and ``refit`` of the bootstraps.
    options : dict
        Further arguments of the model.
    draws : int
        Refits of a bootstrap.
    """

    title: str
    data: Callable[[np.random.Generator], pd.DataFrame]
    formula: str
    truth: dict[str, float]
    kinds: tuple[Kind, ...]
    options: dict[str, Any] = field(default_factory=dict)
    draws: int = 499

    @property
    def places(self) -> list[float]:
        """Exposures at which the curve is looked at; none for a model without a curve."""
        return [float(name[2:-1]) for name in self.truth if name.startswith("f(")]


def longitudinal(rng: np.random.Generator) -> pd.DataFrame:
    """20 groups of 5 rows, standard deviations of u and e one, x between and within groups."""
    group = np.repeat(np.arange(GROUPS), ROWS)
    x = rng.normal(size=GROUPS * ROWS)
    y = 1.0 + 0.5 * x + rng.normal(size=GROUPS)[group] + rng.normal(size=GROUPS * ROWS)
    return pd.DataFrame({"y": y, "x": x, "group": group})


def meta(rng: np.random.Generator, outliers: float = 0.0, slope: float = 0.5) -> pd.DataFrame:
    """20 studies of 5 rows with known standard errors from 0.5 to 1, standard deviation of u 0.7."""
    data = longitudinal(rng).drop(columns="y")
    n = len(data)
    data["se"] = rng.uniform(0.5, 1.0, n)
    data["y"] = 1.0 + slope * data["x"] + 0.7 * rng.normal(size=GROUPS)[data["group"]] + data["se"] * rng.normal(size=n)
    return with_outliers(data, rng, outliers)


def with_outliers(data: pd.DataFrame, rng: np.random.Generator, share: float) -> pd.DataFrame:
    """Move a share of the rows up by eight standard errors."""
    far = rng.choice(len(data), round(share * len(data)), replace=False)
    data.loc[far, "y"] += 8.0 * data.loc[far, "se"]
    return data


def strict(dose: np.ndarray) -> np.ndarray:
    """Increasing and concave by so much that estimates without constraints are, too."""
    return 15.0 * (dose / 80.0) * (1.0 - 0.35 * dose / 80.0)


def saturating(dose: np.ndarray) -> np.ndarray:
    """Increasing and concave, by little at high doses: where noise makes constraints active."""
    return 1.0 - np.exp(-dose / 30.0)


def plateau(dose: np.ndarray) -> np.ndarray:
    """Flat from 40: the truth is at the edge of what the constraints allow."""
    return 1.0 - np.clip(1.0 - dose / 40.0, 0.0, None) ** 3


def doses(
    rng: np.random.Generator, curve: Callable[[np.ndarray], np.ndarray] = saturating, outliers: float = 0.0
) -> pd.DataFrame:
    """20 studies of 5 rows on a curve, standard errors from 0.1 to 0.3, standard deviation of u 0.2."""
    group = np.repeat(np.arange(GROUPS), ROWS)
    dose, se = rng.uniform(0.0, 80.0, GROUPS * ROWS), rng.uniform(0.1, 0.3, GROUPS * ROWS)
    y = curve(dose) + 0.2 * rng.normal(size=GROUPS)[group] + se * rng.normal(size=GROUPS * ROWS)
    return with_outliers(pd.DataFrame({"y": y, "dose": dose, "se": se, "group": group}), rng, outliers)


def ratios(rng: np.random.Generator) -> pd.DataFrame:
    """20 studies of 5 logarithms of ratios to dose 0 of a relative risk that rises from 1 to 2."""
    data = doses(rng, lambda dose: np.log1p(saturating(dose)))
    return data.assign(reference=0.0)


LINE = "y ~ x + (1 | group)"
LINE_TRUTH = {"Intercept": 1.0, "x": 0.5, "sd(group)": 0.7}
CURVE = "y ~ 0 + bspline(dose, knots=[20, 40, 60]) + (1 | group)"
RATIO = "y ~ 0 + log_ratio(dose, reference, knots=[20, 40, 60], bounds=(0, 80), name='dose') + (1 | group)"
SHAPE = [lf.increasing("dose"), lf.concave("dose")]
FROM_ONE = [lf.increasing("dose"), lf.passes("dose", at=0, value=1)]

PARAMETRIC = (("parametric", "held"),)
HELD = (("parametric", "held"), ("residual", "held"), ("cases", "held"))
ANEW = (("parametric", "retrimmed"),)
contaminated = partial(meta, outliers=0.1)


def at_places(curve: Callable[[np.ndarray], np.ndarray], sd: float = 0.2) -> dict[str, float]:
    """Return the truth of a curve at four places."""
    return {f"f({place:g})": float(curve(np.array(place))) for place in (5.0, 15.0, 40.0, 70.0)} | {"sd(group)": sd}


def trimmed(reml: bool | None = None, starts: int = 5, **options: Any) -> dict[str, Any]:
    """Arguments of a model that leaves out a tenth of the rows."""
    return {"se": "se", "trim": lf.Trimming(0.1, starts=starts, **options), "reml": reml}


def shaped(title: str, curve: Callable[[np.ndarray], np.ndarray], outliers: float = 0.0, **options: Any) -> Case:
    """Return a case of an increasing concave curve."""
    data = partial(doses, curve=curve, outliers=outliers)
    return Case(title, data, CURVE, at_places(curve), PARAMETRIC, {"se": "se", "constraints": SHAPE} | options, 99)


def relative_risk(dose: np.ndarray) -> np.ndarray:
    """The curve of `ratios`."""
    return 1.0 + saturating(dose)


CASES = {
    "plain": Case("residual variance unknown", longitudinal, LINE, LINE_TRUTH | {"sd(group)": 1.0}, HELD),
    "meta": Case("known standard errors", meta, LINE, LINE_TRUTH, HELD, {"se": "se"}),
    "bounded": Case(
        "slope 0.05, bounded to x ≥ 0",
        partial(meta, slope=0.05),
        LINE,
        LINE_TRUTH | {"x": 0.05},
        PARAMETRIC,
        {"se": "se", "constraints": [lf.bounds("x", lower=0)]},
        99,
    ),
    "trimmed-contaminated": Case("outliers, trimmed", contaminated, LINE, LINE_TRUTH, HELD, trimmed()),
    "reml-contaminated": Case(
        "outliers, trimmed, REML, corrected", contaminated, LINE, LINE_TRUTH, HELD, trimmed(True, correct=True)
    ),
    "reweighted-contaminated": Case(
        "outliers, trimmed, REML, corrected, reweighted",
        contaminated,
        LINE,
        LINE_TRUTH,
        PARAMETRIC,
        trimmed(True, correct=True, reweight=0.99),
    ),
    "retrimmed-contaminated": Case(
        "outliers, trimmed anew in each refit", contaminated, LINE, LINE_TRUTH, ANEW, trimmed(starts=0), 79
    ),
    "trimmed-clean": Case("clean, trimmed", meta, LINE, LINE_TRUTH, HELD, trimmed()),
    "reml-clean": Case("clean, trimmed, REML, corrected", meta, LINE, LINE_TRUTH, HELD, trimmed(True, correct=True)),
    "reweighted-clean": Case(
        "clean, trimmed, REML, corrected, reweighted",
        meta,
        LINE,
        LINE_TRUTH,
        PARAMETRIC,
        trimmed(True, correct=True, reweight=0.99),
    ),
    "retrimmed-clean": Case("clean, trimmed anew in each refit", meta, LINE, LINE_TRUTH, ANEW, trimmed(starts=0), 79),
    "curve": Case("saturating, no constraints", doses, CURVE, at_places(saturating), PARAMETRIC, {"se": "se"}, 199),
    "curve-strict": shaped("well inside", strict),
    "curve-saturating": shaped("saturating", saturating),
    "curve-plateau": shaped("flat from 40", plateau),
    "curve-contaminated": shaped("saturating, outliers, trimmed", saturating, 0.1, trim=lf.Trimming(0.1, starts=5)),
    "curve-trimmed": shaped("saturating, clean, trimmed", saturating, trim=lf.Trimming(0.1, starts=5)),
    "curve-reweighted": shaped(
        "saturating, clean, trimmed, corrected, reweighted",
        saturating,
        trim=lf.Trimming(0.1, starts=5, correct=True, reweight=0.99),
    ),
    "curve-ratio": Case(
        "relative risk, increasing",
        ratios,
        RATIO,
        at_places(relative_risk),
        PARAMETRIC,
        {"se": "se", "constraints": FROM_ONE},
        99,
    ),
}

"""Coverage of 95% intervals by simulation: Wald against the kinds of bootstrap, for plain and trimmed fits.

    python -m benchmarks.coverage plain meta trimmed-clean --datasets 500 --draws 499

Writes one JSON file a scenario to benchmarks/coverage/ and prints the table that docs/uncertainty.md shows.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import limeform as lf

FOLDER = Path(__file__).parent / "coverage"
GROUPS, ROWS = 20, 5
TRUTH = {"Intercept": 1.0, "x": 0.5}
METHODS = ("percentile", "basic", "bca")


@dataclass(frozen=True)
class Scenario:
    """Data, a model, and the bootstraps that are tried on it."""

    data: Callable[[np.random.Generator], pd.DataFrame]
    sd: float
    kinds: tuple[tuple[str, str], ...]
    options: dict[str, Any] = field(default_factory=dict)


def longitudinal(rng: np.random.Generator) -> pd.DataFrame:
    """20 groups of 5 rows, standard deviations of u and e one, x between and within groups."""
    group = np.repeat(np.arange(GROUPS), ROWS)
    x = rng.normal(size=GROUPS * ROWS)
    y = 1.0 + 0.5 * x + rng.normal(size=GROUPS)[group] + rng.normal(size=GROUPS * ROWS)
    return pd.DataFrame({"y": y, "x": x, "group": group})


def meta(rng: np.random.Generator, outliers: float = 0.0) -> pd.DataFrame:
    """20 studies of 5 rows with known standard errors from 0.5 to 1, standard deviation of u 0.7."""
    data = longitudinal(rng).drop(columns="y")
    n = len(data)
    data["se"] = rng.uniform(0.5, 1.0, n)
    data["y"] = 1.0 + 0.5 * data["x"] + 0.7 * rng.normal(size=GROUPS)[data["group"]] + data["se"] * rng.normal(size=n)
    far = rng.choice(n, round(outliers * n), replace=False)
    data.loc[far, "y"] += 8.0 * data.loc[far, "se"]
    return data


def contaminated(rng: np.random.Generator) -> pd.DataFrame:
    """The same with a tenth of the rows moved up by eight standard errors."""
    return meta(rng, outliers=0.1)


HELD = (("parametric", "held"), ("residual", "held"), ("cases", "held"))
ANEW = (("parametric", "retrimmed"), ("cases", "retrimmed"))
FEW_STARTS = {"se": "se", "trim": lf.Trimming(0.1, starts=5)}
CORRECTED = {"se": "se", "trim": lf.Trimming(0.1, starts=5, correct=True)}

SCENARIOS = {
    "plain": Scenario(longitudinal, 1.0, HELD),
    "meta": Scenario(meta, 0.7, HELD, {"se": "se"}),
    "trimmed-clean": Scenario(meta, 0.7, HELD, FEW_STARTS),
    "trimmed-contaminated": Scenario(contaminated, 0.7, HELD, FEW_STARTS),
    "corrected-clean": Scenario(meta, 0.7, HELD, CORRECTED),
    "corrected-contaminated": Scenario(contaminated, 0.7, HELD, CORRECTED),
    "retrimmed-clean": Scenario(meta, 0.7, ANEW, {"se": "se", "trim": lf.Trimming(0.1, starts=0)}),
    "retrimmed-contaminated": Scenario(contaminated, 0.7, ANEW, {"se": "se", "trim": lf.Trimming(0.1, starts=0)}),
}


def one(scenario: Scenario, rng: np.random.Generator, draws: int) -> dict[tuple[str, str], bool]:
    """Return for each interval and parameter whether it holds the truth."""
    truth = TRUTH | {"sd(group)": scenario.sd}
    results = lf.lmm("y ~ x + (1 | group)", scenario.data(rng), **scenario.options).fit()
    found = _holds("Wald", results.conf_int(), {name: truth[name] for name in TRUTH})
    for kind, refit in scenario.kinds:
        boot = results.bootstrap(draws, kind, refit, rng=rng)
        for method in METHODS if refit == "held" else METHODS[:2]:
            found |= _holds(f"{kind}, {refit}, {method}", boot.conf_int(method=method), truth)
    return found


def _holds(name: str, table: pd.DataFrame, truth: dict[str, float]) -> dict[tuple[str, str], bool]:
    inside = {key: table.loc[key, 0] <= value <= table.loc[key, 1] for key, value in truth.items()}
    return {(name, key): bool(value) for key, value in inside.items()}


PLACES = (15.0, 40.0, 70.0)
CURVE = "y ~ 0 + bspline(dose, knots=[20, 40, 60]) + (1 | group)"


def doses(rng: np.random.Generator) -> pd.DataFrame:
    """20 studies of 5 rows around 1 - exp(-dose / 30), standard errors from 0.1 to 0.3, standard deviation of u 0.2."""
    group = np.repeat(np.arange(GROUPS), ROWS)
    dose, se = rng.uniform(0.0, 80.0, GROUPS * ROWS), rng.uniform(0.1, 0.3, GROUPS * ROWS)
    y = 1.0 - np.exp(-dose / 30.0) + 0.2 * rng.normal(size=GROUPS)[group] + se * rng.normal(size=GROUPS * ROWS)
    return pd.DataFrame({"y": y, "dose": dose, "se": se, "group": group})


def one_curve(constrained: bool, rng: np.random.Generator, draws: int) -> dict[tuple[str, str], bool]:
    """Return for each interval and place on the curve whether it holds the truth."""
    shape = [lf.increasing("dose"), lf.concave("dose")] if constrained else []
    results = lf.lmm(CURVE, doses(rng), se="se", constraints=shape).fit()
    truth = {f"f({place:g})": float(1.0 - np.exp(-place / 30.0)) for place in PLACES} | {"sd(group)": 0.2}
    places = list(truth)[:-1]
    wald = results.curve("dose", at=list(PLACES))[["mean_lower", "mean_upper"]].to_numpy()
    found = {}
    if not np.isnan(wald).any():
        found = _holds("Wald", pd.DataFrame(wald, index=places), {name: truth[name] for name in places})
    boot = results.bootstrap(draws, rng=rng)
    at = results.curve("dose", at=list(PLACES))["fit"].to_numpy()
    # A curve is linear in its coefficients, so that its draws follow from theirs.
    rows = np.column_stack([_unit(results, j) for j in range(len(results.params))])
    values = boot.params.to_numpy() @ rows.T
    ends = {"percentile": np.quantile(values, [0.025, 0.975], axis=0)}
    ends["basic"] = 2.0 * at - ends["percentile"][::-1]
    for method, (low, high) in ends.items():
        name = f"parametric, held, {method}"
        found |= _holds(name, pd.DataFrame({0: low, 1: high}, index=places), {key: truth[key] for key in places})
        found |= _holds(name, boot.conf_int(method=method), {"sd(group)": truth["sd(group)"]})  # type: ignore[arg-type]
    return found


def _unit(results: lf.LMMResults, j: int) -> np.ndarray:
    """Return the curve's basis function j at the places: a band of one draw that is a unit vector."""
    unit = np.eye(len(results.params))[[j, j]]
    return results.curve("dose", at=list(PLACES), draws=unit)["mean_lower"].to_numpy()


CURVES = {"curve": False, "curve-constrained": True}


def study(name: str, datasets: int, draws: int) -> pd.DataFrame:
    """Return the coverage of every interval, methods in rows."""
    counts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for child in np.random.default_rng(20240501).spawn(datasets):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one_set = one_curve(CURVES[name], child, draws) if name in CURVES else one(SCENARIOS[name], child, draws)
            for key, value in one_set.items():
                counts[key].append(value)
    table = pd.Series({key: np.mean(values) for key, values in counts.items()}).unstack()
    order = list(dict.fromkeys(key[0] for key in counts))
    return table.loc[order, list(dict.fromkeys(key[1] for key in counts))]


def markdown() -> str:
    """Return the table of docs/uncertainty.md from the files: intercept / x / SD of u, in percent."""
    found = {
        name: json.loads((FOLDER / f"{name}.json").read_text())
        for name in SCENARIOS
        if (FOLDER / f"{name}.json").exists()
    }
    methods = dict.fromkeys(method for content in found.values() for method in content["coverage"])
    lines = ["| interval | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for method in methods:
        cells = [_percent(content["coverage"].get(method)) for content in found.values()]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _percent(row: dict[str, float | None] | None) -> str:
    if row is None:
        return ""
    return " / ".join("–" if value is None else f"{100 * value:.1f}" for value in row.values())


def main() -> None:
    """Run the scenarios that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS), metavar="scenario")
    parser.add_argument("--datasets", type=int, default=500)
    parser.add_argument("--draws", type=int, default=499)
    parser.add_argument("--table", action="store_true", help="print the table of what has been run")
    given = parser.parse_args()
    if given.table:
        print(markdown())
        return
    FOLDER.mkdir(exist_ok=True)
    for name in given.scenarios:
        table = study(name, given.datasets, given.draws)
        error = np.sqrt(0.95 * 0.05 / given.datasets)
        content = {"datasets": given.datasets, "draws": given.draws, "coverage": table.to_dict(orient="index")}
        text = json.dumps(content, indent=1).replace("NaN", "null")
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {given.datasets} data sets, {given.draws} draws, Monte Carlo error {error:.3f}", flush=True)
        print(table.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()

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


def study(name: str, datasets: int, draws: int) -> pd.DataFrame:
    """Return the coverage of every interval, methods in rows."""
    counts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for child in np.random.default_rng(20240501).spawn(datasets):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for key, value in one(SCENARIOS[name], child, draws).items():
                counts[key].append(value)
    table = pd.Series({key: np.mean(values) for key, values in counts.items()}).unstack()
    order = list(dict.fromkeys(key[0] for key in counts))
    return table.loc[order, ["Intercept", "x", "sd(group)"]]


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

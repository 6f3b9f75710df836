"""Coverage of 95% intervals by simulation: Wald against bootstrap, for plain, constrained and trimmed fits.

    python -m benchmarks.coverage plain curve-plateau --datasets 500
    python -m benchmarks.coverage --table

Draws are kept in benchmarks/coverage/draws/, a file for every 20 data sets, so that a run that was ended goes on where
it was; the coverage of each case is then written to benchmarks/coverage/. The tables are those of docs/uncertainty.md.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, t

import limeform as lf
from benchmarks.coverage_cases import CASES, GROUPS, Case
from limeform.bootstrap import intervals
from limeform.results.curve import find_curve

FloatArray = NDArray[np.float64]
FOLDER = Path(__file__).parent / "coverage"
SEED, BATCH, ALPHA = 20240501, 20, 0.05
METHODS = ("basic", "bca", "percentile", "expanded")


# ---------------------------------------------------------------------- simulation


def sample(case: Case, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Fit one data set and draw from it.

    Returns
    -------
    dict of str to ndarray
        ``estimate`` and ``se``, shape (k,), of the quantities of the case's truth; for each kind of bootstrap its
        draws, shape (B, k), NaN where a refit failed, and under ``... jackknife`` the fits without one group each.
    """
    results = lf.lmm(case.formula, case.data(rng), **case.options).fit()
    found = _estimates(case, results)
    for kind, refit in case.kinds:
        boot = results.bootstrap(case.draws, kind, refit, rng=rng)  # type: ignore[arg-type]
        draws = np.full((case.draws, len(case.truth)), np.nan)
        draws[boot.draws.index] = _quantities(case, results, boot.draws)
        found[f"{kind}, {refit}"] = draws
        if not case.places and "constraints" not in case.options and refit == "held":
            left_out = pd.DataFrame(boot._jackknife(), columns=boot.estimate.index)
            found[f"{kind}, {refit}, jackknife"] = _quantities(case, results, left_out)
    return found


def _estimates(case: Case, results: lf.LMMResults) -> dict[str, FloatArray]:
    if case.places:
        table = results.curve("dose", at=case.places)
        fit, upper = table["fit"].to_numpy(), table["mean_upper"].to_numpy()
        logarithmic = "log_ratio" in case.formula
        se = np.log(upper / fit) if logarithmic else upper - fit
        se = se / norm.ppf(1 - ALPHA / 2)
    else:
        fit, se = results.params.to_numpy(), results.bse.to_numpy()
    sd = np.sqrt(np.diag(results.cov_re.to_numpy()))
    return {"estimate": np.append(fit, sd), "se": np.append(se, np.nan)}


def _quantities(case: Case, results: lf.LMMResults, draws: pd.DataFrame) -> FloatArray:
    """Return the quantities of the case's truth of each draw; a curve is linear in its coefficients."""
    if not case.places:
        return draws[list(case.truth)].to_numpy()
    curve, beta = find_curve(results, "dose"), draws.iloc[:, : len(results.params)].to_numpy()
    rows = curve.rows(np.array(case.places), 0) @ curve.lift(beta.shape[1])
    return np.column_stack([beta @ rows.T + curve.level, draws["sd(group)"]])


def simulate(name: str, datasets: int) -> None:
    """Run the batches of a case that have not been run."""
    folder = FOLDER / "draws" / name
    folder.mkdir(parents=True, exist_ok=True)
    streams = np.random.default_rng(SEED).spawn(datasets)
    for start in range(0, datasets, BATCH):
        file = folder / f"{start:05d}.npz"
        if file.exists():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            samples = [sample(CASES[name], rng) for rng in streams[start : start + BATCH]]
        unfinished = file.with_suffix(".part.npz")
        np.savez_compressed(unfinished, **{key: np.array([each[key] for each in samples]) for key in samples[0]})  # type: ignore[arg-type]
        unfinished.rename(file)


def stored(name: str) -> dict[str, FloatArray]:
    """Return what was simulated for a case, data sets along the first axis."""
    files = sorted(file for file in (FOLDER / "draws" / name).glob("*.npz") if ".part" not in file.name)
    batches = [dict(np.load(file)) for file in files]
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]} if batches else {}


# ---------------------------------------------------------------------- coverage


def ends_of(case: Case, found: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the intervals by every method, each shape (data sets, k, 2)."""
    estimate, se = found["estimate"], found["se"]
    logarithmic = "log_ratio" in case.formula
    ends = {}
    for label, quantile in (("Wald", norm.ppf(0.975)), ("Wald, t", t.ppf(0.975, GROUPS - 2))):
        half = (quantile * se)[:, :, None] * np.array([-1.0, 1.0])
        ends[label] = estimate[:, :, None] * np.exp(half) if logarithmic else estimate[:, :, None] + half
    for kind, refit in case.kinds:
        label = f"{kind}, {refit}"
        draws, jackknife = found[label], found.get(f"{label}, jackknife")
        ends[f"{label}, percentile"] = np.array([intervals.percentile(each, ALPHA) for each in draws])
        ends[f"{label}, expanded"] = np.array([intervals.expanded(each, ALPHA, GROUPS) for each in draws])
        ends[f"{label}, basic"] = np.array(
            [intervals.basic(at, each, ALPHA) for at, each in zip(estimate, draws, strict=True)]
        )
        if jackknife is not None:
            each_set = zip(estimate, draws, jackknife, strict=True)
            ends[f"{label}, bca"] = np.array([intervals.bca(*each, ALPHA) for each in each_set])
    return ends


def coverage(name: str) -> pd.DataFrame:
    """Return the share of data sets whose intervals hold the truth, methods in rows; NaN where there is none."""
    case, found = CASES[name], stored(name)
    truth = np.array(list(case.truth.values()))[:, None]
    rows = {}
    for method, ends in ends_of(case, found).items():
        inside = (ends[:, :, :1] <= truth) & (truth <= ends[:, :, 1:])
        rows[method] = np.where(np.isnan(ends).any(axis=(0, 2)), np.nan, inside[:, :, 0].mean(axis=0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(case.truth)).dropna(how="all")


def keep(name: str) -> pd.DataFrame:
    """Write the coverage of a case to its file."""
    table, datasets = coverage(name), len(stored(name)["estimate"])
    content = {
        "datasets": datasets,
        "draws": CASES[name].draws,
        "monte_carlo_error": round(float(np.sqrt(0.95 * 0.05 / datasets)), 4),
        "coverage": table.round(4).to_dict(orient="index"),
    }
    text = json.dumps(content, indent=1).replace("NaN", "null")
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return table


def tables() -> str:
    """Return the tables of docs/uncertainty.md, of parameters and of curves, from what has been run."""
    done = [name for name in CASES if (FOLDER / f"{name}.json").exists()]
    lines = [name for name in done if not CASES[name].places]
    curves = [name for name in done if CASES[name].places]
    others = [("residual, held, basic", ""), ("cases, held, basic", "")]
    parameters = markdown(lines, [("Wald", ""), ("Wald, t", ""), *((name, "") for name in METHODS), *others])
    values = [("Wald", "f("), ("expanded", "f("), ("percentile", "f("), ("basic", "f(")]
    return f"{parameters}\n\n{markdown(curves, [*values, ('basic', 'sd'), ('percentile', 'sd')])}"


def markdown(names: Sequence[str], columns: Sequence[tuple[str, str]]) -> str:
    """Return coverage in percent, cases in rows; a column is a method and how the quantities begin that it shows."""
    lines = ["| data and fit | " + " | ".join(" ".join(column).strip() for column in columns) + " |"]
    lines += ["|---" * (len(columns) + 1) + "|"]
    for name in names:
        found = json.loads((FOLDER / f"{name}.json").read_text())["coverage"]
        first = ", ".join(CASES[name].kinds[0])
        cells = [_percent(found.get(method, found.get(f"{first}, {method}", {})), start) for method, start in columns]
        lines.append(f"| {CASES[name].title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _percent(row: dict[str, float | None], start: str) -> str:
    values = [value for name, value in row.items() if name.startswith(start) and value is not None]
    return " / ".join(f"{100 * value:.1f}" for value in values)


def main() -> None:
    """Run the cases that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"all of them if none is named: {', '.join(CASES)}")
    parser.add_argument("--datasets", type=int, default=500)
    parser.add_argument("--table", action="store_true", help="print the table of what has been run, and run nothing")
    given = parser.parse_args()
    names = given.cases or list(CASES)
    if given.table:
        print(tables())
        return
    for name in names:
        simulate(name, given.datasets)
        print(f"{name}\n{keep(name).round(3).to_string()}", flush=True)


if __name__ == "__main__":
    main()

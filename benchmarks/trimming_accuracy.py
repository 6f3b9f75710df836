"""Accuracy of trimmed fits by simulation: ``python -m benchmarks.trimming_accuracy [coverage] [breakdown]``.

Prints the tables of docs/trimming.md; about two minutes each on one core.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

import limeform as lf

FORMULA = "y ~ x + (1 | study)"
TRUTH = np.array([0.0, 5.0])
SETTINGS: dict[str, tuple[str, dict[str, object]]] = {
    "ML, not corrected": ("all", {"reml": False, "trim": lf.Trimming(0.2)}),
    "REML, corrected": ("all", {"reml": True, "trim": lf.Trimming(0.2, correct=True)}),
    "REML, corrected, reweighted": ("all", {"reml": True, "trim": lf.Trimming(0.2, correct=True, reweight=0.99)}),
    "clean rows alone, ML": ("clean", {"reml": False}),
    "clean rows alone, REML": ("clean", {"reml": True}),
}


def one_fit(data: pd.DataFrame, rows: str, keywords: dict[str, object], known: bool) -> dict[str, float]:
    """Whether the intervals cover, and the estimates."""
    frame = data[~data["outlier"]] if rows == "clean" else data
    fit = lf.lmm(FORMULA, frame, **keywords, **({"se": "se"} if known else {})).fit(lf.Newton())
    row = {"SD of u": float(fit.cov_re.iloc[0, 0]) ** 0.5, "sigma": fit.sigma}
    for name, df in (("normal", None), ("t", 8)):
        interval = fit.conf_int(df=df).to_numpy()
        inside = (interval[:, 0] <= TRUTH) & (interval[:, 1] >= TRUTH)
        row |= {f"β0 {name}": 100.0 * inside[0], f"β1 {name}": 100.0 * inside[1]}
    return row


def coverage(known: bool, sets: int = 500) -> pd.DataFrame:
    """Percent of 95% intervals that hold the truth, in the paper's design at 80% kept."""
    table = {}
    for name, (rows, keywords) in SETTINGS.items():
        fits = [one_fit(lf.datasets.contaminated_studies(rng=1000 + i), rows, keywords, known) for i in range(sets)]
        table[name] = pd.DataFrame(fits).mean()
    return pd.DataFrame(table).T


def base(rng: np.random.Generator) -> pd.DataFrame:
    """Ten studies of ten clean rows."""
    data = lf.datasets.contaminated_studies(rng=rng)
    return data.assign(y=data["y_clean"], outlier=False)


def shifted(data: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows far below the line, those of the largest x first."""
    bad = np.argsort(-data["x"].to_numpy())[: round(100 * share)]
    return contaminate(data, bad, data["y"].to_numpy()[bad] - 30.0 - np.abs(rng.normal(0, 80, len(bad))))


def other_line(data: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows on the line 60 - 5 x, which crosses the true one within the data."""
    bad = rng.choice(100, round(100 * share), replace=False)
    return contaminate(data, bad, 60.0 - 5.0 * data["x"].to_numpy()[bad] + rng.normal(0, 4, len(bad)))


def leverage(data: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows at x near 50, y near 0: alike enough to hold the line down."""
    bad = rng.choice(100, round(100 * share), replace=False)
    moved = contaminate(data, bad, rng.normal(0, 4, len(bad)))
    moved.loc[moved.index[bad], "x"] = rng.uniform(45, 55, len(bad))
    return moved


def studies(data: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Whole studies 80 above the others."""
    bad = np.flatnonzero(data["study"] <= round(10 * share))
    return contaminate(data, bad, data["y"].to_numpy()[bad] + 80.0)


def contaminate(data: pd.DataFrame, bad: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Put values in the place of some rows."""
    out = data.copy()
    out.loc[out.index[bad], "y"] = values
    out.loc[out.index[bad], "outlier"] = True
    return out


KINDS: dict[str, tuple[Callable[..., pd.DataFrame], str]] = {
    "far below the line, largest x": (shifted, "observation"),
    "on another line": (other_line, "observation"),
    "high leverage, x near 50": (leverage, "observation"),
    "whole studies, trimmed by group": (studies, "group"),
    "whole studies, trimmed by row": (studies, "observation"),
}


def right(kind: str, share: float, seed: int, known: bool, margin: float = 0.05) -> bool:
    """Whether a fit that trims a little more than is bad is near the clean one: slope within 0.6, other within 4."""
    make, level = KINDS[kind]
    rng = np.random.default_rng(seed)
    data = make(base(rng), share, rng)
    extra = margin if level == "observation" else 0.0
    keywords = {"se": "se"} if known else {}
    fit = lf.lmm(FORMULA, data, trim=lf.Trimming(share + extra, level=level), **keywords).fit(lf.Newton())
    clean = lf.lmm(FORMULA, data[~data["outlier"]], reml=False, **keywords).fit(lf.Newton())
    near = np.abs(fit.params - clean.params).to_numpy() < np.array([4.0, 0.6])
    return bool(near.all())


def breakdown(known: bool, sets: int = 20) -> pd.DataFrame:
    """Number of sets in which the fit is right, by kind and share of the contamination."""
    table = {
        kind: {f"{share:.0%}": sum(right(kind, share, seed, known) for seed in range(sets)) for share in SHARES}
        for kind in KINDS
    }
    return pd.DataFrame(table).T


SHARES = (0.1, 0.2, 0.3, 0.4)
TABLES = {
    "coverage": {"known se": partial(coverage, True), "sigma unknown": partial(coverage, False)},
    "breakdown": {"known se": partial(breakdown, True), "sigma unknown": partial(breakdown, False)},
}


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trimming_accuracy", description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []])
    warnings.simplefilter("ignore")
    for name in parser.parse_args().tables or TABLES:
        for errors, make in TABLES[name].items():
            start = time.monotonic()
            print(f"{name}, {errors}\n{make().round(2).to_string()}\n({time.monotonic() - start:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()

"""Time and memory against the number of rows: a simulated recommender of the size of the StitchFix data.

``python -m benchmarks.scale`` fits `y ~ 1 + x1 + x2 + f + (1 | client) + (1 | item)` by REML, for n rows on 0.1524 n clients
and 0.00126 n items, up to the 5,000,000 rows, 762,000 clients and 6,300 items of Ghosh, Hastie & Owen (2022, Annals of
Statistics 50, 560-583), each in a process of its own, and prints a table.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000, 5_000_000)
FORMULA = "y ~ 1 + x1 + x2 + f + (1 | client) + (1 | item)"


def recommender(n: int) -> pd.DataFrame:
    """Ratings of items by clients, both of uneven activity: gamma-distributed rates with shapes 2 and 1."""
    rng = np.random.default_rng(12)
    clients, items = max(round(0.1524 * n), 20), max(round(0.00126 * n), 10)
    client = rng.choice(clients, n, p=_shares(rng.gamma(2.0, size=clients)))
    item = rng.choice(items, n, p=_shares(rng.gamma(1.0, size=items)))
    x1, x2 = rng.normal(size=(2, n))
    f = rng.integers(0, 4, n)
    mean = 3 + 0.3 * x1 - 0.2 * x2 + np.array([0, 0.1, -0.1, 0.2])[f]
    y = mean + rng.normal(0, 0.9, clients)[client] + rng.normal(0, 0.6, items)[item] + rng.normal(0, 1.5, n)
    return pd.DataFrame({"y": y, "x1": x1, "x2": x2, "f": np.array(list("abcd"))[f], "client": client, "item": item})


def _shares(rates: np.ndarray) -> np.ndarray:
    return rates / rates.sum()


def measure(n: int) -> dict[str, float]:
    """Fit n rows in this process."""
    import limeform as lf

    frame = recommender(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    model = lf.lmm(FORMULA, frame)
    built = time.perf_counter()
    results = model.fit()
    done = time.perf_counter()
    solution = results.estimates.solution
    return {
        "n": n,
        "clients": len(model.design.factors[0].levels),
        "items": len(model.design.factors[1].levels),
        "build": built - wall,
        "fit": done - built,
        "cpu": time.process_time() - cpu,
        "iterations": results.n_iter,
        "converged": float(results.converged),
        "gradient": float(np.abs(solution.gradient).max() / abs(solution.value)),
        "data_gib": before / 2**20,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "llf": results.llf,
        "variances": results.var_components()["variance"].round(5).tolist(),
    }


def main() -> None:
    """Print the table."""
    print("| rows | clients | items | build (s) | fit (s) | CPU (s) | iterations | peak memory (GiB) |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for n in ROWS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", str(n)], capture_output=True, text=True, check=True
        )
        row = json.loads(done.stdout)
        print(
            f"| {n:,} | {row['clients']:,} | {row['items']:,} | {row['build']:.2f} | {row['fit']:.2f} | {row['cpu']:.2f} "
            f"| {row['iterations']} | {row['peak_gib']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()

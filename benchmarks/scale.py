"""Time and memory against the number of rows: a simulated recommender of the size of the StitchFix data.

For n rows there are 0.1524 n clients and 0.00126 n items, up to the 5,000,000 rows, 762,000 clients and 6,300 items of
Ghosh, Hastie & Owen (2022, Annals of Statistics 50, 560-583); each size runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from benchmarks.report import section, table

ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000, 5_000_000)
NOTE = (
    "Clients and items are of uneven activity, so some clients have no rows. Times are wall times of one "
    "run and CPU time of both threads; the peak includes the data frame."
)
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
        "evaluations": solution.evaluations,
        "converged": float(results.converged),
        "gradient": float(np.abs(solution.gradient).max() / abs(solution.value)),
        "data_gib": before / 2**20,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "llf": results.llf,
        "variances": results.var_components()["variance"].round(5).tolist(),
    }


def scale_section() -> str:
    """Measure all sizes."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    rows = []
    for n in ROWS:
        call = [sys.executable, "-m", "benchmarks.scale", str(n)]
        done = subprocess.run(call, capture_output=True, text=True, check=True, env=os.environ | threads)
        found = json.loads(done.stdout)
        counts = [f"{found[name]:,}" for name in ("n", "clients", "items")]
        times = [f"{found[name]:.3g} s" for name in ("build", "fit", "cpu")]
        rows.append(
            [*counts, *times, str(found["evaluations"]), f"{found['gradient']:.1g}", f"{found['peak_gib']:.2f} GiB"]
        )
    header = ["rows", "clients", "items", "build", "fit", "CPU", "evaluations", "relative gradient", "peak memory"]
    return section(f"A recommender as rows grow, REML, two threads: `{FORMULA}`", table(header, rows), NOTE)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))

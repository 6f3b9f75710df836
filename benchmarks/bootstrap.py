"""What a second worker gains in a bootstrap: wall times of one and of two workers, alternating."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median

import limeform as lf
from benchmarks.cases import SLEEP_FORMULA, SMOKING_FORMULA
from benchmarks.datasets import smoking
from benchmarks.peers.packages import curve
from benchmarks.report import seconds, table
from benchmarks.workers import ONE_THREAD

ROUNDS = 3
GAIN = 1.7
NOTE = "Medians of wall times; both processes of the two workers are running before the time starts."


@dataclass(frozen=True)
class Bootstrap:
    """A number of refits, and the seconds of wall time that they may take with two workers."""

    title: str
    refits: int
    at_most: float | None = None


BOOTSTRAPS = (
    Bootstrap("sleepstudy", 100_000),
    Bootstrap("smoking-like curve", 1_000, at_most=60.0),
)


def fitted(title: str) -> lf.LMMResults:
    """Return the fit that is bootstrapped."""
    if title == "sleepstudy":
        return lf.lmm(SLEEP_FORMULA, lf.datasets.sleepstudy()).fit()
    results: lf.LMMResults = curve(lf, {"task": "curve", "formula": SMOKING_FORMULA}, smoking())()
    return results


def measure(which: Bootstrap) -> list[float]:
    """Return the median wall times of one worker and of two."""
    fit = fitted(which.title)
    for workers in (1, 2):
        wall_time(fit, which.refits // 50, workers)
    rounds = [[wall_time(fit, which.refits, workers) for workers in (1, 2)] for _ in range(ROUNDS)]
    return [median(times) for times in zip(*rounds, strict=True)]


def wall_time(fit: lf.LMMResults, refits: int, workers: int) -> float:
    """Return the seconds of wall time that a bootstrap takes."""
    start = time.perf_counter()
    fit.bootstrap(refits, rng=1, n_jobs=workers)
    return time.perf_counter() - start


def workers_table() -> str:
    """Measure all bootstraps."""
    rows = []
    for number, which in enumerate(BOOTSTRAPS):
        call = [sys.executable, "-m", "benchmarks.bootstrap", str(number)]
        done = subprocess.run(call, env=ONE_THREAD, stdout=subprocess.PIPE, text=True, check=True)
        one, two = json.loads(done.stdout)
        gain = f"gain ≥ {GAIN}: {'met' if one / two >= GAIN else 'missed'}"
        fast = "" if which.at_most is None else f"; ≤ {which.at_most:g} s: {_met(two, which.at_most)}"
        rows.append([which.title, f"{which.refits:,}", seconds(one), seconds(two), f"{one / two:.2f}", gain + fast])
    return table(["bootstrap", "refits", "one worker", "two workers", "gain", "targets"], rows) + f"\n\n{NOTE}"


def _met(found: float, at_most: float) -> str:
    return "met" if found <= at_most else "missed"


if __name__ == "__main__":
    print(json.dumps(measure(BOOTSTRAPS[int(sys.argv[1])])))

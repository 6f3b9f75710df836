"""The bootstrap against lme4::bootMer: 1,000 refits of the sleepstudy model on one core each, alternating.

python -m benchmarks.bootstrap
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import time

import limeform as lf

REFITS, ROUNDS = 1000, 3
SCRIPT = """
suppressMessages(library(lme4))
m <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy)
f <- function(m) c(fixef(m), as.data.frame(VarCorr(m))$sdcor)
run <- function() suppressMessages(system.time(bootMer(m, f, nsim = %d))[["elapsed"]])
cat("seconds", run(), "\\n")
"""


def lme4() -> float | None:
    """Return the seconds that bootMer takes; None where R or lme4 is not installed."""
    if shutil.which("Rscript") is None:
        return None
    done = subprocess.run(["Rscript", "--vanilla", "-e", SCRIPT % REFITS], capture_output=True, text=True)
    found = re.search(r"seconds ([\d.]+)", done.stdout)
    return float(found[1]) if found else None


def ours(fit: lf.LMMResults, n: int, n_jobs: int = 1, kind: str = "parametric") -> float:
    """Return the seconds that n refits take."""
    start = time.perf_counter()
    fit.bootstrap(n, kind, rng=1, n_jobs=n_jobs)  # type: ignore[arg-type]
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and their ratio, then what a second worker gains."""
    fit = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
    ours(fit, 100)
    pairs = [(ours(fit, REFITS), lme4()) for _ in range(ROUNDS)]
    mine = statistics.median(pair[0] for pair in pairs)
    print(f"limeform, {REFITS} refits, one core: {mine:.3f} s")
    if any(pair[1] is None for pair in pairs):
        print("lme4: absent")
    else:
        theirs = statistics.median(pair[1] for pair in pairs if pair[1] is not None)
        print(f"lme4::bootMer, one core: {theirs:.2f} s, ratio {theirs / mine:.1f}")
    for kind in ("residual", "cases"):
        print(f"{kind}: {statistics.median(ours(fit, REFITS, kind=kind) for _ in range(3)):.3f} s")
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    ours(fit, 1000, 2)  # starts the processes
    one, two = (statistics.median(ours(fit, n, jobs) for _ in range(3)) for jobs in (1, 2))
    print(f"{n} refits, one worker {one:.1f} s, two workers (running) {two:.1f} s, ratio {one / two:.2f}")


if __name__ == "__main__":
    main()

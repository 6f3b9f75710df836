"""A process in which one Python package runs one job: ``python driver.py JOB``, JOB as made by `benchmarks.workers`.

It answers each line on standard input, a number of calls, with one line of JSON: seconds per call, peak memory,
log-likelihood.  The first line, written when the data are loaded, describes the package.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Mapping
from typing import IO, Any

import memory
import pandas as pd
from packages import PACKAGES, Call, Job, LogLikelihood, description


def timed(call: Call, log_likelihood: LogLikelihood, calls: int) -> dict[str, float]:
    """Mean seconds of `calls` calls, the peak of resident memory, and the log-likelihood that was reached."""
    memory.reset_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        results = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = memory.peak()
    llf = float(log_likelihood(results))
    return {"calls": calls, "wall": wall / calls, "cpu": cpu / calls, "peak": peak, "llf": llf}


def answer(out: IO[str], reply: Mapping[str, Any]) -> None:
    """Write one line."""
    out.write(json.dumps(reply) + "\n")
    out.flush()


def main(job: Job, out: IO[str]) -> None:
    """Load the data, say what is here, then run once for each line that comes in."""
    prepare = PACKAGES[job["package"]]
    if job["warm_up"]:
        prepare(job, pd.read_csv(job["warm_up"]))[0]()
    before = memory.resident()
    frame = pd.read_csv(job["data"])
    call, log_likelihood = prepare(job, frame)
    sizes = {"frame": int(frame.memory_usage(deep=True).sum()), "before": before, "loaded": memory.resident()}
    answer(out, description(job["package"]) | sizes)
    for line in sys.stdin:
        try:
            answer(out, timed(call, log_likelihood, int(line)))
        except Exception as error:
            answer(out, {"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "w")  # what packages print goes to standard error
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    main(json.loads(sys.argv[1]), replies)

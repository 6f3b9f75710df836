"""Time of `import limeform` against the packages beneath it, in fresh processes that alternate."""

import subprocess
import sys
from statistics import median

from benchmarks.report import seconds, section, table
from benchmarks.workers import ONE_THREAD

BENEATH = "import pandas, formulaic, statsmodels.iolib.summary, statsmodels.stats.contrast"
OURS = "import limeform"
PROGRAM = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{statement}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
ROUNDS = 11
TARGET = 1.5


def measure(statement: str) -> tuple[float, float]:
    """Wall and CPU seconds of an import statement in a process of its own, without the interpreter's start."""
    program = PROGRAM.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", program], env=ONE_THREAD, capture_output=True, text=True, check=True)
    wall, cpu = map(float, done.stdout.split())
    return wall, cpu


def import_section() -> str:
    """Medians of both, after one round that fills the disk's cache."""
    rounds = [(measure(BENEATH), measure(OURS)) for _ in range(ROUNDS + 1)][1:]
    beneath, ours = ([median(clock) for clock in zip(*times, strict=True)] for times in zip(*rounds, strict=True))
    share = ours[1] / beneath[1]
    rows = [
        [f"`{BENEATH}`", seconds(beneath[0]), seconds(beneath[1]), "1", ""],
        [
            f"`{OURS}`",
            seconds(ours[0]),
            seconds(ours[1]),
            f"{share:.2f}",
            f"< {TARGET}: {'met' if share < TARGET else 'missed'}",
        ],
    ]
    return section("Import time", table(["statement", "wall", "CPU", "CPU ratio", "target"], rows))

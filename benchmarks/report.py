"""Tables in Markdown, and ``benchmarks/RESULTS.md``, of which a run rewrites the sections that it measured."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import date
from math import isnan
from pathlib import Path

from benchmarks.cases import Case, Run
from benchmarks.compare import Timings

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """# Results of the benchmarks

Written by `make bench`. Seconds are medians over timings that alternate between the packages; ratios are to limeform in
the same run, so a ratio above 1 means that limeform is faster. A call starts from the formula and the data frame. Every
package runs on one thread (`OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS`, `RAYON_NUM_THREADS`, `POLARS_MAX_THREADS` = 1).
Targets are for CPU time.
"""


def seconds(value: float) -> str:
    """A duration in the unit that suits it."""
    if isnan(value):
        return ""
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def ratio(value: float) -> str:
    """Three significant digits, or nothing."""
    return "" if isnan(value) else f"{value:.3g}"


def megabytes(value: float) -> str:
    """Bytes as MB (1e6)."""
    return "" if isnan(value) else f"{value / 1e6:.0f} MB"


def verdict(value: float, run: Run) -> str:
    """Whether the target of a run, if it has one, was met."""
    if run.at_least is None and run.at_most is None:
        return ""
    target = f"≥ {run.at_least:g}" if run.at_least is not None else f"≤ {run.at_most:g}"
    if isnan(value):
        return target
    met = (run.at_least is None or value >= run.at_least) and (run.at_most is None or value <= run.at_most)
    return f"{target}: {'met' if met else 'missed'}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def timings_table(case: Case, measured: Sequence[Timings]) -> str:
    """The comparison of one case; the first row is the one that the others are divided by."""
    reference = measured[0]
    rows = []
    for timings in measured:
        name = f"{timings.run.label} {timings.description.get('version', '')}".strip()
        wall, cpu = timings.median("wall"), timings.median("cpu")
        by_cpu = cpu / reference.median("cpu")
        if timings.problem and not timings.replies:
            rows.append([name, timings.problem, *[""] * 7])
            continue
        rows.append(
            [
                name,
                seconds(timings.first),
                seconds(wall),
                seconds(cpu),
                ratio(wall / reference.median("wall")),
                ratio(by_cpu),
                verdict(by_cpu, timings.run),
                f"{timings.median('llf'):.5f}",
                f"{len(timings.replies)} × {timings.replies[0]['calls']}",
            ]
        )
    header = ["package", "first call", "wall", "CPU", "wall ratio", "CPU ratio", "target", "log-likelihood", "timings"]
    return table(header, rows)


def machine() -> str:
    """Date, processor, load and interpreter."""
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else [platform.processor()]
    load = f"load {os.getloadavg()[0]:.1f} at the end"
    return f"{date.today()}, {models[0]} × {os.cpu_count()}, {load}, Python {platform.python_version()}"


def blas(measured: Sequence[Timings]) -> str:
    """The BLAS beneath each package."""
    known = {timings.run.package: timings.description["blas"] for timings in measured if timings.description}
    return "BLAS beneath NumPy or R, one thread each: " + ", ".join(
        f"{package} {name}" for package, name in known.items()
    )


def section(title: str, *parts: str) -> str:
    """A headed section with the machine at its end."""
    return "\n\n".join([f"## {title}", *parts, f"*{machine()}.*"])


def store(sections: dict[str, str], order: Sequence[str]) -> None:
    """Put sections into RESULTS.md in the place of their earlier versions, in the given order."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    pattern = r"<!-- begin (\w+) -->\n(.*?)\n<!-- end \1 -->"
    merged = {name: body for name, body in re.findall(pattern, text, re.DOTALL) if name in order} | sections
    blocks = [f"<!-- begin {name} -->\n{merged[name]}\n<!-- end {name} -->" for name in order if name in merged]
    RESULTS.write_text("\n\n".join([HEAD.strip(), *blocks]) + "\n")

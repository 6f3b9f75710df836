"""Command line: ``python -m benchmarks [SECTION ...]``."""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

from benchmarks.bootstrap import workers_table
from benchmarks.cases import CASES, Case
from benchmarks.compare import compare
from benchmarks.imports import import_section
from benchmarks.memory_use import memory_table
from benchmarks.report import RESULTS, blas, section, store, timings_table
from benchmarks.scale import scale_section


def case_section(case: Case) -> str:
    """Measure one case."""
    measured = compare(case)
    parts = [timings_table(case, measured), *([case.note] if case.note else [])]
    if case.name == "million":
        parts.append(memory_table(measured))
    if case.name == "bootstrap":
        parts.append(workers_table())
    return section(case.title, *parts, f"{blas(measured)}.")


SECTIONS: dict[str, Callable[[], str]] = {case.name: partial(case_section, case) for case in CASES} | {
    "scale": scale_section,
    "import": import_section,
}


def main() -> None:
    """Run the sections asked for, print them, and keep them in RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"all of them if none is named: {', '.join(SECTIONS)}")
    names = parser.parse_args().sections or list(SECTIONS)
    if unknown := [name for name in names if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for name in names:
        start = time.monotonic()
        text = SECTIONS[name]()
        store({name: text}, list(SECTIONS))
        print(f"{text}\n\n({time.monotonic() - start:.0f} s)\n", flush=True)
    print(f"Kept in {os.path.relpath(RESULTS)}")


if __name__ == "__main__":
    main()

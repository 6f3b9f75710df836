"""Runs the packages of a case in turn, A B C A B C, and gives medians."""

from dataclasses import dataclass, field
from statistics import median

from benchmarks.cases import Case, Run
from benchmarks.workers import AbsentError, Reply, Worker

TIME_LIMIT = 240.0


@dataclass
class Timings:
    """What is known of one package in one case; `first` is the wall time of the first call in its process."""

    run: Run
    description: Reply = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    first: float = float("nan")
    problem: str = ""

    def median(self, name: str) -> float:
        """Median over the timings; NaN if there are none."""
        values: list[float] = [reply[name] for reply in self.replies]
        return median(values) if values else float("nan")

    def spent(self) -> float:
        """Wall seconds of the timings."""
        return float(sum(reply["wall"] * reply["calls"] for reply in self.replies))


def ask(worker: Worker, timings: Timings, case: Case, calls: int) -> None:
    """One timing more, unless the package has had its time or has failed."""
    if timings.problem or timings.spent() > case.budget:
        return
    reply = worker.run(calls, TIME_LIMIT)
    if "error" in reply:
        timings.problem = reply["error"].splitlines()[0]
    else:
        timings.replies.append(reply)


def warm_up(worker: Worker, timings: Timings, case: Case) -> None:
    """Make the first call, which counts as a timing only if it took so long that there will be no other."""
    ask(worker, timings, case, calls=1)
    timings.first = timings.spent()
    if timings.first <= case.budget:
        timings.replies.clear()


def start(case: Case, timings: Timings) -> Worker | None:
    """The driver of a package, or None and the reason in `problem`."""
    try:
        worker = Worker(case, timings.run)
    except AbsentError as absent:
        timings.problem = f"absent: {absent}"
        return None
    timings.description = worker.description
    return worker


def compare(case: Case) -> list[Timings]:
    """Time every package of a case, alternating, one process at work at a time."""
    table = [Timings(run) for run in case.runs]
    workers: list[tuple[Worker, Timings]] = []
    try:
        for timings in table:
            if worker := start(case, timings):
                workers.append((worker, timings))
                if not case.warm_up:
                    warm_up(worker, timings, case)
        for _ in range(case.rounds):
            for worker, timings in workers:
                ask(worker, timings, case, case.calls)
    finally:
        for worker, _ in workers:
            worker.close()
    return table

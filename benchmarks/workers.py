"""Starts a driver as a process of its own and asks it for timings, one at a time."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, Run
from benchmarks.datasets import path

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
R_PACKAGES = ("lme4", "metafor")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")
ONE_THREAD = os.environ | dict.fromkeys(THREADS, "1")
Reply = dict[str, Any]


class AbsentError(Exception):
    """The package, or its language, is not installed here, or its driver did not start."""


def command(package: str) -> list[str]:
    """Command that starts the driver of a package."""
    if package in R_PACKAGES:
        return ["Rscript", "--vanilla", str(PEERS / "driver.R")]
    python = sys.executable if package == "limeform" else ".venv-peers/bin/python"
    return [python, str(PEERS / "driver.py")]


def job(case: Case, run: Run) -> str:
    """What the driver has to do, as JSON."""
    fields = {"package": run.package, "task": run.task, "formula": case.formula}
    warm_up = str(path(case.warm_up)) if case.warm_up else None
    return json.dumps(fields | {"data": str(path(run.data or case.data)), "warm_up": warm_up})


class Worker:
    """A running driver.

    Raises
    ------
    AbsentError
        With the last line that the driver wrote, if it did not come up.
    """

    def __init__(self, case: Case, run: Run) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- lives as long as the worker
        try:
            self._process = subprocess.Popen(
                [*command(run.package), job(case, run)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                cwd=ROOT,
                env=ONE_THREAD,
            )
        except FileNotFoundError as error:
            raise AbsentError(f"no {error.filename}") from None
        self.description = self._reply(timeout=300)
        if "error" in self.description:
            self.close()
            raise AbsentError(self.description["error"])

    def run(self, calls: int, timeout: float) -> Reply:
        """Mean seconds of `calls` calls; `error` is in the reply if there was none within `timeout` seconds."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{calls}\n".encode())
        except BrokenPipeError:
            return {"error": self._last_words()}
        return self._reply(timeout)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _reply(self, timeout: float) -> Reply:
        output, end = self._process.stdout, time.monotonic() + timeout
        assert output is not None
        while select.select([output], [], [], max(0.0, end - time.monotonic()))[0]:
            line = output.readline()
            if line.startswith(b"{"):
                reply: Reply = json.loads(line)
                return reply
            if not line:
                return {"error": self._last_words()}
        self._process.kill()
        return {"error": f"stopped after {timeout:.0f} s"}

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else "ended without a word"

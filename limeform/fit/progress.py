"""What a long fit says while it runs: a line for every evaluation of the criterion."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

Watch = Callable[[int, float], None]
"""Takes the number of the evaluation and the value of the criterion, minus the log-likelihood."""


class Progress:
    """Shows evaluations by tqdm where it is installed, else as lines on stderr.

    Examples
    --------
    >>> with Progress(shown=False) as progress:
    ...     progress(1, 12.5)
    """

    def __init__(self, shown: bool) -> None:
        self._shown, self._start = shown, time.perf_counter()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """Open the bar."""
        if self._shown:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return self
            self._bar = tqdm(desc="fit", unit=" evaluations")
        return self

    def __exit__(self, *error: object) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def __call__(self, evaluation: int, value: float) -> None:
        """Show one evaluation."""
        if self._bar is not None:
            self._bar.update()
            self._bar.set_postfix_str(f"log-likelihood {-value:.6f}")
        elif self._shown:
            seconds = time.perf_counter() - self._start
            print(f"evaluation {evaluation}: log-likelihood {-value:.6f}, {seconds:.1f} s", file=sys.stderr)

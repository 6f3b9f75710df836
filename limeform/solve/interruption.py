"""Ctrl-C: a single fit returns the best point so far; one of many fits, such as a refit, ends with all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PASSED_ON: ContextVar[bool] = ContextVar("interruptions_passed_on", default=False)


@contextmanager
def interruptions_passed_on() -> Iterator[None]:
    """Let solvers raise KeyboardInterrupt within, where they otherwise return the best point so far."""
    before = _PASSED_ON.set(True)
    try:
        yield
    finally:
        _PASSED_ON.reset(before)


def pass_on(interruption: KeyboardInterrupt) -> None:
    """Raise an interruption that a solver has caught, within `interruptions_passed_on`; else do nothing."""
    if _PASSED_ON.get():
        raise interruption

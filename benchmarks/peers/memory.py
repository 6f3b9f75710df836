"""Resident memory of this process, in bytes, from Linux's /proc; NaN elsewhere."""

import ctypes
import gc
from pathlib import Path

STATUS = Path("/proc/self/status")


def _field(name: str) -> float:
    if not STATUS.exists():
        return float("nan")
    return next(float(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith(name))


def resident() -> float:
    """Resident memory now, after what is free has been handed back."""
    gc.collect()
    if STATUS.exists():
        ctypes.CDLL(None).malloc_trim(0)
    return _field("VmRSS:")


def peak() -> float:
    """Highest resident memory since the last reset."""
    return _field("VmHWM:")


def reset_peak() -> None:
    """Let the peak start again from the present."""
    if STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")

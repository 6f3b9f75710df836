"""A start of the search, before it is fitted exactly."""

from __future__ import annotations

from dataclasses import dataclass

from limeform.fit.trimming.simplex import FloatArray


@dataclass(frozen=True)
class Begun:
    """Where a start has come to: ``weights``, shape (units,), variance parameters ``x``, shape (q,), and criterion."""

    weights: FloatArray
    x: FloatArray
    value: float

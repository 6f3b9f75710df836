"""A small frame to spoil, and ways to spoil it."""

from typing import Any

import numpy as np
import pandas as pd

import limeform as lf

FORMULA = "y ~ x + (1 | g)"


def frame(**columns: Any) -> pd.DataFrame:
    """Return 60 rows in 12 groups, with some columns replaced or added."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(12), 5)
    data = pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60), "f": np.tile(list("abc"), 20), "g": group})
    data["se"] = rng.uniform(0.2, 1.0, 60)
    data["y"] = 1 + 2 * data["x"] + rng.normal(size=12)[group] + rng.normal(size=60)
    return data.assign(**columns)


def with_value(column: str, row: int, value: object) -> pd.DataFrame:
    """Return the frame with one value replaced."""
    data = frame()
    if isinstance(value, float) and data[column].dtype.kind == "i":
        data[column] = data[column].astype(float)
    data.loc[row, column] = value
    return data


def fit(formula: str = FORMULA, data: object = None, **keywords: Any) -> lf.LMMResults:
    """Fit a formula to the frame."""
    return lf.lmm(formula, frame() if data is None else data, **keywords).fit()


def notes(results: lf.LMMResults) -> str:
    """Return the notes of the summary, on one line."""
    text = str(results.summary())
    return " ".join(text[text.index("Notes:") :].split()) if "Notes:" in text else ""

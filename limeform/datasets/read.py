"""Reading one shipped table into a data frame."""

import json
from importlib.resources import files
from typing import Any

import pandas as pd

_FOLDER = files("limeform.datasets")


def read(name: str) -> pd.DataFrame:
    """Read a shipped data set.

    Parameters
    ----------
    name : str
        Name of the file without ``.csv``.

    Returns
    -------
    pandas.DataFrame
        A new frame on every call. Columns listed in ``factors.json`` are categorical, with string categories in the
        order that R gives them; other columns are numbers or text. Missing values are NaN.
    """
    factors = _factors(name)
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype={column: str for column in factors}, keep_default_na=False, na_values=[""])
    for column, factor in factors.items():
        kind = pd.CategoricalDtype(factor["levels"], ordered=factor["ordered"])
        frame[column] = frame[column].astype(kind)
    return frame


def _factors(name: str) -> dict[str, dict[str, Any]]:
    listed: dict[str, dict[str, dict[str, Any]]] = json.loads((_FOLDER / "factors.json").read_text(encoding="utf-8"))
    return listed.get(name, {})

"""The cases of values.json: the data they name, the model they ask for, and what R found."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import limeform as lf

FOLDER = Path(__file__).parent
KEYWORDS = ("se", "variance", "weights", "sigma")


@dataclass(frozen=True)
class Case:
    """One model, with R's values.

    Attributes
    ----------
    package, name : str
        Folder and key in its values.json.
    formula : str
        In limeform's grammar.
    recipe : dict
        Where the data are: ``dataset`` or ``file``, then ``assign`` and ``missing``; see recording.R.
    keywords : dict
        Of ``lf.lmm``.
    reml : bool
        Restricted likelihood.
    values : dict
        R's results.
    """

    package: str
    name: str
    formula: str
    recipe: dict[str, Any]
    keywords: dict[str, str]
    reml: bool
    values: dict[str, Any]

    def __str__(self) -> str:
        return self.name

    def vector(self, name: str, index: str) -> pd.Series:
        """Give a vector of R's values with its names."""
        return pd.Series(self.values[name], index=self.values[index], dtype=float)

    def matrix(self, name: str, index: str) -> pd.DataFrame:
        """Give a matrix of R's values with its names."""
        labels = self.values[index]
        return pd.DataFrame(self.values[name], index=labels, columns=labels, dtype=float)


def load_cases(package: str) -> list[Case]:
    """Read the values.json of a package."""
    stored = json.loads((FOLDER / package / "values.json").read_text(encoding="utf-8"))["cases"]
    return [
        Case(
            package=package,
            name=name,
            formula=case["formula"],
            recipe=case["data"],
            keywords={key: case[key] for key in KEYWORDS if key in case},
            reml=case["reml"],
            values=case["results"],
        )
        for name, case in stored.items()
    ]


def frame_of(case: Case) -> pd.DataFrame:
    """Follow the recipe of a case."""
    recipe = case.recipe
    if "dataset" in recipe:
        frame = getattr(lf.datasets, recipe["dataset"])()
    else:
        frame = pd.read_csv(FOLDER / case.package / recipe["file"])
    for column, expression in recipe.get("assign", {}).items():
        frame[column] = frame.eval(expression)
    for column, rows in recipe.get("missing", {}).items():
        if pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype(float)
        frame.loc[rows, column] = None
    return frame


def model_of(case: Case, **changes: Any) -> lf.LMM:
    """Build the model of a case."""
    return lf.lmm(case.formula, frame_of(case), **{**case.keywords, "reml": case.reml, **changes})


# The cases of one file are fitted once for all its tests. Nothing but a singular fit may warn.
@cache
def _fit(package: str, name: str) -> lf.LMMResults:
    case = next(case for case in load_cases(package) if case.name == name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", lf.SingularFitWarning)
        return model_of(case).fit()


def fit(case: Case) -> lf.LMMResults:
    """Fit the model of a case, with the default solver."""
    return _fit(case.package, case.name)

"""What a user gave, kept so that a model can be saved and built again."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from limeform.design import Design, Keywords
from limeform.design.expressions import used_columns
from limeform.fit import Trimming
from limeform.formula import ModelFormula


@dataclass(frozen=True, eq=False)
class Source:
    """All arguments of a model.

    Attributes
    ----------
    formula : ModelFormula
    data : DataFrame
        The columns that the model uses, not copied.
    keywords : Keywords
    reml : bool or None
    trim : Trimming
    missing : str
    """

    formula: ModelFormula
    data: pd.DataFrame
    keywords: Keywords
    reml: bool | None
    trim: Trimming
    missing: str


def columns_of_model(design: Design, frame: pd.DataFrame, keywords: Keywords, trim: Trimming) -> pd.DataFrame:
    """Return the columns that a model uses, those that its keywords name included."""
    named = [value for value in (*keywords.given().values(), trim.keep) if isinstance(value, str)]
    return used_columns(design.recipe, frame, named)

"""Formula text to terms: the notation of lme4 on top of formulaic. Text only, no data."""

from limeform.formula.locate import locate
from limeform.formula.parse import parse
from limeform.formula.plain import refused
from limeform.formula.terms import ModelFormula, NonlinearTerm, RandomTerm

__all__ = ["ModelFormula", "NonlinearTerm", "RandomTerm", "locate", "parse", "refused"]

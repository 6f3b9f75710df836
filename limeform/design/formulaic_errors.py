"""What goes wrong inside formulaic, as errors that name the column or the piece of the formula."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FactorEvaluationError
from formulaic.materializers import PandasMaterializer
from formulaic.parser.types import Factor

from limeform.design.kinds import refuse_dates
from limeform.errors import DataError, FormulaError, LimeformError, UnknownColumnError
from limeform.formula import ModelFormula, locate


def check_levels(spec: ModelSpec, frame: pd.DataFrame) -> None:
    """Refuse levels of a factor that the fit did not have; formulaic would take them for the baseline."""
    used = _expressions(spec.formula)
    for expression, (_, state) in spec.encoder_state.items():
        if expression not in used:
            continue
        categories = state.get("categories") if isinstance(state, dict) else None
        found = re.match(r"^(?:C\()?\s*`?([^`(),]+?)`?\s*(?:[,)].*)?$", str(expression), re.DOTALL)
        if categories is None or found is None or found[1] not in frame.columns:
            continue
        values = frame[found[1]]
        unseen = values[~values.isin(list(categories)) & values.notna()]
        if len(unseen):
            levels = ", ".join(repr(level) for level in unseen.unique()[:5].tolist())
            seen = ", ".join(repr(level) for level in list(categories)[:10])
            rows = f"{len(unseen)} row{'s' * (len(unseen) > 1)}"
            raise DataError(
                f"column {found[1]!r} has levels that the fit did not have: {levels}, in {rows}; the fit knows {seen}"
            )


def check_kinds(spec: ModelSpec, frame: pd.DataFrame) -> None:
    """Refuse a column that was of numbers in the fit and is of something else now."""
    used = _expressions(spec.formula)
    for expression, (kind, _) in spec.encoder_state.items():
        if kind is not Factor.Kind.NUMERICAL or expression not in frame.columns or expression not in used:
            continue
        dtype = frame[expression].dtype
        numeric = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
        if isinstance(dtype, pd.CategoricalDtype) or not numeric:
            raise DataError(f"column {expression!r} was numeric in the fit, and has {dtype} values in the new data")


def refuse_raw_dates(parts: Iterable[Formula], frame: pd.DataFrame) -> None:
    """Refuse columns of dates that are terms as they are; inside a transform they may be turned into numbers."""
    raw = [expression for part in parts for expression in _expressions(part) if expression in frame.columns]
    refuse_dates(frame, dict.fromkeys(raw))


def _expressions(part: Formula) -> list[str]:
    """Return the distinct factors of the terms of a part, without numbers."""
    factors = [
        factor for term in part for factor in term.factors if factor.eval_method is not Factor.EvalMethod.LITERAL
    ]
    return list(dict.fromkeys(str(factor.expr) for factor in factors))


def blame(
    error: Exception, parts: list[Formula], frame: pd.DataFrame, scope: Mapping[str, Any], formula: ModelFormula
) -> Exception:
    """Turn any error of a materialisation into one that names the piece of the formula that it came from.

    Parameters
    ----------
    error : Exception
        What came out of formulaic.
    parts : list of Formula
        The parts that were being made.
    frame : DataFrame
        The data.
    scope : mapping
        The caller's names.
    formula : ModelFormula
        The whole formula.

    Returns
    -------
    Exception
        To be raised from ``error``.
    """
    if isinstance(error, FactorEvaluationError):
        return explain(error, frame, formula)
    for expression in dict.fromkeys(piece for part in parts for piece in _expressions(part)):
        if expression in frame.columns:
            continue
        ranges = re.match(r"interval\s*\(", expression)
        alone = "it is a range: put it into a curve, as in bspline(interval(low, high), knots=3)" if ranges else None
        alone = alone or _alone(expression, frame, scope)
        if alone is not None:
            start, stop = locate(formula, expression) or (None, None)
            return FormulaError(f"{expression!r} cannot be used as a term: {alone}", formula.text, start, stop)
    return explain(error, frame, formula)


def _alone(expression: str, frame: pd.DataFrame, scope: Mapping[str, Any]) -> str | None:
    """Return what goes wrong with one expression as the only term; None if nothing does."""
    part = Formula([f"{{{expression}}}"])
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", DataMismatchWarning)
            matrix = PandasMaterializer(frame, scope).get_model_matrix(part, output="numpy", na_action="ignore")
    except DataMismatchWarning as error:
        found = re.search(r"\{(.*?)\}", str(error))
        return f"the data have levels that it does not list, such as {found[1][:60] if found else error}"
    except np.exceptions.AxisError:
        return f"it gives one value instead of {len(frame)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    rows = len(np.asarray(matrix))
    return None if rows == len(frame) else f"it gives {rows} values for {len(frame)} rows"


def explain(error: Exception, frame: pd.DataFrame, formula: ModelFormula, piece: str = "") -> Exception:
    """Turn an error from inside formulaic into one that names the column or the piece."""
    cause = error.__cause__ if isinstance(error, FactorEvaluationError) and error.__cause__ else error
    missing = re.search(r"`(.+?)` is not present|name '(.+?)' is not defined", str(cause))
    if missing is None and isinstance(cause, KeyError) and cause.args:
        missing = re.match(r"(.+)()", str(cause.args[0]))
    if missing and isinstance(cause, (NameError, KeyError)):
        name = missing[1] or missing[2]
        start, stop = locate(formula, name) or (None, None)
        return UnknownColumnError(name, frame.columns, "the formula", formula.text, start, stop)
    factor = re.search(r"factor `(.+?)`\. \[", str(error))
    if isinstance(cause, LimeformError):
        return type(cause)(f"{piece or (factor[1] if factor else 'the formula')}: {cause}")
    piece = piece or (factor[1] if factor else "")
    if isinstance(cause, TypeError) and "'Series' object is not callable" in str(cause):
        hidden = [name for name in frame.columns if re.search(rf"\b{re.escape(name)}\b`?\s*\(", piece or formula.text)]
        if hidden:
            message = f"the data have a column {hidden[0]!r}, which hides the function of that name: rename the column"
            return DataError(f"{piece or 'the formula'}: {message}")
    start, stop = (locate(formula, piece) if piece else None) or (None, None)
    what = repr(piece) if piece else "the formula"
    return FormulaError(f"{what} cannot be evaluated: {type(cause).__name__}: {cause}", formula.text, start, stop)

"""The file that knows how formulaic works inside; what goes wrong there is for ``formulaic_errors``.

formulaic does not keep the scope that a formula was written in, replaces an unknown level by the baseline, and reports
a misspelt column from deep inside: here the scope is kept, and levels and names are checked.
"""

from __future__ import annotations

import ast
import copy
import importlib
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS
from formulaic.utils.layered_mapping import LayeredMapping
from formulaic.utils.stateful_transforms import stateful_eval
from formulaic.utils.variables import Variable
from numpy.typing import NDArray

from limeform.design.expansion import MOST, count_terms
from limeform.design.formulaic_errors import blame, check_kinds, check_levels, explain, refuse_raw_dates
from limeform.design.nonlinear import part_text
from limeform.design.transforms import TRANSFORMS as OWN
from limeform.errors import DataError, FormulaError
from limeform.formula import ModelFormula

FloatArray = NDArray[np.float64]


BLOCK = 131_072
"""Rows of a large frame that formulaic is given at a time."""


@dataclass(frozen=True)
class Scope:
    """The values that a formula took from its caller's scope, kept so that it can be replayed; modules by name."""

    values: Mapping[str, Any] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)

    def mapping(self) -> dict[str, Any]:
        """Return name to value, modules imported."""
        return {**{name: importlib.import_module(module) for name, module in self.modules.items()}, **self.values}


@dataclass(frozen=True)
class Piece:
    """One expression (a response, an offset, a grouping factor) with the state that replays it on new data."""

    expression: str
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """A materialised piece of the formula.

    Attributes
    ----------
    matrix : ndarray, shape (n, columns)
        Its columns.
    names : tuple of str
        Their names.
    empty : tuple of str
        Terms that have no column, such as a factor with one level beside the constant.
    spec : ModelSpec
        What replays them on new data.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    empty: tuple[str, ...]
    spec: ModelSpec


def read(formula: ModelFormula, frame: pd.DataFrame, taken: Iterable[str] = ()) -> dict[str, Formula]:
    """Return formulaic's reading of the fixed part and of each random term (``random0``, ...).

    A dot in the formula stands for all columns but those of the response, offsets, grouping factors and ``taken``.
    """
    texts = {"fixed": formula.fixed} | {f"random{i}": term.effects for i, term in enumerate(formula.random)}
    texts |= {f"mean{i}": part_text(term, frame) for i, term in enumerate(formula.nonlinear)}
    groups = [part for term in formula.random for part in term.groups]
    elsewhere = [formula.response, *formula.offsets, *groups, *map(str, formula.nonlinear)]
    used = {*required_columns((), elsewhere, frame), *taken}
    available = [name for name in frame.columns if name not in used]
    parsed = {}
    for key, text in texts.items():
        try:
            _refuse_expansion(formula, text, len(available))
            parsed[key] = Formula(text, _context={"__formulaic_variables_available__": available})
        except FormulaicError as error:
            raise FormulaError(f"formulaic cannot read {text!r}: {error}") from error
        if "`1`" in text and any(_is_constant(term) for term in parsed[key]):
            message = "formulaic takes `1` for the constant: give the column another name, or leave the constant out"
            start = formula.text.find("`1`")
            raise FormulaError(message, formula.text, start, start + 3)
    return parsed


def _refuse_expansion(formula: ModelFormula, text: str, columns: int) -> None:
    """Refuse a formula that stands for more terms than could ever be formed."""
    tree = DefaultFormulaParser().get_ast(text)
    if tree is not None and count_terms(tree, columns) > MOST:
        raise FormulaError(
            f"{text!r} stands for more than {MOST:,} terms: write fewer * or a lower power", formula.text
        )


def _is_constant(term: Term) -> bool:
    return any(factor.eval_method is Factor.EvalMethod.LITERAL and factor.expr == "1" for factor in term.factors)


def required_columns(parsed: Iterable[Formula], expressions: Iterable[str], frame: pd.DataFrame) -> list[str]:
    """Return the columns of the frame that the formula uses, in the frame's order."""
    names: set[str] = set()
    for part in parsed:
        names.update(str(variable) for variable in part.required_variables)
        # formulaic 1.2 does not name the variables of a factor such as poly(x, 2).
        names.update(*(_variables(str(factor.expr)) for term in part for factor in term.factors if _is_code(factor)))
    for expression in expressions:
        names.update(re.findall(r"`([^`]*)`", expression))
        names.update(re.findall(r"[^\W\d]\w*", expression))
    known = {name for name in names if name in frame.columns} | {name.split(".")[0] for name in names}
    return [name for name in frame.columns if name in known]


def _is_code(factor: Factor) -> bool:
    return factor.eval_method is Factor.EvalMethod.PYTHON


def _variables(expression: str) -> set[str]:
    """Return the names in a Python expression that are not called."""
    tree = ast.parse(re.sub(r"`[^`]*`", "_", expression), mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    plain = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return plain | set(re.findall(r"`([^`]*)`", expression))


def columns_compared(parsed: Iterable[Formula], frame: pd.DataFrame) -> list[str]:
    """Return the columns in ``difference(...)``, whose levels have one order although one may lack some of them."""
    factors = {str(factor.expr) for part in parsed for term in part for factor in term.factors}
    return required_columns((), [text for text in factors if text.startswith("difference(")], frame)


def materialize(
    parsed: Mapping[str, Formula], frame: pd.DataFrame, scope: Mapping[str, Any], formula: ModelFormula
) -> dict[str, Columns]:
    """Build the columns of all parts in one pass, so that they share the state of their transforms.

    Parameters
    ----------
    parsed : mapping of str to Formula
        The parts.
    frame : DataFrame
        Rows without missing values.
    scope : mapping
        The caller's names.
    formula : ModelFormula
        The whole formula, for messages.

    Returns
    -------
    dict of str to Columns

    Raises
    ------
    UnknownColumnError, FormulaError, DataError
    """
    refuse_raw_dates(parsed.values(), frame)
    plain = _plain_factors(parsed.values(), frame) if len(frame) > BLOCK else None
    if plain is None:
        return _at_once(parsed, frame, scope, formula)
    return _by_block(parsed, _as_categories(frame, plain), scope, formula)


def _at_once(
    parsed: Mapping[str, Formula], frame: pd.DataFrame, scope: Mapping[str, Any], formula: ModelFormula
) -> dict[str, Columns]:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", DataMismatchWarning)
            matrices = PandasMaterializer(frame, _with_transforms(scope)).get_model_matrix(
                Formula(**parsed), output="numpy", na_action="ignore"
            )
            for key in parsed:
                _check_rows(matrices[key], frame)
    except Exception as error:  # transforms run the user's own Python: anything can come out of it
        raise blame(error, list(parsed.values()), frame, _with_transforms(scope), formula) from error
    return _with_common_states({key: _columns(matrices[key]) for key in parsed})


def _with_common_states(built: dict[str, Columns]) -> dict[str, Columns]:
    """Give every part the states of all: formulaic notes what it learned of a shared factor with one part only."""
    if len(built) == 1:
        return built
    transforms: dict[str, Any] = {}
    encoders: dict[str, Any] = {}
    for part in built.values():
        transforms |= part.spec.transform_state
        encoders |= part.spec.encoder_state
    return {
        key: replace(part, spec=part.spec.update(transform_state=transforms, encoder_state=encoders))
        for key, part in built.items()
    }


def _plain_factors(parsed: Iterable[Formula], frame: pd.DataFrame) -> list[str] | None:
    """Return the columns of a formula whose factors are all bare columns; None if any is an expression.

    Only then is a row's part of the matrix independent of the other rows, once the levels are known.
    """
    names = {factor.expr for part in parsed for term in part for factor in term.factors if factor.expr != "1"}
    return sorted(names) if names <= set(frame.columns) else None


def _as_categories(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Fix the levels of columns of strings, so that every block of rows is coded alike."""
    strings = [name for name in names if frame[name].dtype in ("object", "str")]
    return frame[names].assign(**{name: frame[name].astype("category") for name in strings})


def _by_block(
    parsed: Mapping[str, Formula], frame: pd.DataFrame, scope: Mapping[str, Any], formula: ModelFormula
) -> dict[str, Columns]:
    """Build the columns block by block: formulaic holds several copies of what it builds."""
    first = _at_once(parsed, frame.iloc[:BLOCK], scope, formula)
    whole = {key: np.empty((len(frame), len(part.names))) for key, part in first.items()}
    for start in range(0, len(frame), BLOCK):
        rows = slice(start, start + BLOCK)
        for key, part in first.items():
            built = part.matrix if start == 0 else replay(part.spec, frame.iloc[rows], scope, formula)
            whole[key][rows] = built
    return {key: replace(part, matrix=whole[key]) for key, part in first.items()}


def replay(spec: ModelSpec, frame: pd.DataFrame, scope: Mapping[str, Any], formula: ModelFormula) -> FloatArray:
    """Build the columns of a part on new data, shape (n, columns).

    Raises
    ------
    DataError
        If a factor has a level that the fit did not have, or a column is no longer of the kind it was; it is named.
    FormulaError
        If a transform fails.
    """
    check_levels(spec, frame)
    check_kinds(spec, frame)
    # formulaic writes what it sees into the states; a prediction must leave the fit as it is, above all one that fails.
    own = spec.update(
        transform_state=copy.deepcopy(spec.transform_state), encoder_state=copy.deepcopy(spec.encoder_state)
    )
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", DataMismatchWarning)
            matrix = PandasMaterializer(frame, _with_transforms(scope)).get_model_matrix(own, na_action="ignore")
            _check_rows(matrix, frame)
    except Exception as error:  # transforms run the user's own Python: anything can come out of it
        raise blame(error, [spec.formula], frame, _with_transforms(scope), formula) from error
    return _columns(matrix).matrix


def evaluate(
    piece: Piece, frame: pd.DataFrame, scope: Mapping[str, Any], formula: ModelFormula, used: set[str] | None = None
) -> pd.Series:
    """Evaluate one expression of the formula, as formulaic does.

    Parameters
    ----------
    piece : Piece
        The expression; the state of its transforms is filled at the first evaluation and used at the next ones.
    frame : DataFrame
        The data.
    scope : mapping
        The caller's names.
    formula : ModelFormula
        The whole formula, for messages.
    used : set of str, optional
        Is given the names that were found in ``scope``.

    Returns
    -------
    Series
        On the frame's index.
    """
    name = piece.expression.strip("`")
    if name in frame.columns:
        return frame[name]
    expression = piece.expression.strip("{}")
    environment = LayeredMapping(
        LayeredMapping(frame, name="data"), LayeredMapping(scope, name="context"), LayeredMapping(TRANSFORMS)
    )
    variables: set[Variable] = set()
    try:
        with np.errstate(all="ignore"):
            value = stateful_eval(expression, environment, {expression: None}, piece.state, None, variables=variables)
    except Exception as error:  # the expression is the user's own Python: anything can come out of it
        raise explain(error, frame, formula, piece.expression) from error
    if used is not None:
        used.update(str(v).split(".")[0] for v in variables if v.source == "context")
    return _as_series(value, frame, piece.expression)


def keep_scope(scope: Mapping[str, Any], specs: Iterable[ModelSpec], used: set[str]) -> Scope:
    """Keep only the names that the formula took from its caller's scope."""
    names = set(used)
    for spec in specs:
        names.update(str(v).split(".")[0] for v in spec.variables_by_source.get("context", ()))
    values = {name: scope[name] for name in sorted(names) if name in scope and name not in OWN}
    modules = {name: value.__name__ for name, value in values.items() if isinstance(value, ModuleType)}
    return Scope({name: value for name, value in values.items() if name not in modules}, modules)


def _with_transforms(scope: Mapping[str, Any]) -> LayeredMapping:
    """Put limeform's transforms before the caller's names: `interval` in a formula is a word of the formula."""
    return LayeredMapping(OWN, scope)


def _check_rows(matrix: Any, frame: pd.DataFrame) -> None:
    """Refuse a part whose only term has another length than the frame, which formulaic does not mind."""
    if len(np.asarray(matrix)) != len(frame):
        raise ValueError(f"{len(np.asarray(matrix))} values for {len(frame)} rows")


def _columns(matrix: Any) -> Columns:
    spec, values = matrix.model_spec, np.asarray(matrix)
    if values.dtype.kind not in "biuf":
        raise DataError(f"the columns {', '.join(spec.column_names)} are not all numbers: their type is {values.dtype}")
    return Columns(
        matrix=np.ascontiguousarray(values, dtype=np.float64),
        names=tuple(str(name) for name in spec.column_names),
        empty=tuple(str(term) for term, place in spec.term_slices.items() if place.start == place.stop),
        spec=spec,
    )


def _as_series(value: Any, frame: pd.DataFrame, expression: str) -> pd.Series:
    value = getattr(value, "__wrapped__", value)
    if isinstance(value, dict) or np.ndim(value) > 1:
        raise DataError(f"{expression!r} gives several columns where one is needed")
    if np.ndim(value) == 0:
        value = np.full(len(frame), value)
    if len(value) != len(frame):
        raise DataError(f"{expression!r} gives {len(value)} values for {len(frame)} rows")
    if isinstance(value, pd.Series):
        return value.set_axis(frame.index)
    return pd.Series(value, index=frame.index)

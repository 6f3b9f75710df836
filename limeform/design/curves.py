"""Which coefficients belong to which curve, so that a constraint, a prior or a reader can use its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from formulaic import ModelSpec
from formulaic.parser.types import Factor, Term
from numpy.typing import NDArray

from limeform.design.intervals import Exposure
from limeform.design.nonlinear import NonlinearBlock
from limeform.design.respelled import state_key
from limeform.design.splines import SplineBasis
from limeform.design.transforms import Learned
from limeform.errors import OptionError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A smooth term, or the effects of ordered levels, with the place of its coefficients.

    Attributes
    ----------
    name : str
        What constraints call it: ``name=`` of the transform, or the text of its first argument.
    text : str
        The term as it is written in the formula.
    kind : {"spline", "log_ratio", "levels"}
        Which transform it is.
    basis : SplineBasis or None
        Basis of a spline.
    levels : tuple of str
        Levels of ``difference``.
    columns : tuple of int
        Positions of its coefficients among the parameters of the mean.
    fields : tuple of int
        Which basis function (or level) each of them belongs to; one that is absent has coefficient zero.
    intercept : int or None
        Position of the intercept, where the curve gave up a column to it: the curve then includes the intercept.
    free : bool
        Whether a constant added to the curve changes nothing: only differences between its values are estimated.
    zero : float or None
        Where a free curve has the value ``level``; None for the lower bound.
    level : float
        That value.
    exposure, reference : Exposure or None
        Exposures of the rows of the fit.
    """

    name: str
    text: str
    kind: str
    basis: SplineBasis | None
    levels: tuple[str, ...]
    columns: tuple[int, ...]
    fields: tuple[int, ...]
    intercept: int | None = None
    free: bool = False
    zero: float | None = None
    level: float = 0.0
    exposure: Exposure | None = None
    reference: Exposure | None = None

    @property
    def size(self) -> int:
        """Number of basis functions or levels, K."""
        return self.basis.size if self.basis is not None else len(self.levels)

    def lift(self, p: int) -> FloatArray:
        """Return the matrix (K, p) that takes the parameters of the mean to all coefficients of the curve."""
        matrix = np.zeros((self.size, p))
        matrix[list(self.fields), list(self.columns)] = 1.0
        if self.intercept is not None:
            matrix[:, self.intercept] += 1.0
        return matrix

    def rows(self, at: FloatArray, derivative: int = 0) -> FloatArray:
        """Return rows (n, K) of values or derivatives at exposures; values of a free curve less those at its zero."""
        basis = spline_of(self)
        rows = basis.values(at, derivative)
        if self.free and derivative == 0:
            rows = rows - basis.values([basis.lower if self.zero is None else self.zero])
        return rows


def spline_of(curve: Curve) -> SplineBasis:
    """Return the basis of a curve; levels have none."""
    if curve.basis is None:
        raise OptionError(f"{curve.name!r} compares levels: only increasing and decreasing have a meaning for it")
    return curve.basis


def fixed_curves(spec: ModelSpec) -> tuple[list[Curve], list[str]]:
    """Find the curves of the fixed part, and name its columns.

    Parameters
    ----------
    spec : ModelSpec
        formulaic's specification of the fixed part.

    Returns
    -------
    tuple of (list of Curve, list of str)
        Curves with the positions of all their columns, and the names of all columns: ``dose[2]`` for the coefficient
        of the third basis function of the curve "dose".
    """
    names = [str(name) for name in spec.column_names]
    curves = []
    intercept = names.index("Intercept") if "Intercept" in names else None
    for term, place in spec.term_slices.items():
        learned = learned_of(spec, term.factors[0].expr) if _is_call(term) else None
        if learned is None:
            continue
        text = term.factors[0].expr
        positions = tuple(range(place.start, place.stop))
        labels = [_field(names[j]) for j in positions]
        fields = tuple(learned.levels.index(label) if learned.levels else int(label) for label in labels)
        name = label_of(text)
        reduced = learned.kind == "spline" and not learned.differences and len(fields) < _size(learned)
        curves.append(
            Curve(
                name=name,
                text=text,
                kind=learned.kind,
                basis=learned.basis,
                levels=learned.levels,
                columns=positions,
                fields=fields,
                intercept=intercept if reduced else None,
                free=learned.differences or (reduced and intercept is None),
                zero=learned.zero,
                exposure=learned.exposure,
                reference=learned.reference,
            )
        )
        for j, field in zip(positions, labels, strict=True):
            names[j] = f"{name}[{field}]"
    _refuse_twins(curves)
    return curves, names


def block_curve(block: NonlinearBlock, spec: ModelSpec, first: int) -> Curve | None:
    """Return the curve of a log-ratio whose coefficients begin at position ``first``; None for other blocks."""
    learned = learned_of(spec, block.text) if block.kind == "log_ratio" else None
    if learned is None:
        return None
    size = _size(learned)
    return Curve(
        name=label_of(block.text),
        text=block.text,
        kind="log_ratio",
        basis=learned.basis,
        levels=(),
        columns=tuple(range(first, first + size)),
        fields=tuple(range(size)),
        exposure=learned.exposure,
        reference=learned.reference,
    )


def at_positions(curve: Curve, kept: Sequence[int]) -> Curve:
    """Return the curve of a fixed part of which only the columns ``kept`` are in the model."""
    position = {column: j for j, column in enumerate(kept)}
    pairs = [(position[c], f) for c, f in zip(curve.columns, curve.fields, strict=True) if c in position]
    return replace(
        curve,
        columns=tuple(c for c, _ in pairs),
        fields=tuple(f for _, f in pairs),
        intercept=position.get(curve.intercept) if curve.intercept is not None else None,
    )


def label_of(text: str) -> str:
    """Return ``name=`` of a call, or the text of its first argument.

    Examples
    --------
    >>> label_of("bspline(log(dose), knots=3)"), label_of("log_ratio(a, b, 3, name='bmi')")
    ('log(dose)', 'bmi')
    """
    return _label(text, named=True)


def argument_of(text: str) -> str:
    """Return the text of the first argument of a call, whatever the curve is called.

    Examples
    --------
    >>> argument_of("bspline(dose, knots=3, name='alcohol')")
    'dose'
    """
    return _label(text, named=False)


def _label(text: str, named: bool) -> str:
    quoted: list[str] = []

    def hidden(match: re.Match[str]) -> str:
        quoted.append(match[1])
        return f"_q{len(quoted) - 1}_"

    call = ast.parse(re.sub("`([^`]+)`", hidden, text), mode="eval").body
    assert isinstance(call, ast.Call)
    for keyword in call.keywords if named else []:
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant) and keyword.value.value is not None:
            return str(keyword.value.value)
    first = call.args[0] if call.args else call.keywords[0].value
    if isinstance(first, ast.Call) and isinstance(first.func, ast.Name) and first.func.id == "C" and first.args:
        first = first.args[0]
    return re.sub(r"_q(\d+)_", lambda match: quoted[int(match[1])], ast.unparse(first))


def _is_call(term: Term) -> bool:
    """Say whether a term is one expression; a column of any name is none."""
    return len(term.factors) == 1 and term.factors[0].eval_method is Factor.EvalMethod.PYTHON


def learned_of(spec: ModelSpec, call: str) -> Learned | None:
    """Return what a transform learned, by the text of its call; None if it is no transform of a curve."""
    state = spec.transform_state.get(call) or spec.transform_state.get(state_key(call))
    learned = state.get("curve") if isinstance(state, dict) else None
    return learned if isinstance(learned, Learned) else None


def _size(learned: Learned) -> int:
    return learned.basis.size if learned.basis is not None else len(learned.levels)


def _field(name: str) -> str:
    return name[name.rindex("[") + 1 : -1] if not name.endswith("]]") else name[name.rindex("[[") + 1 : -1]


def _refuse_twins(curves: Sequence[Curve]) -> None:
    names = [curve.name for curve in curves]
    for curve in curves:
        if names.count(curve.name) > 1:
            raise OptionError(
                f"two curves are called {curve.name!r}: give one of them a name=, as in {curve.text[:-1]}, name='...')"
            )

"""A design with other knots of one curve, in which everything else is taken over as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from formulaic import ModelSpec
from numpy.typing import NDArray

from limeform.design.build import Design, fixed_part
from limeform.design.curves import Curve, block_curve, learned_of, spline_of
from limeform.design.knot_choice import KnotChoice
from limeform.design.nonlinear import NonlinearBlock, make_block
from limeform.design.recipe import Recipe
from limeform.design.respelled import respelled
from limeform.design.rewrite import call_with_knots
from limeform.design.sizes import refuse_sizes
from limeform.design.splines import SplineBasis
from limeform.design.transforms import Learned, learn_basis, ratio_columns, spline_columns, warn_outside
from limeform.formula import ModelFormula

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Change:
    """A curve's term before and after.

    Attributes
    ----------
    old, new : str
        Its text.
    learned : Learned
        What the transform learned from the data.
    basis : SplineBasis
        The new basis.
    matrix : ndarray, shape (n, columns)
        The new columns of the term, those left out beside an intercept included.
    """

    old: str
    new: str
    learned: Learned
    basis: SplineBasis
    matrix: FloatArray

    def spec(self, spec: ModelSpec, fields: Sequence[int]) -> ModelSpec:
        """Return the specification of a part after the change."""
        state = {"curve": replace(self.learned, basis=self.basis)}
        return respelled(spec, self.old, self.new, state, [str(field) for field in fields])


def design_with_knots(
    design: Design,
    curve: Curve,
    formula: ModelFormula,
    knots: Sequence[float],
    bounds: tuple[float, float],
    restricted: bool,
) -> Design | None:
    """Return a design in which one curve has other knots: the one that the rewritten formula would give.

    Parameters
    ----------
    design : Design
        The design.
    curve : Curve
        One of its splines.
    formula : ModelFormula
        The rewritten formula.
    knots : sequence of float
        Positions of the interior knots.
    bounds : tuple of float
        Bounds of the curve.
    restricted : bool
        Whether constraints or priors may determine what the data do not.

    Returns
    -------
    Design or None
        None where the columns of the curve are not the only ones that depend on its knots, or where not all columns
        are at hand: the model has to be built again from its data. So it is for a curve in an interaction or among the
        random effects, where columns were left out as dependent, and where a transform dropped rows.

    Raises
    ------
    DataError, OptionError
        If the knots do not fit the data.
    """
    recipe = design.recipe
    place = _place(design, curve)
    if place is None:
        return None
    changed = _change(recipe.fixed if place < 0 else recipe.means[place], curve, knots, bounds, len(design.y))
    if changed is None:
        return None
    size = changed.basis.size
    first = min(curve.fields) if place < 0 else 0
    fields = range(first, size) if place < 0 else range(2 * size)
    specs = [changed.spec(spec, fields) for spec in (recipe.fixed, *recipe.random, *recipe.means)]
    x = _with_columns(design.x, curve, changed, first) if place < 0 else design.x
    part = fixed_part(x, specs[0], design.errors.precision, restricted)
    blocks = list(recipe.nonlinear)
    if place >= 0:
        names = specs[1 + len(recipe.random) + place].column_names
        blocks[place] = make_block(formula, formula.nonlinear[place], changed.matrix, names, curve.name)
    new = replace(
        recipe,
        formula=formula,
        fixed=specs[0],
        kept=np.array(part.kept, dtype=np.intp),
        random=tuple(specs[1 : 1 + len(recipe.random)]),
        means=tuple(specs[1 + len(recipe.random) :]),
        nonlinear=tuple(blocks),
    )
    return replace(
        design,
        x=part.x,
        names=(*part.names, *(name for block in blocks for name in block.names)),
        dropped=(*_empty(specs[0]), *part.dropped),
        recipe=new,
        curves=(*part.curves, *_curves(new, blocks, len(part.kept))),
        nonlinear=tuple(blocks),
    )


def _place(design: Design, curve: Curve) -> int | None:
    """Return which nonlinear part a curve is, -1 for a linear one; None if the design cannot be taken over."""
    recipe = design.recipe
    if design.rows_read or len(recipe.kept) < len(recipe.fixed.column_names):
        return None
    if curve.kind == "log_ratio":
        texts = [term.text for term in recipe.formula.nonlinear]
        return texts.index(curve.text) if texts.count(curve.text) == 1 else None
    specs = [recipe.fixed, *recipe.random, *recipe.means]
    terms = [term for spec in specs for term in spec.formula if any(f.expr == curve.text for f in term.factors)]
    return -1 if len(terms) == 1 and len(terms[0].factors) == 1 else None


def _change(
    spec: ModelSpec, curve: Curve, knots: Sequence[float], bounds: tuple[float, float], n: int
) -> _Change | None:
    """Return the new columns of a curve; None if the rows that it was learned from are not those of the design."""
    learned, basis = learned_of(spec, curve.text), spline_of(curve)
    if learned is None or learned.exposure is None or len(learned.exposure.low) != n:
        return None
    here, there = learned.exposure, learned.reference
    choice = KnotChoice(np.asarray(knots, dtype=np.float64))
    new = learn_basis(here, there, choice, basis.degree, bounds, basis.linear_left, basis.linear_right)
    warn_outside(new, here, there)
    if curve.kind == "log_ratio":
        assert there is not None
        matrix = ratio_columns(new, here, there)
    else:
        matrix = spline_columns(new, here, there)
    call = call_with_knots(curve.text, knots, bounds)
    refuse_sizes(matrix, [f"{call}[{j}]" for j in range(matrix.shape[1])])
    return _Change(_expression(spec, curve), call, learned, new, matrix)


def _expression(spec: ModelSpec, curve: Curve) -> str:
    """Return a curve's term as formulaic writes it."""
    if curve.kind != "log_ratio":
        return curve.text
    return next(str(term.factors[0].expr) for term in spec.formula)


def _with_columns(x: FloatArray, curve: Curve, changed: _Change, first: int) -> FloatArray:
    """Return the linear columns with those of the curve exchanged; they stand side by side."""
    start, stop = curve.columns[0], curve.columns[-1] + 1
    own = changed.matrix if changed.learned.differences else changed.matrix[:, first:]
    return np.hstack([x[:, :start], own, x[:, stop:]])


def _curves(recipe: Recipe, blocks: Sequence[NonlinearBlock], first: int) -> list[Curve]:
    """Return the curves of the nonlinear part, whose parameters begin at position ``first``."""
    found = []
    for block, spec in zip(blocks, recipe.means, strict=False):
        curve = block_curve(block, spec, first)
        found += [] if curve is None else [curve]
        first += len(block.names)
    return found


def _empty(spec: ModelSpec) -> list[str]:
    return [str(term) for term, place in spec.term_slices.items() if place.start == place.stop]

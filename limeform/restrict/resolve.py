"""From what the user wrote to numbers: names to rows, limits and priors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.design import Curve
from limeform.design.curves import spline_of
from limeform.design.splines import SplineBasis
from limeform.errors import FormulaError, InfeasibleError, OptionError
from limeform.formula.expression import degree, names_in, read_relation
from limeform.mean.jet import evaluate, parameter
from limeform.restrict.collected import Collected, smooth_limits
from limeform.restrict.constraints import Average, Bounds, Constraint, Function, Passes, Shape, Written
from limeform.restrict.functions import NoValueError, called
from limeform.restrict.log_ratio import keep_positive, refuse_not_positive
from limeform.restrict.priors import Penalty, Prior
from limeform.restrict.rows import CurvedExpression, CurvedFunction, CurvedShape, PriorRows, Restrictions
from limeform.restrict.targets import Targets
from limeform.restrict.variances import squeezed

FloatArray = NDArray[np.float64]

TRIALS = (0.0, 1.0, 0.5, -0.5, -1.0, 2.0, 0.1)
"""Parameters at which a function is tried to see how many values it has."""


def resolve(
    targets: Targets, constraints: Sequence[Constraint], priors: Sequence[Prior | Penalty], start: FloatArray
) -> Restrictions:
    """Turn constraints and priors into rows, functions and limits.

    Parameters
    ----------
    targets : Targets
        Everything that has a name.
    constraints : sequence of Constraint
        What is forbidden.
    priors : sequence of Prior or Penalty
        What is believed.
    start : ndarray, shape (p + k,)
        Natural parameters at which functions are tried.

    Returns
    -------
    Restrictions

    Raises
    ------
    OptionError
        If a name is unknown or a function does not fit.
    FormulaError
        If a text cannot be read.
    InfeasibleError
        If a constraint cannot be met whatever the parameters are.
    """
    collected = Collected(targets, list(targets.curves))
    for item in constraints:
        collected.labels.append(str(item))
        _constrain(collected, item, start)
        _note_interaction(collected, item)
    normals, laplaces, uniforms, penalties = _resolve_priors(collected, priors)
    keep_positive(collected, normals, constraints)
    return Restrictions(
        names=targets.names,
        variances=targets.variances,
        labels=tuple(collected.labels),
        prior_labels=tuple(str(prior) for prior in priors),
        affine=collected.affine(),
        curved=tuple(collected.curved),
        normals=normals,
        laplaces=laplaces,
        uniforms=uniforms,
        penalties=penalties,
        curves=tuple(collected.curves),
        notes=tuple(collected.notes),
        shapes=tuple(collected.shapes),
    )


def _constrain(collected: Collected, item: Constraint, start: FloatArray) -> None:
    targets = collected.targets
    match item:
        case Shape():
            curve = collected.find(item.term)
            collected.add(item.sign * targets.curve_rows(curve, shape_rows(curve, item)), 0.0, np.inf)
            if curve.basis is not None and curve.basis.degree - item.order > 1:
                ends = item.domain or (-np.inf, np.inf)
                member = len(collected.labels) - 1
                collected.shapes.append(CurvedShape(member, curve, item.order, item.sign, *ends))
        case Passes():
            _pass(collected, item)
        case Average():
            curve = collected.find(item.term)
            if min(item.weights, default=1.0) >= 0:
                refuse_not_positive(curve, item, item.value)
            collected.add(targets.curve_rows(curve, _average_row(curve, item)), item.value, item.value)
        case Bounds():
            _bound(collected, item)
        case Written():
            _written(collected, item)
        case Function():
            _function(collected, item, start)


def _note_interaction(collected: Collected, item: Constraint) -> None:
    """Note that a constraint on a curve does not see the terms by which the curve differs between rows."""
    name = item.term if isinstance(item, Shape | Passes | Average) else getattr(item, "target", None)
    curve = None if name is None else collected.targets.find_curve(name)
    if curve is None:
        return
    text, others = squeezed(curve.text), [term for term in collected.targets.terms if ":" in term]
    joined = [term for term in others if text in squeezed(term)]
    if joined:
        collected.notes.append(
            f"{item} holds for the curve itself, not for the sum with {', '.join(joined)}: only where what the curve "
            "is multiplied by there is zero (for a factor: at its first level)."
        )


def shape_rows(curve: Curve, item: Shape) -> FloatArray:
    """Return rows (m, K) on the coefficients of a curve that have to be nonnegative for a shape of sign one."""
    if curve.kind == "levels":
        if item.order != 1 or item.domain is not None:
            raise OptionError(f"{item}: levels can only be increasing or decreasing, without a domain")
        return np.asarray(np.diff(np.eye(curve.size), axis=0))
    basis = spline_of(curve)
    low, high = (-np.inf, np.inf) if item.domain is None else item.domain
    if item.order > 1 and (high <= basis.lower or low >= basis.upper):
        raise OptionError(
            f"{item}: beyond its bounds {basis.lower:g} to {basis.upper:g} the curve is a straight line, so that this "
            "asks for nothing; give a domain that meets them, or bounds= in the formula"
        )
    return basis.sign_rows(item.order, low, high)


def _pass(collected: Collected, item: Passes) -> None:
    curve = collected.find(item.term)
    basis = spline_of(curve)
    if item.derivative > basis.degree:
        raise OptionError(f"{item}: the curve has degree {basis.degree}, so that this derivative is zero")
    if curve.free and item.derivative == 0 and curve.zero is None:
        # Only differences are estimated: the first value given says where the curve is anchored, and restricts nothing.
        collected.curves[collected.curves.index(curve)] = replace(curve, zero=item.at, level=item.value)
        collected.notes.append(f"{item} sets the level of the curve, of which the data tell only differences.")
        return
    if item.derivative == 0:
        refuse_not_positive(curve, item, item.value)
    level = curve.level if item.derivative == 0 else 0.0
    rows = curve.rows(np.array([item.at]), item.derivative)
    collected.add(collected.targets.curve_rows(curve, rows), item.value - level, item.value - level)


def _average_row(curve: Curve, item: Average) -> FloatArray:
    basis = spline_of(curve)
    if curve.free:
        raise OptionError(
            f"{item}: the data tell only differences of {curve.name!r}, so that its average is not defined"
        )
    if item.domain is not None:
        if not np.isfinite(item.domain).all():
            raise OptionError(f"{item}: an average needs a domain with two ends")
        return basis.averages(np.array([item.domain[0]]), np.array([item.domain[1]]))
    weights = np.array(item.weights) / np.sum(item.weights)
    return np.asarray((weights @ basis.values(np.array(item.at)))[None], dtype=np.float64)


def _bound(collected: Collected, item: Bounds) -> None:
    targets = collected.targets
    curve = targets.find_curve(item.target)
    if curve is not None and curve.kind != "levels" and targets.position(item.target) is None:
        curve = collected.find(item.target)
        refuse_not_positive(curve, item, item.upper)
        basis = spline_of(curve)
        domain = _finite_domain(item, basis)
        rows = basis.sign_rows(0, *domain)
        if curve.free:
            rows = rows - basis.values([basis.lower if curve.zero is None else curve.zero])
        lower, upper = item.lower - curve.level, item.upper - curve.level
        collected.add(targets.curve_rows(curve, rows), lower, upper)
        _bound_exactly(collected, curve, lower, upper, domain)
        return
    if item.domain is not None:
        raise OptionError(f"{item}: domain= has a meaning for a curve only")
    rows = targets.coefficient_rows(item.target)
    collected.add(*smooth_limits(targets, rows, item.lower, item.upper))


def _bound_exactly(collected: Collected, curve: Curve, lower: float, upper: float, domain: tuple[float, float]) -> None:
    """Note limits of a curve whose coefficients were given them, where these are nearer than its values."""
    basis, member = spline_of(curve), len(collected.labels) - 1
    if basis.degree < 2 or domain[1] <= basis.breaks[0] or domain[0] >= basis.breaks[-1]:
        return
    for sign, limit in ((1, lower), (-1, -upper)):
        if np.isfinite(limit):
            collected.shapes.append(CurvedShape(member, curve, 0, sign, *domain, limit))


def _finite_domain(item: Bounds, basis: SplineBasis) -> tuple[float, float]:
    """Return where limits of a curve hold: between its bounds, unless the domain has ends beyond them."""
    low, high = item.domain or (-np.inf, np.inf)
    low, high = basis.lower if low == -np.inf else low, basis.upper if high == np.inf else high
    if not low < high:
        raise OptionError(f"{item}: the curve has bounds {basis.lower:g} to {basis.upper:g}; give the domain two ends")
    return low, high


def _written(collected: Collected, item: Written) -> None:
    targets = collected.targets
    spellings = [alias for variance in targets.variances for alias in (variance.label, *variance.aliases)]
    targets.refuse_unknown_variances(item.text)
    relation = read_relation(item.text, [*targets.coefficients, *spellings])
    names = tuple(sorted(names_in(relation.tree)))
    if not names:
        raise FormulaError("this constraint names no parameter", item.text)
    found = [targets.position(name) for name in names]
    for name, position in zip(names, found, strict=True):
        if position is None:
            targets.coefficient_rows(name)
            raise OptionError(f"{item}: {name!r} has several coefficients; name one of them")
    positions = np.array(found, dtype=np.intp)
    q = len(names)
    if relation.lower > relation.upper:
        raise InfeasibleError(f"{item} leaves no number between its limits")
    if degree(relation.tree) <= 1:
        at_zero = evaluate(relation.tree, {name: parameter(0.0, i, q, 1) for i, name in enumerate(names)}, q, 1)
        row = np.zeros((1, targets.size))
        row[0, positions] = at_zero.first[:, 0]
        shift = float(at_zero.value[0])
        if not (np.isfinite(row).all() and np.isfinite(shift)):
            raise OptionError(f"{item}: a factor of it is not finite")
        collected.add(*smooth_limits(targets, row, relation.lower - shift, relation.upper - shift))
        return
    limits = np.array([relation.lower]), np.array([relation.upper])
    collected.curved.append(CurvedExpression(*limits, len(collected.labels) - 1, relation.tree, names, positions))


def _function(collected: Collected, item: Function, start: FloatArray) -> None:
    names = collected.targets.names
    count = _count(item, start, names)
    try:
        lower, upper = (np.broadcast_to(np.asarray(x, dtype=np.float64), count) for x in (item.lower, item.upper))
    except ValueError as error:
        raise OptionError(f"{item}: the limits do not fit its {count} values") from error
    if (lower > upper).any() or np.isnan(lower).any() or np.isnan(upper).any():
        raise OptionError(f"{item}: a lower limit lies above the upper one, or is missing")
    curved = CurvedFunction(lower, upper, len(collected.labels) - 1, item, names)
    with suppress(NoValueError):
        curved.check(start)
    collected.curved.append(curved)


def _count(item: Function, start: FloatArray, names: Sequence[str]) -> int:
    """Return how many values a function has, tried where it may have some: it need not have any at zero."""
    for factor in TRIALS:
        try:
            values = called(item.function, np.where(start == 0, factor, start), names, str(item))
        except NoValueError as error:
            failure = error
            continue
        if not values.size:
            raise OptionError(f"{item} has to return numbers, found none")
        return values.size
    raise OptionError(f"{failure}: it has no value at parameters of {', '.join(f'{x:g}' for x in TRIALS)}") from failure


def _resolve_priors(
    collected: Collected, priors: Sequence[Prior | Penalty]
) -> tuple[PriorRows, PriorRows, tuple[tuple[int, float], ...], tuple[tuple[int, Penalty], ...]]:
    """Return normal, Laplace and uniform priors, and penalties; limits of uniforms join the constraints."""
    targets = replace(collected.targets, curves=tuple(collected.curves))
    rows: dict[str, list[tuple[FloatArray, Prior, int]]] = {"normal": [], "laplace": []}
    uniforms, penalties = [], []
    for i, prior in enumerate(priors):
        if isinstance(prior, Penalty):
            penalties.append((i, prior))
            continue
        matrix = targets.prior_rows(prior.target, prior.derivative, prior.domain)
        level = _level(targets, prior)
        if prior.kind == "uniform":
            collected.labels.append(str(prior))
            collected.add(*smooth_limits(targets, matrix, prior.center - level, prior.spread - level))
            uniforms.append((i, -len(matrix) * float(np.log(prior.spread - prior.center))))
        else:
            rows[prior.kind].append((matrix, replace(prior, center=prior.center - level), i))
    return (
        _prior_rows(rows["normal"], targets.size),
        _prior_rows(rows["laplace"], targets.size),
        tuple(uniforms),
        tuple(penalties),
    )


def _level(targets: Targets, prior: Prior) -> float:
    curve = targets.find_curve(prior.target)
    return (
        curve.level if curve is not None and prior.derivative == 0 and targets.position(prior.target) is None else 0.0
    )


def _prior_rows(parts: list[tuple[FloatArray, Prior, int]], size: int) -> PriorRows:
    counts = [len(matrix) for matrix, _, _ in parts]
    return PriorRows(
        np.vstack([np.zeros((0, size)), *(matrix for matrix, _, _ in parts)]),
        np.repeat([prior.center for _, prior, _ in parts], counts).astype(np.float64),
        np.repeat([prior.spread for _, prior, _ in parts], counts).astype(np.float64),
        np.repeat([i for _, _, i in parts], counts).astype(np.intp),
    )

"""Written constraints of which interval arithmetic proves that no parameters meet them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from limeform.errors import InfeasibleError
from limeform.mean.ranges import ANY, Range, range_of
from limeform.restrict.feasible import least_value
from limeform.restrict.rows import AffineRows, CurvedExpression, Restrictions

FloatArray = NDArray[np.float64]
WIDER = 1e-6
"""Ends found by linear programs are moved outwards by this, more than the tolerance of the programs."""


def refuse_impossible(restrictions: Restrictions, scale: FloatArray) -> None:
    """Refuse a written constraint that cannot be met, alone or together with the linear constraints.

    Parameters
    ----------
    restrictions : Restrictions
        All restrictions; the linear ones can be met together.
    scale : ndarray, shape (p, p)
        Coefficients in units of which the rows are judged.

    Raises
    ------
    InfeasibleError
        Naming the constraint, the values that it can have, and the linear constraints that leave it no others.
    """
    for item in restrictions.curved:
        if isinstance(item, CurvedExpression):
            _check(item, restrictions, scale)


def _check(item: CurvedExpression, restrictions: Restrictions, scale: FloatArray) -> None:
    natural = {name: _natural(restrictions, int(j)) for name, j in zip(item.names, item.positions, strict=True)}
    possible = range_of(item.tree, natural)
    if _misses(item, possible):
        raise InfeasibleError(f"{_sentence(item, restrictions, possible)}, whatever the parameters are")
    rows = restrictions.affine
    members = list(dict.fromkeys(rows.members.tolist()))
    possible = _within(item, natural, rows, restrictions, scale)
    if not members or not _misses(item, possible):
        return
    for member in list(members):
        rest = rows.take(np.isin(rows.members, [other for other in members if other != member]))
        narrowed = _within(item, natural, rest, restrictions, scale)
        if _misses(item, narrowed):
            members.remove(member)
            possible = narrowed
    others = "; ".join(restrictions.labels[i] for i in members)
    raise InfeasibleError(
        f"these constraints cannot be met together: {restrictions.labels[item.member]}; {others}. "
        f"{_sentence(item, restrictions, possible)}, given the others"
    )


def _misses(item: CurvedExpression, possible: Range | None) -> bool:
    return possible is None or possible.excludes(float(item.lower[0]), float(item.upper[0]))


def _sentence(item: CurvedExpression, restrictions: Restrictions, possible: Range | None) -> str:
    label = restrictions.labels[item.member]
    if possible is None:
        return f"{label} cannot be met: it has no real value"
    low, high = float(item.lower[0]), float(item.upper[0])
    wanted = f"{low:g}" if low == high else str(Range(low, high))
    return f"{label} cannot be met: its value has to be {wanted}, but is {possible}"


def _natural(restrictions: Restrictions, position: int) -> Range:
    """Return what a parameter can be without any constraint."""
    if position < restrictions.n_mean:
        return ANY
    kind = restrictions.variances[position - restrictions.n_mean].kind
    return {"cor": Range(-1.0, 1.0), "sigma": Range(0.0, np.inf, above=True)}.get(kind, Range(0.0, np.inf))


def _within(
    item: CurvedExpression,
    natural: Mapping[str, Range],
    rows: AffineRows,
    restrictions: Restrictions,
    scale: FloatArray,
) -> Range | None:
    """Return the range of the expression where the linear constraints hold."""
    names = {
        name: _narrowed(natural[name], int(j), rows, restrictions, scale)
        for name, j in zip(item.names, item.positions, strict=True)
    }
    return range_of(item.tree, names)


def _narrowed(natural: Range, position: int, rows: AffineRows, restrictions: Restrictions, scale: FloatArray) -> Range:
    p = restrictions.n_mean
    if position >= p:
        return _limits_of_variance(natural, position, rows, restrictions)
    own = rows.take(np.asarray(~rows.matrix[:, p:].any(axis=1)))
    if not own.matrix[:, :p].any():
        return natural
    low, high = (sign * least_value(own, sign * scale[position], scale) for sign in (1.0, -1.0))
    return Range(low - WIDER * (1e-6 + abs(low)), high + WIDER * (1e-6 + abs(high)))


def _limits_of_variance(natural: Range, position: int, rows: AffineRows, restrictions: Restrictions) -> Range:
    """Return the limits that rows with nothing but one variance parameter set it; those of an sd are on its square."""
    low, high = natural.low, natural.high
    for j, root in _forms(position, restrictions):
        for row, lower, upper in zip(rows.matrix, rows.lower, rows.upper, strict=True):
            if row[j] == 0 or np.count_nonzero(row) != 1:
                continue
            ends = sorted((lower / row[j], upper / row[j]))
            if root:
                ends = [float(np.sqrt(max(end, 0.0))) for end in ends]
            low, high = max(low, ends[0]), min(high, ends[1])
    return Range(low, high) if low > natural.low or high < natural.high else natural


def _forms(position: int, restrictions: Restrictions) -> Sequence[tuple[int, bool]]:
    """Return the column of a variance parameter, and that of its square, whose limits are the root's."""
    p, own = restrictions.n_mean, restrictions.variances[position - restrictions.n_mean]
    squares = [
        (p + i, True) for i, v in enumerate(restrictions.variances) if v.kind == "variance" and v.first == own.first
    ]
    return [(position, False), *(squares if own.kind == "sd" else [])]

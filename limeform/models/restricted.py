"""From a design and what the user forbids, believes or starts from, to the model of a restricted fit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from limeform.design import Design
from limeform.errors import OptionError
from limeform.fit import JointModel, prepare_joint, with_allowed_start
from limeform.likelihood import Coordinates
from limeform.restrict import Constraint, Penalty, Prior, Restrictions, Targets, resolve, variance_names

FloatArray = NDArray[np.float64]


def targets_of(design: Design) -> Targets:
    """Return everything in a design that a constraint or prior can name."""
    known = design.errors.variance is not None
    strata = None if known else [str(level) for level in design.errors.strata_levels]
    position = {column: j for j, column in enumerate(design.recipe.kept.tolist())}
    terms = {
        str(term): tuple(position[j] for j in range(place.start, place.stop) if j in position)
        for term, place in design.recipe.fixed.term_slices.items()
    }
    return Targets(design.names, design.dropped, terms, design.curves, variance_names(design.random, strata))


def start_of(design: Design, start: Mapping[str, float] | None) -> FloatArray:
    """Return a start of the mean's parameters, (p,): zeros for linear columns, ones for a curve under a logarithm.

    Raises
    ------
    OptionError
        If a parameter of ``nl(...)`` or of a function has no start, or a name is unknown.
    """
    given = {} if start is None else dict(start)
    for name in given:
        if name not in design.names:
            close = difflib.get_close_matches(str(name), design.names, n=1)
            known = f"did you mean {close[0]!r}?" if close else f"they are {', '.join(design.names)}"
            raise OptionError(f"start= names {name!r}, which is no parameter of the mean; {known}")
    values = dict.fromkeys(design.names, 0.0)
    for block in design.nonlinear:
        if block.kind == "log_ratio":
            values |= dict.fromkeys(block.names, 1.0)
        else:
            missing = [name for name in block.names if name not in given]
            if missing:
                shown = ", ".join(f"{name!r}: 1.0" for name in missing)
                raise OptionError(f"{', '.join(missing)} of {block.text!r} need a start, as in start={{{shown}}}")
    return np.array(list((values | given).values()), dtype=np.float64)


def resolve_all(
    design: Design, constraints: Sequence[Constraint], priors: Sequence[Prior | Penalty], start: FloatArray
) -> Restrictions:
    """Return the restrictions of a model in numbers."""
    targets = targets_of(design)
    spread = np.array([0.5 if v.kind == "cor" else 1.0 for v in targets.variances])
    return resolve(targets, constraints, priors, np.concatenate([start, spread]))


def scaled_start(
    design: Design, restrictions: Restrictions, start: FloatArray, given: Mapping[str, float] | None
) -> FloatArray:
    """Put curves under a logarithm, where the user gave no start, at the level that the equations fix."""
    result = start.copy()
    rows = restrictions.affine
    for curve in design.curves:
        if curve.kind != "log_ratio" or any(design.names[j] in (given or {}) for j in curve.columns):
            continue
        sums = rows.matrix[:, list(curve.columns)].sum(axis=1)
        fixed = (rows.lower == rows.upper) & (np.abs(sums) > 1e-8) & (rows.lower / np.where(sums == 0, 1, sums) > 0)
        if fixed.any():
            first = int(np.flatnonzero(fixed)[0])
            result[list(curve.columns)] = rows.lower[first] / sums[first]
    return result


def other_starts(design: Design, start: FloatArray, number: int, rng: np.random.Generator) -> FloatArray:
    """Return random starts around one, shape (number, p): coefficients of curves stay positive."""
    first = design.x.shape[1]
    draws = np.repeat(start[None], number, axis=0)
    spread = np.where(start == 0, 1.0, np.abs(start))
    noise = rng.normal(size=(number, len(start)))
    positive = np.zeros(len(start), dtype=bool)
    for curve in design.curves:
        if curve.kind == "log_ratio":
            positive[list(curve.columns)] = True
    moved = np.where(positive, start * np.exp(0.5 * noise), start + spread * noise)
    draws[:, first:] = moved[:, first:]
    return draws


def prepared(
    design: Design,
    restrictions: Restrictions,
    start: FloatArray,
    given: FloatArray,
    reml: bool,
    coordinates: Coordinates | None = None,
) -> JointModel:
    """Return what a fit with restrictions works on, with a start that they allow.

    Parameters
    ----------
    design : Design
        The design.
    restrictions : Restrictions
        Constraints and priors.
    start : ndarray, shape (p,)
        Start of the mean's parameters.
    given : ndarray, shape (p,)
        Those of them that the user gave; nan for others.
    reml : bool
        Restricted likelihood.
    coordinates : Coordinates, optional
        Working coordinates of an earlier fit.
    """
    return with_allowed_start(prepare_joint(design, restrictions, start, reml, coordinates=coordinates), given)


def criterion(reml: bool | None, restrictions: Restrictions | None, nonlinear: bool, trimmed: bool) -> tuple[bool, str]:
    """Decide between ML and REML, and say why.

    Returns
    -------
    tuple of (bool, str)
        Whether REML, and a sentence for the summary.

    Raises
    ------
    OptionError
        If REML was asked for where it is not defined.
    """
    what = "the mean is not linear" if nonlinear else "a constraint or prior involves the mean"
    if nonlinear or (restrictions is not None and restrictions.touches_mean):
        if reml:
            raise OptionError(
                f"reml=True: {what}, so that it cannot be integrated out and the restricted likelihood is not defined; "
                "leave reml= out, or give reml=False"
            )
        return False, f"ML in place of REML: {what}." if reml is None else ""
    if trimmed and reml is None:
        return False, "ML, since rows are trimmed; reml=True forces REML."
    return reml is not False, ""

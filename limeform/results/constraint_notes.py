"""Sentences on constraints: whose they are, which hold nothing back, which a correction broke, what has no error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limeform.restrict.functions import NoValueError
from limeform.restrict.log_ratio import SCALE

if TYPE_CHECKING:
    from limeform.fit import Estimates, RestrictedFit
    from limeform.restrict import Restrictions

FloatArray = NDArray[np.float64]

SHOWN = 10
"""How many names a note lists."""
BROKEN = 1e-5
"""A row farther outside of its limit than this, relative to its value, no longer holds; a fit ends within 1e-6."""
KINK = 1e-6
"""A standardised parameter nearer to the mean of a Laplace prior than this is at its kink."""


def listed(names: Iterable[str], between: str = ", ") -> str:
    """Return names with commas; of more than ten, the first ones and how many are left.

    Examples
    --------
    >>> listed(["a", "b"]), listed([str(i) for i in range(12)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    texts = [str(name) for name in names]
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return between.join(texts[:SHOWN]) + more


def count_note(restrictions: Restrictions, restricted: RestrictedFit) -> str:
    """Say how many constraints the user gave and the model added, and which of them are not active."""
    labels, priors = restrictions.labels, len(restrictions.uniforms)
    given = len(labels) - priors - restrictions_added(restrictions)
    parts = (
        ("given", labels[:given]),
        ("from uniform priors", labels[given : given + priors]),
        ("added by the model", labels[given + priors :]),
    )
    active = {item.label for item in restricted.active}
    kinds = []
    for kind, own in parts:
        idle = [label for label in own if label not in active]
        state = f"not active: {listed(idle, '; ')}" if idle else "all active"
        if own:
            kinds.append(f"{len(own)} {kind} ({state})")
    return f"Constraints: {', '.join(kinds)}."


def restrictions_added(restrictions: Restrictions) -> int:
    """Return how many constraints the model added by itself: they are for curves under a logarithm."""
    ratios = [curve for curve in restrictions.curves if curve.kind == "log_ratio"]
    scales = [note for note in restrictions.notes if note.startswith(SCALE)]
    return len(ratios) + len(scales)


def natural_parameters(restrictions: Restrictions, estimates: Estimates) -> FloatArray:
    """Return the parameters that constraints are about at the reported estimates, shape (p + k,)."""
    gamma, sigma = estimates.gamma, np.sqrt(estimates.residual_variance)
    values = []
    for name in restrictions.variances:
        if name.kind == "sigma":
            values.append(sigma[name.first])
            continue
        variance = gamma[name.first, name.first]
        if name.kind == "cor":
            product = variance * gamma[name.second, name.second]
            values.append(gamma[name.first, name.second] / np.sqrt(product) if product > 0 else np.nan)
        else:
            values.append(variance if name.kind == "variance" else np.sqrt(variance))
    return np.concatenate([estimates.beta, np.array(values, dtype=np.float64)])


def broken_constraints(restrictions: Restrictions, estimates: Estimates) -> list[str]:
    """Return the constraints that the reported estimates do not meet; a correlation that is undefined breaks none."""
    phi = natural_parameters(restrictions, estimates)
    affine = restrictions.affine
    # 0 * nan would spread an undefined correlation to rows that do not use it.
    values = np.where(affine.matrix != 0, affine.matrix * phi, 0.0).sum(axis=1)
    members = set(affine.members[_outside(values, affine.lower, affine.upper)].tolist())
    for curved in restrictions.curved:
        try:
            values = curved.value(phi)
        except NoValueError:
            continue
        if _outside(values, curved.lower, curved.upper).any():
            members.add(curved.member)
    return [restrictions.labels[member] for member in sorted(members)]


def _outside(values: FloatArray, lower: FloatArray, upper: FloatArray) -> NDArray[np.bool_]:
    slack = BROKEN * (1.0 + np.abs(values))
    return np.asarray((values < lower - slack) | (values > upper + slack))


def correction_note(restrictions: Restrictions, estimates: Estimates) -> list[str]:
    """Say which constraints held for the rows that trimming kept, but do not hold for the corrected variances."""
    broken = broken_constraints(restrictions, estimates)
    if not broken:
        return []
    return [
        "Constraints that held for the kept rows before the correction of trimming, and no longer hold for the "
        f"corrected variances: {'; '.join(broken)}. Trimming(correct=False) reports variances within them."
    ]


def standard_error_notes(restrictions: Restrictions, estimates: Estimates, names: Sequence[str]) -> list[str]:
    """Say why coefficients have no standard error: an inequality, the kink of a prior, or equations that fix them."""
    restricted, named = estimates.restricted, np.array(names)
    assert restricted is not None
    diagonal = np.diag(restricted.covariance)
    if np.isnan(diagonal).any():
        return ["No standard error is given: the Hessian is not positive definite at the estimates."]
    kinked, priors = _at_kinks(restrictions, estimates)
    held, fixed = restricted.held & ~kinked, (diagonal == 0.0) & ~restricted.held
    notes = []
    if held.any():
        notes.append(
            f"No standard error is given for {listed(named[held])}: an active inequality involves them, and no normal "
            "distribution describes them; the others take the active constraints as equations. curve(..., draws=200) "
            "takes bands from refits of simulated data."
        )
    if kinked.any():
        notes.append(
            f"No standard error is given for {listed(named[kinked])}: held at the mean of {'; '.join(priors)}, where "
            "the density has a kink and no normal distribution describes them; bootstrap() gives intervals from refits."
        )
    if fixed.any():
        notes.append(
            f"No standard error is given for {listed(named[fixed])}: equations among the constraints fix "
            f"{'it, so that it' if fixed.sum() == 1 else 'them, so that theirs'} is zero."
        )
    return notes


def _at_kinks(restrictions: Restrictions, estimates: Estimates) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which coefficients are at the mean of a Laplace prior, shape (p,), and the priors."""
    laplaces, p = restrictions.laplaces, restrictions.n_mean
    if not len(laplaces):
        return np.zeros(p, dtype=bool), []
    rows = np.abs(laplaces.standardised(natural_parameters(restrictions, estimates))) < KINK
    rows &= laplaces.matrix[:, :p].any(axis=1)
    members = dict.fromkeys(laplaces.members[rows].tolist())
    return np.asarray(laplaces.matrix[rows][:, :p].any(axis=0)), [
        restrictions.prior_labels[member] for member in members
    ]

"""formulaic's specification of a part with one call written otherwise, without evaluating anything again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from formulaic import ModelSpec
from formulaic.formula import SimpleFormula
from formulaic.materializers.base import EncodedTermStructure
from formulaic.materializers.types import ScopedFactor, ScopedTerm
from formulaic.parser.types import Factor, Term
from formulaic.utils.code import format_expr, sanitize_variable_names


def state_key(expression: str) -> str:
    """Return the name under which formulaic keeps what the transform of an expression learned.

    Examples
    --------
    >>> state_key("bspline(`my dose`,3)")
    'bspline(my_dose, 3)'
    """
    return str(format_expr(sanitize_variable_names(expression, {}, {})))


def respelled(spec: ModelSpec, old: str, new: str, state: dict[str, Any], fields: Sequence[str]) -> ModelSpec:
    """Return a specification in which one call stands for another one.

    Parameters
    ----------
    spec : ModelSpec
        The specification; the call is a term of its own in it, or does not occur.
    old, new : str
        The call, and what it becomes.
    state : dict
        What the new call has learned from the data.
    fields : sequence of str
        Its columns.

    Returns
    -------
    ModelSpec
        What formulaic makes of the formula with the new call and data from which it learns ``state``.
    """
    transforms = {key: value for key, value in spec.transform_state.items() if key != state_key(old)}
    encoders = {(new if key == old else key): value for key, value in spec.encoder_state.items()}
    transforms |= {state_key(new): state}
    if old not in {factor.expr for term in spec.formula for factor in term.factors}:
        return spec.update(transform_state=transforms, encoder_state=encoders)
    formula = SimpleFormula([_term(term, old, new) for term in spec.formula], _ordering=spec.formula.ordering)
    structure = [_structure(part, old, new, fields) for part in spec.structure]
    return spec.update(formula=formula, structure=structure, transform_state=transforms, encoder_state=encoders)


def _term(term: Term, old: str, new: str) -> Term:
    if not any(factor.expr == old for factor in term.factors):
        return term
    return Term([_factor(factor, new) if factor.expr == old else factor for factor in term.factors], term.origin)


def _factor(factor: Factor, new: str) -> Factor:
    return Factor(new, eval_method=factor.eval_method, kind=factor.kind, metadata=factor.metadata, token=factor.token)


def _structure(part: EncodedTermStructure, old: str, new: str, fields: Sequence[str]) -> EncodedTermStructure:
    if not any(factor.expr == old for factor in part.term.factors):
        return part
    names = {name.strip("`") for name in re.findall(r"`[^`]*`|[^\W\d]\w*", new)}
    scoped_terms = []
    for scoped in part.scoped_terms:
        factors = []
        for one in scoped.factors:
            known = {name for name in one.factor.variables or () if str(name).split(".")[0] in names}
            evaluated = one.factor.replace(factor=_factor(one.factor.factor, new), variables=known)
            factors.append(ScopedFactor(evaluated, one.reduced))
        scoped_terms.append(ScopedTerm(factors, scoped.scale))
    return EncodedTermStructure(_term(part.term, old, new), scoped_terms, [f"{new}[{field}]" for field in fields])

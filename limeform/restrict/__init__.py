"""What the user forbids or believes, and its translation into rows, functions and priors."""

from limeform.restrict.constraints import (
    Constraint,
    as_constraints,
    average,
    bounds,
    concave,
    constraint,
    convex,
    decreasing,
    increasing,
    passes,
)
from limeform.restrict.feasible import independent_equations, prepare_rows
from limeform.restrict.priors import Penalty, Prior, as_priors, laplace, normal, penalty, uniform
from limeform.restrict.resolve import resolve
from limeform.restrict.rows import AffineRows, Restrictions
from limeform.restrict.stored import constraint_of, number_of, prior_of, stored_constraint, stored_prior
from limeform.restrict.targets import Targets
from limeform.restrict.variances import VarianceName, variance_names, variance_values

__all__ = [
    "AffineRows",
    "Constraint",
    "Penalty",
    "Prior",
    "Restrictions",
    "Targets",
    "VarianceName",
    "as_constraints",
    "as_priors",
    "average",
    "bounds",
    "concave",
    "constraint",
    "constraint_of",
    "convex",
    "decreasing",
    "increasing",
    "independent_equations",
    "laplace",
    "normal",
    "number_of",
    "passes",
    "penalty",
    "prepare_rows",
    "prior_of",
    "resolve",
    "stored_constraint",
    "stored_prior",
    "uniform",
    "variance_names",
    "variance_values",
]

"""lme4 with several grouping factors, crossed and nested. Values and how they were made: lme4_crossed/."""

import warnings

import numpy as np
import pytest

import limeform as lf
from tests.reference import agreement
from tests.reference.cases import Case, fit, frame_of, load_cases, model_of

CASES = load_cases("lme4_crossed")
by_name = {case.name: case for case in CASES}
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def parts_of(factor: str) -> list[str]:
    """Columns of a factor; lme4 writes ``a/b/c`` as ``c:(b:a)``."""
    return factor.replace("(", "").replace(")", "").split(":")


def ours_of(case: Case, factor: str) -> str:
    """Name that our formula gives a factor that lme4 calls ``inner:outer``."""
    parts = set(parts_of(factor))
    return next(random.factor for random in fit(case).design.factors if set(random.factor.split(":")) == parts)


def level_of(case: Case, factor: str, level: str) -> str:
    """Level as we write it: the parts in the order of our formula."""
    theirs, ours = parts_of(factor), ours_of(case, factor).split(":")
    parts = dict(zip(theirs, level.split(":"), strict=True))
    return ":".join(parts[name] for name in ours)


@each_case
def test_log_likelihood(case: Case) -> None:
    assert fit(case).converged
    agreement.same_log_likelihood(fit(case), case)


@each_case
def test_fixed_effects(case: Case) -> None:
    agreement.same_fixed_effects(fit(case), case)


@each_case
def test_variances(case: Case) -> None:
    results, residual = fit(case), case.values["sigma"] ** 2
    agreement.within(results.scale, residual, agreement.VARIANCE * residual, "sigma²")
    for factor, theirs in case.values["factors"].items():
        ours = results.cov_re[ours_of(case, factor)].loc[theirs["effects"], theirs["effects"]]
        expected = np.array(theirs["cov"])
        sd = np.sqrt(np.diag(expected))
        room = agreement.VARIANCE * np.outer(sd, sd) + agreement.ZERO_VARIANCE * residual
        agreement.within(ours, expected, room, f"Gamma of {factor}")


@each_case
def test_random_effects(case: Case) -> None:
    results, noise = fit(case), case.values["sigma"]
    for factor, theirs in case.values["factors"].items():
        name, effects = ours_of(case, factor), theirs["effects"]
        levels = [level_of(case, factor, level) for level in theirs["levels"]]
        modes = results.random_effects[name]
        modes = modes.set_axis(modes.index.astype(str)).loc[levels, effects]
        sd = np.sqrt(np.diag(theirs["cov"]))
        agreement.within(modes, theirs["ranef"], agreement.VARIANCE * (sd + 0.1 * noise), f"effects of {factor}")
        covariance = {str(level): c for level, c in results.random_effects_cov[name].items()}
        ours = [covariance[level].loc[effects, effects].to_numpy() for level in levels]
        expected = np.array(theirs["cond_var"])
        spread = np.sqrt(np.einsum("lkk->lk", expected).clip(min=0.0))
        room = 2 * agreement.VARIANCE * spread[:, :, None] * spread[:, None, :] + agreement.ZERO_VARIANCE * noise**2
        agreement.within(ours, expected, room, f"conditional covariances of {factor}")


@each_case
def test_fitted_values_and_predictions(case: Case) -> None:
    results = fit(case)
    agreement.same_fitted_values(results, case)
    agreement.within(results.predict(frame_of(case)), results.fittedvalues, 1e-9, "prediction for the rows of the fit")


@each_case
def test_singular(case: Case) -> None:
    assert fit(case).singular == case.values["singular"]


def test_few_evaluations() -> None:
    assert max(len(fit(case).history) for case in CASES if not case.values["singular"]) <= 12


def test_order_of_rows_changes_nothing() -> None:
    case = by_name["slopes_on_both_reml"]
    shuffled = lf.lmm(case.formula, frame_of(case).sample(frac=1.0, random_state=1)).fit()
    agreement.same_log_likelihood(shuffled, case)
    agreement.same_fixed_effects(shuffled, case)


def test_order_of_terms_changes_nothing() -> None:
    case = by_name["nested_and_crossed_reml"]
    other = "y ~ x + (1 | rater) + (1 | school:klass:pupil) + (1 | school) + (1 | klass:school)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lf.SingularFitWarning)
        agreement.same_log_likelihood(lf.lmm(other, frame_of(case)).fit(), case)


def test_other_solvers_find_the_same() -> None:
    case = by_name["slopes_on_both_ml"]
    for solver in (lf.ScipyMinimize("L-BFGS-B"), lf.ScipyMinimize("trust-constr")):
        agreement.within(model_of(case).fit(solver=solver).llf, case.values["logLik"], 1e-5, solver.name)

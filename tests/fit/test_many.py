"""Refits all at once give what refits one by one give."""

import numpy as np
import pytest

import limeform as lf
from limeform.bootstrap import case_sampling
from limeform.bootstrap.refits import Cases, attempt
from limeform.fit import Draws, estimate_many, stack
from limeform.fit.many import _by_one

SLEEP = lf.datasets.sleepstudy()
PART = SLEEP.drop(index=range(0, 180, 7)).assign(se=lambda d: np.linspace(12, 40, len(d)))

MODELS = {
    "slopes": lambda: lf.lmm("Reaction ~ Days + (Days | Subject)", PART),
    "independent slopes, ML": lambda: lf.lmm("Reaction ~ Days + (Days || Subject)", PART, reml=False),
    "weights": lambda: lf.lmm("Reaction ~ Days + (1 | Subject)", PART, weights="se"),
    "known errors": lambda: lf.lmm("Reaction ~ Days + (1 | Subject)", PART, se="se"),
    "no groups": lambda: lf.lmm("Reaction ~ Days", PART),
    "variance often zero": lambda: lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff2()),
    "trimmed": lambda: lf.lmm("Reaction ~ Days + (Days | Subject)", PART, trim=0.1),
    "trimmed, corrected": lambda: lf.lmm("Reaction ~ Days + (1 | Subject)", PART, trim=lf.Trimming(0.1, correct=True)),
    "trimmed, known errors": lambda: lf.lmm(
        "Reaction ~ Days + (1 | Subject)", PART, se="se", trim=lf.Trimming(0.1, correct=True)
    ),
    "a variance per stratum": lambda: lf.lmm(
        "Reaction ~ Days + (1 | Subject)", PART.assign(late=PART["Days"] > 4), sigma="late"
    ),
}


@pytest.fixture(params=MODELS)
def fit(request):
    with pytest.warns() if request.param == "variance often zero" else np.errstate():
        return MODELS[request.param]().fit()


def same(many: Draws, single: Draws) -> None:
    """The solver's tolerance in the variances is 1e-6 of them; the likelihood is flat there."""
    assert many.failures == single.failures
    good = [not reason for reason in many.failures]
    np.testing.assert_allclose(many.log_likelihood[good], single.log_likelihood[good], rtol=1e-10)
    for name in ("beta", "gamma", "residual_variance"):
        a, b = getattr(many, name)[good], getattr(single, name)[good]
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max(initial=1e-300))


def test_new_responses(fit):
    responses = fit.simulate(25, rng=1).to_numpy().T - fit.design.offset
    start, setup = fit.estimates.variables, fit._setup
    same(estimate_many(setup, responses, fit.reml, start), _by_one(setup, responses, fit.reml, start, None))


def test_drawn_groups(fit):
    cases = Cases(fit, case_sampling(fit.design), False, fit._correction())
    rng = np.random.default_rng(2)
    chosen = [cases.sampling.draw(rng) for _ in range(25)]
    same(cases.of_many(chosen), stack([attempt(cases.of_units, units) for units in chosen], fit.estimates))


def test_response_far_from_the_first():
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP).fit()
    responses = np.array([fit.simulate(1, rng=3)["sim_1"].to_numpy() * 10 + 1e4])
    (many,) = estimate_many(fit._setup, responses, True, fit.estimates.variables).beta
    np.testing.assert_allclose(many, fit.refit(responses[0]).params, rtol=1e-8)

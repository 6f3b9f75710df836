import numpy as np
import pytest

import limeform as lf
from limeform.likelihood import Objective
from limeform.likelihood.gaussian import make_criterion
from limeform.likelihood.many import evaluate_many, many_products


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", ["(Days | Subject)", "(Days || Subject)", "(1 | Subject)"])
@pytest.mark.parametrize("known", [True, False])
def test_value_and_derivatives_are_those_of_single_problems(formula, reml, known):
    data = lf.datasets.sleepstudy().iloc[7:].assign(se=np.linspace(15, 40, 173))
    fit = lf.lmm(f"Reaction ~ Days + {formula}", data, se="se" if known else None, reml=reml).fit()
    setup, rng = fit._setup, np.random.default_rng(3)
    responses = fit.simulate(4, rng).to_numpy().T
    theta = fit.estimates.variables + 0.3 * rng.normal(size=(4, len(fit.estimates.variables)))
    second = setup.covariance.covariance(theta[0]).second
    criterion = make_criterion(setup.products, setup.residual, reml)
    data_of_all = many_products(setup.products, responses, setup.rows, criterion)
    found = evaluate_many(data_of_all, second, criterion, theta, np.arange(4))
    for i in range(4):
        single = Objective.of(fit.refit(responses[i])._setup.products, setup.covariance, setup.residual, reml)
        assert found.value[i] == pytest.approx(single.value(theta[i]), rel=1e-12)
        np.testing.assert_allclose(found.gradient[i], single.gradient(theta[i]), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.hessian[i], single.hessian(theta[i]), rtol=1e-8, atol=1e-7)

"""Crossed and nested factors: bootstrap, predictions, saved fits."""

import numpy as np
import pytest

import limeform as lf


@pytest.fixture(scope="module")
def crossed():
    return lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", lf.datasets.penicillin()).fit()


@pytest.fixture(scope="module")
def nested():
    return lf.lmm("strength ~ 1 + (1 | batch/cask)", lf.datasets.pastes()).fit()


def test_parameters_of_all_factors(crossed):
    boot = crossed.bootstrap(60, rng=1)
    assert list(boot.draws.columns) == ["Intercept", "sd(plate)", "sd(sample)", "sigma"]
    np.testing.assert_allclose(boot.estimate[["sd(plate)", "sd(sample)"]], crossed.var_components()["sd"][:2])
    np.testing.assert_allclose(boot.draws.median(), boot.estimate, rtol=0.25)
    assert crossed.bootstrap(20, "residual", rng=1).n_converged == 20


def test_simulated_responses_have_all_variances(crossed):
    draws = crossed.simulate(3000, rng=1)
    variance = np.diag(crossed.estimates.gamma).sum() + crossed.scale
    np.testing.assert_allclose(draws.var(axis=1), variance, rtol=0.15)


def test_cases_of_crossed_factors_are_refused(crossed):
    with pytest.raises(lf.OptionError, match="plate, sample are crossed"):
        crossed.bootstrap(5, "cases")
    with pytest.raises(lf.OptionError, match=r'plate, sample are crossed.*give method="basic" or "percentile"'):
        crossed.bootstrap(5, rng=1).conf_int(method="bca")


def test_cases_of_nested_factors_draw_the_outer_one(nested):
    boot = nested.bootstrap(40, "cases", rng=1)
    assert boot.n_converged > 35
    rows, place = np.arange(60), nested.design.factors[0].codes
    if len(nested.design.factors[0].levels) != 10:
        place = nested.design.factors[1].codes
    same = nested.refit_rows(np.concatenate([rows, rows]), np.concatenate([place, place + 10]).astype(np.int32))
    assert sorted(len(factor.levels) for factor in same.design.factors) == [20, 60]
    np.testing.assert_allclose(same.params, nested.params)


def test_predictions_for_the_population(crossed):
    found = crossed.get_prediction(random="none")
    gamma = np.diag(crossed.estimates.gamma).sum()
    np.testing.assert_allclose(found.var_obs - found.var_mean, gamma + crossed.scale)
    np.testing.assert_allclose(crossed.get_prediction({"x": [1.0]}, random="none").var_obs, found.var_obs[:1])


def test_saved(crossed, nested, tmp_path):
    for fit in (crossed, nested):
        fit.save(tmp_path / "fit.lime")
        found = lf.load(tmp_path / "fit.lime")
        assert str(found.summary()) == str(fit.summary())
        np.testing.assert_allclose(found.fittedvalues, fit.fittedvalues, rtol=1e-12)


def test_compared_and_side_by_side(crossed):
    small = lf.lmm("diameter ~ 1 + (1 | sample)", lf.datasets.penicillin()).fit()
    row = lf.compare(small, crossed).frame.iloc[1]
    assert row["p_boundary"] == pytest.approx(row["p_value"] / 2)
    table = lf.table(small, crossed)
    assert table.cells.loc["Groups"].tolist() == ["6", "24, 6"]
    assert table.frame.loc["sd(sample)"].notna().all()


def test_quantile_plots_of_all_factors(crossed):
    assert [ax.get_title() for ax in crossed.plot_qq("random_effects")] == ["Intercept | plate", "Intercept | sample"]


def test_rows_that_were_not_kept():
    data = lf.datasets.penicillin()
    model = lf.CrossProducts.from_chunks([data[:70], data[70:]], "diameter ~ 1 + (1 | plate) + (1 | sample)")
    fit = model.fit()
    for ask in (lambda: fit.simulate(1), lambda: fit.bootstrap(5), lambda: fit.get_prediction(random="none")):
        with pytest.raises(lf.OptionError, match="not kept"):
            ask()
    whole = lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", data).fit()
    new = data[::20]
    np.testing.assert_allclose(fit.get_prediction(new).var_mean, whole.get_prediction(new).var_mean, rtol=1e-6)
    with pytest.raises(lf.ArchiveError, match="chunks"):
        fit.save("never")

import pickle
import warnings

import joblib
import numpy as np
import pytest

import limeform as lf
from limeform.bootstrap import refits
from limeform.fit import many

SLEEP = lf.datasets.sleepstudy()
KINDS = ("parametric", "residual", "cases")


@pytest.fixture(scope="module")
def fit():
    return lf.lmm("Reaction ~ Days + (Days | Subject)", SLEEP).fit()


@pytest.fixture(scope="module")
def trimmed():
    return lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, trim=lf.Trimming(0.1, starts=2)).fit()


@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_are_near_those_of_the_likelihood(fit, kind):
    """400 draws have a Monte Carlo error of 4% in a standard error; the kinds differ by more (18 groups)."""
    boot = fit.bootstrap(400, kind, rng=1)
    np.testing.assert_allclose(boot.se[:2], fit.bse, rtol=0.15)
    assert boot.estimate["sd(Subject: Days)"] == pytest.approx(fit.var_components()["sd"][1])
    assert boot.n_converged == 400
    np.testing.assert_allclose(np.sqrt(np.diag(boot.cov)), boot.se)


def test_same_refits_as_lme4(fit):
    """lme4 1.1-31, bootMer(nsim = 2000, seed = 1): standard errors of fixed effects and standard deviations."""
    lme4 = {"Intercept": 6.860, "Days": 1.571, "sd(Subject: 1)": 5.943, "sd(Subject: Days)": 1.287, "sigma": 1.473}
    se = fit.bootstrap(2000, rng=1).se
    for name, value in lme4.items():
        assert se[name] == pytest.approx(value, rel=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_workers_do_not_change_the_result(fit, kind):
    one = fit.bootstrap(150, kind, rng=3)
    with joblib.parallel_config(backend="threading"):
        two = fit.bootstrap(150, kind, rng=3, n_jobs=2)
    np.testing.assert_array_equal(one.draws, two.draws)


def test_processes_do_not_change_the_result(trimmed):
    for refit in ("held", "retrimmed"):
        draws = [trimmed.bootstrap(12, refit=refit, rng=3, n_jobs=jobs).draws for jobs in (1, 2)]
        np.testing.assert_array_equal(*draws)


def test_first_draws_of_a_longer_run_are_those_of_a_shorter_one(fit):
    np.testing.assert_allclose(fit.bootstrap(40, rng=9).draws, fit.bootstrap(200, rng=9).draws[:40], rtol=1e-7)


def test_a_dask_cluster_does_the_work(fit):
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        found = fit.bootstrap(300, rng=3, backend="dask")
    np.testing.assert_array_equal(found.draws, fit.bootstrap(300, rng=3).draws)


def test_backend_that_is_not_there(fit):
    with pytest.raises(lf.OptionError, match="backend='nowhere' cannot be used"):
        fit.bootstrap(5, backend="nowhere")
    with pytest.raises(lf.OptionError, match="ray"):
        fit.bootstrap(5, backend="ray", n_jobs=2)


def test_generators_are_taken_and_left_in_another_state(fit):
    rng = np.random.default_rng(1)
    first, second = fit.bootstrap(5, rng=rng).draws, fit.bootstrap(5, rng=rng).draws
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, fit.bootstrap(5, rng=1).draws)


def test_interruption_returns_what_is_done(fit, monkeypatch):
    calls = []

    def stopped(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return many.estimate_many(*arguments)

    monkeypatch.setattr(refits, "estimate_many", stopped)
    boot = fit.bootstrap(1000, rng=1)
    assert boot.interrupted
    assert boot.n == 256
    assert "Interrupted: 256 of 1000" in str(boot.summary())


def test_ctrl_c_inside_a_solver_is_not_taken_for_a_failed_refit(trimmed, monkeypatch):
    from limeform.solve import newton

    first = trimmed.bootstrap(10, refit="retrimmed", rng=1)
    assert not first.interrupted
    monkeypatch.setattr(newton.Newton, "_iterate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert trimmed.bootstrap(10, refit="retrimmed", rng=1).interrupted


def test_failures_are_counted_and_said(fit, monkeypatch):
    def failing(*arguments):
        draws = many.estimate_many(*arguments)
        reasons = tuple("did not converge" if i % 4 == 0 else "" for i in range(len(draws.failures)))
        return many.Draws(draws.beta, draws.gamma, draws.residual_variance, draws.log_likelihood, reasons)

    monkeypatch.setattr(refits, "estimate_many", failing)
    with pytest.warns(lf.ConvergenceWarning, match="25 of 100 refits failed"):
        boot = fit.bootstrap(100, rng=1)
    assert (boot.n, boot.n_converged, len(boot.failures)) == (100, 75, 25)
    assert boot.draws.index[0] == 1
    assert "25 refits are left out: 25 x did not converge" in str(boot.summary())


def test_cases_that_do_not_determine_a_column_fail_with_a_reason():
    data = SLEEP.assign(site=(SLEEP["Subject"] == "308").astype(float))
    fit = lf.lmm("Reaction ~ Days + site + (1 | Subject)", data).fit()
    with pytest.warns(lf.ConvergenceWarning, match="collinear in the rows drawn"):
        boot = fit.bootstrap(60, "cases", rng=2)
    # A subject is not drawn with probability (1 - 1/18)^18 = 0.357.
    assert 8 <= len(boot.failures) <= 36


@pytest.mark.parametrize("kind", KINDS)
def test_function_repeats_the_same_refits(fit, kind):
    boot = fit.bootstrap(15, kind, rng=4)
    again = boot.function(lambda refit: [refit.params["Days"], refit.sigma])
    np.testing.assert_allclose(again.draws, boot.draws[["Days", "sigma"]], rtol=1e-4)
    np.testing.assert_allclose(
        again.conf_int(method="bca"), boot.conf_int(method="bca").loc[["Days", "sigma"]], rtol=1e-3
    )
    assert again.estimate[0] == fit.params["Days"]


def test_function_of_a_trimmed_fit_is_that_of_its_refits():
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, trim=lf.Trimming(0.1, starts=2, correct=True)).fit()
    for kind in KINDS:
        boot = fit.bootstrap(6, kind, rng=4)
        np.testing.assert_allclose(
            boot.function(lambda refit: refit.sigma).draws["value"], boot.draws["sigma"], rtol=1e-4
        )


def test_function_that_raises(fit):
    def picky(refit):
        if refit.params["Days"] > 10.4 and refit is not fit:
            raise ValueError("too steep")
        return 1.0

    boot = fit.bootstrap(40, rng=1)
    with pytest.raises(lf.OptionError, match="fails for the fit itself"):
        boot.function(lambda refit: refit.nothing)
    with pytest.warns(lf.ConvergenceWarning, match="too steep"):
        found = boot.function(picky)
    assert found.n_converged == (boot.draws["Days"] <= 10.4).sum()


def test_every_draw_of_a_variance_obeys_its_bound():
    with pytest.warns(lf.SingularFitWarning):
        fit = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff2()).fit()
    boot = fit.bootstrap(100, rng=1)
    assert (boot.draws["sd(Batch)"] >= 0).all()
    assert (boot.draws["sd(Batch)"] == 0).sum() > 30
    for method in ("percentile", "expanded", "basic", "bca"):
        assert (boot.conf_int(method=method).loc["sd(Batch)"] >= 0).all()


def test_undefined_correlations_are_counted():
    rng = np.random.default_rng(3)
    data = SLEEP.assign(Reaction=rng.normal(size=180))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boot = lf.lmm("Reaction ~ Days + (Days | Subject)", data).fit().bootstrap(60, rng=1)
    undefined = int(boot.draws["cor(Subject: 1, Days)"].isna().sum())
    assert undefined > 0
    assert f"undefined in {undefined} refits" in str(boot.summary())


def test_results_and_models_pickle(fit):
    assert pickle.loads(pickle.dumps(fit.model)).fit().llf == pytest.approx(fit.llf, abs=1e-8)
    boot = pickle.loads(pickle.dumps(fit.bootstrap(10, rng=1)))
    assert boot.function(lambda refit: refit.llf).n_converged == 10


def test_retrimmed_refits_choose_other_rows(trimmed):
    boot = trimmed.bootstrap(6, refit="retrimmed", rng=1)
    kept = boot.function(lambda refit: refit.weights).draws.to_numpy()
    assert (kept.sum(axis=1) == trimmed.n_kept).all()
    assert len(np.unique(kept, axis=0)) > 1
    assert "chose the rows that it kept anew" in str(boot.summary())


def test_summary_has_text_html_and_latex(fit):
    summary = fit.bootstrap(50, rng=1).summary(level=0.9)
    assert "Parametric bootstrap" in str(summary)
    assert "0.05" in str(summary)
    assert "<table" in summary.as_html()
    assert "tabular" in summary.as_latex()


def test_progress_bar(fit, capsys):
    fit.bootstrap(10, rng=1, progress=True)
    assert "10/10" in capsys.readouterr().err
    fit.bootstrap(10, rng=1)
    assert capsys.readouterr().err == ""


def test_simulate(fit):
    one, other = fit.simulate(2000, rng=1), fit.simulate(3, rng=1)
    assert list(other.columns) == ["sim_1", "sim_2", "sim_3"]
    np.testing.assert_array_equal(one.iloc[:, :3], other)
    assert other.index.equals(SLEEP.index)
    population = fit.predict(random="none").to_numpy()
    z, gamma = fit.design.random.z, fit.cov_re.to_numpy()
    sd = np.sqrt(np.einsum("nj,jk,nk->n", z, gamma, z) + fit.scale)
    np.testing.assert_allclose(one.mean(axis=1), population, atol=5 * sd.max() / np.sqrt(2000))
    np.testing.assert_allclose(one.std(axis=1), sd, rtol=0.1)
    held = fit.simulate(2000, rng=1, random="fitted")
    np.testing.assert_allclose(held.mean(axis=1), fit.fittedvalues, atol=5 * fit.sigma / np.sqrt(2000))
    np.testing.assert_allclose(held.std(axis=1), fit.sigma, rtol=0.1)

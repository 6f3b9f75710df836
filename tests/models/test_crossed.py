"""Models with several grouping factors as a user meets them."""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.fit import blocks
from limeform.solve import Newton


def crossed(n: int = 600, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b, x = rng.integers(0, 40, n), rng.integers(0, 15, n), rng.normal(size=n)
    y = 1 + 0.5 * x + rng.normal(size=40)[a] + 0.7 * rng.normal(size=15)[b] + 0.5 * rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "a": a, "b": b, "half": np.arange(n) % 2})


FORMULA = "y ~ x + (1 | a) + (1 | b)"


def test_blocks_say_how_each_is_kept() -> None:
    table = lf.lmm(FORMULA, crossed()).blocks()
    assert table["storage"].tolist() == ["diagonal", "sparse", "products, kept", "dense"]
    nested = lf.lmm("strength ~ 1 + (1 | batch/cask)", lf.datasets.pastes()).blocks()
    assert "dense" not in nested["storage"].tolist()
    one = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).blocks()
    assert one["storage"].tolist() == ["block-diagonal, 2 × 2"]


def test_memory_is_named_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"y": rng.normal(size=400_000), "id": rng.integers(0, 200_000, 400_000)})
    data["g"] = rng.integers(0, 50_000, 400_000)
    monkeypatch.setattr(blocks, "available_memory", lambda: 8 * 2**30)
    with pytest.raises(lf.MemoryLimitError, match=r"GiB.*'id' has .* levels.*'g' has .* levels.*model\.blocks"):
        lf.lmm("y ~ 1 + (1 | id) + (1 | g)", data).fit()


@pytest.mark.parametrize(
    ("formula", "change", "message"),
    [
        ("y ~ x + (1 | a) + (1 | c)", {"c": 1}, "'c' has one level"),
        ("y ~ x + (1 | c/a)", {"c": 1}, "'c' has one level"),
        ("y ~ x + (1 | a) + (1 | c)", {"c": np.arange(600)}, "'c' has 600 levels"),
        ("y ~ x + (1 | b) + (1 | a:c)", {"c": np.arange(600)}, "'a:c' has 600 levels"),
        ("y ~ x + (1 | a) + (1 | c)", {"c": crossed()["a"] + 100}, "'a' and 'c' divide the rows alike"),
        ("y ~ x + (1 | a) + (1 | a:c)", {"c": crossed()["a"] % 2}, "divide the rows alike"),
        ("y ~ x + (1 | a) + (1 | c)", {}, "'c'"),
    ],
)
def test_models_that_cannot_be_estimated(formula: str, change: dict[str, object], message: str) -> None:
    with pytest.raises(lf.LimeformError, match=message):
        lf.lmm(formula, crossed().assign(**change)).fit()


def test_trimming_finds_gross_errors() -> None:
    data, rng = crossed(), np.random.default_rng(1)
    bad = rng.choice(len(data), 40, replace=False)
    data.loc[bad, "y"] += rng.choice([-8.0, 8.0], 40)
    results = lf.lmm(FORMULA, data, trim=0.1).fit()
    assert set(bad) <= set(np.flatnonzero(results.weights < 0.5))
    np.testing.assert_allclose(results.params, [1, 0.5], atol=0.5)


def test_trimmed_fit_is_the_fit_of_the_kept_rows() -> None:
    data = crossed()
    results = lf.lmm(FORMULA, data, trim=lf.Trimming(0.05, correct=False)).fit()
    kept = lf.lmm(FORMULA, data[results.inliers], reml=False).fit()
    assert results.llf == pytest.approx(kept.llf, abs=1e-6)


def test_groups_cannot_be_trimmed_with_several_factors() -> None:
    with pytest.raises(lf.OptionError, match="one grouping factor"):
        lf.lmm(FORMULA, crossed(), trim=lf.Trimming(0.1, level="group")).fit()


def test_variance_per_stratum() -> None:
    data = crossed()
    data.loc[data["half"] == 1, "y"] += np.random.default_rng(0).normal(size=300) * 2
    results = lf.lmm(FORMULA, data, sigma="half").fit()
    assert results.converged
    assert results.sigma[0] == pytest.approx(0.5, rel=0.15)
    assert results.sigma[1] == pytest.approx(np.sqrt(4.25), rel=0.15)


def test_refit_is_a_fit() -> None:
    data = crossed()
    other = crossed(seed=4)["y"].to_numpy()
    results = lf.lmm(FORMULA, data).fit()
    again, fresh = results.refit(other), lf.lmm(FORMULA, data.assign(y=other)).fit()
    assert again.llf == pytest.approx(fresh.llf, abs=1e-7)
    np.testing.assert_allclose(again.ranef()["mode"], fresh.ranef()["mode"], atol=1e-4)


def test_new_levels_of_one_factor() -> None:
    data = crossed()
    results = lf.lmm(FORMULA, data).fit()
    new = data.head(3).assign(a=[0, 99, 1])
    with pytest.warns(lf.NewLevelWarning, match="'a'"):
        predicted = results.predict(new)
    effect = results.random_effects["b"].loc[new["b"].iloc[1], "Intercept"]
    population = results.predict(new, random="none")
    assert predicted.iloc[1] == pytest.approx(population.iloc[1] + effect)


def test_results_by_factor() -> None:
    results = lf.lmm(FORMULA, crossed()).fit()
    assert list(results.cov_re) == ["a", "b"]
    assert results.random_effects["a"].shape == (40, 1)
    assert results.random_effects_cov["b"][0].shape == (1, 1)
    assert results.ranef()["group"].value_counts().to_dict() == {"a": 40, "b": 15}
    assert results.glance()["n_groups"].item() == "a: 40, b: 15"
    text = str(results.summary())
    assert "a (40)" in text
    assert "b (15)" in text


def test_interruption_hands_back_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def interrupt(number: int, value: float) -> None:
        nonlocal count
        count = number
        if number == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("limeform.fit.progress.Progress.__call__", lambda self, number, value: interrupt(number, value))
    data = crossed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lf.ConvergenceWarning)
        results = lf.lmm(FORMULA, data).fit(Newton(), progress=True)
    assert not results.converged
    assert "interrupted" in results.status
    assert np.isfinite(results.params).all()


def test_units_change_nothing_but_units() -> None:
    data = crossed()
    plain, scaled = lf.lmm(FORMULA, data).fit(), lf.lmm(FORMULA, data.assign(y=1e6 * data["y"])).fit()
    np.testing.assert_allclose(scaled.params, 1e6 * plain.params, rtol=1e-7)
    np.testing.assert_allclose(scaled.var_components()["sd"], 1e6 * plain.var_components()["sd"], rtol=1e-5)


def test_many_levels_take_the_average_information() -> None:
    rng = np.random.default_rng(5)
    n = 6000
    a, b = rng.integers(0, 800, n), rng.integers(0, 60, n)
    y = rng.normal(size=800)[a] * 0.7 + rng.normal(size=60)[b] * 0.4 + rng.normal(size=n)
    results = lf.lmm("y ~ 1 + (1 | a) + (1 | b)", pd.DataFrame({"y": y, "a": a, "b": b})).fit()
    assert results.converged
    assert len(results.history) <= 10
    solution = results.estimates.solution
    assert np.abs(solution.gradient).max() <= 1e-6 * abs(solution.value)


def test_simulated_responses_have_the_variances_of_the_fit() -> None:
    data = crossed()
    results = lf.lmm(FORMULA, data).fit()
    draws = results.simulate(400, rng=3)
    np.testing.assert_array_equal(draws, results.simulate(400, rng=3))
    variances = results.var_components()["variance"]
    assert draws.var(axis=1).mean() == pytest.approx(variances.sum(), rel=0.05)
    same_a = draws.iloc[np.flatnonzero(data["a"] == data["a"].iloc[0])]
    different_b = same_a[data["b"].iloc[same_a.index] != data["b"].iloc[same_a.index[0]]]
    covariance = np.cov(same_a.iloc[0], different_b.iloc[0])[0, 1]
    assert covariance == pytest.approx(variances[0], abs=5 * np.sqrt(2) * variances.sum() / np.sqrt(400))


def test_the_effects_of_each_factor_are_drawn() -> None:
    results = lf.lmm(FORMULA, crossed()).fit()
    for factor, levels in (("a", 40), ("b", 15)):
        axes = results.plot_random_effects(factor=factor)
        assert max(len(line.get_xdata()) for line in axes[0].get_lines()) >= 2
        assert any(len(c.get_offsets()) == levels for c in axes[0].collections if hasattr(c, "get_offsets")) or any(
            len(line.get_xdata()) == levels for line in axes[0].get_lines()
        )
    with pytest.raises(lf.OptionError, match="grouping factors are a, b"):
        results.plot_random_effects(factor="c")


def test_insteval_where_r_has_lme4() -> None:
    """ML log-likelihood of InstEval, 73,421 rows, as lme4 and MixedModels.jl have it; the data are read from R."""
    if shutil.which("Rscript") is None:
        pytest.skip("needs R with lme4 for the data")
    export = 'write.csv(lme4::InstEval[c("y", "service", "s", "d", "dept")], stdout(), row.names = FALSE)'
    done = subprocess.run(["Rscript", "--vanilla", "-e", export], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs R with lme4 for the data")
    data = pd.read_csv(io.StringIO(done.stdout))
    results = lf.lmm("y ~ 1 + service + (1 | s) + (1 | d) + (1 | dept)", data, reml=False).fit()
    assert results.llf == pytest.approx(-118860.8844, abs=1e-4)
    assert len(results.history) <= 8


def test_a_response_that_the_effects_reproduce_is_refused() -> None:
    data = crossed(60)
    with pytest.raises(lf.DataError, match="reproduce the response exactly"):
        lf.lmm(FORMULA, data.assign(y=data["a"] + 2.0 * data["b"])).fit()

"""Tidy tables of all kinds of fits."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import limeform as lf
from tests.fit.dose_data import FORMULA, dose_data

SLEEP = lf.datasets.sleepstudy()
LEVEL = SLEEP["Subject"].iloc[0]


@pytest.fixture(scope="module")
def sleep() -> lf.LMMResults:
    return lf.lmm("Reaction ~ Days + (Days | Subject)", SLEEP).fit()


@pytest.fixture(scope="module")
def fits(sleep: lf.LMMResults, tmp_path_factory: pytest.TempPathFactory) -> dict[str, lf.LMMResults]:
    path = tmp_path_factory.mktemp("tidy") / "sleep.lime"
    sleep.save(path)
    held = [lf.increasing("dose"), lf.concave("dose"), lf.passes("dose", at=0, value=0)]
    return {
        "plain": sleep,
        "loaded": lf.load(path),
        "restricted": lf.lmm(FORMULA, dose_data(), se="se", constraints=held, trim=0.1).fit(),
        "crossed": lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", lf.datasets.penicillin()).fit(),
        "trimmed": lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, trim=lf.Trimming(0.1, starts=1)).fit(),
        "strata": lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP.assign(late=SLEEP["Days"] > 4), sigma="late").fit(),
        "no groups": lf.lmm("Reaction ~ Days", SLEEP).fit(),
        "known": lf.lmm("Reaction ~ Days", SLEEP.assign(se=30.0), se="se").fit(),
    }


def test_parts_of_broom_mixed(sleep: lf.LMMResults) -> None:
    """The numbers are those of lme4 1.1-31, summary(lmer(Reaction ~ Days + (Days | Subject), sleepstudy))."""
    table = sleep.tidy()
    assert table["effect"].tolist() == ["fixed"] * 2 + ["ran_pars"] * 4
    assert table["group"].tolist() == ["", "", "Subject", "Subject", "Subject", "Residual"]
    expected = [251.40510, 10.46729, 24.740658, 5.922138, 0.065551, 25.591796]
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-4)
    np.testing.assert_allclose(table["std_error"][:2], [6.824597, 1.545790], rtol=1e-4)
    assert table.loc[2:, ["std_error", "statistic", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    fixed = sleep.tidy("fixed", alpha=0.1)
    np.testing.assert_allclose(fixed[["conf_low", "conf_high"]], sleep.conf_int(0.1))
    assert "group" not in fixed
    assert list(sleep.tidy("ran_pars", conf_int=False).columns) == ["effect", "group", "term", "estimate", "std_error"]


def test_values_and_coefficients_of_levels(sleep: lf.LMMResults) -> None:
    values, coefficients = sleep.tidy("ran_vals"), sleep.tidy("ran_coefs")
    assert len(values) == len(coefficients) == 36
    one = values.set_index(["level", "term"]).loc[(LEVEL, "Days")]
    effects = sleep.ranef().set_index(["level", "effect"]).loc[(LEVEL, "Days")]
    assert one["estimate"] == effects["mode"]
    assert one["conf_high"] - one["estimate"] == pytest.approx(norm.ppf(0.975) * effects["sd"])
    total = coefficients.set_index(["level", "term"]).loc[(LEVEL, "Days"), "estimate"]
    assert total == pytest.approx(sleep.params["Days"] + effects["mode"])


@pytest.mark.parametrize(
    "kind", ["plain", "loaded", "restricted", "crossed", "trimmed", "strata", "no groups", "known"]
)
def test_every_kind_of_fit(fits: dict[str, lf.LMMResults], kind: str) -> None:
    fit = fits[kind]
    table = fit.tidy(["fixed", "ran_pars", "ran_vals", "ran_coefs"])
    np.testing.assert_array_equal(table.loc[table["effect"] == "fixed", "estimate"], fit.params)
    np.testing.assert_array_equal(table.loc[table["effect"] == "fixed", "std_error"], fit.bse)
    components = fit.var_components()
    spread = table[(table["effect"] == "ran_pars") & ~table["term"].str.startswith("cor(")]
    np.testing.assert_allclose(spread["estimate"], components["sd"])
    assert spread["group"].tolist() == components["group"].tolist()
    assert (table["effect"] == "ran_vals").sum() == len(fit.ranef())
    assert len(fit.tidy("ran_pars")) == (table["effect"] == "ran_pars").sum()
    glance = fit.glance().iloc[0]
    assert glance["n_trimmed"] == fit.nobs - fit.n_kept
    assert glance["df_resid"] == fit.n_kept - len(fit.params)
    augmented = fit.augment()
    assert len(augmented) == fit.nobs
    assert (augmented[".weight"] == 0).sum() == glance["n_trimmed"]
    np.testing.assert_allclose(augmented[".fitted"], fit.fittedvalues)
    np.testing.assert_allclose(augmented[".fixed"], fit.predict(random="none"), rtol=1e-10, atol=1e-10)
    names = {fit.design.response, *(factor.factor for factor in fit.design.factors)}
    assert names <= set(augmented.columns)


def test_a_loaded_fit_says_the_same(fits: dict[str, lf.LMMResults]) -> None:
    for method in ("tidy", "glance", "augment"):
        pd.testing.assert_frame_equal(getattr(fits["loaded"], method)(), getattr(fits["plain"], method)())


def test_coefficients_that_a_constraint_holds_have_no_standard_error(fits: dict[str, lf.LMMResults]) -> None:
    fixed = fits["restricted"].tidy("fixed")
    assert fixed["std_error"].isna().any()
    assert fixed["estimate"].notna().all()


def test_intervals_of_refits(sleep: lf.LMMResults) -> None:
    boot = sleep.bootstrap(50, rng=1)
    table = sleep.tidy(bootstrap=boot).set_index("term")
    np.testing.assert_allclose(table[["conf_low", "conf_high"]], boot.conf_int())
    np.testing.assert_allclose(table["std_error"], boot.se)
    assert table[["statistic", "p_value"]].isna().all(axis=None)
    other = lf.lmm("Reaction ~ 1 + (1 | Subject)", SLEEP).fit()
    with pytest.raises(lf.OptionError, match="bootstrap= is a bootstrap of another fit"):
        sleep.tidy(bootstrap=other.bootstrap(2, rng=1))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"effects": "random"}, "effects='random': give one or more of 'fixed', 'ran_pars'"),
        ({"effects": []}, "effects="),
        ({"effects": 0.05}, "effects=0.05"),
        ({"alpha": 1.5}, "alpha=1.5"),
        ({"bootstrap": 100}, "bootstrap= is a int"),
    ],
)
def test_refusals(sleep: lf.LMMResults, keywords: dict[str, object], message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        sleep.tidy(**keywords)

import numpy as np
import pytest

import limeform as lf

SLEEP = lf.datasets.sleepstudy()
FORMULAS = ("Reaction ~ 1 + (1 | Subject)", "Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (Days | Subject)")


@pytest.fixture(scope="module")
def fits():
    return [lf.lmm(formula, SLEEP).fit() for formula in FORMULAS]


def test_anova_of_lme4(fits):
    """lme4 1.1-31, anova(m0, m1, m2), refitted by ML."""
    found = lf.compare(*reversed(fits))
    np.testing.assert_allclose(found.frame["llf"], [-955.2707, -897.0393, -875.9697], atol=2e-4)
    np.testing.assert_allclose(found.frame["chisq"][1:], [116.46, 42.139], atol=5e-3)
    assert found.frame["df"][1:].tolist() == [1, 2]
    np.testing.assert_allclose(found.frame["aic"], [1916.541, 1802.079, 1763.939], atol=5e-3)
    np.testing.assert_allclose(found.frame["bic"], [1926.120, 1814.850, 1783.097], atol=5e-3)
    assert found.frame["p_value"].iloc[2] == pytest.approx(7.072e-10, rel=1e-3)
    assert "3 fits by REML were refitted by ML, since their fixed parts differ" in str(found)


def test_equal_fixed_parts_stay_restricted(fits):
    found = lf.compare(*fits[1:])
    np.testing.assert_allclose(found.frame["llf"], [fit.llf for fit in fits[1:]])
    assert "restricted" in str(found)


def test_boundary(fits):
    """Stram & Lee: an even mixture of chi-squared with 1 and 2 degrees of freedom."""
    from scipy.stats import chi2

    row = lf.compare(*fits[1:]).frame.iloc[1]
    assert row["p_boundary"] == pytest.approx((chi2.sf(row["chisq"], 1) + chi2.sf(row["chisq"], 2)) / 2)
    assert "on the boundary" in str(lf.compare(*fits[1:]))
    first = lf.lmm("Reaction ~ Days", SLEEP).fit()
    one = lf.compare(first, fits[1]).frame.iloc[1]
    assert one["p_boundary"] == pytest.approx(one["p_value"] / 2)


def test_weights_sum_to_one(fits):
    weights = lf.compare(*fits).frame["weight"]
    assert weights.sum() == pytest.approx(1.0)
    aic = lf.compare(*fits).frame["aic"]
    assert np.log(weights.iloc[2] / weights.iloc[1]) == pytest.approx((aic.iloc[1] - aic.iloc[2]) / 2)


def test_models_that_are_not_nested_are_not_tested():
    data = SLEEP.assign(other=np.random.default_rng(1).normal(size=180), more=1.0 * (SLEEP["Days"] > 3))
    small = lf.lmm("Reaction ~ other + (1 | Subject)", data).fit()
    large = lf.lmm("Reaction ~ Days + more + (1 | Subject)", data).fit()
    found = lf.compare(small, large)
    assert found.frame["p_value"].isna().all()
    assert "not nested" in str(found)
    # The same columns in another parametrisation are nested.
    turned = lf.lmm("Reaction ~ I(Days - 3 * more) + more + other + (1 | Subject)", data).fit()
    assert lf.compare(small, turned).frame["p_value"].notna().sum() == 1


def test_known_errors_and_ml_fits():
    data = SLEEP.assign(se=20.0)
    pair = [lf.lmm(f"Reaction ~ {x} + (1 | Subject)", data, se="se", reml=False).fit() for x in ("1", "Days")]
    found = lf.compare(*pair, names=["without", "with"])
    assert found.frame.index.tolist() == ["without", "with"]
    assert found.frame["chisq"].iloc[1] == pytest.approx(2 * (pair[1].llf - pair[0].llf))


def test_what_cannot_be_compared(fits):
    with pytest.raises(lf.OptionError, match="two or more"):
        lf.compare(fits[0])
    with pytest.raises(lf.OptionError, match="found LMMResults, str"):
        lf.compare(fits[0], "m1")
    with pytest.raises(lf.OptionError, match="names= has 1 names for 2 fits"):
        lf.compare(*fits[1:], names=["one"])
    with pytest.raises(lf.OptionError, match="179 and 180 rows"):
        lf.compare(fits[0], lf.lmm(FORMULAS[1], SLEEP[1:]).fit())
    with pytest.raises(lf.OptionError, match="trimmed other rows"):
        lf.compare(fits[1], lf.lmm(FORMULAS[1], SLEEP, trim=lf.Trimming(0.1, starts=1)).fit())
    with pytest.raises(lf.OptionError, match="sampling variances are known"):
        lf.compare(fits[1], lf.lmm(FORMULAS[1], SLEEP, se=np.full(180, 20.0)).fit())


def test_side_by_side(fits):
    found = lf.table(*fits, names=["a", "b", "c"])
    assert found.frame.loc["Days", "c"] == pytest.approx(10.4673, abs=1e-4)
    assert np.isnan(found.frame.loc["Days", "a"])
    # One quantity has one row, although a fit with one effect calls it sd(Subject).
    assert found.frame.loc["sd(Subject: 1)"].round(2).tolist() == [35.75, 37.12, 24.74]
    assert found.cells.loc["Days", "b"] == "10.4673 (0.8042)"
    lines = found.as_text().splitlines()
    assert len({len(line) for line in lines if line.startswith("-")}) == 1
    assert found.as_latex().count(r"\\") == len(found.cells) + 2
    assert found._repr_html_().count("<tr") == len(found.cells) + 1


@pytest.mark.parametrize(("beside", "shown"), [("ci", "[8.8910, 12.0435]"), ("p", "(<0.001)"), ("none", "10.4673")])
def test_what_stands_beside(fits, beside, shown):
    assert lf.table(fits[1], beside=beside).cells.loc["Days", "(1)"].endswith(shown)


def test_latex_and_html_escape():
    data = SLEEP.assign(**{"a_b & <c>": SLEEP["Days"]})
    found = lf.table(lf.lmm("Reaction ~ `a_b & <c>` + (1 | Subject)", data).fit())
    assert r"a\_b \& $<$c$>$" in found.as_latex()
    assert "a_b &amp; &lt;c&gt;" in found.as_html()


def test_table_refuses(fits):
    for arguments, options in (((), {}), ((1,), {}), (fits, {"names": ["a"]}), (fits, {"beside": "t"})):
        with pytest.raises(lf.OptionError):
            lf.table(*arguments, **options)


def test_great_tables_is_optional(fits):
    try:
        import great_tables  # noqa: F401
    except ImportError:
        with pytest.raises(lf.OptionError, match="pip install great-tables"):
            lf.table(*fits).as_great_table()
    else:
        assert "Days" in lf.table(*fits).as_great_table().as_raw_html()


def test_augment():
    data = SLEEP.assign(unused=1.0).set_index(SLEEP.index + 500)
    data.loc[505, "Days"] = np.nan
    fit = lf.lmm("Reaction ~ Days + (Days | Subject)", data, trim=lf.Trimming(0.1, starts=1)).fit()
    found = fit.augment()
    assert list(found.columns) == ["Reaction", "Days", "Subject", ".fitted", ".resid", ".fixed", ".weight"]
    assert 505 not in found.index
    np.testing.assert_allclose(found["Reaction"], found[".fitted"] + found[".resid"])
    np.testing.assert_allclose(found[".fixed"], fit.predict(random="none"))
    assert found[".weight"].sum() == fit.n_kept


def test_maketables_protocol(fits):
    """The package maketables asks any object for these."""
    fit = fits[2]
    table = fit.__maketables_coef_table__
    assert table.columns.tolist() == ["b", "se", "t", "p"]
    np.testing.assert_allclose(table["b"], fit.params)
    assert fit.__maketables_depvar__ == "Reaction"
    assert all(fit.__maketables_stat__(key) is not None for key in fit.__maketables_default_stat_keys__)
    assert fit.__maketables_stat__("unheard of") is None


def test_equal_formulas_are_told_apart() -> None:
    data = lf.datasets.sleepstudy()
    formula = "Reaction ~ Days + (1 | Subject)"
    plain, again = (lf.lmm(formula, data, reml=False).fit() for _ in range(2))
    held = lf.lmm(formula, data, constraints=["Days <= 10"]).fit()
    labels = lf.compare(plain, held, again).frame.index
    assert set(labels) == {
        f"{plain.model.formula} (restricted, ML)",
        f"{plain.model.formula} (ML) [1]",
        f"{plain.model.formula} (ML) [2]",
    }
    assert lf.compare(plain, held, names=["a", "b"]).frame.index.tolist() == ["a", "b"]

"""Models with other knots, and fits that start from the estimates of the same model with others."""

import pickle

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.fit.trimming.near import NEAR_STARTS
from limeform.models.knots import carried_mean
from tests.fit.dose_data import FORMULA, dose_data
from tests.papers.smoking import FORMULA as SMOKING

SHAPES = [lf.increasing("smoking"), lf.concave("smoking"), lf.passes("smoking", at=0, value=1)]
PRIOR = [lf.normal("smoking", mean=0, sd=0.1, derivative=3)]
OTHERS = [14.0, 37.0, 62.0]


def ratio_model(trim: float = 0.0) -> lf.LMM:
    return lf.lmm(SMOKING, lf.datasets.smoking_like(0), se="se", constraints=SHAPES, priors=PRIOR, trim=trim)


MODELS = {
    "log-ratio": ratio_model,
    "increasing": lambda: lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose")]),
    "sigma unknown": lambda: lf.lmm(FORMULA, dose_data(), constraints=[lf.increasing("dose"), lf.concave("dose")]),
    "a sigma for each lab": lambda: lf.lmm(
        FORMULA, dose_data().assign(lab=lambda d: d["study"] % 3), sigma="lab", constraints=[lf.concave("dose")]
    ),
    "plain": lambda: lf.lmm(FORMULA, dose_data(), se="se"),
    "REML, sigma unknown": lambda: lf.lmm(FORMULA.replace("0 + bspline", "bspline"), dose_data()),
    "differences": lambda: lf.lmm(
        FORMULA.replace("(0, 80))", "(0, 80), reference=low)"),
        dose_data().assign(low=lambda d: d["dose"] / 3),
        se="se",
        constraints=[lf.increasing("dose")],
    ),
}


@pytest.mark.filterwarnings("ignore::limeform.SingularFitWarning")
@pytest.mark.parametrize("name", MODELS)
def test_ends_where_a_fit_by_itself_ends(name: str) -> None:
    model = MODELS[name]()
    first = model.fit()
    other = model.with_knots(model.design.curves[0].name, OTHERS)
    near, alone = other.fit(start=first), other.fit()
    assert near.converged
    assert near.llf + near.log_priors.sum() >= alone.llf + alone.log_priors.sum() - 1e-7
    np.testing.assert_allclose(near.fittedvalues, alone.fittedvalues, atol=1e-4)


def test_starting_near_saves_iterations() -> None:
    model = ratio_model()
    other = model.with_knots("smoking", OTHERS)
    assert other.fit(start=model.fit()).n_iter <= 0.7 * other.fit().n_iter


def test_a_start_obeys_the_constraints() -> None:
    """Values at the sites of the basis keep every shape that the curve has."""
    for model in (ratio_model(), MODELS["sigma unknown"]()):
        first = model.fit()
        for knots in ([5.0, 11.0, 20.0], OTHERS, [40.0]):
            other = model.with_knots(model.design.curves[0].name, knots)
            beta = carried_mean(first.estimates.beta, model.design, other.design)
            rows = other.restrictions.affine
            values = rows.matrix[:, : len(beta)] @ beta
            assert (values >= rows.lower - 1e-7 * (1 + np.abs(rows.lower))).all()
            assert (values <= rows.upper + 1e-7 * (1 + np.abs(rows.upper))).all()


def test_estimates_of_another_model_are_no_start() -> None:
    first = MODELS["plain"]().fit()
    with pytest.raises(lf.OptionError, match="same model object, or of it with other knots"):
        lf.lmm("y ~ dose + (1 | study)", dose_data(), se="se").fit(start=first)
    with pytest.raises(lf.OptionError, match="same model object, or of it with other knots"):
        MODELS["plain"]().with_knots("dose", OTHERS).with_rows(np.arange(40), np.repeat(np.arange(8), 5)).fit(
            start=first
        )
    for changed in ("(1 | study)", "(dose | study)", "z + (0 + dose | study)"):
        formula = FORMULA.replace("(0 + dose | study)", changed)
        with pytest.raises(lf.OptionError, match="same model object, or of it with other knots"):
            lf.lmm(formula, dose_data().assign(z=lambda d: d["se"]), se="se").fit(start=first)
    with pytest.raises(lf.OptionError, match="takes the results of an earlier fit, found ndarray"):
        MODELS["plain"]().fit(start=first.params.to_numpy())


@pytest.mark.parametrize("formula", [FORMULA, FORMULA.replace("(0 + dose", "z:bspline(dose, 2) + (0 + dose")])
def test_what_was_changed_before_stays(formula: str) -> None:
    """Another response, another share trimmed, ML: also where the model has to be built again from its data."""
    data = dose_data().assign(z=lambda d: np.random.default_rng(1).normal(size=len(d)))
    model = lf.lmm(formula.replace("knots=[10, 30, 55]", "2").replace("bounds=(0, 80)", "3"), data)
    changed = model.with_response(model.endog + 1).by_ml().with_trim(0.1)
    other = changed.with_knots("dose", OTHERS)
    np.testing.assert_array_equal(other.endog, model.endog + 1)
    assert (other.reml, other.trim.fraction) == (False, 0.1)
    fit = other.fit()
    assert fit.method == "ML"
    assert fit.n_kept == 72


def test_ml_after_the_model_was_prepared() -> None:
    model = lf.lmm(FORMULA, dose_data(), priors=[lf.normal("sd(study)", mean=0.004, sd=0.001)])
    restricted = model.fit()
    assert restricted.reml
    again = lf.lmm(FORMULA, dose_data(), priors=[lf.normal("sd(study)", mean=0.004, sd=0.001)], reml=False).fit()
    for fit in (model.by_ml().fit(), restricted.refit_by_ml()):
        assert fit.method == "ML"
        assert fit.llf == pytest.approx(again.llf, abs=1e-6)
        assert fit.var_components()["sd"].tolist() == pytest.approx(again.var_components()["sd"].tolist(), rel=1e-3)


def test_a_model_without_its_data() -> None:
    model = MODELS["plain"]().with_rows(np.arange(40), np.repeat(np.arange(8), 5))
    with pytest.raises(lf.OptionError, match="does not have the data"):
        model.with_knots("dose", OTHERS)


def test_is_a_model_like_any_other() -> None:
    fit = MODELS["increasing"]().with_knots("dose", OTHERS).fit()
    assert "knots=[14.0, 37.0, 62.0]" in repr(fit)
    assert fit.curve("dose", draws=5, rng=1)["mean_lower"].notna().all()
    assert len(fit.bootstrap(4, rng=1).params) == 4
    again = pickle.loads(pickle.dumps(fit))
    new = dose_data(seed=3)
    np.testing.assert_allclose(again.predict(new), fit.predict(new))


@pytest.mark.parametrize("name", ["plain", "increasing", "log-ratio"])
def test_is_saved_with_its_own_knots(name: str, tmp_path) -> None:
    model = MODELS[name]()
    fit = model.with_knots(model.design.curves[0].name, OTHERS).fit(start=model.fit())
    fit.save(tmp_path / "fit.lime")
    again = lf.load(tmp_path / "fit.lime")
    assert again.model.formula.text == fit.model.formula.text
    new = lf.datasets.smoking_like(1) if name == "log-ratio" else dose_data(seed=3)
    np.testing.assert_allclose(again.predict(new), fit.predict(new), rtol=1e-12)


def clustered(seed: int) -> pd.DataFrame:
    """Return a line, a quarter of whose rows, at its end, lie together elsewhere."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 10, 100))
    y = 1 + 0.5 * x + rng.normal(0, 0.3, 100)
    y[75:] -= 6
    return pd.DataFrame({"x": x, "y": y})


@pytest.mark.parametrize("earlier", [0.25, 0.1])
def test_rows_that_were_kept_with_other_knots_can_be_poor_ones(earlier: float) -> None:
    """Members of an ensemble are weighted by their likelihood: they have to be as good as fits of their own."""
    short = []
    for seed in (1, 2, 3, 8):
        model = lf.lmm("y ~ bspline(x, knots=[5], degree=1)", clustered(seed), trim=0.25)
        start = model.with_trim(earlier).fit()
        for knot in np.random.default_rng(seed).uniform(1, 9, 8):
            other = model.with_knots("x", [knot])
            near, alone = other.fit(start=start), other.fit()
            short.append(alone.llf - near.llf)
            assert near.trimming.options.starts == (NEAR_STARTS if earlier == 0.25 else model.trim.starts)
            assert near.trimming.found.starts >= near.trimming.options.starts
    assert np.mean(np.array(short) <= 1e-6) >= 0.95

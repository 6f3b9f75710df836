"""Refits, other criteria and files of one fit agree: the same units, starts, limits and corrections."""

import numpy as np
import pytest

import limeform as lf
from limeform.results import LMMResults
from tests.fit.trimming.test_vacuous import frame

SLEEP = lf.datasets.sleepstudy()
LOOSE = {"constraints": [lf.bounds("sigma(b)", upper=1e6)]}

pytestmark = pytest.mark.filterwarnings("ignore::limeform.SingularFitWarning")


def in_a_file(fit: LMMResults, tmp_path) -> LMMResults:
    fit.save(tmp_path / "fit.lime")
    return lf.load(tmp_path / "fit.lime")


@pytest.fixture(scope="module")
def limited():
    return lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, constraints=["sd(Subject) <= 150"]).fit()


@pytest.fixture(scope="module")
def other():
    return 3 * SLEEP["Reaction"].to_numpy() + 1000 + 20 * np.random.default_rng(1).normal(size=len(SLEEP))


class TestUnitsOfAnotherResponse:
    """The working units of a refit are those of the response of the first fit."""

    def test_by_ml(self, limited, other):
        direct = lf.lmm("y ~ Days + (1 | Subject)", SLEEP.assign(y=other), reml=False).fit()
        again = limited.refit(other).refit_by_ml()
        np.testing.assert_allclose(again.fittedvalues, direct.fittedvalues, rtol=1e-5)
        np.testing.assert_allclose(again.predict(SLEEP[:5]), direct.predict(SLEEP[:5]), rtol=1e-5)

    def test_unprepared(self, limited, other):
        refit = limited.refit(other)
        again = LMMResults(refit.model.unprepared(), refit._setup, refit.estimates)
        np.testing.assert_allclose(again.fittedvalues, refit.fittedvalues, rtol=1e-10)

    def test_file(self, limited, other, tmp_path):
        refit = limited.refit(other)
        found = in_a_file(refit, tmp_path)
        np.testing.assert_allclose(found.fittedvalues, refit.fittedvalues, rtol=1e-10)
        again = [each.refit_by_ml().fittedvalues for each in (found, refit)]
        np.testing.assert_allclose(*again, rtol=1e-6)
        direct = lf.lmm("y ~ Days + (1 | Subject)", SLEEP.assign(y=other)).fit()
        assert found.model.fit().llf == pytest.approx(direct.llf, abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"constraints": ["sd(Subject) <= 150"]}, {"constraints": ["Days <= 100"]}])
@pytest.mark.parametrize("shares", [(0.0, 0.05), (0.05, 0.0)])
def test_a_file_keeps_the_criterion_of_another_share(shares, options, tmp_path):
    given, taken = shares
    model = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, trim=given, **options).with_trim(taken)
    fit = model.fit()
    found = in_a_file(fit, tmp_path)
    assert (found.model.reml, found.model.reml_reason) == (model.reml, model.reml_reason)
    assert found.model.fit().llf == pytest.approx(fit.llf, abs=1e-6)
    assert str(found.summary()) == str(fit.summary())


@pytest.mark.parametrize("more", [{}, {"start": {"Days": 32.0}}])
def test_a_model_from_a_file_starts_where_it_did(more, tmp_path):
    """The start of least squares has no logarithm."""
    limits = ["log(Days - 30) <= 2", "Days >= 30"]
    model = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, constraints=limits, **more)
    fit = model.fit()
    found = in_a_file(fit, tmp_path).model
    np.testing.assert_allclose(found.joint.first, model.joint.first, rtol=1e-10)
    assert found.fit().llf == pytest.approx(fit.llf, abs=1e-6)


@pytest.fixture(scope="module", params=["y ~ x", "y ~ x + (1 | g)"])
def fits(request):
    """Fit without and with a limit that restricts nothing."""
    data = frame()
    near = data["s"] == "a"
    data.loc[near, "y"] = 1 + 2 * data.loc[near, "x"] + 1e-3 * np.random.default_rng(2).normal(size=near.sum())
    return [lf.lmm(request.param, data, sigma="s", reml=True, trim=0.15, **given).fit() for given in ({}, LOOSE)]


class TestVarianceFloorOfStrata:
    """Rows of one stratum near a line: its variance is at the floor in the fit and in many refits."""

    @staticmethod
    def least(fit):
        """Return the least variance of the first stratum."""
        return np.exp(fit.trimming.lower[-2]) * fit._setup.products.coordinates.variance

    def test_by_ml(self, fits):
        again = [fit.refit_by_ml().estimates.residual_variance for fit in fits]
        assert again[0][0] == pytest.approx(self.least(fits[0]), rel=1e-4)
        np.testing.assert_allclose(again[1], again[0], rtol=1e-4)

    @pytest.mark.parametrize("kind", ["parametric", "cases"])
    def test_bootstrap(self, fits, kind):
        draws = []
        for fit in fits:
            boot = fit.bootstrap(6, kind, rng=1)
            own = boot.draws[["sigma(a)", "sigma(b)"]].to_numpy()
            each = boot.function(lambda refit: np.sqrt(refit.estimates.residual_variance)).draws.to_numpy()
            np.testing.assert_allclose(each, own, rtol=1e-4)
            draws.append(own)
        least = np.sqrt(self.least(fits[0]))
        assert (draws[0][:, 0] >= least * (1 - 1e-6)).all()
        assert (draws[0][:, 0] <= least * (1 + 1e-4)).any()
        np.testing.assert_allclose(draws[1], draws[0], rtol=1e-3)


class TestCorrection:
    @pytest.mark.parametrize("limits", [[], ["sd(Subject) <= 1e4"]])
    @pytest.mark.parametrize("se", [None, "se"])
    def test_by_ml_corrects_too(self, se, limits):
        data, trim = SLEEP.assign(se=25.0), lf.Trimming(0.1, correct=True)
        model = lf.lmm("Reaction ~ Days + (1 | Subject)", data, se=se, reml=True, trim=trim, constraints=limits)
        fit, direct = model.fit(), model.by_ml().fit()
        again = fit.refit_by_ml()
        np.testing.assert_array_equal(direct.inliers, fit.inliers)
        assert again.trimming.factor < 0.95
        # to 1%: the factors differ, since each is made from the residuals of its own criterion
        assert again.scale == pytest.approx(direct.scale, rel=1e-2)
        np.testing.assert_allclose(again.bse, direct.bse, rtol=1e-2)
        if se is None:
            kept = [each.scale * each.trimming.factor for each in (again, direct)]
            assert kept[0] == pytest.approx(kept[1], rel=1e-4)
        assert again.trimming.raw.reml is False

    def test_random_effects_are_those_of_known_variances(self):
        """With and without limits, of the fit and of all its rows again: at the estimates, by all of ``se``."""
        data, trim, found = frame(outliers=0), lf.Trimming(0.15, correct=True), []
        for limits in ([], ["x <= 1e4"]):
            fit = lf.lmm("y ~ x + (1 | g)", data, se="se", reml=False, trim=trim, constraints=limits).fit()
            assert fit.trimming.factor < 0.95
            again = fit.refit_rows(np.arange(len(data)), fit.design.random.codes.astype(np.int32))
            found += [fit.fittedvalues, again.fittedvalues]
        residual = (data["y"] - fit.predict(data, random="none"))[fit.inliers.to_numpy()]
        precision = data["se"] ** -2.0
        for level, effect in fit.random_effects.items():
            own = residual.index[data["g"][residual.index] == level]
            weight = precision[own].sum() + 1 / fit.cov_re.iloc[0, 0]
            assert effect.iloc[0] == pytest.approx((precision[own] * residual[own]).sum() / weight, abs=1e-8)
        for one in found[:-1]:
            np.testing.assert_allclose(one, found[-1], atol=1e-4)

    @pytest.mark.parametrize("kind", ["parametric", "cases"])
    def test_random_effects_of_draws(self, kind):
        data, trim, sums = frame(outliers=0), lf.Trimming(0.15, correct=True), []
        for limits in ([], ["x <= 1e4"]):
            fit = lf.lmm("y ~ x + (1 | g)", data, se="se", reml=False, trim=trim, constraints=limits).fit()
            boot = fit.bootstrap(3, kind, rng=1)
            sums.append(boot.function(lambda refit: (refit.fittedvalues**2).mean()).draws.to_numpy())
        np.testing.assert_allclose(*sums, rtol=1e-5)

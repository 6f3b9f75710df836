"""Ensembles over placements of the knots."""

import numpy as np
import pytest

import limeform as lf
from limeform.design.rewrite import with_knots
from limeform.resample.ensemble import draw_knots
from tests.fit.dose_data import FORMULA, dose_data


@pytest.fixture(scope="module")
def model() -> lf.LMM:
    return lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose")])


def test_draws_keep_their_distance() -> None:
    knots = draw_knots(3, 10.0, 50.0, 0.15, 500, np.random.default_rng(0))
    steps = np.diff(np.column_stack([np.full(500, 10.0), knots, np.full(500, 50.0)]), axis=1)
    assert steps.min() >= 6.0 - 1e-9
    assert steps.min() < 6.2
    with pytest.raises(lf.OptionError, match="no room"):
        draw_knots(3, 0, 1, 0.25, 5, np.random.default_rng(0))


def test_members_weights_and_average(model: lf.LMM) -> None:
    ensemble = lf.knot_ensemble(model, 8, rng=1)
    assert not ensemble.failed
    aic = np.array([member.aic for member in ensemble.members])
    expected = np.exp(-0.5 * (aic - aic.min()))
    np.testing.assert_allclose(ensemble.weights, expected / expected.sum(), rtol=1e-9)
    at = np.linspace(0, 80, 5)
    fits = np.array([member.curve("dose", at)["fit"] for member in ensemble.members])
    table = ensemble.curve(at)
    np.testing.assert_allclose(table["fit"], ensemble.weights.to_numpy() @ fits)
    assert table["fit"].is_monotonic_increasing
    assert (table["knots_lower"] <= table["knots_upper"]).all()
    for member, knots in zip(ensemble.members, ensemble.knots, strict=True):
        np.testing.assert_allclose(member.design.curves[0].basis.interior, knots)
        assert member.design.curves[0].basis.upper == 80
    assert list(ensemble.summary()["weight"]) == sorted(ensemble.weights, reverse=True)
    drawn = ensemble.curve(at, draws=12, rng=3)
    assert (drawn["mean_lower"] <= drawn["fit"] + 1e-9).all()


def test_workers_change_nothing(model: lf.LMM) -> None:
    one, two = lf.knot_ensemble(model, 4, rng=2), lf.knot_ensemble(model, 4, rng=2, n_jobs=2)
    np.testing.assert_array_equal(one.weights, two.weights)


def test_criteria(model: lf.LMM) -> None:
    by_score = lf.knot_ensemble(
        model, 4, rng=2, criterion=lambda results: float(results.design.curves[0].basis.interior[0])
    )
    assert by_score.weights.idxmax() == by_score.knots[:, 0].argmax()
    assert lf.knot_ensemble(model, 3, rng=2, n_knots=2, criterion="posterior").knots.shape == (3, 2)
    for wrong in ({"criterion": "r2"}, {"term": "age"}, {"min_spacing": 0.5}, {"draws": 0}):
        with pytest.raises(lf.OptionError):
            lf.knot_ensemble(model, **({"draws": 2} | wrong))


def test_rewritten_formulas() -> None:
    text = "y ~ 0 + log_ratio(interval(a, `b c`), ref, 3, 2, placement='even', name='x') + bspline(z, 2) + (1 | g)"
    expected = "log_ratio(interval(a, `b c`), ref, knots=[1.0], bounds=(0.0, 2.0), name='x', degree=2)"
    assert expected in with_knots(text, "x", [1.0], (0.0, 2.0))
    assert "bspline(z, knots=[1.0], bounds=(0.0, 2.0))" in with_knots(text, "z", [1.0], (0.0, 2.0))

"""Trimmed nonlinear means: the search ends no higher than at the rows that were not contaminated."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.fit.restricted import descend_joint, first_start
from limeform.fit.trimming.linearised import Linearised
from limeform.fit.trimming.pipeline import make_search
from limeform.results import LMMResults
from limeform.solve import Newton, default_solver
from tests.papers.smoking import FORMULA

SHAPE = {
    "constraints": [lf.passes("smoking", at=0, value=1), lf.increasing("smoking"), lf.concave("smoking")],
    "priors": [lf.normal("smoking", mean=0, sd=0.1, derivative=3)],
}
DECAY = "y ~ 0 + nl(A*exp(-k*time)) + (1 | s)"
GOOD, POOR = {"A": 10.0, "k": 0.5}, {"A": 3.0, "k": 2.0}


def decay(seed: int, late: bool, share: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Return an exponential decay, sigma unknown, and which rows are wrong: any, or late ones that do not decay."""
    rng = np.random.default_rng(seed)
    s, n = np.repeat(np.arange(15), 8), 120
    time = np.tile(np.linspace(0.25, 8, 8), 15) + rng.uniform(-0.1, 0.1, n)
    y = 10 * np.exp(-0.4 * time) + rng.normal(0, 0.8, 15)[s] + rng.normal(0, 0.4, n)
    count = int(share * n)
    bad = rng.choice(np.argsort(-time)[:40] if late else n, count, replace=False)
    y[bad] += rng.uniform(4, 8, count) if late else rng.choice([-1, 1], count) * rng.uniform(3, 9, count)
    return pd.DataFrame({"y": y, "time": time, "s": s}), bad


def high_dose(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return data like those of smoking and lung cancer with 25 of the 45 highest doses moved down, and which."""
    data, rng = lf.datasets.smoking_like(rng=seed), np.random.default_rng(1000 + seed)
    data = data[~data["wrong"]].reset_index(drop=True)
    bad = rng.choice(np.argsort(-data["dose"].to_numpy())[:45], 25, replace=False)
    data.loc[bad, "log_rr"] -= rng.uniform(0.8, 2, 25)
    return data, bad


def assert_as_low_as_clean(trimmed: LMMResults, clean: LMMResults) -> None:
    """Trimming may find better rows than those that were left alone, but none that are worse."""
    assert trimmed.nobs - trimmed.n_kept == trimmed.nobs - clean.nobs
    assert trimmed.trimming.found.best.value <= clean.estimates.solution.value + 1e-6


@pytest.mark.parametrize(("late", "share"), [(False, 0.15), (True, 0.15), (True, 0.3)])
@pytest.mark.parametrize("seed", range(4))
def test_decay(seed: int, late: bool, share: float) -> None:
    data, bad = decay(seed, late, share)
    clean = lf.lmm(DECAY, data.drop(index=bad), start=GOOD).fit()
    assert_as_low_as_clean(lf.lmm(DECAY, data, start=GOOD, trim=share).fit(), clean)


@pytest.mark.parametrize("seed", [0, 10, 12])
def test_a_poor_start_is_left_behind(seed: int) -> None:
    """Gauss-Newton's first step from there is ten times too long, and the late rows alone look like no decay."""
    data, bad = decay(seed, True, 0.3)
    clean = lf.lmm(DECAY, data.drop(index=bad), start=GOOD).fit()
    assert_as_low_as_clean(lf.lmm(DECAY, data, start=POOR, trim=0.3).fit(), clean)


@pytest.mark.parametrize("seed", range(4))
def test_log_ratio(seed: int) -> None:
    data, bad = high_dose(seed)
    clean = lf.lmm(FORMULA, data.drop(index=bad), se="se", **SHAPE).fit()
    assert_as_low_as_clean(lf.lmm(FORMULA, data, se="se", trim=25.5 / len(data), **SHAPE).fit(), clean)


def test_starts_and_rng_are_honoured() -> None:
    data, _ = decay(0, True, 0.3)
    none, some, again, other = (
        lf.lmm(DECAY, data, start=GOOD, trim=lf.Trimming(0.3, starts=starts, rng=rng)).fit().trimming.found
        for starts, rng in ((0, 1), (12, 1), (12, 1), (12, 2))
    )
    assert none.starts == none.followed == 1
    assert some.starts >= 13
    assert some.best.value < none.best.value - 1
    assert (some.starts, some.followed, some.agreeing) == (again.starts, again.followed, again.agreeing)
    np.testing.assert_array_equal(some.best.weights, again.best.weights)
    assert other.best.value == pytest.approx(some.best.value, abs=1e-6)


def test_starts_near_a_point_keep_h_units_and_descend() -> None:
    data, _ = decay(1, False, 0.15)
    model = lf.lmm(DECAY, data, start=GOOD, trim=0.15)
    plain = make_search(model.joint.setup, model.joint.y, np.zeros(120, bool), model.trim, False)
    linear = Linearised(model.joint, plain)
    generators = np.random.default_rng(0).spawn(11)
    starts = linear.starts(np.array([10.0, 0.5]), generators[:10], generators[10])
    assert 1 <= len(starts) <= 3
    for start in starts:
        assert start.weights.sum() == plain.h
        kept = model.joint.with_weights(start.weights)
        _, value, solution = descend_joint(kept, Newton(), start.x)
        assert solution is not None
        assert value <= kept.objective().value(start.x) + 1e-9
    assert linear.starts(np.array([10.0, -1e4]), generators[:10], generators[10]) == []


def test_inner_fits_never_end_above_their_start() -> None:
    """From the optimum of other rows, at variances that are far too small for the new ones."""
    data, _ = decay(2, True, 0.3)
    model = lf.lmm(DECAY, data, start=GOOD).joint
    rng = np.random.default_rng(0)
    for _ in range(10):
        kept = model.with_weights((rng.random(120) < 0.7).astype(float))
        x = first_start(model) + np.array([0.0, -8.0, 0.0, 0.0]) + rng.normal(0, 0.3, 4)
        after, value, _ = descend_joint(kept, default_solver(), x)
        assert value <= kept.objective().value(x)
        assert value == pytest.approx(kept.objective().value(after), abs=1e-9)


def test_a_flat_first_curve_has_dependent_columns() -> None:
    """A log-ratio does not change with the scale of the curve, so that its Jacobian has not full rank."""
    data, _ = high_dose(2)
    given = {"constraints": SHAPE["constraints"][:1]}
    results = lf.lmm(FORMULA, data, se="se", trim=0.12, **given).fit()
    assert results.trimming.found.vertex
    assert np.isfinite(results.llf)

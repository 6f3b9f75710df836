"""The search over weights: it descends, ends where no exchange improves, and finds the best of all subsets."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import limeform as lf
from limeform.errors import LimeformError
from limeform.fit import prepare
from limeform.fit.trimming.pipeline import make_search
from limeform.fit.trimming.search import find
from limeform.fit.trimming.simplex import project, smallest
from limeform.fit.trimming.starts import random_starts, sampled
from limeform.fit.trimming.steps import EXACT, check_descent, concentrate, descend, fit_at, objective_at, start_of

MODELS = {
    "fixed effects alone": ("y ~ x", {}),
    "meta-analysis": ("y ~ x + (1 | g)", {"se": "se"}),
    "shared": ("y ~ x + (1 | g)", {}),
    "slopes": ("y ~ x + (x | g)", {"se": "se"}),
    "diagonal slopes": ("y ~ x + (x || g)", {}),
    "strata": ("y ~ x + (1 | g)", {"sigma": "s"}),
}


def make_frame(seed, n=60, m=8, outliers=8):
    rng = np.random.default_rng(seed)
    g = np.concatenate([np.arange(m), rng.integers(0, m, n - m)])
    x = rng.uniform(0, 4, n)
    y = 1 + 2 * x + rng.normal(0, 2, m)[g] + rng.normal(size=n)
    y[rng.choice(n, outliers, replace=False)] += 15 + 20 * rng.random(outliers)
    return pd.DataFrame({"y": y, "x": x, "g": g, "se": rng.uniform(0.7, 1.4, n), "s": np.arange(n) % 2})


def make(frame, model="meta-analysis", reml=False, always=None, **options):
    formula, keywords = MODELS[model]
    design = lf.lmm(formula, frame, **keywords).design
    trimming = lf.Trimming(**{"fraction": 0.2, **options})
    held = np.zeros(len(frame), dtype=bool) if always is None else always
    search = make_search(prepare(design), design.shifted, held, trimming, reml)
    return replace(search, lower=np.full(len(start_of(search)), -np.inf)), trimming


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(list(MODELS)), st.booleans(), st.sampled_from([0.05, 1.0, 30.0, np.inf]))
def test_no_step_of_any_length_raises_the_objective(seed, model, reml, step):
    """From random weights inside the simplex, for every kind of model."""
    search, _ = make(make_frame(seed), model, reml)
    rng = np.random.default_rng(seed)
    at = fit_at(search, project(rng.normal(0.8, 0.5, 60), search.h), start_of(search), EXACT)
    at = concentrate(search, at, EXACT, 5) if np.isinf(step) else descend(search, at, step, 5)
    assert (np.diff(at.history) <= 1e-7 * (1 + np.abs(at.history[0]))).all()
    assert at.weights.sum() == pytest.approx(search.h)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.booleans())
def test_value_is_concave_in_the_weights(seed, reml):
    search, _ = make(make_frame(seed), "slopes", reml)
    rng = np.random.default_rng(seed)
    one, other = (project(rng.normal(0.8, 1.0, 60), search.h) for _ in range(2))
    values = [fit_at(search, w, start_of(search), EXACT).value for w in (one, (one + other) / 2, other)]
    assert values[1] >= (values[0] + values[2]) / 2 - 1e-6


def test_a_rise_is_an_error():
    search, _ = make(make_frame(0))
    weights = smallest(np.arange(60.0), search.h, search.always)
    at = fit_at(search, weights, start_of(search), EXACT)
    better = concentrate(search, at, EXACT, 3)
    check_descent(at, better)
    with pytest.raises(LimeformError, match="rose"):
        check_descent(better, at)


@pytest.mark.parametrize("model", ["fixed effects alone", "meta-analysis", "shared"])
def test_best_of_all_subsets(model):
    """Ten rows, three to go: every one of the 120 choices is fitted."""
    frame = make_frame(4, n=10, m=3, outliers=2)
    search, options = make(frame, model, fraction=0.3)
    found = find(search, options)
    values = []
    for left in combinations(range(10), 3):
        weights = np.ones(10)
        weights[list(left)] = 0.0
        values.append(fit_at(search, weights, start_of(search), EXACT).value)
    assert found.best.value == pytest.approx(min(values), abs=1e-7)
    assert found.vertex
    assert found.exchange_optimal


@pytest.mark.parametrize("model", [name for name in MODELS if name != "strata"])
def test_end_is_a_fixed_point_and_history_falls(model):
    search, options = make(make_frame(2), model)
    found = find(search, options)
    assert found.fixed_point
    assert found.vertex
    assert found.best.weights.sum() == search.h
    assert (np.diff(found.best.history) <= 1e-9).all()
    assert 1 <= found.agreeing <= found.followed <= found.starts == 51


@pytest.mark.parametrize("level", ["observation", "group"])
def test_result_does_not_depend_on_the_number_of_processes(level):
    search, one = make(make_frame(5), level=level, rng=3)
    _, two = make(make_frame(5), level=level, rng=3, n_jobs=2)
    first, second = find(search, one), find(search, two)
    assert first.best.value == second.best.value
    np.testing.assert_array_equal(first.best.weights, second.best.weights)
    assert (first.followed, first.agreeing) == (second.followed, second.agreeing)


def test_rng_reproduces():
    search, options = make(make_frame(6), starts=3)
    ends = [find(search, lf.Trimming(0.2, starts=3, rng=rng)).followed for rng in (7, 7)]
    assert ends[0] == ends[1]
    values = [
        start.value for start in random_starts(search, np.random.default_rng(1).spawn(4), np.random.default_rng(0))
    ]
    again = [
        start.value for start in random_starts(search, np.random.default_rng(1).spawn(4), np.random.default_rng(0))
    ]
    assert values == again
    assert len(set(values)) > 1
    assert options.starts == 3


@pytest.mark.parametrize("model", ["fixed effects alone", "meta-analysis", "shared", "diagonal slopes"])
@pytest.mark.parametrize("level", ["observation", "group"])
def test_quick_fits_of_the_starts_are_fits(model, level):
    """The value that ranks a start is the criterion (less its constant) at the start's own weights and variances."""
    if model == "fixed effects alone" and level == "group":
        pytest.skip("no groups to trim")
    search, _ = make(make_frame(8), model, level=level)
    starts = random_starts(search, np.random.default_rng(0).spawn(6), np.random.default_rng(0))
    gaps = []
    for start in starts:
        assert start.weights.sum() == search.h
        gaps.append(start.value - objective_at(search, start.weights).value(start.x))
    if level == "observation":  # groups of unequal size keep unequal numbers of rows
        np.testing.assert_allclose(gaps, gaps[0], atol=1e-5)


def test_kept_rows_stay():
    frame = make_frame(9)
    always = frame["y"].to_numpy() > np.sort(frame["y"])[-6]
    search, options = make(frame, always=always)
    found = find(search, options)
    assert (found.best.weights[always] == 1).all()
    assert found.best.weights.sum() == search.h


def test_finite_steps_and_the_papers_interpolation_end_at_a_vertex():
    frame = make_frame(10)
    search, _ = make(frame)
    plain = find(search, lf.Trimming(0.2))
    for options in (lf.Trimming(0.2, step=0.3), lf.Trimming(0.2, step=5.0, starts=0)):
        assert find(search, options).vertex
    search, options = make(frame, interpolation="power")
    found = find(search, options)
    assert found.vertex
    assert found.best.value == pytest.approx(plain.best.value, abs=1e-6)


def test_sample_of_large_data_keeps_the_share():
    rng = np.random.default_rng(0)
    n = 24_000
    frame = pd.DataFrame({"g": rng.integers(0, 3000, n), "x": rng.uniform(0, 4, n), "se": 1.0, "s": 0})
    frame["y"] = 1 + 2 * frame["x"] + rng.normal(0, 2, 3000)[frame["g"]] + rng.normal(size=n)
    bad = rng.choice(n, 2000, replace=False)
    frame.loc[bad, "y"] += 30.0
    search, options = make(frame, fraction=0.1)
    few = sampled(search, rng)
    assert 5000 <= len(few.y) < 5100
    assert few.h == pytest.approx(0.9 * len(few.y), abs=1)
    np.testing.assert_array_equal(np.bincount(few.setup.rows.cells.codes) > 0, True)
    found = find(search, options)
    assert (found.best.weights[bad] == 0).all()
    assert not found.exchange_optimal  # none is tried with so many rows


def test_sample_of_few_large_groups_takes_rows():
    rng = np.random.default_rng(0)
    n = 30_000
    frame = pd.DataFrame({"g": np.arange(n) % 2, "x": rng.uniform(0, 4, n), "se": 1.0, "s": 0})
    frame["y"] = frame["x"] + rng.normal(size=n)
    search, _ = make(frame, "shared")
    assert len(sampled(search, rng).y) == 5000

"""The correction for truncated errors, against numerical integration and simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from limeform.fit.trimming.consistency import (
    consistency_factor,
    cut_in_true_units,
    cut_of_share,
    truncated_variance,
)


@pytest.mark.parametrize("cut", [1e-4, 0.01, 0.5, 1.2816, 3.0, 9.0])
def test_variance_of_a_truncated_normal(cut):
    inside = quad(norm.pdf, -cut, cut)[0]
    second = quad(lambda e: e**2 * norm.pdf(e), -cut, cut)[0]
    assert truncated_variance(cut) == pytest.approx(second / inside, rel=1e-6)


@pytest.mark.parametrize("cut", [0.3, 1.0, 2.0, 4.0])
def test_cut_is_recovered_from_raw_units(cut):
    assert cut_in_true_units(cut / np.sqrt(truncated_variance(cut))) == pytest.approx(cut, rel=1e-6)


def test_no_cut_reaches_less_than_a_uniform_sample():
    assert cut_in_true_units(1.7) is None


def test_share_and_cut():
    assert norm.cdf(cut_of_share(0.8)) - norm.cdf(-cut_of_share(0.8)) == pytest.approx(0.8)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("outliers", [0, 1000])
def test_factor_of_a_trimmed_sample(known, outliers):
    """Outliers among the trimmed do not matter: the factor is read off the cut, not off the fraction."""
    rng = np.random.default_rng(1)
    e = np.concatenate([rng.normal(size=20_000), np.full(outliers, 30.0)])
    weights = (np.abs(e) < 1.5).astype(float)
    raw = e / (1.0 if known else e[weights > 0].std())
    always = np.zeros(len(raw), bool)
    assert consistency_factor(raw, weights, known, always) == pytest.approx(truncated_variance(1.5), abs=0.01)


def test_nothing_trimmed_needs_no_correction():
    assert consistency_factor(np.arange(3.0), np.ones(3), True, np.zeros(3, bool)) == 1.0


def test_a_row_that_may_not_be_trimmed_does_not_move_the_cut():
    e = np.random.default_rng(3).normal(size=4000)
    weights = (np.abs(e) < 1.5).astype(float)
    always = np.zeros(len(e), bool)
    e[0], weights[0], always[0] = 50.0, 1.0, True
    assert consistency_factor(e, weights, True, always) == pytest.approx(truncated_variance(1.5), abs=0.01)

import numpy as np
import pytest
from scipy import stats

from limeform.bootstrap import intervals

DATA = np.random.default_rng(4).gamma(2.0, size=40)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_scipy_finds_the_same_intervals(method):
    rng = np.random.default_rng(5)
    found = stats.bootstrap((DATA,), np.mean, method=method if method != "bca" else "BCa", n_resamples=999, rng=rng)
    draws, estimate = found.bootstrap_distribution[:, None], np.array([DATA.mean()])
    jackknife = np.array([np.delete(DATA, i).mean() for i in range(40)])[:, None]
    ours = {
        "percentile": lambda: intervals.percentile(draws, 0.05),
        "basic": lambda: intervals.basic(estimate, draws, 0.05),
        "bca": lambda: intervals.bca(estimate, draws, jackknife, 0.05),
    }[method]()
    np.testing.assert_allclose(ours[0], [found.confidence_interval.low, found.confidence_interval.high], rtol=1e-10)


def test_draws_without_value_are_left_out():
    draws = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    ends = intervals.percentile(draws, 0.5)
    np.testing.assert_allclose(ends[0], [1.5, 2.5])
    assert np.isnan(ends[1]).all()


def test_bca_of_draws_piled_up_at_the_estimate():
    """Draws equal to the estimate count half: as draws above it they would leave nothing but zero in the interval."""
    draws = np.concatenate([np.zeros(60), np.linspace(0.1, 1.0, 40)])[:, None]
    low, high = intervals.bca(np.zeros(1), draws, np.zeros((10, 1)), 0.05)[0]
    assert low == 0.0
    assert 0.5 < high < 0.7

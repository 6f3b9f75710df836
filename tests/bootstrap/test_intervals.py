import numpy as np
import pytest
from scipy import stats

from limeform.bootstrap import intervals

DATA = np.random.default_rng(4).gamma(2.0, size=40)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_scipy_finds_nearly_the_same_intervals(method):
    """SciPy takes quantiles (k - 1) / (d - 1) of d draws: of 9,999 draws these differ by less than a spacing."""
    rng = np.random.default_rng(5)
    found = stats.bootstrap((DATA,), np.mean, method=method if method != "bca" else "BCa", n_resamples=9999, rng=rng)
    draws, estimate = found.bootstrap_distribution[:, None], np.array([DATA.mean()])
    jackknife = np.array([np.delete(DATA, i).mean() for i in range(40)])[:, None]
    ours = {
        "percentile": lambda: intervals.percentile(draws, 0.05),
        "basic": lambda: intervals.basic(estimate, draws, 0.05),
        "bca": lambda: intervals.bca(estimate, draws, jackknife, 0.05),
    }[method]()
    np.testing.assert_allclose(ours[0], [found.confidence_interval.low, found.confidence_interval.high], rtol=2e-3)


@pytest.mark.parametrize("d", [39, 99, 999])
def test_intervals_hold_another_draw_as_often_as_they_promise(d):
    """Of 40 (100, 1,000) values in random order the last lies between the ends that leave 1/40 outside each."""
    ends = intervals.percentile(np.arange(1.0, d + 1)[:, None], 0.05)[0]
    assert ends == pytest.approx([0.025 * (d + 1), 0.975 * (d + 1)])
    normal = np.random.default_rng(6).normal(size=(d, 20_000 // d))
    low, high = intervals.percentile(normal, 0.05).T
    inside = stats.norm.cdf(high) - stats.norm.cdf(low)
    assert inside.mean() == pytest.approx(0.95, abs=4 * inside.std() / np.sqrt(len(inside)))


def test_expanded_percentiles_are_t_intervals_of_normal_draws():
    """Draws with the variance that n units show, the mean square about their mean: Hesterberg 2015, section 4.4."""
    n, s = 12, 1.7
    draws = s * np.sqrt((n - 1) / n) * stats.norm.ppf(np.arange(1, 100_000) / 100_000)[:, None]
    low, high = intervals.expanded(draws, 0.1, n)[0]
    assert high == pytest.approx(s * stats.t.isf(0.05, n - 1), rel=1e-3)
    assert low == pytest.approx(-high, rel=1e-9)


def test_few_units_take_all_draws_and_one_unit_is_not_expanded():
    draws = np.arange(100.0)[:, None]
    np.testing.assert_allclose(intervals.expanded(draws, 0.05, 2)[0], [0, 99])
    np.testing.assert_allclose(intervals.expanded(draws, 0.05, 1), intervals.percentile(draws, 0.05))


def test_draws_without_value_are_left_out():
    draws = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    ends = intervals.percentile(draws, 0.5)
    np.testing.assert_allclose(ends[0], [1.0, 3.0])
    assert np.isnan(ends[1]).all()


def test_bca_of_draws_piled_up_at_the_estimate():
    """Draws equal to the estimate count half: as draws above it they would leave nothing but zero in the interval."""
    draws = np.concatenate([np.zeros(60), np.linspace(0.1, 1.0, 40)])[:, None]
    low, high = intervals.bca(np.zeros(1), draws, np.zeros((10, 1)), 0.05)[0]
    assert low == 0.0
    assert 0.5 < high < 0.7


def test_bca_without_any_refit_that_lacks_a_unit():
    """An acceleration that is not known is not zero."""
    draws = np.random.default_rng(1).normal(size=(99, 2))
    jackknife = np.column_stack([np.full(10, np.nan), np.zeros(10)])
    ends = intervals.bca(np.zeros(2), draws, jackknife, 0.05)
    assert np.isnan(ends[0]).all()
    assert np.isfinite(ends[1]).all()

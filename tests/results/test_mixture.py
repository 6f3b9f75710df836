import numpy as np
import pytest
from scipy.stats import norm

from limeform.results.mixture import mixture_quantiles


def test_equal_draws_give_normal_quantiles():
    found = mixture_quantiles(np.full((5, 2), 3.0), np.array([4.0, 0.25]), [0.025, 0.5])
    np.testing.assert_allclose(found, [[3 - 1.959964 * 2, 3 - 1.959964 / 2], [3, 3]], rtol=1e-6)


def test_normal_draws_add_their_variance():
    grid = norm.ppf((np.arange(2000) + 0.5) / 2000)[:, None]
    found = mixture_quantiles(grid, np.array([3.0]), [0.025, 0.975])
    np.testing.assert_allclose(found[:, 0], norm.ppf([0.025, 0.975], scale=2), rtol=1e-3)


def test_the_distribution_function_is_the_level():
    rng = np.random.default_rng(1)
    values, variance = rng.gamma(2, size=(30, 4)), np.array([1e-8, 0.1, 1.0, 100.0])
    for level, row in zip([0.1, 0.8], mixture_quantiles(values, variance, [0.1, 0.8]), strict=True):
        np.testing.assert_allclose(norm.cdf(row, values, np.sqrt(variance)).mean(axis=0), level, atol=1e-6)


def test_without_variance_they_are_those_of_the_draws():
    values = np.random.default_rng(1).normal(size=(20, 3))
    np.testing.assert_array_equal(mixture_quantiles(values, np.zeros(3), [0.2]), np.quantile(values, [0.2], axis=0))


@pytest.mark.filterwarnings("error")
def test_missing_columns_stay_missing():
    values = np.array([[1.0, np.nan, 1.0], [2.0, np.nan, 2.0]])
    found = mixture_quantiles(values, np.array([1.0, 1.0, np.nan]), [0.5])
    assert np.isnan(found).tolist() == [[False, True, True]]

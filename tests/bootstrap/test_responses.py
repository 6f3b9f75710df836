import numpy as np

from limeform.bootstrap import Effects, parametric, residual, streams

RNG = np.random.default_rng(8)
CODES = np.repeat(np.arange(30), 4).astype(np.int32)
Z = np.column_stack([np.ones(120), np.tile(np.arange(4.0), 30)])
GAMMA = np.array([[2.0, -0.5], [-0.5, 0.3]])
MODES = RNG.normal(size=(30, 2)) @ np.diag([0.7, 0.1]) + [1.0, 0.0]
EFFECTS = (Effects(Z, CODES, GAMMA, MODES),)
MEAN, SD = np.linspace(0, 5, 120), np.full(120, 1.5)


def covariance(source, n: int = 4000) -> np.ndarray:
    draws = np.array([source.draw(child) for child in np.random.default_rng(0).spawn(n)])
    np.testing.assert_allclose(draws.mean(axis=0), MEAN, atol=6 * np.sqrt(draws.var(axis=0).max() / n))
    return np.cov(draws[:, :8].T)


def model() -> np.ndarray:
    one = Z[:4] @ GAMMA @ Z[:4].T + np.eye(4) * 1.5**2
    return np.block([[one, np.zeros((4, 4))], [np.zeros((4, 4)), one]])


def test_parametric_draws_have_the_covariance_of_the_model():
    np.testing.assert_allclose(covariance(parametric(MEAN, EFFECTS, SD)), model(), atol=0.5)


def test_residual_draws_have_it_although_modes_and_residuals_are_shrunken():
    errors = 0.4 * RNG.standard_t(5, size=120) + 0.3
    source = residual(MEAN, EFFECTS, SD, errors, np.ones(120, dtype=bool))
    np.testing.assert_allclose(source.standardized.mean(), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.mean(source.standardized**2), 1.0)
    np.testing.assert_allclose(source.pools[0].T @ source.pools[0] / 30, GAMMA, atol=1e-12)
    np.testing.assert_allclose(covariance(source), model(), atol=0.5)


def test_trimmed_rows_and_groups_left_without_rows_are_not_drawn_from():
    kept = (CODES > 0) & (np.arange(120) != 50)
    errors = np.where(kept, RNG.normal(size=120), 1e6)
    source = residual(MEAN, EFFECTS, SD, errors, kept)
    assert len(source.standardized) == kept.sum()
    assert np.abs(source.standardized).max() < 10
    assert len(source.pools[0]) == 29


def test_a_variance_of_zero_draws_zero():
    flat = (Effects(Z, CODES, np.zeros((2, 2)), np.zeros((30, 2))),)
    source = residual(MEAN, flat, SD, RNG.normal(size=120), np.ones(120, dtype=bool))
    np.testing.assert_array_equal(source.pools[0], 0.0)


def test_streams_are_those_that_numpy_spawns():
    ours = [stream.generator().normal(size=3) for stream in streams(7, 5)]
    theirs = [child.normal(size=3) for child in np.random.default_rng(7).spawn(1)[0].spawn(5)]
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(streams(7, 5)[2:4][1].generator().normal(size=3), theirs[3])

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import limeform as lf
from limeform.plot.scale import limits, scale_for, transform_name


@pytest.mark.parametrize(
    "transform", [np.exp, np.exp2, lambda x: 100 * np.exp(x), lambda x: np.exp(-x), lambda x: 10**x]
)
def test_exponential_transforms_are_recognised(transform):
    assert scale_for(transform).logarithmic


@pytest.mark.parametrize(
    "transform", [None, np.tanh, np.square, lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(x) - 1, np.ones_like]
)
def test_others_are_not(transform):
    assert not scale_for(transform).logarithmic


@given(arrays(float, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-100, 100)))
def test_limits_hold_all_points(pairs):
    points, intervals = pairs.mean(axis=1), np.sort(pairs, axis=1)
    low, high = limits(points, intervals)
    assert low < points.min()
    assert high > points.max()


def test_limits_hold_all_ordinary_intervals():
    intervals = np.array([[-1.0, 1.0], [-2.0, 2.0], [0.0, 2.5]])
    low, high = limits(intervals.mean(axis=1), intervals)
    assert low < -2
    assert high > 2.5


def test_names():
    assert transform_name(None, "y") == "y"
    assert transform_name(np.exp, "y") == "exp(y)"
    assert transform_name(lambda x: x, "y") == "y, transformed"


def test_transform_of_wrong_shape():
    with pytest.raises(lf.OptionError, match="shape"):
        scale_for(lambda x: x[:1]).apply(np.ones(3), "estimates")

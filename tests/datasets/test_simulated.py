"""The generator of contaminated data follows its description."""

import numpy as np
import pandas as pd
import pytest

from limeform.datasets import contaminated_studies


def test_description():
    sets = [contaminated_studies(rng=seed) for seed in range(60)]
    data = pd.concat(sets)
    assert all(one["outlier"].sum() == 15 for one in sets)
    assert (data.groupby("study").size() == 600).all()
    assert data["x"].between(0, 10).all()
    assert data.loc[data["outlier"], "x"].min() >= 6
    shift = (data["y_clean"] - data["y"])[data["outlier"]]
    assert shift.min() >= 30
    assert (shift - 30).mean() == pytest.approx(80 * np.sqrt(2 / np.pi), rel=0.07)  # of a half-normal, 900 draws
    assert (data["y"] == data["y_clean"])[~data["outlier"]].all()
    effects = np.concatenate([one.groupby("study")["u"].first() for one in sets])
    assert effects.std() == pytest.approx(6, rel=0.09)  # 600 draws, three Monte Carlo errors
    errors = data["y_clean"] - 5 * data["x"] - data["u"]
    assert errors.std() == pytest.approx(4, rel=0.03)
    assert errors.mean() == pytest.approx(0, abs=0.16)


def test_seed():
    pd.testing.assert_frame_equal(contaminated_studies(rng=3), contaminated_studies(rng=np.random.default_rng(3)))
    assert not contaminated_studies(rng=3)["y"].equals(contaminated_studies(rng=4)["y"])
    assert not contaminated_studies()["y"].equals(contaminated_studies()["y"])

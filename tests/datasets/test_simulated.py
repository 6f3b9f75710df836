"""The generators of simulated data follow their descriptions."""

import numpy as np
import pandas as pd
import pytest

from limeform.datasets import contaminated_studies, smoking_like, smoking_risk


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


def test_description_of_smoking():
    sets = [smoking_like(rng=seed) for seed in range(60)]
    data = pd.concat(sets)
    assert all(len(one) == 199 and one["study"].nunique() == 25 and one["wrong"].sum() == 20 for one in sets)
    assert (data["alt_lo"] >= 0).all()
    assert (data["alt_hi"] <= 80).all()
    np.testing.assert_allclose(data["dose"], (data["alt_lo"] + data["alt_hi"]) / 2)
    points = data["alt_lo"] == data["alt_hi"]
    assert points.mean() == pytest.approx(1 / 3, abs=3 * np.sqrt(2 / 9 / len(data)))
    # at a point the relative risk is the curve's, and the rest is the study's slope and the error
    right = data[points & ~data["wrong"]]
    deviation = right["log_rr"] - np.log(smoking_risk(right["dose"]))
    scaled = deviation / np.sqrt(right["se"] ** 2 + (0.004 * right["dose"]) ** 2)
    assert scaled.mean() == pytest.approx(0, abs=0.1)
    assert scaled.std() == pytest.approx(1, rel=0.06)
    off = data.loc[data["wrong"], "log_rr"] - np.log(smoking_risk(data.loc[data["wrong"], "dose"]))
    assert (off.abs() > 0.3).all()


def test_true_risk():
    at = np.linspace(0, 80, 200)
    risk = smoking_risk(at)
    assert risk[0] == 1.0
    assert (np.diff(risk) > 0).all()
    assert (np.diff(risk, 2) < 0).all()


@pytest.mark.parametrize(("draw", "column"), [(contaminated_studies, "y"), (smoking_like, "log_rr")])
def test_seed(draw, column):
    pd.testing.assert_frame_equal(draw(rng=3), draw(rng=np.random.default_rng(3)))
    assert not draw(rng=3)[column].equals(draw(rng=4)[column])
    assert not draw()[column].equals(draw()[column])

import pandas as pd
import pytest

from limeform import datasets

ROWS = {
    "bakdash2021": 678, "bangertdrowns2004": 48, "bcg": 13, "bodyweight": 176, "cake": 270,
    "contaminated_studies": 100, "dyestuff": 30, "dyestuff2": 30, "konstantopoulos2011": 56, "machines": 54,
    "normand1999": 9, "obrien2003": 43, "orthodont": 108, "oxboys": 234, "pastes": 60, "penicillin": 144,
    "raudenbush1985": 19, "sleepstudy": 180, "smoking_like": 199, "viechtbauer2021": 20,
}  # fmt: skip

FRAMES = [name for name in datasets.__all__ if name != "smoking_risk"]  # the truth behind smoking_like, a function

# A mean of a column each, computed by R from the package the file was exported from.
MEANS = {
    ("sleepstudy", "Reaction"): 298.507891666667, ("dyestuff", "Yield"): 1527.5, ("dyestuff2", "Yield"): 5.6656,
    ("orthodont", "distance"): 24.0231481481481, ("machines", "score"): 59.65, ("pastes", "strength"): 60.0533333333333,
    ("bcg", "tneg"): 14615.3076923077, ("konstantopoulos2011", "yi"): 0.12,
}  # fmt: skip


def test_every_data_set_is_listed_here():
    assert set(ROWS) == set(FRAMES)


@pytest.mark.parametrize("name", FRAMES)
def test_rows(name):
    assert len(getattr(datasets, name)()) == ROWS[name]


@pytest.mark.parametrize(("name", "column"), MEANS)
def test_values(name, column):
    assert getattr(datasets, name)()[column].mean() == pytest.approx(MEANS[name, column], rel=1e-12)


def test_levels_keep_the_order_of_R():  # noqa: N802
    assert list(datasets.machines()["Worker"].cat.categories) == ["6", "2", "4", "1", "3", "5"]
    assert list(datasets.orthodont()["Sex"].cat.categories) == ["Male", "Female"]
    assert datasets.cake()["temperature"].cat.ordered
    assert not datasets.sleepstudy()["Subject"].cat.ordered


@pytest.mark.parametrize("name", FRAMES)
def test_every_label_is_a_known_level(name):
    frame = getattr(datasets, name)()
    for column in frame.select_dtypes("category"):
        assert frame[column].notna().all()
        assert set(frame[column]) == set(frame[column].cat.categories)


def test_numbers_are_numbers():
    bcg = datasets.bcg()
    assert pd.api.types.is_integer_dtype(bcg["tpos"])
    assert pd.api.types.is_float_dtype(datasets.dyestuff2()["Yield"])
    assert datasets.obrien2003()["bmi_lb"].isna().sum() == 10


def test_each_call_gives_a_new_frame():
    first = datasets.bcg()
    first.loc[0, "tpos"] = -1
    assert datasets.bcg().loc[0, "tpos"] == 4

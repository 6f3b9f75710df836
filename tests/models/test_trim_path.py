"""The sweep over fractions."""

import numpy as np
import pytest

import limeform as lf


@pytest.fixture(scope="module")
def path():
    data = lf.datasets.contaminated_studies(rng=4)
    return lf.trim_path(lf.lmm("y ~ x + (1 | study)", data, trim=0.1), [0.2, 0.0, 0.1, 0.15])


def test_frame(path):
    assert path.frame.index.tolist() == [0.0, 0.1, 0.15, 0.2]
    assert path.frame["trimmed"].tolist() == [0, 10, 15, 20]
    names = ["trimmed", "Intercept", "x", "se(Intercept)", "se(x)", "sd(study: Intercept)", "sigma", "agreeing"]
    assert list(path.frame) == names


def test_each_fit_is_the_fit_at_that_fraction_by_one_criterion(path):
    data = lf.datasets.contaminated_studies(rng=4)
    for fraction, fit in zip(path.frame.index, path.results, strict=True):
        alone = lf.lmm("y ~ x + (1 | study)", data, trim=fraction, reml=False).fit()
        assert fit.method == "ML"
        assert fit.llf >= alone.llf - 1e-6
        assert path.frame.loc[fraction, "x"] == pytest.approx(alone.params["x"], rel=1e-5)


def test_plot(path):
    axes = path.plot()
    assert [ax.get_title() for ax in axes] == ["Intercept", "x", "sd(study: Intercept)", "sigma"]
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), path.frame["x"])
    assert len(axes[1].collections) == 1
    assert len(axes[3].collections) == 0
    (one,) = path.plot(names=["x"])
    assert one.get_xlabel() == "Fraction trimmed"
    assert path.plot(names=["x"], ax=one)[0] is one


def test_refusals(path):
    with pytest.raises(lf.OptionError, match="names='z' is not one of Intercept, x"):
        path.plot(names=["z"])
    model = path.results[0].model
    with pytest.raises(lf.OptionError, match="empty"):
        lf.trim_path(model, [])
    with pytest.raises(lf.OptionError, match="below 1"):
        lf.trim_path(model, [0.1, 1.2])
    with pytest.raises(lf.OptionError, match=r"fractions=0\.1: give several"):
        lf.trim_path(model, 0.1)
    with pytest.raises(lf.OptionError, match="trim='a'"):
        lf.trim_path(model, ["a"])
    with pytest.raises(lf.OptionError, match="keep="):
        model.with_trim(lf.Trimming(0.1, keep=[1]))


def test_repr(path):
    assert repr(path) == "<TrimPath: 4 fits, 0 to 0.2 trimmed>"

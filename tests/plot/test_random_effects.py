import numpy as np
import pytest
from matplotlib.figure import Figure

import limeform as lf
from limeform.plot import Caterpillar, caterpillar_plot
from tests.plot.pictures import artist, draw, outside, overlaps, segments


def caterpillar(m: int, k: int = 2, name: str = "level {}") -> Caterpillar:
    rng = np.random.default_rng(m)
    return Caterpillar(
        factor="group",
        levels=[name.format(i) for i in range(m)],
        effects=["Intercept", "x", "z"][:k],
        mode=np.sort(rng.normal(size=(m, k)), axis=0),
        half_width=rng.gamma(3.0, 0.1, (m, k)),
        sorted_by="Intercept",
    )


def test_panels_show_modes_and_intervals():
    content = caterpillar(12)
    axes = caterpillar_plot(content)
    assert axes.shape == (2,)
    for i, ax in enumerate(axes):
        assert ax.get_title() == content.effects[i]
        modes = artist(ax, "_modes").get_offsets()
        np.testing.assert_allclose(modes, np.column_stack([content.mode[:, i], np.arange(12)]))
        drawn = segments(artist(ax, "_intervals"))
        np.testing.assert_allclose(drawn[:, 0], content.mode[:, i] - content.half_width[:, i])
        np.testing.assert_allclose(drawn[:, 1], content.mode[:, i] + content.half_width[:, i])
        assert ax.get_xlabel() == "Effect, 95% interval"
    assert [label.get_text() for label in axes[0].get_yticklabels()] == content.levels


@pytest.mark.parametrize("m", [2, 18, 60, 100])
@pytest.mark.parametrize("name", ["{}", "level {} of a factor whose levels have very long names indeed"])
def test_no_text_overlaps(m, name):
    axes = caterpillar_plot(caterpillar(m, 3, name))
    figure = axes[0].figure
    draw(figure)
    for ax in axes:
        assert overlaps(ax) == []
        assert outside(ax, figure.bbox) == []
    assert len(axes[0].get_yticklabels()) == m
    assert figure.get_size_inches()[1] <= 10


def test_more_levels_than_labels_fit():
    axes = caterpillar_plot(caterpillar(500))
    draw(axes[0].figure)
    assert axes[0].get_ylabel() == "500 levels of group, sorted by Intercept"
    assert axes[0].get_yticklabels() == []


def test_variance_of_zero():
    content = caterpillar(6, 1)
    content.mode[:], content.half_width[:] = 0.0, 0.0
    (ax,) = caterpillar_plot(content)
    assert ax.get_xlim() == (-1.0, 1.0)


def test_given_axes(monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.subplots", None)
    figure = Figure(figsize=(9, 4))
    given = figure.subplots(1, 2)
    frame = given[0].get_window_extent().frozen()
    drawn = caterpillar_plot(caterpillar(15, name="a level with a long name {}"), ax=given)
    assert list(drawn) == list(given)
    draw(figure)
    for ax in drawn:
        assert overlaps(ax) == []
    names = [label.get_window_extent() for label in given[0].get_yticklabels()]
    assert min(box.x0 for box in names) > frame.x0 - 1
    one = Figure().subplots()
    assert list(caterpillar_plot(caterpillar(15, 1), ax=one)) == [one]


@pytest.mark.parametrize("ax", [Figure().subplots(), Figure().subplots(1, 3)])
def test_as_many_axes_as_effects(ax):
    with pytest.raises(lf.OptionError, match=r"2 random effects \(Intercept, x\)"):
        caterpillar_plot(caterpillar(5), ax=ax)

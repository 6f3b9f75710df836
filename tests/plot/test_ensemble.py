"""Pictures of ensembles: members by their weight, knots, the average above them."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import limeform as lf
from limeform.plot import style
from limeform.plot.ensemble import FAINTEST
from tests.fit.dose_data import FORMULA, dose_data
from tests.plot.pictures import artist, labels

AT = np.linspace(0, 80, 9)
ROWS = "rows, sized by precision"


@pytest.fixture(scope="module")
def ensemble() -> lf.KnotEnsemble:
    return lf.knot_ensemble(lf.lmm(FORMULA, dose_data(), se="se", trim=0.05), 6, rng=1)


def test_members_are_drawn_by_their_weight(ensemble: lf.KnotEnsemble) -> None:
    ax = Figure().subplots()
    assert ensemble.plot_curve(AT, ax=ax) is ax
    lines = artist(ax, "_members")
    order = np.argsort(ensemble.weights.to_numpy())
    for segment, member in zip(lines.get_segments(), np.array(ensemble.members, dtype=object)[order], strict=True):
        np.testing.assert_allclose(segment, np.column_stack([AT, member.curve("dose", AT)["fit"]]))
    opacity = lines.get_colors()[:, 3]
    weights = ensemble.weights.to_numpy()[order]
    np.testing.assert_allclose(opacity, FAINTEST + (1 - FAINTEST) * weights / weights.max())
    assert opacity[-1] == 1
    assert tuple(lines.get_colors()[0, :3]) == to_rgb(style.FITTED)
    assert lines.get_zorder() < artist(ax, "fit").get_zorder()
    knots = np.array([path[0, 0] for path in artist(ax, "_knots").get_segments()])
    np.testing.assert_allclose(knots, ensemble.knots[order].ravel())
    assert artist(ax, "members").get_color() == style.FITTED


def test_bands_and_rows_are_those_of_the_average(ensemble: lf.KnotEnsemble) -> None:
    ax = ensemble.plot_curve(AT, ax=Figure().subplots())
    table = ensemble.curve(AT)
    outline = artist(ax, "mean").get_paths()[0].vertices
    assert outline[:, 1].min() == pytest.approx(table["mean_lower"].min())
    assert outline[:, 1].max() == pytest.approx(table["mean_upper"].max())
    crossed = artist(ax, "trimmed").get_offsets()
    votes = ensemble.weights.to_numpy() @ np.array([member.weights < 0.5 for member in ensemble.members])
    assert len(crossed) == (votes > 0.5).sum() > 0
    assert len(artist(ax, "rows").get_offsets()) + len(crossed) == 80
    # Without ranges or references a row asks for its own value, less what else is in the mean: nothing here.
    data = dose_data()[votes > 0.5]
    np.testing.assert_allclose(np.sort(crossed[:, 1]), np.sort(data["y"]), atol=1e-9)


def test_without_members(ensemble: lf.KnotEnsemble) -> None:
    ax = ensemble.plot_curve(AT, members=False, ax=Figure().subplots())
    assert not {"_members", "members", "_knots"} & set(labels(ax))
    assert {"fit", ROWS, "mean, 95% band", "new group, 95% band"} <= set(labels(ax))


def test_values_go_through_the_transform(ensemble: lf.KnotEnsemble) -> None:
    ax = ensemble.plot_curve(AT, transform=np.exp, ax=Figure().subplots())
    plain = ensemble.plot_curve(AT, ax=Figure().subplots())
    values = [artist(one, "rows").get_offsets()[:, 1] for one in (ax, plain)]
    np.testing.assert_allclose(values[0], np.exp(values[1]))
    assert ax.get_ylabel() == "exp(y)"
    first, second = (artist(one, "_members").get_segments()[0][:, 1] for one in (ax, plain))
    np.testing.assert_allclose(first, np.exp(second))

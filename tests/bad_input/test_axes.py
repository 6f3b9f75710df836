"""``ax=`` that is no Axes is refused by every picture."""

import pytest
from matplotlib.figure import Figure

import limeform as lf

DATA = lf.datasets.contaminated_studies(rng=4)
FIT = lf.lmm("y ~ 1 + (1 | study)", DATA, se="se", trim=lf.Trimming(0.1, starts=1)).fit()
CURVE = lf.lmm("Reaction ~ bspline(Days, knots=2) + (1 | Subject)", lf.datasets.sleepstudy())
PICTURES = {
    "forest": FIT.plot_forest,
    "funnel": FIT.plot_funnel,
    "residuals": FIT.plot_residuals,
    "qq": FIT.plot_qq,
    "trimming": FIT.plot_trimming,
    "random effects": FIT.plot_random_effects,
    "curve": lambda ax: CURVE.fit().plot_curve("Days", ax=ax),
    "ensemble": lambda ax: lf.knot_ensemble(CURVE, draws=2, rng=1).plot_curve(ax=ax),
    "path": lambda ax: lf.trim_path(FIT.model, [0.0, 0.1]).plot(ax=ax),
}


@pytest.mark.parametrize("ax", ["hello", 3, Figure(), ["a", "b"]], ids=str)
@pytest.mark.parametrize("name", PICTURES)
def test_ax_that_is_no_axes(name, ax):
    with pytest.raises(lf.OptionError, match="is no Axes"):
        PICTURES[name](ax=ax)


@pytest.mark.parametrize("name", ["forest", "funnel", "residuals", "curve"])
def test_several_axes_for_one_picture(name):
    with pytest.raises(lf.OptionError, match="ax= has 2 axes for one picture"):
        PICTURES[name](ax=Figure().subplots(1, 2))

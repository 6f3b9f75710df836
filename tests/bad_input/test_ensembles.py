"""What knot_ensemble cannot do is refused, and the message says what to give."""

import numpy as np
import pytest

import limeform as lf
from tests.fit.dose_data import FORMULA, dose_data


@pytest.fixture(scope="module")
def model() -> lf.LMM:
    return lf.lmm(FORMULA, dose_data(), se="se")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws": 0}, "draws=0: give the number of placements"),
        ({"draws": 2.5}, "draws=2.5"),
        ({"draws": True}, "draws=True"),
        ({"draws": "many"}, "draws='many'"),
        ({"n_jobs": 0}, "n_jobs=0: give a number of workers"),
        ({"n_jobs": "all"}, "n_jobs='all'"),
        ({"rng": "a"}, "rng='a': give None, a whole number"),
        ({"rng": -1}, "rng=-1: give None, a whole number"),
        ({"term": "age"}, "'age' is not a spline of the model; there are 'dose'"),
        ({"term": 3}, "3 is not a spline of the model"),
        ({"n_knots": 0}, "n_knots=0: give the number of interior knots, 1 or more"),
        ({"n_knots": 1.5}, "n_knots=1.5"),
        ({"min_spacing": 0.25}, "leaves no room for 3 knots: it has to be below 0.25"),
        ({"min_spacing": -0.1}, "min_spacing=-0.1: give a share"),
        ({"min_spacing": "wide"}, "min_spacing='wide': give a share"),
        ({"min_spacing": np.nan}, "min_spacing=nan: give a share"),
        ({"criterion": "r2"}, "criterion='r2': give one of"),
        ({"criterion": ["aic"]}, "give one of"),
        ({"solver": "ipopt"}, "solver='ipopt' is no solver"),
    ],
)
def test_arguments(model: lf.LMM, arguments: dict, message: str) -> None:
    with pytest.raises(lf.OptionError, match=message):
        lf.knot_ensemble(model, **({"draws": 2} | arguments))


def test_models() -> None:
    data = dose_data().assign(z=lambda d: np.random.default_rng(1).uniform(1, 2, len(d)))
    with pytest.raises(lf.OptionError, match=r"found LMMResults: of results, give results\.model"):
        lf.knot_ensemble(lf.lmm(FORMULA, data, se="se").fit())  # type: ignore[arg-type]
    with pytest.raises(lf.OptionError, match=r"has no spline: write bspline\(...\) or log_ratio\(...\) as a term"):
        lf.knot_ensemble(lf.lmm("y ~ dose + (1 | study)", data))
    with pytest.raises(lf.OptionError, match="the model has 2 splines: 'dose', 'z'"):
        lf.knot_ensemble(lf.lmm("y ~ bspline(dose, 2) + bspline(z, 1, degree=1) + (1 | study)", data, se="se"))
    none = lf.lmm("y ~ bspline(dose, 0) + (1 | study)", data, se="se")
    with pytest.raises(lf.OptionError, match="'dose' has no interior knot that could be placed: give n_knots="):
        lf.knot_ensemble(none, 2)
    assert lf.knot_ensemble(none, 2, n_knots=1, rng=1).knots.shape == (2, 1)
    with pytest.raises(lf.OptionError, match="does not have the data"):
        lf.knot_ensemble(lf.lmm(FORMULA, data, se="se").with_rows(np.arange(80), data["study"].to_numpy(np.int32)), 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws": 0}, "draws=0: give the number of refits, 2 or more"),
        ({"draws": 1}, "draws=1"),
        ({"draws": "200"}, "draws='200'"),
        ({"draws": 4, "rng": "a"}, "rng='a'"),
        ({"alpha": 1.5}, "alpha=1.5"),
        ({"at": "dose"}, "at= takes exposures"),
        ({"transform": "exp"}, "transform='exp'"),
        ({"derivative": -1}, "derivative=-1"),
    ],
)
def test_curves(model: lf.LMM, arguments: dict, message: str) -> None:
    ensemble = lf.knot_ensemble(model, 2, rng=1)
    for method in (ensemble.curve, ensemble.plot_curve):
        with pytest.raises(lf.OptionError, match=message):
            method(**arguments)

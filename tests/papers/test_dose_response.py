"""Dose-response curves from the literature, as in Zheng et al. section 3.2: shapes where data are thin."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.datasets import smoking_like, smoking_risk
from tests.papers.smoking import FORMULA

pytestmark = pytest.mark.papers
VEGETABLES = (
    "ln_rr ~ 0 + log_ratio(interval(alt_risk_lower, alt_risk_upper), interval(ref_risk_lower, ref_risk_upper), "
    "knots=[100, 200, 350], bounds=(0, top), name='veg') + (0 + delta | study_id)"
)


def doses(path: Path) -> pd.DataFrame:
    """Read doses with their referent rows, whose standard error is zero, put beside the rows they are referents of."""
    data = pd.read_csv(path)
    data["se"] = data["se"].fillna(0)
    referent = data[data["se"] == 0].groupby("id")["dose"].first()
    data["ref"] = data["id"].map(referent)
    data = data[data["se"] > 0].copy()
    data["delta"] = data["dose"] - data["ref"]
    return data


def holds(results: lf.LMMResults, term: str, order: int, sign: int) -> bool:
    basis = results.design.curves[0].basis
    curve = results.curve(term, np.linspace(basis.lower, basis.upper, 10_000))["fit"]
    return bool((sign * np.diff(curve, order)).min() >= -1e-8)


@pytest.mark.parametrize(
    ("file", "shape"),
    [
        ("dosresmeta.alcohol_esoph.csv", {"increasing": (1, 1), "concave": (2, -1)}),
        ("dosresmeta.coffee_mort.csv", {"decreasing": (1, -1), "convex": (2, 1)}),
    ],
)
def test_doses_against_referents(shared: Path, file: str, shape: dict) -> None:
    data = doses(shared / "data" / file)
    formula = "logrr ~ 0 + bspline(dose, 2, reference=ref) + (0 + delta | id)"
    free = lf.lmm(formula, data, se="se", reml=False).fit()
    held = lf.lmm(formula, data, se="se", constraints=[getattr(lf, word)("dose") for word in shape]).fit()
    assert held.converged
    assert held.llf <= free.llf + 1e-8
    assert held.llf > free.llf - 6
    for order, sign in shape.values():
        assert holds(held, "dose", order, sign)
    assert not all(holds(free, "dose", order, sign) for order, sign in shape.values())


def test_body_mass_and_pre_eclampsia(shared: Path) -> None:
    data = pd.read_csv(shared / "data" / "derived.obrien2003_intervals.csv")
    open_ended = data.assign(alt_upper=data["alt_upper"].fillna(np.inf))
    with pytest.raises(lf.DataError, match=r"fillna\(value\)"):
        lf.lmm("logor ~ 0 + bspline(interval(alt_lower, alt_upper), 2)", open_ended, se="se")
    for column, end in {"alt_lower": 15.0, "ref_lower": 15.0, "alt_upper": 40.0, "ref_upper": 40.0}.items():
        data[column] = data[column].fillna(end)
    data["delta"] = data["alt_bmi"] - data["ref_bmi"]
    formula = (
        "logor ~ 0 + log_ratio(interval(alt_lower, alt_upper), interval(ref_lower, ref_upper), 3, name='bmi') "
        "+ (0 + delta | study)"
    )
    results = lf.lmm(formula, data, se="se", constraints=[lf.passes("bmi", at=20, value=1), lf.increasing("bmi")]).fit()
    assert results.converged
    assert holds(results, "bmi", 1, 1)
    curve = results.curve("bmi", [20, 25, 30, 35])["fit"]
    # O'Brien et al. (2003): the risk of pre-eclampsia doubles with each 5 to 7 kg/m2.
    assert curve[0] == pytest.approx(1.0, abs=1e-8)
    assert 1.2 < curve[1] < 2.2
    assert 2.0 < curve[2] < 4.0


def test_vegetables_and_heart_disease_beside_mrtool(shared: Path) -> None:
    data = pd.read_csv(shared / "data" / "ihme.veg_ihd.csv")
    middles = data[["alt_risk_lower", "alt_risk_upper"]].mean(axis=1) - data[["ref_risk_lower", "ref_risk_upper"]].mean(
        axis=1
    )
    data["delta"] = middles / 100
    values = json.loads((Path(__file__).parent / "mrtool_vegetables.json").read_text())
    top = values["upper"]
    assert top == pytest.approx(data[["alt_risk_upper", "ref_risk_upper"]].to_numpy().max())
    constraints = [lf.passes("veg", at=0, value=1), lf.decreasing("veg")]
    results = lf.lmm(VEGETABLES, data, se="ln_rr_se", constraints=constraints).fit()
    assert results.converged
    assert holds(results, "veg", 1, -1)
    np.testing.assert_allclose(results.curve("veg", values["at"])["fit"], values["curve"], atol=0.02)
    assert results.var_components()["sd"][0] == pytest.approx(np.sqrt(values["gamma"][0]), abs=1e-3)


@pytest.mark.parametrize("shape", [[], [lf.increasing("meat")]])
def test_red_meat_with_and_without_monotonicity(shared: Path, shape: list) -> None:
    data = pd.read_csv(shared / "data" / "derived.red_bc_intervals_MIDPOINT.csv")
    data["delta"] = data["alt_dose"] - data["ref_dose"]
    formula = (
        "logrr ~ 0 + log_ratio(interval(alt_lower, alt_upper), interval(ref_lower, ref_upper), 2, name='meat') "
        "+ (0 + delta | study_id)"
    )
    results = lf.lmm(formula, data, se="se", constraints=[lf.passes("meat", at=0, value=1), *shape]).fit()
    assert results.converged
    assert holds(results, "meat", 1, 1) == bool(shape)
    assert 1.0 < results.curve("meat", [100.0])["fit"][0] < 1.4


def test_smoking_and_lung_cancer() -> None:
    data = smoking_like(rng=0)
    constraints = [lf.passes("smoking", at=0, value=1), lf.increasing("smoking"), lf.concave("smoking")]
    priors = [lf.normal("smoking", mean=0, sd=0.1, derivative=3)]
    results = lf.lmm(FORMULA, data, se="se", trim=0.1, constraints=constraints, priors=priors).fit()
    assert len(data) == 199
    assert data["study"].nunique() == 25
    assert results.converged
    assert data.loc[~results.inliers, "wrong"].all()
    assert (~results.inliers).sum() == 19
    assert holds(results, "smoking", 1, 1)
    assert holds(results, "smoking", 2, -1)
    at = np.linspace(0, 75, 16)
    np.testing.assert_allclose(results.curve("smoking", at)["fit"], smoking_risk(at), rtol=0.15)
    assert results.curve("smoking", [0.0])["fit"][0] == pytest.approx(1.0, abs=1e-9)
    tail = results.curve("smoking", np.linspace(56, 80, 50))["fit"]
    assert np.abs(np.diff(tail, 2)).max() < 1e-10
    grid, errors = np.linspace(0, 80, 81), []
    for seed in range(6):
        model = lf.lmm(FORMULA, smoking_like(seed), se="se", trim=0.1, constraints=constraints, priors=priors)
        curves = [
            fit.curve("smoking", grid, draws=2, rng=0)["fit"] for fit in (model.fit(), model.with_trim(0.0).fit())
        ]
        errors.append([np.mean((curve - smoking_risk(grid)) ** 2) for curve in curves])
    trimmed, untrimmed = np.mean(errors, axis=0)
    assert trimmed < untrimmed

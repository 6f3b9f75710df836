"""Published data: which rows trimming leaves out, and how the estimate moves (the table in docs/trimming.md)."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf

pytestmark = pytest.mark.papers


def pair(formula, data, fraction, **keywords):
    """The REML fit of all rows, and the corrected trimmed one."""
    trim = lf.Trimming(fraction, correct=True)
    fits = [lf.lmm(formula, data, reml=True, trim=t, **keywords).fit(lf.Newton()) for t in (0.0, trim)]
    assert (np.diff(fits[1].trimming.history) <= 1e-6).all()
    return fits


def test_situation_awareness():
    """Bakdash et al. (2021): 678 Fisher-z correlations of 79 samples."""
    data = lf.datasets.bakdash2021()
    full, trimmed = pair("es_z ~ 1 + (1 | SampleID)", data, 0.05, variance="vi_z")
    assert full.nobs - trimmed.n_kept == 33
    assert full.params["Intercept"] == pytest.approx(0.2748, abs=1e-3)
    assert trimmed.params["Intercept"] == pytest.approx(0.243, abs=0.003)
    assert np.sqrt(trimmed.tau2) < 0.8 * np.sqrt(full.tau2)
    assert trimmed.outliers()["std_residual"].abs().min() > 2.0
    assert trimmed.outliers().iloc[0]["group"] == "Gutzwiller2013"


def test_the_gross_outlier_of_an_invented_meta_analysis():
    """Viechtbauer (2021): trial 6 of 20 goes the other way; without it the heterogeneity halves."""
    data = lf.datasets.viechtbauer2021()
    cells = [data["xTi"], data["nTi"] - data["xTi"], data["xCi"], data["nCi"] - data["xCi"]]
    a, b, c, d = (cell + 0.5 for cell in cells)
    data = data.assign(yi=np.log(a * d / (b * c)), vi=1 / a + 1 / b + 1 / c + 1 / d)
    full, trimmed = pair("yi ~ 1 + (1 | trial)", data, 0.05, variance="vi")
    assert trimmed.outliers()["group"].tolist() == [6]
    assert trimmed.outliers()["std_residual"].iloc[0] < -3
    plain = lf.lmm("yi ~ 1 + (1 | trial)", data[data["trial"] != 6], variance="vi").fit()
    assert trimmed.params["Intercept"] == pytest.approx(plain.params["Intercept"], abs=0.02)
    assert trimmed.tau2 < 0.6 * full.tau2
    text = str(trimmed.summary())
    assert "Groups left with no row, whose random effects are predicted as zero: 6" in text


def test_smoking_and_hip_fracture(shared):
    """118 rows, several a study; study 501938 has rows on both sides that exclude each other by their errors."""
    data = pd.read_csv(shared / "data" / "ihme.smoking_hip.csv")
    full, trimmed = pair("ln_rr ~ 1 + (1 | study_id)", data, 0.05, se="ln_rr_se")
    assert full.nobs - trimmed.n_kept == 5
    first = trimmed.outliers().iloc[0]
    assert first["group"] == 501938
    assert abs(first["std_residual"]) > 10
    assert abs(trimmed.params["Intercept"] - full.params["Intercept"]) < 0.5 * full.bse["Intercept"]


@pytest.mark.parametrize("fraction", [0.02, 0.05])
def test_clean_data_are_little_harmed(shared, fraction):
    """McCurdy et al. (2020), 1,653 rows without gross errors: estimates stay within a standard error."""
    data = pd.read_csv(shared / "data" / "dat.mccurdy2020.csv")
    full, trimmed = pair("yi ~ condition + (1 | article)", data, fraction)
    moved = (trimmed.params - full.params) / full.bse
    assert moved.abs().max() < 1.0
    np.testing.assert_allclose(trimmed.bse, full.bse, rtol=0.15)

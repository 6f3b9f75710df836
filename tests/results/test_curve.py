"""Curves of a fit as tables and pictures."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import limeform as lf
from tests.fit.dose_data import FORMULA, basis, dose_data
from tests.papers.smoking import FORMULA as SMOKING
from tests.plot.pictures import artist, draw, labels, outside, overlaps

AT = np.linspace(0, 80, 9)


@pytest.fixture(scope="module")
def free() -> lf.LMMResults:
    return lf.lmm(FORMULA, dose_data(), se="se").fit()


@pytest.fixture(scope="module")
def held() -> lf.LMMResults:
    return lf.lmm(FORMULA, dose_data(), se="se", constraints=[lf.increasing("dose"), lf.concave("dose")]).fit()


def test_fit_and_bands(free: lf.LMMResults) -> None:
    table = free.curve("dose", AT)
    x = basis(AT)
    np.testing.assert_allclose(table["fit"], x @ free.params, atol=1e-12)
    se = np.sqrt(np.einsum("ij,jk,ik->i", x, free.cov_params(), x))
    np.testing.assert_allclose(table["mean_upper"] - table["fit"], 1.959963984540054 * se, rtol=1e-9)
    tau = free.cov_re.iloc[0, 0]
    np.testing.assert_allclose(
        table["new_upper"] - table["fit"], 1.959963984540054 * np.sqrt(se**2 + tau * AT**2), rtol=1e-9
    )
    np.testing.assert_allclose(
        free.curve("dose", AT, transform=np.exp)["mean_lower"], np.exp(table["mean_lower"]), rtol=1e-12
    )
    falling = free.curve("dose", AT, transform=np.negative)
    assert (falling["mean_lower"] <= falling["mean_upper"]).all()
    given = free.curve("dose", AT, random={"dose": AT})
    np.testing.assert_allclose(given["new_upper"], table["new_upper"])
    assert len(free.curve("dose")) == 200


def test_derivatives(free: lf.LMMResults) -> None:
    slope = free.curve("dose", AT[1:-1], derivative=1)["fit"]
    step = 1e-5
    up, down = free.curve("dose", AT[1:-1] + step)["fit"], free.curve("dose", AT[1:-1] - step)["fit"]
    np.testing.assert_allclose(slope, (up - down) / (2 * step), atol=1e-6)


def test_bands_of_a_held_curve_come_from_refits_that_obey(held: lf.LMMResults) -> None:
    assert held.curve("dose", AT)["mean_lower"].isna().all()
    table = held.curve("dose", AT, draws=30, rng=1)
    assert (table["mean_lower"] <= table["mean_upper"]).all()
    assert table["mean_lower"].is_monotonic_increasing
    assert table.equals(held.curve("dose", AT, draws=30, rng=1))
    draws = held.bootstrap(20, rng=2).params.to_numpy()
    curves = basis(np.linspace(0, 80, 2001)) @ draws.T
    assert np.diff(curves, axis=0).min() > -1e-8


def test_the_intercept_belongs_to_the_curve() -> None:
    data = dose_data()
    apart = lf.lmm("y ~ 0 + bspline(dose, [10, 30, 55], bounds=(0, 80)) + (0 + dose | study)", data, se="se").fit()
    beside = lf.lmm("y ~ bspline(dose, [10, 30, 55], bounds=(0, 80)) + (0 + dose | study)", data, se="se").fit()
    np.testing.assert_allclose(beside.curve("dose", AT), apart.curve("dose", AT), atol=1e-5)
    through = lf.lmm(
        "y ~ bspline(dose, [10, 30, 55], bounds=(0, 80)) + (0 + dose | study)",
        data,
        se="se",
        constraints=[lf.passes("dose", at=0, value=0)],
    ).fit()
    assert through.curve("dose", [0.0])["fit"][0] == pytest.approx(0, abs=1e-9)
    assert "includes the intercept" in str(through.summary())


def test_refusals(free: lf.LMMResults) -> None:
    for call in (lambda: free.curve("age"), lambda: free.curve("dose", [np.nan]), lambda: free.curve("dose", alpha=2)):
        with pytest.raises(lf.OptionError):
            call()
    with pytest.raises(lf.OptionError, match="lacks 'dose'"):
        free.curve("dose", AT, random={"other": AT})


def test_picture_holds_the_numbers(free: lf.LMMResults) -> None:
    data = dose_data()
    ax = free.plot_curve("dose", AT)
    line = next(line for line in ax.lines if line.get_label() == "fit")
    np.testing.assert_allclose(line.get_ydata(), free.curve("dose", AT)["fit"])
    knots = [line.get_xdata()[0] for line in ax.lines if line.get_label() == "_knot"]
    assert knots == [10, 30, 55]
    points = artist(ax, "rows")
    np.testing.assert_allclose(points.get_offsets()[:, 0], data["dose"])
    np.testing.assert_allclose(points.get_offsets()[:, 1], data["y"])
    sizes = points.get_sizes()
    assert sizes.argmax() == data["se"].argmin()
    assert len(ax.collections) == 3
    assert ax.get_xlabel() == "dose"


def test_picture_of_intervals_references_and_trimmed_rows() -> None:
    data = lf.datasets.smoking_like(rng=0)
    results = lf.lmm(
        SMOKING, data, se="se", trim=0.1, constraints=[lf.passes("smoking", at=0, value=1), lf.increasing("smoking")]
    ).fit()
    ax = results.plot_curve("smoking", random={"dose": np.linspace(0, 80, 200)})
    assert len(artist(ax, "trimmed").get_offsets()) == 19
    assert len(artist(ax, "rows").get_offsets()) == 180
    np.testing.assert_allclose(artist(ax, "reference").get_offsets(), [[0.0, 1.0]], atol=1e-8)
    assert "_comparison" not in labels(ax)  # all rows have one reference: lines to it say nothing
    kept = ~(results.weights < 0.5)
    middle = (data["alt_lo"] + data["alt_hi"]) / 2
    np.testing.assert_allclose(artist(ax, "rows").get_offsets()[:, 0], middle[kept])
    assert len(artist(ax, "_range").get_segments()) == int((data["alt_hi"] > data["alt_lo"]).sum())
    assert ax.get_ylabel() == "f(smoking)"
    draw(ax.figure)
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []
    slope = results.plot_curve("smoking", derivative=1)
    assert slope.get_ylabel() == "First derivative of f(smoking)"
    assert results.plot_curve("smoking", transform=np.log).get_ylabel() == "log(f(smoking))"
    assert len(artist(results.plot_forest(), "trimmed").get_offsets()) == 19
    assert len(artist(results.plot_funnel(), "trimmed").get_offsets()) == 19
    assert len(artist(results.plot_residuals(), "trimmed").get_offsets()) == 19


def test_bands_of_a_new_group_hold_all_factors() -> None:
    rng = np.random.default_rng(0)
    first, second, x = rng.integers(0, 10, 150), rng.integers(0, 8, 150), rng.uniform(0, 10, 150)
    y = np.sin(x / 3) + rng.normal(size=10)[first] * x / 5 + rng.normal(size=8)[second] + 0.3 * rng.normal(size=150)
    data = {"y": y, "x": x, "first": first, "second": second}
    fit = lf.lmm("y ~ bspline(x, knots=3) + (x | first) + (1 | second)", data).fit()
    assert isinstance(fit.cov_re, dict)
    at = np.array([1.0, 5.0])
    table = fit.curve("x", at)
    z, half = np.column_stack([np.ones(2), at]), norm.ppf(0.975)
    expected = np.einsum("nk,kl,nl->n", z, fit.cov_re["first"].to_numpy(), z) + fit.cov_re["second"].iloc[0, 0]
    widths = [(table[f"{kind}_upper"] - table[f"{kind}_lower"]) / (2 * half) for kind in ("new", "mean")]
    np.testing.assert_allclose(widths[0] ** 2 - widths[1] ** 2, expected, rtol=1e-8)
    pd.testing.assert_frame_equal(fit.curve("x", at, random={"x": at}), table)
    with pytest.raises(lf.OptionError, match="random= lacks 'x'"):
        fit.curve("x", at, random={"1": 1.0})


def test_a_name_changes_no_band() -> None:
    named = lf.lmm(FORMULA.replace("bspline(dose,", "bspline(dose, name='alcohol',"), dose_data(), se="se").fit()
    plain = lf.lmm(FORMULA, dose_data(), se="se").fit()
    at = [5.0, 60.0]
    assert plain.curve("dose", at)["new_upper"].notna().all()
    np.testing.assert_allclose(named.curve("alcohol", at).to_numpy(), plain.curve("dose", at).to_numpy(), rtol=1e-10)

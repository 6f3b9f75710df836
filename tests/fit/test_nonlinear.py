"""Nonlinear means: against scipy's least squares, against each other, and against the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit

import limeform as lf


def decay(seed: int = 0, sd: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(12), 10)
    time = np.tile(np.linspace(0, 8, 10), 12)
    level = rng.normal(0, sd, 12)[subject]
    return pd.DataFrame(
        {"time": time, "subject": subject, "conc": 10 * np.exp(-0.5 * time) + level + rng.normal(0, 0.2, 120)}
    )


FORMULA = "conc ~ nl(A * exp(-k * time))"
START = {"A": 5.0, "k": 0.1}


def test_without_random_effects_it_is_nonlinear_least_squares() -> None:
    data = decay()
    results = lf.lmm(FORMULA, data, start=START).fit()
    expected, _ = curve_fit(
        lambda t, a, k: a * np.exp(-k * t), data["time"], data["conc"], p0=[5, 0.1], xtol=1e-14, ftol=1e-14
    )
    np.testing.assert_allclose(results.params, expected, rtol=1e-6)
    residual = data["conc"] - expected[0] * np.exp(-expected[1] * data["time"])
    assert results.llf == pytest.approx(-60 * (np.log(2 * np.pi * np.mean(residual**2)) + 1), abs=1e-6)


def test_a_linear_expression_is_the_linear_model() -> None:
    data = decay()
    linear = lf.lmm("conc ~ time + (1 | subject)", data, reml=False).fit()
    same = lf.lmm("conc ~ nl(a + b * time) + (1 | subject)", data, start={"a": 0, "b": 0}).fit()
    assert same.llf == pytest.approx(linear.llf, abs=1e-7)
    np.testing.assert_allclose(same.params, linear.params, rtol=1e-5)
    np.testing.assert_allclose(same.bse, linear.bse, rtol=1e-4)
    np.testing.assert_allclose(same.fittedvalues, linear.fittedvalues, atol=1e-5)


def test_expressions_functions_and_linear_columns_agree() -> None:
    data = decay()
    data["x"] = np.random.default_rng(1).normal(size=len(data))
    nl = lf.lmm(f"{FORMULA} + x + (1 | subject)", data, start=START).fit()

    def mean(b: pd.Series, d: pd.DataFrame) -> np.ndarray:
        return (b["A"] * np.exp(-b["k"] * d["time"])).to_numpy()

    def jacobian(b: pd.Series, d: pd.DataFrame) -> np.ndarray:
        e = np.exp(-b["k"] * d["time"].to_numpy())
        return np.column_stack([e, -b["A"] * d["time"] * e])

    for given in (mean, lf.MeanFunction(mean, jacobian)):
        results = lf.lmm("conc ~ 0 + x + (1 | subject)", data, mean=given, start=START).fit()
        assert results.llf == pytest.approx(nl.llf, abs=1e-6)
        np.testing.assert_allclose(results.params, nl.params, rtol=1e-5)
        assert "Gauss-Newton" in str(results.summary())
        np.testing.assert_allclose(results.predict(data), results.fittedvalues, atol=1e-10)
    assert "Gauss-Newton" not in str(nl.summary())
    assert nl.method == "ML"
    np.testing.assert_allclose(nl.predict(data), nl.fittedvalues, atol=1e-10)
    wrong = lf.MeanFunction(mean, lambda b, d: 2 * jacobian(b, d))
    with pytest.raises(lf.OptionError, match="the jacobian of mean= is not its derivative"):
        lf.lmm("conc ~ 0 + (1 | subject)", data, mean=wrong, start=START).fit()


def test_several_starts_find_the_better_optimum() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(0, 6, 60)
    data = pd.DataFrame({"x": x, "y": np.sin(2.0 * x) + rng.normal(0, 0.1, 60)})
    model = lf.lmm("y ~ nl(sin(w * x))", data, start={"w": 0.7})
    one, many = model.fit(), model.fit(starts=30, rng=1)
    assert many.llf > one.llf + 10
    assert abs(many.params["w"]) == pytest.approx(2.0, abs=0.02)
    assert "of 30 starts reached the best value" in str(many.summary())


def test_constraints_priors_and_names() -> None:
    data = decay()
    held = lf.lmm(
        FORMULA + " + (1 | subject)", data, start=START, constraints=["k >= 0.6"], priors=[lf.normal("A", 10, 1)]
    ).fit()
    assert held.params["k"] == pytest.approx(0.6, abs=1e-8)
    assert list(held.params.index) == ["A", "k"]


@pytest.mark.parametrize(
    ("formula", "keywords", "message"),
    [
        (FORMULA, {}, "need a start"),
        (FORMULA, {"start": {"A": 1, "k": 1, "z": 1}}, "no parameter of the mean"),
        (FORMULA, {"start": {"A": 1, "k": np.nan}}, "has to be a finite number"),
        ("conc ~ nl(A * log(k * time - 1))", {"start": START}, "cannot be evaluated at the start"),
        ("conc ~ nl(time * 2)", {}, "has no parameter"),
        ("conc ~ nl(A * kind)", {"start": {"A": 1}}, "takes numeric columns"),
        ("conc ~ 0", {"mean": lambda b, d: d["time"]}, "mean= needs start="),
    ],
)
def test_what_is_refused(formula: str, keywords: dict, message: str) -> None:
    data = decay().assign(kind="a")
    with pytest.raises(lf.LimeformError, match=message):
        lf.lmm(formula, data, **keywords).fit()


def truth(x: np.ndarray) -> np.ndarray:
    return 1.0 + ((np.maximum(x, 18) - 18) / 12) ** 1.5


def ratios(seed: int, n: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    nodes, weights = np.polynomial.legendre.leggauss(20)

    def mean(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return truth(low[:, None] + (high - low)[:, None] * (nodes + 1) / 2) @ weights / 2

    study = np.repeat(np.arange(n // 4), 4)
    alt = rng.uniform(20, 40, n)
    half = rng.choice([0.0, 2.0], n)
    ref = np.repeat(rng.uniform(18, 24, n // 4), 4)
    frame = pd.DataFrame(
        {"lo": np.maximum(alt - half, 18), "hi": np.minimum(alt + half, 40), "ref": ref, "study": study, "se": 0.1}
    )
    frame["delta"] = alt - ref
    slope = rng.normal(0, 0.01, n // 4)[study]
    exact = np.log(mean(frame["lo"].to_numpy(), frame["hi"].to_numpy()) / truth(ref))
    frame["y"] = exact + slope * frame["delta"] + rng.normal(0, 0.1, n)
    return frame


RATIO = "y ~ 0 + log_ratio(interval(lo, hi), ref, knots=[24, 30], bounds=(18, 40), name='bmi') + (0 + delta | study)"


def test_log_ratio_covers_the_truth() -> None:
    at = np.array([21.0, 24, 28, 32, 36])
    inside = []
    for seed in range(20):
        results = lf.lmm(
            RATIO, ratios(seed), se="se", constraints=[lf.passes("bmi", at=18.5, value=truth(np.array([18.5]))[0])]
        ).fit()
        band = results.curve("bmi", at)
        inside.append((band["mean_lower"] < truth(at)) & (truth(at) < band["mean_upper"]))
    assert np.mean(inside) > 0.85  # 95% intervals, 100 of them, with a spline in place of the truth


def test_log_ratio_with_shape_scale_and_positivity() -> None:
    data = ratios(3)
    shape = [lf.increasing("bmi"), lf.convex("bmi")]
    own = lf.lmm(RATIO, data, se="se", constraints=shape).fit()
    note = str(own.summary())
    assert "was set to 1" in note
    assert "kept positive" in note
    twice = lf.lmm(RATIO, data, se="se", constraints=[*shape, lf.passes("bmi", at=20, value=2)]).fit()
    assert twice.llf == pytest.approx(own.llf, abs=1e-6)
    grid = np.linspace(15, 45, 10_000)
    curves = own.curve("bmi", grid)["fit"], twice.curve("bmi", grid)["fit"]
    ratio = (curves[0] / curves[1]).to_numpy()
    assert np.ptp(ratio) < 1e-4 * ratio.mean()
    assert np.diff(curves[0]).min() > -1e-9
    assert np.diff(curves[0], 2).min() > -1e-9


def test_a_negative_curve_at_the_start() -> None:
    with pytest.raises(lf.DataError, match="cannot be evaluated at the start"):
        lf.lmm(RATIO, ratios(0), se="se", start={"bmi[0]": -1.0, "bmi[1]": -1.0}).fit()


@pytest.mark.parametrize("errors", [{"se": "se"}, {}])
@pytest.mark.parametrize("random", ["(0 + delta | study)", "(1 + delta | study)", "(1 + delta || study)"])
def test_with_random_slopes_known_and_unknown_errors_and_trimming(errors: dict, random: str) -> None:
    import warnings

    data = ratios(5)
    wrong = np.random.default_rng(0).choice(len(data), 12, replace=False)
    data.loc[wrong, "y"] += 3
    formula = RATIO.replace("(0 + delta | study)", random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = lf.lmm(formula, data, trim=0.075, constraints=[lf.increasing("bmi")], **errors).fit()
    assert results.converged
    assert set(np.flatnonzero(~results.inliers)) == set(wrong)
    history = np.array(results.trimming.found.best.history)
    assert (np.diff(history) <= 1e-7 * (1 + np.abs(history[1:]))).all()

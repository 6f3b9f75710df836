"""Shapes and limits of curves of every degree: held everywhere they are asked for, and not more strictly than that."""

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import BSpline

import limeform as lf
from tests.fit.quadratic import least_squares_within

SHAPES = {
    "increasing": [("increasing", 1, 1)],
    "decreasing": [("decreasing", 1, -1)],
    "convex": [("convex", 2, 1)],
    "concave": [("concave", 2, -1)],
    "increasing and convex": [("increasing", 1, 1), ("convex", 2, 1)],
    "increasing and concave": [("increasing", 1, 1), ("concave", 2, -1)],
    "decreasing and convex": [("decreasing", 1, -1), ("convex", 2, 1)],
    "decreasing and concave": [("decreasing", 1, -1), ("concave", 2, -1)],
}
KNOTS = [20.0, 40.0, 60.0]
NOISE = 0.2


def waves(seed: int) -> pd.DataFrame:
    """Return data whose curve goes up and down on its way up."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 80, 80))
    y = x / 80 + 0.3 * np.sin(x / 7) + rng.normal(0, NOISE, 80)
    return pd.DataFrame({"x": x, "y": y, "se": NOISE, "reference": 10.0})


def fit(data: pd.DataFrame, degree: int, constraints: list[object], knots: list[float] = KNOTS) -> lf.LMMResults:
    formula = f"y ~ 0 + bspline(x, knots={knots}, bounds=(0, 80), degree={degree})"
    return lf.lmm(formula, data, se="se", constraints=constraints, reml=False).fit()  # type: ignore[arg-type]


def worst(results: lf.LMMResults, order: int, sign: int, low: float, high: float) -> float:
    """Return the most negative difference of a curve on 10,000 points, in units of the curve's size."""
    values = results.curve("x", np.linspace(low, high, 10_000))["fit"].to_numpy()
    return float((sign * np.diff(values, order)).min() / np.abs(values).max())


@pytest.mark.filterwarnings("ignore::limeform.OutOfBoundsWarning")
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_hold_on_the_whole_line(name: str, degree: int) -> None:
    results = fit(waves(1), degree, [getattr(lf, word)("x") for word, _, _ in SHAPES[name]])
    assert results.converged
    for _, order, sign in SHAPES[name]:
        assert worst(results, order, sign, -10, 90) >= -1e-8


@pytest.mark.filterwarnings("ignore::limeform.OutOfBoundsWarning")
@pytest.mark.parametrize("domain", [(15.0, 55.0), (30.0, 95.0), (-5.0, 12.0)], ids=str)
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_hold_on_a_domain(name: str, degree: int, domain: tuple[float, float]) -> None:
    results = fit(waves(2), degree, [getattr(lf, word)("x", domain=domain) for word, _, _ in SHAPES[name]])
    free = fit(waves(2), degree, [])
    assert results.converged
    for _, order, sign in SHAPES[name]:
        assert worst(results, order, sign, *domain) >= -1e-8
    everywhere = fit(waves(2), degree, [getattr(lf, word)("x") for word, _, _ in SHAPES[name]])
    assert everywhere.llf - 1e-6 <= results.llf <= free.llf + 1e-6


@pytest.mark.filterwarnings("ignore::limeform.OutOfBoundsWarning")
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_hold_under_a_logarithm(name: str, degree: int) -> None:
    data = waves(3)
    data["y"] -= np.interp(10.0, data["x"], data["y"])
    formula = f"y ~ log_ratio(x, reference, knots={KNOTS}, bounds=(0, 80), degree={degree})"
    for domain in (None, (10.0, 60.0)):
        constraints = [getattr(lf, word)("x", domain=domain) for word, _, _ in SHAPES[name]]
        results = lf.lmm(formula, data, se="se", constraints=constraints).fit()
        assert results.converged
        low, high = domain or (0.0, 80.0)
        for _, order, sign in SHAPES[name]:
            assert worst(results, order, sign, low, high) >= -1e-8
        assert results.curve("x", np.linspace(0, 80, 1000))["fit"].min() > 0


def test_steps_can_rise_but_not_bend() -> None:
    results = fit(waves(1), 0, [lf.increasing("x")])
    assert worst(results, 1, 1, 0, 80) >= -1e-8
    with pytest.raises(lf.OptionError, match="degree 0 cannot be convex or concave"):
        fit(waves(1), 0, [lf.convex("x")])


@pytest.mark.parametrize(
    ("degree", "word", "order", "sign", "knots"),
    [
        (3, "increasing", 1, 1, KNOTS),
        (3, "increasing", 1, 1, [10.0, 25.0, 40.0, 55.0, 70.0]),
        (3, "decreasing", 1, -1, KNOTS),
        (4, "increasing", 1, 1, KNOTS),
        (4, "concave", 2, -1, KNOTS),
        (5, "increasing", 1, 1, KNOTS),
        (5, "convex", 2, 1, KNOTS),
    ],
)
def test_nothing_more_than_the_shape_is_asked_for(
    degree: int, word: str, order: int, sign: int, knots: list[float]
) -> None:
    """Signs at very many points ask for a little less than the shape; the fit may lie above that by next to nothing."""
    for seed in range(3):
        data = waves(seed)
        results = fit(data, degree, [getattr(lf, word)("x")], knots)
        ends = np.concatenate([np.repeat(0.0, degree + 1), knots, np.repeat(80.0, degree + 1)])
        basis = BSpline(ends, np.eye(len(ends) - degree - 1), degree)
        w, d = basis(data["x"].to_numpy()) / NOISE, data["y"].to_numpy() / NOISE
        g = sign * basis.derivative(order)(np.linspace(0, 80, 8001))
        g /= np.abs(g).max()
        expected = least_squares_within(w, d, g, np.zeros(len(g)))
        least, ours = (0.5 * float(np.sum((w @ b - d) ** 2)) for b in (expected, results.params.to_numpy()))
        assert least - 1e-8 <= ours <= least + 1e-6 * (1 + least)


def test_the_last_steps_are_taken_with_trimming_and_random_effects_too() -> None:
    data = waves(4)
    data["study"] = np.repeat(np.arange(16), 5)
    data["y"] += np.random.default_rng(0).normal(0, 0.1, 16)[data["study"]]
    formula = "y ~ 0 + bspline(x, knots=[20, 40, 60], bounds=(0, 80)) + (1 | study)"
    for trim in (0.0, 0.1):
        results = lf.lmm(formula, data, se="se", constraints=[lf.increasing("x")], trim=trim).fit()
        assert results.converged
        assert worst(results, 1, 1, 0, 80) >= -1e-8


NOTE = "did not end: the conditions"


def test_a_shape_that_is_held_more_strictly_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the search for the places where the curve touches its shape fails, the summary says so."""
    exact = fit(waves(1), 3, [lf.increasing("x")])
    assert NOTE not in str(exact.summary())

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("too many iterations")

    monkeypatch.setattr("limeform.solve.quadratic.nnls", fails)
    stricter = fit(waves(1), 3, [lf.increasing("x")])
    assert stricter.llf < exact.llf - 1e-6
    assert NOTE in " ".join(str(stricter.summary()).split())
    monkeypatch.undo()
    monkeypatch.setattr("limeform.fit.exact_shapes.lowest_places", fails)
    with pytest.raises(RuntimeError):  # a mistake of the package is no such case
        fit(waves(1), 3, [lf.increasing("x")])


def test_running_out_of_rounds_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limeform.fit.exact_shapes.ROUNDS", 1)
    assert NOTE in " ".join(str(fit(waves(1), 3, [lf.increasing("x")]).summary()).split())


def test_pieces_are_cut_next_to_knots_that_are_close_together() -> None:
    """Knots of pieces lie within the tolerance of each other here, more of them than a cut asks for."""
    rng = np.random.default_rng(79)
    x = rng.uniform(0, 80, 60)
    data = pd.DataFrame({"x": x, "y": rng.normal(0, 0.3, 60) + 0.3 * np.sin(x / 10), "se": 0.3})
    formula = "y ~ 0 + bspline(x, knots=[1, 2, 3], degree=4, bounds=(0, 600))"
    results = lf.lmm(formula, data, se="se", constraints=lf.increasing("x")).fit()
    assert results.converged
    assert worst(results, 1, 1, 0, 600) >= -1e-8


def test_a_slope_is_cut_where_its_derivative_touches() -> None:
    """The slope touches zero at a knot only, but its derivative does within a piece, where its coefficients bind."""
    rng = np.random.default_rng(166)
    x = rng.uniform(0, 80, 60)
    y = np.sin(x / rng.uniform(6, 25) + rng.uniform(0, 6)) + rng.normal(0, 0.3, 60)
    data = pd.DataFrame({"x": x, "y": y, "se": rng.uniform(0.1, 0.4, 60)})
    low, high, domain = 52.156, 68.9, (48.1, 68.5)
    formula = (
        f"y ~ 0 + bspline(x, knots=[{low}, {high}], degree=5, bounds=(0, 80), linear_left=True, linear_right=True)"
    )
    constraints = [lf.decreasing("x", domain=domain), lf.concave("x", domain=domain)]
    results = lf.lmm(formula, data, se="se", constraints=constraints, reml=False).fit()
    basis = BSpline(np.repeat([low, high], 6), np.eye(6), 5)
    inside = np.clip(x, low, high)
    curve = basis(inside) + (x - inside)[:, None] * basis.derivative(1)(inside)
    w, d = curve / data["se"].to_numpy()[:, None], (data["y"] / data["se"]).to_numpy()
    points = np.linspace(low, domain[1], 4001)
    g = np.vstack([-basis.derivative(order)(points) * 10.0**order for order in (1, 2)])
    g = g[np.abs(g).max(axis=1) > 0]
    expected = least_squares_within(w, d, g, np.zeros(len(g)))
    least, ours = (0.5 * float(np.sum((w @ b - d) ** 2)) for b in (expected, results.params.to_numpy()))
    assert least - 1e-8 <= ours <= least + 1e-6 * (1 + least)


LIMITS = [(None, 0.5), (-0.4, None), (-0.4, 0.5)]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("domain", [None, (15.0, 55.0), (50.0, 95.0)], ids=str)
@pytest.mark.parametrize("degree", [2, 3, 4, 5])
@pytest.mark.filterwarnings("ignore::limeform.OutOfBoundsWarning")
def test_a_curve_reaches_its_limits(
    degree: int, domain: tuple[float, float] | None, limits: tuple[float | None, float | None]
) -> None:
    """Limits hold everywhere they are asked for, and nothing more: not limits of coefficients."""
    lower, upper = limits
    low, high = domain or (0.0, 80.0)
    ends = np.concatenate([np.repeat(0.0, degree + 1), KNOTS, np.repeat(80.0, degree + 1)])
    basis = BSpline(ends, np.eye(len(ends) - degree - 1), degree)
    points = np.linspace(low, min(high, 80.0), 8001)
    values = basis(points)
    if high > 80:
        values = np.vstack([values, basis(80.0) + (high - 80) * basis.derivative(1)(80.0)])
    sides = [(1.0, lower), (-1.0, upper)]
    g = np.vstack([sign * values for sign, limit in sides if limit is not None])
    h = np.concatenate([np.full(len(values), sign * limit) for sign, limit in sides if limit is not None])
    for seed in range(2):
        data = waves(seed)
        data["y"] = np.sin(data["x"] / 12 + seed)
        results = fit(data, degree, [lf.bounds("x", lower=lower, upper=upper, domain=domain)])
        assert results.converged
        seen = results.curve("x", np.linspace(low, high, 10_000))["fit"]
        assert seen.min() >= (-np.inf if lower is None else lower) - 1e-7
        assert seen.max() <= (np.inf if upper is None else upper) + 1e-7
        w, d = basis(data["x"].to_numpy()) / NOISE, data["y"].to_numpy() / NOISE
        expected = least_squares_within(w, d, g, h)
        least, ours = (0.5 * float(np.sum((w @ b - d) ** 2)) for b in (expected, results.params.to_numpy()))
        assert least - 1e-8 <= ours <= least + 1e-6 * (1 + least)


def test_a_curve_of_which_only_differences_are_estimated_reaches_its_limits() -> None:
    """Its level is what a constraint says it to be, and limits are counted from there."""
    data = waves(1)
    data["y"] = np.sin(data["x"] / 12) - np.sin(10 / 12)
    data["reference"] = data["x"].iloc[::-1].to_numpy()
    data["y"] -= np.sin(data["reference"] / 12) - np.sin(10 / 12)
    formula = f"y ~ 0 + bspline(x, {KNOTS}, reference=reference, bounds=(0, 80))"
    level, lower, upper = 0.3, -1.0, 0.4
    constraints = [lf.passes("x", at=10, value=level), lf.bounds("x", lower=lower, upper=upper)]
    results = lf.lmm(formula, data, se="se", constraints=constraints, reml=False).fit()
    assert results.converged
    seen = results.curve("x", np.linspace(0, 80, 10_001))["fit"]
    assert seen.min() == pytest.approx(lower, abs=1e-6)
    assert seen.max() == pytest.approx(upper, abs=1e-6)
    ends = np.concatenate([np.repeat(0.0, 4), KNOTS, np.repeat(80.0, 4)])
    basis = BSpline(ends, np.eye(7), 3)
    # A constant changes nothing: the first function is left out.
    columns = basis(data["x"].to_numpy()) - basis(data["reference"].to_numpy())
    w, d = columns[:, 1:] / NOISE, data["y"].to_numpy() / NOISE
    values = (basis(np.linspace(0, 80, 8001)) - basis(10.0))[:, 1:]
    h = np.repeat([lower - level, level - upper], len(values))
    expected = least_squares_within(w, d, np.vstack([values, -values]), h)
    least = 0.5 * float(np.sum((w @ expected - d) ** 2))
    ours = 0.5 * float(np.sum((np.asarray(results.fittedvalues) / NOISE - d) ** 2))
    assert least - 1e-8 <= ours <= least + 1e-6 * (1 + least)

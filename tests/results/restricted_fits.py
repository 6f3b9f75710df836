"""Models with constraints, priors, nonlinear means, trimming and crossed factors: for what every fit can do."""

import numpy as np
import pandas as pd

import limeform as lf


def data() -> pd.DataFrame:
    """Draw 15 studies of 8 rows; dose with ranges, a response that is a curve, a log-ratio, and a decay."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(15), 8)
    n, effect = len(group), rng.normal(size=15)[group]
    frame = pd.DataFrame({"dose": rng.uniform(0, 80, n), "study": group, "x": rng.normal(size=n)})
    frame = frame.assign(se=rng.uniform(0.1, 0.3, n), lev=np.tile(list("abcd"), n // 4), rater=rng.integers(0, 6, n))
    frame = frame.assign(low=frame["dose"] * 0.8, high=frame["dose"] + 5, r0=0.0, r1=10.0)
    noise = 0.2 * effect + frame["se"] * rng.normal(size=n)
    frame["y"] = 0.02 * frame["dose"] - 0.0001 * frame["dose"] ** 2 + noise
    frame["ratio"] = np.log(1 + 0.02 * frame["dose"]) + noise
    frame["c"] = 10 * np.exp(-0.03 * frame["dose"]) + 0.5 * effect + 0.5 * rng.normal(size=n)
    return frame


DATA = data()
SHAPE = "y ~ 0 + bspline(dose, knots=[20, 40, 60]) + (1 | study)"
RATIO = "ratio ~ 0 + log_ratio(interval(low, high), interval(r0, r1), knots=2, name='b') + (1 | study)"
DECAY = "c ~ 0 + nl(A * exp(-k * dose)) + (1 | study)"
START = {"A": 9.0, "k": 0.05}
TRIM = lf.Trimming(0.1, starts=2, rng=3)


def decay(beta, frame):
    """Return a mean that can be imported."""
    return beta["A"] * np.exp(-beta["k"] * frame["dose"])


def slope_of_x(params):
    """Return a parameter, as a constraint that can be imported."""
    return params["x"]


def square_of_x(params):
    """Return a penalty that can be imported."""
    return params["x"] ** 2


MODELS = {
    "shape": lambda: lf.lmm(
        SHAPE,
        DATA,
        se="se",
        constraints=[lf.increasing("dose"), lf.concave("dose", domain=(10, 70)), lf.passes("dose", at=0, value=0)],
    ),
    "vacuous": lambda: lf.lmm("y ~ 1 + x + (1 + x | study)", DATA, constraints=["x <= 100"]),
    "priors": lambda: lf.lmm(
        "y ~ 1 + x + (1 | study)",
        DATA,
        se="se",
        priors=[lf.normal("x", 0, 0.1), lf.laplace("Intercept", 0, 1.0), lf.uniform("sd(study)", 0, 2)],
    ),
    "prior of a derivative": lambda: lf.lmm(
        SHAPE,
        DATA,
        se="se",
        priors=lf.normal("dose", 0, 0.01, derivative=3),
        constraints=[lf.average("dose", 0.6, at=[10, 60], weights=[1, 3]), lf.bounds("dose", upper=2, domain=(0, 50))],
    ),
    "text": lambda: lf.lmm(
        "y ~ 1 + x + (1 | study)", DATA, constraints=["exp(x) + Intercept**2 <= 4", "sd(study) <= 3"]
    ),
    "levels": lambda: lf.lmm("y ~ 1 + C(lev) + (1 | study)", DATA, constraints=["C(lev)[T.b] >= -1"]),
    "ratio": lambda: lf.lmm(RATIO, DATA, se="se", constraints=lf.increasing("b")),
    "decay": lambda: lf.lmm(DECAY, DATA, start=START),
    "decay, strata": lambda: lf.lmm(DECAY, DATA, start=START, sigma="lev", missing="raise"),
    "no groups": lambda: lf.lmm("y ~ x + dose", DATA, constraints="x >= 0", offset="low"),
    "shape, trimmed": lambda: lf.lmm(SHAPE, DATA, se="se", constraints=lf.increasing("dose"), trim=TRIM),
    "ratio, trimmed": lambda: lf.lmm(RATIO, DATA, se="se", constraints=lf.increasing("b"), trim=TRIM),
    "groups trimmed": lambda: lf.lmm(
        SHAPE, DATA, se="se", constraints=lf.increasing("dose"), trim=lf.Trimming(0.1, level="group", starts=2)
    ),
}
"""Models that can be saved."""

OTHERS = {
    "crossed": lambda: lf.lmm("y ~ x + (1 | study) + (x || rater)", DATA),
    "crossed, trimmed": lambda: lf.lmm("y ~ x + (1 | study) + (1 | rater)", DATA, trim=TRIM),
    "trimmed": lambda: lf.lmm("y ~ x + (1 | study)", DATA, trim=lf.Trimming(0.1, starts=2, keep=[3, 4], correct=True)),
    "mean": lambda: lf.lmm("c ~ 0 + (1 | study)", DATA, mean=decay, start=START),
    "function": lambda: lf.lmm("y ~ 1 + x + (1 | study)", DATA, constraints=lf.constraint(slope_of_x, upper=3.0)),
    "penalty": lambda: lf.lmm("y ~ 1 + x + (1 | study)", DATA, priors=lf.penalty(square_of_x)),
}
"""Further models that can be pickled."""

"""Dose-response data and the conditions of shapes written down from scipy's own derivative splines."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import BSpline

FloatArray = NDArray[np.float64]
KNOTS = [10.0, 30.0, 55.0]
POINTS = 20_001
FORMULA = "y ~ 0 + bspline(dose, knots=[10, 30, 55], bounds=(0, 80)) + (0 + dose | study)"


def dose_data(seed: int = 0, studies: int = 16, sd: float = 0.004) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 5 * studies
    frame = pd.DataFrame({"dose": rng.uniform(0, 80, n), "study": np.repeat(np.arange(studies), 5)})
    frame["se"] = rng.uniform(0.1, 0.4, n)
    slopes = rng.normal(0, sd, studies)[frame["study"]]
    frame["y"] = np.log1p(frame["dose"] / 10) + slopes * frame["dose"] + rng.normal(0, frame["se"])
    return frame


def derivative_matrix(order: int, degree: int = 3) -> FloatArray:
    """Return rows on the coefficients of the curve that are nonnegative where a derivative is, from scipy.

    Of a derivative that is constant or linear between knots the B-spline coefficients, which say it all; of a curved
    one its values at so many points that between them it can fall below zero by no more than 1e-9 of its size.
    """
    knots = np.concatenate([np.repeat(0.0, degree + 1), KNOTS, np.repeat(80.0, degree + 1)])
    size = len(knots) - degree - 1
    derivative = BSpline(knots, np.eye(size), degree).derivative(order)
    if derivative.k >= 2:
        return np.asarray(derivative(np.linspace(0.0, 80.0, POINTS)))
    return derivative.c[: len(derivative.t) - derivative.k - 1]


def basis(dose: FloatArray, degree: int = 3) -> FloatArray:
    knots = np.concatenate([np.repeat(0.0, degree + 1), KNOTS, np.repeat(80.0, degree + 1)])
    return BSpline.design_matrix(dose, knots, degree).toarray()

"""Simulated data with a known truth, for studies of estimators."""

import numpy as np
import pandas as pd


def contaminated_studies(rng: int | np.random.Generator | None = None) -> pd.DataFrame:
    """Draw a data set of the simulation of Zheng et al.: a line with random intercepts, and outliers at its far end.

    Ten studies of ten rows, x uniform on [0, 10], y = 5 x + u + e with u ~ N(0, 6²) by study and e ~ N(0, 4²); then 15
    of the rows with x of at least 6, chosen at random, are lowered by 30 + abs(N(0, 80²)). The true coefficients are 0
    and 5.

    Parameters
    ----------
    rng : None, int or Generator
        Source of randomness; None draws a new data set each time.

    Returns
    -------
    pandas.DataFrame
        100 rows: ``study`` (1 to 10), ``x``, ``y``, ``y_clean`` (before contamination), ``se`` (4), ``outlier``
        (whether the row was shifted) and ``u`` (the study's random intercept).

    References
    ----------
    Zheng, Barber, Sorensen, Murray, Aravkin (2021), Trimmed Constrained Mixed Effects Models: Formulations and
    Algorithms, Journal of Computational and Graphical Statistics 30(3), 544–556, section 3.1.

    Examples
    --------
    >>> data = contaminated_studies(rng=1)
    >>> len(data), int(data["outlier"].sum())
    (100, 15)
    """
    draws = np.random.default_rng(rng)
    study = np.repeat(np.arange(1, 11), 10)
    x = draws.uniform(0.0, 10.0, 100)
    u = draws.normal(0.0, 6.0, 10)[study - 1]
    clean = 5.0 * x + u + draws.normal(0.0, 4.0, 100)
    far = np.flatnonzero(x >= 6.0)
    shifted = draws.choice(far, min(15, len(far)), replace=False)
    y = clean.copy()
    y[shifted] -= 30.0 + np.abs(draws.normal(0.0, 80.0, len(shifted)))
    return pd.DataFrame(
        {
            "study": study,
            "x": x,
            "y": y,
            "y_clean": clean,
            "se": np.full(100, 4.0),
            "outlier": np.isin(np.arange(100), shifted),
            "u": u,
        }
    )

"""The data of the benchmarks: simulated with fixed seeds, written once as CSV to ``benchmarks/data``."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "data"


def sleepstudy() -> pd.DataFrame:
    """Reaction times of Belenky et al. (2003), with a second, simulated response to refit to."""
    from limeform.datasets import sleepstudy as load

    frame = load()
    noise = np.random.default_rng(1).normal(0, 25, len(frame))
    return frame.assign(y_new=frame["Reaction"].to_numpy() + noise)


def slopes(rows: int, groups: int) -> pd.DataFrame:
    """Random intercepts and slopes by an integer `g` (SD 1 and 0.5, correlation 0.3), and a factor `f` of 4 strings."""
    rng = np.random.default_rng(2)
    g = rng.integers(0, groups, rows)
    x, z = rng.normal(size=(2, rows))
    f = rng.integers(0, 4, rows)
    effects = rng.normal(size=(groups, 2)) @ np.linalg.cholesky([[1, 0.15], [0.15, 0.25]]).T
    mean = 1 + 0.5 * x - 0.3 * z + np.array([0, 0.2, -0.2, 0.4])[f]
    y = mean + effects[g, 0] + effects[g, 1] * x + rng.normal(0, 1.5, rows)
    return pd.DataFrame({"y": y, "x": x, "z": z, "f": np.array(list("abcd"))[f], "g": g})


def one_row_studies(studies: int) -> pd.DataFrame:
    """Effects `yi` around 0.3 with between-study SD 0.2 and known sampling variances `vi`."""
    rng = np.random.default_rng(3)
    vi = rng.gamma(2, 0.02, studies) + 0.002
    yi = 0.3 + rng.normal(0, 0.2, studies) + rng.normal(0, np.sqrt(vi))
    return pd.DataFrame({"yi": yi, "vi": vi, "study": np.arange(studies)})


def contaminated(sets: int) -> pd.DataFrame:
    """Several data sets of the simulation of Zheng et al. (2021), told apart by `dataset`."""
    from limeform.datasets import contaminated_studies

    return pd.concat([contaminated_studies(rng=i).assign(dataset=i) for i in range(sets)], ignore_index=True)


def contaminated_rows(rows: int) -> pd.DataFrame:
    """The same design with many studies of ten rows: one data set."""
    rng = np.random.default_rng(4)
    study, x = np.arange(rows) // 10, rng.uniform(0, 10, rows)
    y = 5 * x + rng.normal(0, 6, rows // 10 + 1)[study] + rng.normal(0, 4, rows)
    bad = rng.choice(np.flatnonzero(x >= 6), 15 * rows // 100, replace=False)
    y[bad] -= 30 + np.abs(rng.normal(0, 80, len(bad)))
    return pd.DataFrame({"study": study, "x": x, "y": y, "se": 4.0, "dataset": 0})


GENERATORS: dict[str, Callable[[], pd.DataFrame]] = {
    "sleepstudy": sleepstudy,
    "slopes_small": partial(slopes, 400, 20),
    "slopes_10k": partial(slopes, 10_000, 1_000),
    "slopes_100k": partial(slopes, 100_000, 1_000),
    "slopes_1m_1k": partial(slopes, 1_000_000, 1_000),
    "slopes_1m": partial(slopes, 1_000_000, 10_000),
    "meta_200": partial(one_row_studies, 200),
    "meta_2000": partial(one_row_studies, 2_000),
    "contaminated": partial(contaminated, 10),
    "contaminated_1k": partial(contaminated_rows, 1_000),
    "contaminated_10k": partial(contaminated_rows, 10_000),
    "contaminated_100k": partial(contaminated_rows, 100_000),
}


def path(name: str) -> Path:
    """Path of the CSV file of a data set, which is made if it is not there."""
    file = FOLDER / f"{name}.csv"
    if not file.exists():
        FOLDER.mkdir(exist_ok=True)
        GENERATORS[name]().to_csv(file, index=False)
    return file

"""The data of the benchmarks: simulated with fixed seeds, written once as CSV to ``benchmarks/data``."""

import subprocess
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


def smoking() -> pd.DataFrame:
    """A dose-response set with exposure ranges, as in the tests of published analyses."""
    from limeform.datasets import smoking_like

    return smoking_like(rng=0)


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


def insteval() -> pd.DataFrame:
    """Ratings of lectures at ETH Zurich, 73,421 rows: a data set of R's lme4 (GPL), read from there and not shipped."""
    file = FOLDER / "insteval.csv"
    export = f'write.csv(lme4::InstEval[c("y", "service", "s", "d", "dept")], "{file}", row.names = FALSE)'
    subprocess.run(["Rscript", "--vanilla", "-e", export], check=True, capture_output=True)
    return pd.read_csv(file)


def crossed(rows: int, first: int, second: int) -> pd.DataFrame:
    """Random intercepts of `s` and `i`, fully crossed at random (SD 0.8 and 0.5, residual 1)."""
    rng = np.random.default_rng(4)
    s, i, x = rng.integers(0, first, rows), rng.integers(0, second, rows), rng.normal(size=rows)
    y = 1 + 0.5 * x + rng.normal(0, 0.8, first)[s] + rng.normal(0, 0.5, second)[i] + rng.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x, "s": s, "i": i})


def nested(rows: int, schools: int, klasses: int) -> pd.DataFrame:
    """Schools (SD 0.7) and their classes (intercept SD 0.6, slope SD 0.3), residual 1."""
    rng = np.random.default_rng(5)
    klass, x = rng.integers(0, klasses, rows), rng.normal(size=rows)
    school = klass // (klasses // schools)
    y = 1 + 0.5 * x + rng.normal(0, 0.7, schools)[school] + rng.normal(0, 0.6, klasses)[klass]
    y += rng.normal(0, 0.3, klasses)[klass] * x + rng.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x, "school": school, "klass": klass})


def nested_and_crossed(rows: int, first: int, second: int) -> pd.DataFrame:
    """Two crossed factors with another nested in each, `g3` in `g1` and `g4` in `g2`: one big filled block."""
    rng = np.random.default_rng(6)
    g3, g4 = rng.integers(0, 3 * first, rows), rng.integers(0, 4 * second, rows)
    g1, g2 = g3 // 3, g4 // 4
    y = 1 + rng.normal(0, 0.7, first)[g1] + rng.normal(0, 0.5, second)[g2] + rng.normal(0, 0.6, 3 * first)[g3]
    y += rng.normal(0, 0.4, 4 * second)[g4] + rng.normal(size=rows)
    return pd.DataFrame({"y": y, "g1": g1, "g2": g2, "g3": g3, "g4": g4})


GENERATORS: dict[str, Callable[[], pd.DataFrame]] = {
    "sleepstudy": sleepstudy,
    "smoking": smoking,
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
    "insteval": insteval,
    "crossed_200k": partial(crossed, 200_000, 20_000, 1_000),
    "nested_100k": partial(nested, 100_000, 200, 2_000),
    "nested_and_crossed": partial(nested_and_crossed, 30_000, 2_000, 500),
}


def path(name: str) -> Path:
    """Path of the CSV file of a data set, which is made if it is not there."""
    file = FOLDER / f"{name}.csv"
    if not file.exists():
        FOLDER.mkdir(exist_ok=True)
        GENERATORS[name]().to_csv(file, index=False)
    return file

"""Writes tables and pictures into a directory, and says where they are."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design import GroupedEffects
from limeform.errors import OptionError
from limeform.results import LMMResults

DPI = 200


def prepare_directory(directory: Path) -> None:
    """Make the directory, before a long fit whose results could not be written.

    Raises
    ------
    OptionError
        If it cannot be made, or cannot be written to.
    """
    with _refusing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV and print where."""
    with _refusing(path):
        table.to_csv(path, index=False)
    print(f"wrote {path}")


def write_picture(draw: Callable[[], Any], path: Path) -> None:
    """Draw, write a PNG without a screen, and print where.

    Parameters
    ----------
    draw : callable
        Returns Axes, or an array of them in one figure.
    path : Path
        The file.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    with warnings.catch_warnings(), _refusing(path):
        warnings.simplefilter("ignore")  # such as a font without the letters of a label
        figure = np.ravel(np.array(draw(), dtype=object))[0].figure
        try:
            figure.savefig(path, dpi=DPI)
        finally:
            pyplot.close(figure)
    print(f"wrote {path}")


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OptionError(f"cannot write to {path}: {error.strerror or error}") from error


def estimates_table(results: LMMResults) -> pd.DataFrame:
    """Return fixed effects and variance parameters in one table.

    Parameters
    ----------
    results : LMMResults
        A fit.

    Returns
    -------
    DataFrame
        Columns ``component`` (fixed, random or residual), ``group``, ``term`` and those of ``results.tidy()``. Variance
        parameters are standard deviations and correlations, named ``sd(group: effect)``, ``cor(group: effect, effect)``
        and ``sigma``; they have no standard error. ``1`` is the intercept.
    """
    fixed = results.tidy()
    fixed.insert(0, "component", "fixed")
    fixed.insert(1, "group", "")
    rows = [*_random_rows(results), *_residual_rows(results)]
    variances = pd.DataFrame(rows, columns=["component", "group", "term", "estimate"])
    return pd.concat([fixed, variances.reindex(columns=fixed.columns)], ignore_index=True) if rows else fixed


def _random_rows(results: LMMResults) -> Iterator[tuple[str, str, str, float]]:
    start = 0
    for random in results.design.factors:
        stop = start + len(random.names)
        yield from _factor_rows(random, results.estimates.gamma[start:stop, start:stop])
        start = stop


def _factor_rows(random: GroupedEffects, gamma: NDArray[np.float64]) -> Iterator[tuple[str, str, str, float]]:
    sd = np.sqrt(np.diag(gamma))
    names = ["1" if name == "Intercept" else name for name in random.names]
    for name, value in zip(names, sd, strict=True):
        yield "random", random.factor, f"sd({random.factor}: {name})", float(value)
    start = 0
    for term in random.terms:
        stop = start + len(term.names)
        for i, j in combinations(range(start, stop), 2) if term.covariance != "diagonal" else ():
            product = float(sd[i] * sd[j])
            correlation = float(gamma[i, j]) / product if product > 0 else float("nan")
            yield "random", random.factor, f"cor({random.factor}: {names[i]}, {names[j]})", correlation
        start = stop


def _residual_rows(results: LMMResults) -> Iterator[tuple[str, str, str, float]]:
    if results.known_variance:
        return
    if isinstance(results.sigma, pd.Series):
        for level, value in results.sigma.items():
            yield "residual", "", f"sigma({level})", float(value)
    else:
        yield "residual", "", "sigma", float(results.sigma)

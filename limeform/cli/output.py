"""Writes tables and pictures into a directory, and says where they are."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from limeform.errors import OptionError

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

"""Reads a CSV file and refuses what pandas would repair without a word."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TextIO

import pandas as pd
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from limeform.errors import DataError


def read_table(path: Path, separator: str = ",") -> pd.DataFrame:
    """Read a file with a header and one row an observation.

    Parameters
    ----------
    path : Path
        A text file in UTF-8 on this machine.
    separator : str
        What separates the columns.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        If there is no such file, it is no table, or columns have the same name.
    """
    try:
        # A handle, because pandas would take a path such as http://... as an order to download.
        with open(path, encoding="utf-8-sig", newline="") as file:
            _check_header(path, file, separator)
            file.seek(0)
            return _parse(file, separator)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: byte {error.start} is no text") from error
    except EmptyDataError as error:
        raise DataError(f"{path} is empty") from error
    except ParserWarning as error:
        raise DataError(f"{path} has rows with more values than the header has names") from error
    except (ParserError, csv.Error) as error:
        reason = " ".join(str(error).removeprefix("Error tokenizing data.").removeprefix(" C error:").split())
        raise DataError(f"{path} is not a table with columns separated by {separator!r}: {reason}") from error


def _check_header(path: Path, file: TextIO, separator: str) -> None:
    """Refuse columns of the same name, of which pandas would rename all but the first."""
    header = next(csv.reader(file, delimiter=separator, skipinitialspace=True), [])
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"column {twice!r} occurs {header.count(twice)} times in {path}; rename all but one")
    if len(header) == 1 and any(other in header[0] for other in {",", ";", "\t"} - {separator}):
        raise DataError(
            f"{path} has one column, {header[0]!r}: are its columns separated by another character? Give it as --sep"
        )


def _parse(file: TextIO, separator: str) -> pd.DataFrame:
    with warnings.catch_warnings():
        # Rows longer than the header: pandas would take the first column for row labels, or cut the rows.
        warnings.simplefilter("error", ParserWarning)
        return pd.read_csv(file, sep=separator, skipinitialspace=True, index_col=False, low_memory=False)

"""Reads fits from files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from limeform.archive import decode, decode_index, decode_series, read
from limeform.design import Keywords
from limeform.design.formulaic_compat import Scope
from limeform.errors import ArchiveError, LimeformError
from limeform.fit import Estimates, Setup, Trimming, TrimReport, prepare
from limeform.formula import parse
from limeform.likelihood import Coordinates, reduce_rows
from limeform.models.lmm import LMM
from limeform.models.source import Given, Source, as_choice
from limeform.results import LMMResults
from limeform.results.saving import CLASSES, refuse_code

Arrays = Callable[[str], Any]


def load(path: str | os.PathLike[str]) -> LMMResults:
    """Read a fit that ``results.save(path)`` wrote.

    Nothing in the file is run: it has arrays, numbers and text, and its formula is refused if it calls anything but the
    functions of formulaic and numpy that only compute. The columns are made again from the data in the file, the
    estimates are taken from it.

    Parameters
    ----------
    path : path
        File.

    Returns
    -------
    LMMResults
        It predicts, plots, summarises, and can be refitted and bootstrapped.

    Raises
    ------
    ArchiveError
        If there is no such file, it is damaged or not one of saved results, was written by a later version, or holds
        anything that would have to be run.
    """
    document, array = read(path)
    name = str(path)
    try:
        model = _model(document["model"], array, name)
        return _results(model, document["fit"], array, name)
    except ArchiveError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, LimeformError) as error:
        raise ArchiveError(f"{name!r} is damaged, or does not fit this version of limeform: {error}") from error


def _model(tree: dict[str, Any], array: Arrays, name: str) -> LMM:
    index = decode_index(tree["index"], array)
    columns = {str(key): decode_series(column, array).set_axis(index) for key, column in tree["columns"]}
    frame = pd.DataFrame(columns, index=index)
    values = {
        key: decode_series(value["column"], array).set_axis(index).rename(str(value["name"]))
        for key, value in tree["values"].items()
    }
    keywords = Keywords(**{key: str(value) for key, value in tree["names"].items()}, **values)
    scope = Scope(
        {key: decode(value, array, {}) for key, value in tree["scope"].items()},
        {str(key): "numpy" for key in tree["modules"]},
    )
    formula = parse(str(tree["formula"]))
    taken = [found for found, _ in keywords.look_up(frame).values()]
    refuse_code(formula, frame, taken, scope, f"{name!r} is refused")
    trim = decode(tree["trim"], array, CLASSES)
    if not isinstance(trim, Trimming):
        raise ArchiveError(f"{name!r} is damaged: its trimming options cannot be read")
    source = Source(formula, frame, keywords, as_choice(tree["reml"]), trim, str(tree["missing"]), Given())
    model = LMM.of(source, scope.mapping())
    model._always = _fitting(array(tree["always"]["array"]).astype(bool), len(model.design.y), name)
    return model


def _results(model: LMM, tree: dict[str, Any], array: Arrays, name: str) -> LMMResults:
    n = len(model.design.y)
    if list(model.design.names) != list(tree["names"]):
        raise ArchiveError(
            f"{name!r} does not fit this version of limeform or formulaic: the columns {', '.join(tree['names'])} come "
            f"out as {', '.join(model.design.names)}"
        )
    y = _fitting(array(tree["y"]["array"]), n, name)
    if not np.array_equal(y, model.design.y):
        model = model.with_response(y)
    estimates = decode(tree["estimates"], array, CLASSES)
    report = decode(tree["trimming"], array, CLASSES)
    coordinates = decode(tree["coordinates"], array, CLASSES)
    if not (isinstance(estimates, Estimates) and isinstance(coordinates, Coordinates)):
        raise ArchiveError(f"{name!r} is damaged: it has no estimates")
    if not (report is None or isinstance(report, TrimReport)):
        raise ArchiveError(f"{name!r} is damaged: its report on trimming cannot be read")
    setup = _setup(model, coordinates, tree, array, name)
    p, k = len(model.design.names), setup.covariance.size
    if estimates.beta.shape != (p,) or estimates.beta_covariance.shape != (p, p) or estimates.gamma.shape != (k, k):
        raise ArchiveError(f"{name!r} is damaged: its estimates do not have the size of the model")
    return LMMResults(model, setup, estimates, report)


def _setup(model: LMM, coordinates: Coordinates, tree: dict[str, Any], array: Arrays, name: str) -> Setup:
    """Return the statistics at the weights and in the coordinates of the fit."""
    setup, rows = prepare(model.design), {}
    for key in ("weights", "precision"):
        if tree[key] is not None:
            rows[key] = _fitting(array(tree[key]["array"]), len(model.design.y), name)
    held = replace(setup.rows, **rows)
    return replace(setup, rows=held, products=reduce_rows(model.design.shifted, held, coordinates))


def _fitting(values: Any, n: int, name: str) -> Any:
    if values.shape != (n,):
        raise ArchiveError(f"{name!r} is damaged: an array has shape {values.shape} for {n} rows")
    return values

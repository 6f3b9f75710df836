"""Reads fits from files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from limeform.archive import decode, decode_index, decode_series, file_name, read
from limeform.design import Keywords
from limeform.design.formulaic_compat import Scope
from limeform.errors import ArchiveError, LimeformError
from limeform.fit import Estimates, Setup, Trimming, TrimReport, prepare
from limeform.formula import parse
from limeform.likelihood import Coordinates, reduce_rows
from limeform.models.fitting_sizes import check_coordinates, check_estimates, check_report
from limeform.models.lmm import LMM
from limeform.models.source import Given, Source, as_choice
from limeform.restrict import constraint_of, number_of, prior_of
from limeform.results import LMMResults
from limeform.results.saving import CLASSES, refuse_code

Arrays = Callable[[str], Any]

DAMAGE = (
    *(KeyError, TypeError, ValueError, IndexError, AttributeError, AssertionError),
    *(ArithmeticError, RecursionError, MemoryError, np.linalg.LinAlgError),
)
"""What a document can make Python raise that has the form of one of ours, and not its sense."""


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
    document, array, version = read(path)
    name = file_name(path)
    try:
        model = _model(document["model"], array, name, version)
        return _results(model, document["fit"], array, name)
    except ArchiveError:
        raise
    except (*DAMAGE, LimeformError) as error:
        reason = str(error) or type(error).__name__
        raise ArchiveError(f"{name!r} is damaged, or does not fit this version of limeform: {reason}") from error


def _model(tree: dict[str, Any], array: Arrays, name: str, version: int) -> LMM:
    index = decode_index(tree["index"], array)
    columns = {str(key): decode_series(column, array).set_axis(index) for key, column in tree["columns"]}
    frame = pd.DataFrame(columns, index=index)
    values = {
        key: decode_series(value["column"], array).set_axis(index).rename(str(value["name"]))
        for key, value in tree["values"].items()
    }
    always = array(tree["always"]["array"]).astype(bool)
    if not columns and not values and len(index) != len(always):  # what is constant would take the length of the index
        raise ArchiveError(f"{name!r} is damaged: it has labels of {len(index)} rows, and {len(always)} rows")
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
    given = Given()
    if version >= 2:
        trim, given = replace(trim, keep=_keep(tree["keep"], array)), _given(tree["given"])
    source = Source(formula, frame, keywords, as_choice(tree["reml"]), trim, str(tree["missing"]), given)
    model = LMM.of(source, scope.mapping())
    model.reml_reason = str(tree.get("reml_reason", model.reml_reason))
    model._always = _fitting(always, len(model.design.y), name)
    return model


def _keep(tree: Any, array: Arrays) -> Any:
    return tree if tree is None or isinstance(tree, str) else array(tree["array"]).astype(bool)


def _given(tree: dict[str, Any]) -> Given:
    """Return constraints, priors and the start; nothing of them is run: text is read by limeform's own parser."""
    start = tree["start"]
    return Given(
        constraints=tuple(constraint_of(item) for item in tree["constraints"]),
        priors=tuple(prior_of(item) for item in tree["priors"]),
        start=None if start is None else {str(key): number_of(value, "start") for key, value in start.items()},
    )


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
    check_coordinates(model, coordinates, name)
    setup = _setup(model, coordinates, tree, array, name)
    check_estimates(model, setup, estimates, name)
    if report is not None:
        check_report(model, setup, report, name)
    return LMMResults(model, setup, estimates, report)


def _setup(model: LMM, coordinates: Coordinates, tree: dict[str, Any], array: Arrays, name: str) -> Setup:
    """Return the statistics at the weights and in the coordinates of the fit."""
    rows = {
        key: _fitting(array(tree[key]["array"]).astype(np.float64), len(model.design.y), name)
        for key in ("weights", "precision")
        if tree[key] is not None
    }
    if not all(bool((values >= 0).all()) for values in rows.values()):
        raise ArchiveError(f"{name!r} is damaged: a weight is negative")
    model._joint = joint = model.joint_in(coordinates)
    if joint is not None and not rows:
        return joint.setup
    setup = prepare(model.design) if joint is None else joint.setup
    held = replace(setup.rows, **rows)
    return replace(setup, rows=held, products=reduce_rows(model.design.shifted, held, coordinates))


def _fitting(values: Any, n: int, name: str) -> Any:
    if values.shape != (n,):
        raise ArchiveError(f"{name!r} is damaged: an array has shape {values.shape} for {n} rows")
    if not np.isfinite(values).all():
        raise ArchiveError(f"{name!r} is damaged: an array holds values that are no numbers")
    return values

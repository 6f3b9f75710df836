"""Writes a fit to a file of plain arrays and JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from limeform.archive import Writer, encode, encode_index, encode_series, write
from limeform.design import to_frame
from limeform.design.expressions import expressions_of
from limeform.design.formulaic_compat import Scope
from limeform.errors import ArchiveError
from limeform.fit import ActiveConstraint, Estimates, RestrictedFit, Trimming, TrimReport
from limeform.fit.trimming.search import Found
from limeform.fit.trimming.steps import Trimmed
from limeform.formula import refused
from limeform.formula.counts import MOST
from limeform.likelihood import Coordinates
from limeform.likelihood.contributions import Contributions
from limeform.restrict import stored_constraint, stored_prior
from limeform.solve import Solution, Status

if TYPE_CHECKING:
    from limeform.results.lmm import LMMResults

CLASSES: Mapping[str, type] = {
    known.__name__: known
    for known in (
        *(ActiveConstraint, Contributions, Coordinates, Estimates, Found, RestrictedFit),
        *(Solution, Status, Trimmed, Trimming, TrimReport),
    )
}
"""The only classes that a file can hold."""


class Saving:
    """Part of a results class: writing it to a file."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit to a file that `limeform.load` reads.

        The file is a zip archive of plain arrays and one JSON document, without pickle. It holds the columns of the
        data that the model uses: do not share it where you would not share these.

        Parameters
        ----------
        path : path
            File, by custom with the ending ``.lime``; an existing one is replaced.

        Raises
        ------
        ArchiveError
            If the file cannot be written, or if the formula calls functions other than those of formulaic and numpy
            that only compute, or a constraint, a penalty or the mean is a function: a file must not hold anybody's
            code.

        Examples
        --------
        >>> import limeform as lf, tempfile, pathlib
        >>> results = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff()).fit()
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "dyestuff.lime"
        >>> results.save(path)
        >>> lf.load(path).llf == results.llf
        True
        """
        fit = cast("LMMResults", self)
        writer = Writer()
        document = {"model": _model(fit, writer), "fit": _fit(fit, writer)}
        write(path, document, writer)


def refuse_code(formula: Any, frame: pd.DataFrame, taken: list[str], scope: Scope, what: str) -> None:
    """Refuse a formula with an expression that does more than compute.

    Raises
    ------
    ArchiveError
        Naming the expression.
    """
    modules = [name for name, module in scope.modules.items() if module == "numpy"]
    other = next((module for module in scope.modules.values() if module != "numpy"), None)
    if other is not None:
        raise ArchiveError(f"{what}: the formula uses the module {other}; only numpy's functions can be in a file")
    large = [name for name, value in scope.values.items() if np.ndim(value) == 0 and not _is_small(value)]
    for expression in expressions_of(formula, frame, taken):
        piece = refused(expression, list(frame.columns), list(scope.values), modules, large)
        if piece is not None:
            raise ArchiveError(
                f"{what}: the formula has {piece!r} in {expression!r}, and a file holds no functions but formulaic's "
                "and numpy's that only compute; make a column of it in the data first"
            )


def _is_small(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and abs(float(value)) <= MOST


def _model(fit: LMMResults, writer: Writer) -> dict[str, Any]:
    if fit.design.rows_read:
        raise ArchiveError("a fit of rows that were read in chunks cannot be saved: the rows were not kept")
    source, scope = fit.model.source, fit.design.recipe.scope
    if source is None:
        raise ArchiveError("a refit of other rows cannot be saved: save the fit that it came from")
    frame = source.data
    given = source.keywords.look_up(to_frame(frame))
    refuse_code(source.formula, frame, [name for name, _ in given.values()], scope, "the fit cannot be saved")
    names = {name: value for name, value in source.keywords.given().items() if isinstance(value, str)}
    values = {
        key: {"name": name, "column": encode_series(column.reset_index(drop=True), writer, name)}
        for key, (name, column) in given.items()
        if key not in names
    }
    return {
        "formula": source.formula.text or str(source.formula),
        "columns": [[name, encode_series(frame[name], writer, name)] for name in frame.columns],
        "index": encode_index(frame.index, writer),
        "names": names,
        "values": values,
        "scope": {name: _scope_value(name, value, writer) for name, value in scope.values.items()},
        "modules": list(scope.modules),
        "reml": source.reml,
        "reml_reason": fit.model.reml_reason,
        "trim": encode(_plain(fit.model.trim), writer, CLASSES),
        "keep": _keep(fit.model.trim.keep, frame, writer),
        "always": writer.add(fit.model._always),
        "missing": source.missing,
        "given": _given(source.given),
    }


def _plain(options: Trimming) -> Trimming:
    """Return options of trimming without the rows to keep, and without a generator, whose state has moved on."""
    return replace(options, keep=None, rng=None if isinstance(options.rng, np.random.Generator) else options.rng)


def _keep(keep: Any, frame: pd.DataFrame, writer: Writer) -> Any:
    """Return rows that are never trimmed: the name of a column, or a boolean for each row of the data."""
    if keep is None or isinstance(keep, str):
        return keep
    labels = np.atleast_1d(np.asarray(keep))
    return writer.add(labels if labels.dtype == bool else np.asarray(frame.index.isin(labels), dtype=bool))


def _given(given: Any) -> dict[str, Any]:
    if given.mean is not None:
        name = getattr(given.mean.function, "__name__", "function")
        raise ArchiveError(
            f"the fit cannot be saved: its mean is a function (mean={name}), and a file holds no code; write it as "
            "nl(...) in the formula, or pickle the results, which takes functions that can be imported"
        )
    return {
        "constraints": [stored_constraint(item) for item in given.constraints],
        "priors": [stored_prior(item) for item in given.priors],
        "start": None if given.start is None else {str(key): float(value) for key, value in given.start.items()},
    }


def _scope_value(name: str, value: Any, writer: Writer) -> Any:
    try:
        return encode(value.to_numpy() if isinstance(value, pd.Series) else value, writer, {})
    except ArchiveError as error:
        raise ArchiveError(
            f"the fit cannot be saved: the formula uses {name!r}, which is a {type(value).__name__}; a file holds only "
            "numbers, text and lists of them"
        ) from error


def _fit(fit: LMMResults, writer: Writer) -> dict[str, Any]:
    rows, report = fit._setup.rows, fit.trimming
    if report is not None:
        report = replace(report, options=_plain(report.options))
    plain = rows.precision is fit.design.errors.precision or np.array_equal(rows.precision, fit.design.errors.precision)
    return {
        "names": list(fit.design.names),
        "y": writer.add(fit.design.y),
        "estimates": encode(fit.estimates, writer, CLASSES),
        "trimming": encode(report, writer, CLASSES),
        "weights": None if bool((rows.weights == 1).all()) else writer.add(rows.weights),
        "precision": None if plain else writer.add(rows.precision),
        "coordinates": encode(fit._setup.products.coordinates, writer, CLASSES),
    }

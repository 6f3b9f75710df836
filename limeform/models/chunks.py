"""Models of data that are larger than memory: one pass over chunks, and the fit goes on from the sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from formulaic.utils.context import capture_context

from limeform.covariance import STRUCTURES, BlockDiagonal
from limeform.design import Design, GroupedEffects, Keywords, Missing
from limeform.design.chunks import Categories, Chunk, first_design, read_chunk
from limeform.design.random import shown_levels
from limeform.errors import DataError, OptionError
from limeform.fit import Setup, Trimming
from limeform.formula import parse
from limeform.likelihood import (
    Coordinates,
    CrossedProducts,
    CrossedRows,
    FactorRows,
    ResidualVariance,
    choose_coordinates,
)
from limeform.likelihood.crossed.assemble import assemble
from limeform.likelihood.crossed.merge import DependentColumnError, into_coordinates, renumber
from limeform.likelihood.crossed.statistics import Partial, add, partial_sums
from limeform.models.lmm import LMM


@dataclass(frozen=True)
class ChunkSums:
    """What is kept of some chunks: sums, and the levels that their numbers stand for."""

    sums: Partial
    keys: tuple[pd.Index, ...]
    rows: int
    missing: int


@dataclass(frozen=True)
class Reducer:
    """Turns a chunk into sums; a frozen value, so that it can be sent to workers.

    Attributes
    ----------
    design : Design
        Of the first chunk: names and recipe.
    keywords : Keywords
        Names of columns.
    categories : mapping
        All levels of columns of the fixed part that are no numbers.
    coordinates : Coordinates
        Provisional working coordinates.
    columns : tuple of slice
        Columns of each factor.
    """

    design: Design
    keywords: Keywords
    categories: Categories
    coordinates: Coordinates
    columns: tuple[slice, ...]

    def __call__(self, frame: object) -> ChunkSums:
        """Reduce one chunk."""
        chunk = read_chunk(self.design.recipe, frame, self.keywords, self.categories)
        return self.reduce(chunk)

    def reduce(self, chunk: Chunk) -> ChunkSums:
        """Reduce the arrays of one chunk."""
        factors = tuple(
            FactorRows(codes, len(keys), columns)
            for codes, keys, columns in zip(chunk.codes, chunk.keys, self.columns, strict=True)
        )
        rows = CrossedRows(chunk.x, chunk.z, chunk.precision, np.broadcast_to(1.0, len(chunk.y)), factors)
        sums = partial_sums(chunk.y, rows, self.coordinates)
        return ChunkSums(sums, chunk.keys, len(chunk.y), chunk.missing)


def merged(one: ChunkSums, other: ChunkSums) -> ChunkSums:
    """Add two sums, their levels brought under one numbering."""
    keys = tuple(a.union(b) for a, b in zip(one.keys, other.keys, strict=True))
    levels = [len(index) for index in keys]
    parts = [
        renumber(each.sums, [index.get_indexer(own) for index, own in zip(keys, each.keys, strict=True)], levels)
        for each in (one, other)
    ]
    return ChunkSums(add(parts), keys, one.rows + other.rows, one.missing + other.missing)


class CrossProducts(LMM):
    """A model whose rows were read once, in chunks, and not kept; made by `from_chunks`."""

    @classmethod
    def from_chunks(
        cls,
        chunks: Iterable[object],
        formula: str,
        *,
        se: str | None = None,
        variance: str | None = None,
        weights: str | None = None,
        offset: str | None = None,
        categories: Mapping[str, list[Any]] | None = None,
        reml: bool | None = None,
        context: Mapping[str, Any] | int = 0,
    ) -> CrossProducts:
        """Reduce data chunk by chunk to the statistics that a fit needs.

        Parameters
        ----------
        chunks : iterable of DataFrame, or Dask DataFrame
            Frames with the same columns: row groups of a Parquet file, batches of a DuckDB query. The partitions of a
            Dask frame are reduced by the workers of its cluster.
        formula : str
            As in `lmm`. Transforms that learn from all rows (``scale``, ``poly``, ``bs``) are refused.
        se, variance, weights, offset : str, optional
            Names of columns, as in `lmm`.
        categories : mapping, optional
            For columns of the fixed part that are no numbers: column to the list of all its levels, the baseline first.
        reml : bool, optional
            Restricted likelihood (the default), or maximum likelihood.
        context : mapping or int
            Names that the formula may use, or how many frames above the caller they are looked up.

        Returns
        -------
        CrossProducts
            Unfitted; call ``.fit()``. The results equal those of `lmm` on all rows together; only what needs the rows
            (fitted values, residuals, plots of them) is not there, and ``predict(data)`` takes its place.

        Raises
        ------
        OptionError, DataError

        Examples
        --------
        >>> import limeform as lf
        >>> data = lf.datasets.penicillin()
        >>> chunks = (data.iloc[start : start + 50] for start in range(0, len(data), 50))
        >>> model = lf.CrossProducts.from_chunks(chunks, "diameter ~ 1 + (1 | plate) + (1 | sample)", reml=False)
        >>> round(model.fit().llf, 4)
        -166.0942
        """
        scope = capture_context(context + 1 if isinstance(context, int) else context) or {}
        keywords = Keywords(se=se, variance=variance, weights=weights, offset=offset)
        _refuse_two(keywords)
        source = _Source(chunks)
        parsed = parse(formula)
        design = first_design(parsed, source.first, keywords, scope, categories or {})
        known = se is not None or variance is not None
        covariance = BlockDiagonal(
            tuple(STRUCTURES[term.covariance](len(term.names)) for each in design.factors for term in each.terms)
        )
        reducer = _reducer(design, keywords, categories or {}, covariance, known)
        total = source.reduce(reducer)
        model = cls.__new__(cls)
        model._take(design, total, reducer, covariance, known, keywords)
        model.reml = True if reml is None else bool(reml)
        return model

    def _take(
        self,
        design: Design,
        total: ChunkSums,
        reducer: Reducer,
        covariance: BlockDiagonal,
        known: bool,
        keywords: Keywords,
    ) -> None:
        """Become the model of the sums over all chunks."""
        try:
            sums, coordinates = into_coordinates(total.sums, reducer.coordinates, covariance, known)
        except DependentColumnError as error:
            name = design.names[error.args[0]]
            raise DataError(f"column {name!r} is explained by earlier ones: leave it out of the formula") from None
        for random, keys in zip(design.factors, total.keys, strict=True):
            if len(keys) < 2:
                raise DataError(f"grouping factor {random.factor!r} has one level: leave the random term out")
            if len(keys) * len(random.names) >= total.rows and not known:
                raise DataError(
                    f"{random.factor!r} has {len(keys)} levels for {total.rows} rows, so the residual variance cannot "
                    "be told from that of the random effects: give se= if the sampling errors are known"
                )
        self.formula, self.keywords = design.recipe.formula, keywords
        self.design = _without_rows(design, total)
        self.trim, self.reml_reason, self._always = Trimming(0.0), "", np.zeros(0, dtype=bool)
        self.source, self.restrictions, self._joint, self.warm_weights = None, None, None, None
        factors = tuple(
            FactorRows(np.zeros(0, np.int32), len(keys), columns)
            for keys, columns in zip(total.keys, reducer.columns, strict=True)
        )
        empty = np.zeros((0, len(design.names))), np.zeros((0, covariance.size)), np.zeros(0), np.zeros(0)
        residual = ResidualVariance.KNOWN if known else ResidualVariance.SHARED
        products = assemble(sums, coordinates)
        _refuse_confounded(design, products)
        self._setup = Setup(CrossedRows(*empty, factors), covariance, residual, products)


def _refuse_confounded(design: Design, products: CrossedProducts) -> None:
    """Refuse two factors with the same levels under other names: their variances could not be told apart."""
    for pair in products.pairs:
        one, other = design.factors[products.order[pair.first]], design.factors[products.order[pair.second]]
        met, sizes = len(pair.rows), (len(np.unique(pair.rows)), len(np.unique(pair.columns)))
        shared = [name for name in one.names if name in other.names]
        if shared and sizes == (met, met):
            raise DataError(
                f"grouping factors {one.factor!r} and {other.factor!r} divide the rows alike ({met} levels each), so "
                f"the variances of {', '.join(shared)} cannot be told apart: leave one of them out"
            )


def _refuse_two(keywords: Keywords) -> None:
    known = [key for key in keywords.given() if key in ("se", "variance", "weights")]
    if len(known) > 1:
        raise OptionError(f"{known[0]}= and {known[1]}= exclude each other")
    for key, value in keywords.given().items():
        if not isinstance(value, str):
            raise OptionError(f"{key}= has to be the name of a column of the chunks")


def _reducer(
    design: Design, keywords: Keywords, categories: Categories, covariance: BlockDiagonal, known: bool
) -> Reducer:
    stops = np.cumsum([random.z.shape[1] for random in design.factors])
    columns = tuple(
        slice(int(stop) - random.z.shape[1], int(stop)) for random, stop in zip(design.factors, stops, strict=True)
    )
    z = np.hstack([random.z for random in design.factors])
    coordinates = choose_coordinates(design.shifted, design.x, z, design.errors.precision, covariance, known)
    return Reducer(_without_rows(design, None), keywords, categories, coordinates, columns)


def _without_rows(design: Design, total: ChunkSums | None) -> Design:
    """Return the design with the levels of all chunks and no rows."""
    none = np.zeros(0)
    factors = tuple(
        _with_levels(random, random.keys if total is None else total.keys[f]) for f, random in enumerate(design.factors)
    )
    return replace(
        design,
        y=none,
        offset=none,
        x=design.x[:0],
        factors=factors,
        errors=replace(design.errors, weights=none, variance=None if design.errors.variance is None else none),
        index=design.index[:0],
        missing=Missing(0, ()) if total is None else Missing(total.missing, (("any column", total.missing),)),
        rows_read=0 if total is None else total.rows,
    )


def _with_levels(random: GroupedEffects, keys: pd.Index) -> GroupedEffects:
    return replace(random, keys=keys, levels=shown_levels(keys), codes=np.zeros(0, np.int32), z=random.z[:0])


class _Source:
    """Chunks from an iterable, or the partitions of a Dask frame."""

    def __init__(self, chunks: Iterable[object]) -> None:
        self._partitions = chunks.to_delayed() if hasattr(chunks, "to_delayed") else None
        if self._partitions is not None:
            self.first: object = chunks.partitions[0].compute()  # type: ignore[attr-defined]
            self._rest: Iterator[object] = iter(())
            return
        if isinstance(chunks, (pd.DataFrame, Mapping)):
            chunks = [chunks]
        self._rest = iter(chunks)
        try:
            self.first = next(self._rest)
        except StopIteration:
            raise DataError("there are no chunks") from None

    def reduce(self, reducer: Reducer) -> ChunkSums:
        """Reduce all chunks, and add the sums in a balanced tree so that no large one is copied often."""
        if self._partitions is not None:
            return _reduce_on_cluster(self._partitions, reducer)
        stack: list[tuple[int, ChunkSums]] = [(0, reducer(self.first))]
        self.first = None
        for chunk in self._rest:
            stack.append((0, reducer(chunk)))
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (depth, later), (_, earlier) = stack.pop(), stack.pop()
                stack.append((depth + 1, merged(earlier, later)))
        total = stack.pop()[1]
        while stack:
            total = merged(stack.pop()[1], total)
        return total


def _reduce_on_cluster(partitions: list[Any], reducer: Reducer) -> ChunkSums:
    """Reduce partitions where they are, and add the sums pairwise on the workers."""
    from dask.delayed import delayed

    parts = [delayed(reducer)(partition) for partition in partitions]
    while len(parts) > 1:
        parts = [
            delayed(merged)(*parts[i : i + 2]) if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)
        ]
    total: ChunkSums = parts[0].compute()
    return total

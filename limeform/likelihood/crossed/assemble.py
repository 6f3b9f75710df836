"""Sums over rows to sufficient statistics: the order of elimination, and the pairs of levels in that order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import Coordinates, chunks, recentre
from limeform.likelihood.crossed.reduction import ready_for_response, ready_of
from limeform.likelihood.crossed.statistics import (
    CrossedProducts,
    CrossedRows,
    LongArray,
    Pair,
    Partial,
    Shape,
    Sums,
    partial_sums,
)
from limeform.likelihood.crossproducts import IntArray, sum_outer, working_rows

LOW = (1 << 31) - 1


def crossed_products(y: FloatArray, rows: CrossedRows, coordinates: Coordinates) -> CrossedProducts:
    """Reduce the rows to sufficient statistics, touching each once.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response less offset.
    rows : CrossedRows
        Columns, precisions, weights and levels.
    coordinates : Coordinates
        Working coordinates.

    Returns
    -------
    CrossedProducts
    """
    return assemble(partial_sums(y, rows, coordinates), coordinates)


def with_crossed_response(products: CrossedProducts, y: FloatArray, rows: CrossedRows) -> CrossedProducts:
    """Return the statistics of another response on the same rows; all that does not depend on y is kept.

    Parameters
    ----------
    products : CrossedProducts
        Statistics of the first response.
    y : ndarray, shape (n,)
        New response less offset.
    rows : CrossedRows
        The rows that ``products`` came from.

    Returns
    -------
    CrossedProducts
    """
    p, s = products.n_fixed, rows.n_strata
    coordinates = recentre(products.coordinates, y, rows.x, rows.precision)
    strata = np.zeros(len(y), np.int32) if rows.strata is None else rows.strata
    factors = [rows.factors[f] for f in products.order]
    cells = [
        _cells_of_rows(sums, factor.codes, strata, s) for sums, factor in zip(products.border, factors, strict=True)
    ]
    border, gram = [sums.values.copy() for sums in products.border], np.zeros((p + 1, 1, s))
    for each in border:
        each[:, p] = 0.0
    for part in chunks(len(y), 1 << 20):
        z, xy, v = working_rows(y, rows, coordinates, part)
        for factor, codes, values in zip(factors, cells, border, strict=True):
            weighted = z[:, factor.columns] * v[:, None]
            values[:, p] += sum_outer(weighted, xy[:, p:], codes[part], values.shape[2])[:, :, 0]
        gram += sum_outer(xy * v[:, None], xy[:, p:], strata[part], s).transpose(0, 2, 1)
    whole = products.gram.copy()
    whole[:, p] = whole[p] = gram[:, 0]
    new = tuple(replace(sums, values=values) for sums, values in zip(products.border, border, strict=True))
    changed = replace(products, border=new, gram=whole, coordinates=coordinates, derived={})
    if rows.strata is None:
        changed.derived["ready"] = ready_for_response(changed, ready_of(products))
    return changed


def _cells_of_rows(sums: Sums, codes: IntArray, strata: IntArray, s: int) -> IntArray:
    """Return the cell of each row."""
    if sums.owner is None or sums.stratum is None:
        return codes
    keys = sums.owner.astype(np.int64) * s + sums.stratum
    return np.searchsorted(keys, codes.astype(np.int64) * s + strata).astype(np.int32)


def assemble(sums: Partial, coordinates: Coordinates) -> CrossedProducts:
    """Put sums over all rows into the order of elimination.

    Parameters
    ----------
    sums : Partial
        Sums over all rows.
    coordinates : Coordinates
        Their coordinates.

    Returns
    -------
    CrossedProducts
    """
    s = len(sums.weight)
    order, chain = elimination_order(sums)
    pairs, off = [], []
    for a in range(len(order)):
        for b in range(a + 1, len(order)):
            pair, values = _oriented(sums, order, a, b, s)
            pairs.append(pair)
            off.append(values)
    return CrossedProducts(
        shapes=tuple(Shape(sums.levels[f], sums.columns[f]) for f in order),
        order=tuple(order),
        chain=chain,
        pairs=tuple(pairs),
        diagonal=tuple(_by_level(sums.diagonal[f], sums.cells[f], sums.levels[f], s) for f in order),
        off_diagonal=tuple(off),
        border=tuple(_by_level(sums.border[f], sums.cells[f], sums.levels[f], s) for f in order),
        gram=sums.gram,
        weight=sums.weight.astype(np.float64),
        log_precision=sums.log_precision,
        coordinates=coordinates,
    )


def elimination_order(sums: Partial) -> tuple[list[int], int]:
    """Return the factors in order of elimination, and how many of them go level by level.

    The largest comes first. A factor in which all earlier ones are nested stays block-diagonal (each of their levels
    touches one of its levels), so it goes level by level too; the others follow, largest first.
    """
    s = len(sums.weight)
    sizes = [m * (c.stop - c.start) for m, c in zip(sums.levels, sums.columns, strict=True)]
    by_size = sorted(range(len(sizes)), key=lambda f: -sizes[f])
    meetings = {pair: _owners(keys, s) for pair, keys in sums.keys.items()}
    chain = [by_size[0]]
    for g in by_size[1:]:
        nested = all(len(meetings[min(e, g), max(e, g)]) == sums.levels[e] for e in chain)
        if nested and _cheap_to_eliminate(g, chain, meetings, sizes, sums):
            chain.append(g)
    rest = [f for f in by_size if f not in chain]
    return chain + rest, len(chain)


def _cheap_to_eliminate(
    g: int, chain: list[int], meetings: dict[tuple[int, int], LongArray], sizes: list[int], sums: Partial
) -> bool:
    """Say whether eliminating ``g`` level by level costs less than leaving it in the remainder."""
    others = [f for f in range(len(sizes)) if f != g and f not in chain]
    width = sum(sizes[f] for f in others)
    touched = np.zeros(sums.levels[g])
    for f in others:
        keys = meetings[min(f, g), max(f, g)]
        level = keys >> 31 if g < f else keys & LOW
        touched += np.bincount(level, minlength=sums.levels[g]) * (sums.columns[f].stop - sums.columns[f].start)
    return float(touched @ touched) / 2 <= max(5e6, 2.0 * width**2)


def _owners(keys: LongArray, s: int) -> LongArray:
    """Return the distinct pairs of levels, strata left out."""
    return keys if s == 1 else np.unique(keys // s)


def _by_level(values: FloatArray, cells: LongArray, levels: int, s: int) -> Sums:
    if s == 1 and len(cells) == levels:
        return Sums(values, None, None, levels)
    owner, stratum = (cells // s).astype(np.int32), (cells % s).astype(np.int32)
    sums = Sums(values, owner, stratum, levels)
    return sums if s > 1 else Sums(sums.at(None), None, None, levels)


def _oriented(sums: Partial, order: list[int], a: int, b: int, s: int) -> tuple[Pair, Sums]:
    """Return the pairs of levels of two factors and their sums, sorted in order of elimination."""
    f, g = order[a], order[b]
    keys, values = sums.keys[min(f, g), max(f, g)], sums.off_diagonal[min(f, g), max(f, g)]
    pair, stratum = (keys, None) if s == 1 else (keys // s, (keys % s).astype(np.int32))
    if f > g:
        pair = (pair & LOW) << 31 | pair >> 31
        values = values.transpose(1, 0, 2)
        sort = np.argsort(pair, kind="stable")
        pair, values = pair[sort], np.ascontiguousarray(values[:, :, sort])
        stratum = None if stratum is None else stratum[sort]
    owner = None
    if stratum is not None:
        pair, inverse = np.unique(pair, return_inverse=True)
        owner = inverse.astype(np.int32)
    meeting = Pair(a, b, (pair >> 31).astype(np.int32), (pair & LOW).astype(np.int32))
    return meeting, Sums(values, owner, stratum, len(pair))

"""Conditional covariances of effects that meet in some row, and the leverages of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import chunks
from limeform.likelihood.crossed.plan import find_pairs
from limeform.likelihood.crossed.reduction import CrossedReduction, cross_covariance
from limeform.likelihood.crossed.statistics import CrossedRows


def own_covariances(reduction: CrossedReduction) -> list[FloatArray]:
    """Return the conditional covariance of the effects of every level by factor, each (k, k, m).

    Parameters
    ----------
    reduction : CrossedReduction
        The factorisation, at unit variance.

    Returns
    -------
    list of ndarray
        In order of elimination.
    """
    gammas = [each.gamma for each in reduction.eliminated]
    gammas += [root @ root.T for root in reduction.factored.roots]
    return [
        gamma[:, :, None] - np.einsum("ab,bcm,cd->adm", gamma, each.marginal, gamma, optimize=True)
        for gamma, each in zip(gammas, reduction.by_factor(), strict=True)
    ]


def pair_covariances(reduction: CrossedReduction) -> list[FloatArray]:
    """Return the conditional covariances of levels that meet, each (k_f, k_g, c), by pair of factors."""
    covariance, plan = reduction.covariance(), reduction.ready.plan
    products, offsets = plan.products, plan.products.offsets
    first = reduction.eliminated[0]
    sorted_pairs = cross_covariance(first, reduction.ready.products[0].meet(covariance))
    unsorted = np.empty_like(sorted_pairs)
    unsorted[:, plan.stages[0].source] = sorted_pairs
    found, used = [], 0
    for number, pair in enumerate(products.pairs):
        one, other, count = products.shapes[pair.first], products.shapes[pair.second], len(pair.rows)
        if pair.first == 0:
            block = unsorted[:, used : used + other.width * count].reshape(one.width, other.width, count)
            used += other.width * count
        elif plan.off_diagonal[number] >= 0:
            start = plan.off_diagonal[number]
            block = covariance[start : start + one.width * other.width * count]
            block = block.reshape(one.width, other.width, count)
        else:
            block = np.empty((one.width, other.width, count))
            column = offsets[pair.first] + pair.rows.astype(np.int64) * one.width
            row = offsets[pair.second] + pair.columns.astype(np.int64) * other.width
            for a in range(one.width):
                for b in range(other.width):
                    block[a, b] = covariance[plan.remainder.positions(row + b, column + a)]
        found.append(block)
    return found


def row_leverages(reduction: CrossedReduction, rows: CrossedRows) -> FloatArray:
    """Return z'Cz of every row: the conditional variance of its random part, in units of the working error variance.

    Parameters
    ----------
    reduction : CrossedReduction
        The factorisation at the variances and weights of interest.
    rows : CrossedRows
        Rows whose levels all met in the rows that the statistics came from (they may have weight zero).

    Returns
    -------
    ndarray, shape (n,)
    """
    products = reduction.products
    own, met = own_covariances(reduction), pair_covariances(reduction)
    factors = [rows.factors[f] for f in products.order]
    total = np.zeros(len(rows.weights))
    for part in chunks(len(total)):
        z = rows.z[part] @ products.coordinates.effects
        for factor, block in zip(factors, own, strict=True):
            mine = z[:, factor.columns]
            total[part] += np.einsum("na,abn,nb->n", mine, block[:, :, factor.codes[part]], mine, optimize=True)
        for pair, block in zip(products.pairs, met, strict=True):
            one, other = factors[pair.first], factors[pair.second]
            number = find_pairs(pair, one.codes[part], other.codes[part])
            left, right = z[:, one.columns], z[:, other.columns]
            total[part] += 2.0 * np.einsum("na,abn,nb->n", left, block[:, :, number], right, optimize=True)
    return total


def row_effects(reduction: CrossedReduction, rows: CrossedRows) -> Callable[[FloatArray, slice], FloatArray]:
    """Return what gives Z C Z'V[X y] of some rows, (rows, p + 1), from their working random-effects columns."""
    effects = reduction.effects()
    factors = [rows.factors[f] for f in reduction.products.order]

    def of_rows(z: FloatArray, part: slice) -> FloatArray:
        return np.asarray(
            sum(
                np.einsum("na,acn->nc", z[:, factor.columns], values[:, :, factor.codes[part]])
                for factor, values in zip(factors, effects, strict=True)
            ),
            dtype=np.float64,
        )

    return of_rows

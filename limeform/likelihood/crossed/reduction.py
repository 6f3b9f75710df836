"""The statistics at given variances, several grouping factors: the blocked factorisation and what is read from it.

With T_l = (D_l^- + Gamma)^- for the blocks D_l of the factor that is eliminated, and B_l, b_l the coefficients of the
later columns and of [X y] on its columns within level l,

    S <- (S - sum B'DB) + sum B'TB,   border <- (border - sum B'Db) + sum B'Tb,   gram <- (gram - sum b'Db) + sum b'Tb.

What stands in brackets is split off once, so that no digits are lost where a variance is very large. Backwards, with c
the conditional covariance of the later effects (Takahashi, Fagan & Chen 1973, by blocks),

    Z_l'P Z_l = T_l - T_l (B_l c B_l') T_l,    Z_l'P [X y] = T_l (b_l - B_l U),    U = c Z'P [X y] of the later ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from limeform.likelihood.batched import (
    FloatArray,
    cholesky,
    multiply,
    sandwiched,
    solve_lower,
    solve_upper,
    summed_product,
)
from limeform.likelihood.crossed.plan import Plan, Stage, initial_workspace, make_plan, off_diagonal_values
from limeform.likelihood.crossed.products import PairProducts
from limeform.likelihood.crossed.remainder import Factored, factor
from limeform.likelihood.crossed.sparse_remainder import SparseFactored, factor_sparse
from limeform.likelihood.crossed.statistics import CrossedProducts
from limeform.likelihood.grouped import Groups, Reduction, reduce


@dataclass
class Columns:
    """The coefficients of later columns on those of a factor, within its levels.

    Attributes
    ----------
    groups : Groups
        The factor's own blocks and the coefficients of [X y]; ``within`` is gram less sum b'Db.
    blocks : ndarray, shape (k, k, m)
        D.
    beta : list of sparse array
        By effect of a level: B, (later effects, m).
    """

    groups: Groups
    blocks: FloatArray
    beta: list[sparse.csc_array]


@dataclass
class Ready:
    """Statistics at given error variances, before any Gamma.

    Attributes
    ----------
    plan : Plan
        Where everything is kept.
    diagonal, off_diagonal : list of ndarray
        Blocks of Z'VZ.
    border : list of ndarray
        Z'V[X y] by factor, (k, p + 1, m).
    gram : ndarray, shape (p + 1, p + 1)
        [X y]'V[X y].
    first : Columns
        Of the factor that is eliminated first.
    work, later : ndarray
        The workspace, and the border of all later effects, less sum B'DB and sum B'Db.
    products : list of PairProducts
        By stage.
    """

    plan: Plan
    diagonal: list[FloatArray]
    off_diagonal: list[FloatArray]
    border: list[FloatArray]
    gram: FloatArray
    first: Columns
    work: FloatArray
    later: FloatArray
    products: list[PairProducts]


def ready_of(products: CrossedProducts) -> Ready:
    """Return the statistics at unit variance, made ready once and kept with them."""
    if "ready" not in products.derived:
        products.derived["ready"] = make_ready(products)
    ready = products.derived["ready"]
    assert isinstance(ready, Ready)
    return ready


def make_ready(products: CrossedProducts, scale: FloatArray | None = None, like: Ready | None = None) -> Ready:
    """Add up the strata and split off what no Gamma touches.

    Parameters
    ----------
    products : CrossedProducts
        Sufficient statistics.
    scale : ndarray, shape (s,), optional
        Precision of each stratum; ones if left out.
    like : Ready, optional
        An earlier result for statistics of the same pattern, whose plan is used again.

    Returns
    -------
    Ready
    """
    plan = make_plan(products) if like is None else like.plan
    diagonal = [sums.at(scale) for sums in products.diagonal]
    off_diagonal = [sums.at(scale) for sums in products.off_diagonal]
    border = [sums.at(scale) for sums in products.border]
    gram = products.gram.sum(axis=2) if scale is None else products.gram @ scale
    stage = plan.stages[0]
    pairs = like.products if like is not None else [PairProducts(plan, each, each.factor == 0) for each in plan.stages]
    entries = off_diagonal_values(products, 0, off_diagonal)[:, stage.source]
    columns = _columns(plan, stage, pairs[0], diagonal[0], entries, border[0], gram)
    later = _stacked(border[1:], len(gram))
    explained = multiply(columns.blocks, columns.groups.coefficients)
    work = initial_workspace(plan, diagonal, off_diagonal)
    work -= pairs[0].forward(columns.blocks)
    return Ready(
        plan=plan,
        diagonal=diagonal,
        off_diagonal=off_diagonal,
        border=border,
        gram=gram,
        first=columns,
        work=work,
        later=later - _spread(columns, explained),
        products=pairs,
    )


def ready_for_response(products: CrossedProducts, like: Ready) -> Ready:
    """Return what `make_ready` returns for statistics that differ from those of ``like`` in the response only."""
    border = [sums.at(None) for sums in products.border]
    gram, old = products.gram.sum(axis=2), like.first
    coefficients = solve_upper(old.groups.factor, solve_lower(old.groups.factor, border[0]))
    within = gram - summed_product(coefficients, border[0])
    columns = replace(old, groups=Groups(old.groups.factor, coefficients, (within + within.T) / 2))
    later = _stacked(border[1:], len(gram))
    later = later - _spread(columns, multiply(columns.blocks, coefficients))
    plan = replace(like.plan, products=products)
    return replace(like, plan=plan, border=border, gram=gram, first=columns, later=later)


def _columns(
    plan: Plan,
    stage: Stage,
    pairs: PairProducts,
    blocks: FloatArray,
    entries: FloatArray,
    border: FloatArray,
    gram: FloatArray,
) -> Columns:
    """Regress all later columns on those of a factor, level by level."""
    root = cholesky(blocks)
    own = np.ascontiguousarray(root[:, :, _level_of_pair(stage)])
    beta = solve_upper(own, solve_lower(own, entries[:, None]))[:, 0]
    pairs.set_columns(beta)
    coefficients = solve_upper(root, solve_lower(root, border))
    within = gram - summed_product(coefficients, border)
    first, later = plan.products.offsets[1], plan.products.offsets[-1]
    shape = (later - first, blocks.shape[2])
    start = stage.pair_start.astype(stage.pair_row.dtype)
    matrices = [sparse.csc_array((row, stage.pair_row - first, start), shape=shape) for row in beta]
    return Columns(Groups(root, coefficients, (within + within.T) / 2), blocks, matrices)


def _level_of_pair(stage: Stage) -> FloatArray:
    return np.repeat(np.arange(len(stage.pair_start) - 1), np.diff(stage.pair_start))


def _stacked(border: list[FloatArray], columns: int) -> FloatArray:
    """Return the borders of several factors as (effects, columns)."""
    parts = [block.transpose(2, 0, 1).reshape(-1, columns) for block in border]
    return np.concatenate(parts) if parts else np.zeros((0, columns))


def _spread(columns: Columns, values: FloatArray) -> FloatArray:
    """Return sum_l B_l' v_l, shape (later effects, h), from v of shape (k, h, m)."""
    total: FloatArray = sum(matrix @ each.T for matrix, each in zip(columns.beta, values, strict=True))
    return total


@dataclass
class Eliminated:
    """One factor after its elimination.

    Attributes
    ----------
    stage : Stage
        Which factor.
    columns : Columns
        Coefficients of later columns.
    gamma : ndarray, shape (k, k)
        Its Gamma.
    marginal, crossed : ndarray, shape (k, k, m), (k, p + 1, m)
        T and T b.
    """

    stage: Stage
    columns: Columns
    gamma: FloatArray
    marginal: FloatArray
    crossed: FloatArray


@dataclass
class CrossedReduction:
    """What the Gaussian likelihood needs at one Gamma.

    Attributes
    ----------
    ready : Ready
        The statistics.
    eliminated : list of Eliminated
        Factors that went level by level.
    factored : Factored or SparseFactored
        The remainder.
    later : ndarray, shape (later effects, p + 1)
        Border after all eliminations.
    gram : ndarray, shape (p + 1, p + 1)
        [X y]'P[X y].
    log_det : float
        ln|I + L'SL|.
    """

    ready: Ready
    eliminated: list[Eliminated]
    factored: Factored | SparseFactored
    later: FloatArray
    gram: FloatArray
    log_det: float
    _by_factor: list[Reduction] | None = field(default=None, repr=False)
    _covariance: FloatArray | None = field(default=None, repr=False)

    @property
    def products(self) -> CrossedProducts:
        """The statistics."""
        return self.ready.plan.products

    def by_factor(self) -> list[Reduction]:
        """Return Z'PZ and Z'P[X y] level by level of each factor, in order of elimination."""
        if self._by_factor is None:
            self._by_factor = self._differentiate()
        return self._by_factor

    def covariance(self) -> FloatArray:
        """Return the conditional covariances C of all effects but the first factor's, laid out as the workspace."""
        self.by_factor()
        assert self._covariance is not None
        return self._covariance

    def effects(self) -> list[FloatArray]:
        """Return U = C Z'V[X y] of each factor, (k, p + 1, m)."""
        gammas = [each.gamma for each in self.eliminated] + [root @ root.T for root in self.factored.roots]
        return [np.tensordot(g, each.crossed, axes=1) for g, each in zip(gammas, self.by_factor(), strict=True)]

    def _differentiate(self) -> list[Reduction]:
        plan, chain = self.ready.plan, self.products.chain
        covariance, doubled = self._remainder_covariance()
        effects = np.zeros_like(self.later)
        rest = slice(plan.remainder.first - self.products.offsets[1], None)
        effects[rest], crossed = self.factored.solve(self.later[rest])
        found = [
            Reduction(marginal, self._of_levels(f, crossed, plan.remainder.first), self.gram, np.zeros(0))
            for f, marginal in zip(
                range(chain, len(self.products.shapes)), self.factored.marginals(covariance), strict=True
            )
        ]
        for each, pairs in zip(self.eliminated[::-1], self.ready.products[::-1], strict=True):
            back = multiply(multiply(each.marginal, pairs.backward(doubled)), each.marginal)
            fitted = np.stack([(matrix.T @ effects).T for matrix in each.columns.beta])
            reduction = Reduction(
                each.marginal - back, each.crossed - multiply(each.marginal, fitted), self.gram, np.zeros(0)
            )
            found.insert(0, reduction)
            if each.stage.factor:
                self._keep_covariance(each, pairs, reduction, covariance, doubled)
                own = self._slice(each.stage.factor, self.products.offsets[1])
                modes = np.tensordot(each.gamma, reduction.crossed, axes=1)
                effects[own] = modes.transpose(2, 0, 1).reshape(-1, effects.shape[1])
        self._covariance = covariance
        return found

    def _remainder_covariance(self) -> tuple[FloatArray, FloatArray]:
        """Return C of the remainder, and the same with entries off the diagonal doubled."""
        remainder = self.ready.plan.remainder
        covariance = self.factored.covariance()
        doubled = 2.0 * covariance
        every = remainder.first + np.arange(remainder.size)
        doubled[remainder.positions(every, every)] /= 2.0
        return covariance, doubled

    def _keep_covariance(
        self, each: Eliminated, pairs: PairProducts, reduction: Reduction, covariance: FloatArray, doubled: FloatArray
    ) -> None:
        """Write the conditional covariances that involve an eliminated factor where earlier ones look for them."""
        gamma = each.gamma
        own = gamma[:, :, None] - sandwiched(gamma, reduction.marginal)
        covariance[each.stage.diagonal] = own
        doubled[each.stage.diagonal] = 2.0 * own
        for a in range(len(gamma)):
            doubled[each.stage.diagonal[a, a]] = own[a, a]
        cross = cross_covariance(each, pairs.meet(covariance))
        covariance[each.stage.entries], doubled[each.stage.entries] = cross, 2.0 * cross

    def _slice(self, f: int, first: int) -> slice:
        return slice(self.products.offsets[f] - first, self.products.offsets[f + 1] - first)

    def _of_levels(self, f: int, rows: FloatArray, first: int) -> FloatArray:
        """Return the rows of one factor as (k, p + 1, m)."""
        k = self.products.shapes[f].width
        part = rows[self._slice(f, first)].reshape(-1, k, rows.shape[1])
        return np.ascontiguousarray(part.transpose(1, 2, 0))


def cross_covariance(each: Eliminated, met: FloatArray) -> FloatArray:
    """Return the conditional covariances between a level's effects and the later ones that meet it, (k, pairs).

    They are -C_l D_l (B_l c)_pair = -Gamma T_l (B_l c)_pair, with C_l given the later effects.
    """
    level = _level_of_pair(each.stage)
    moved = np.zeros_like(met)
    for a in range(len(met)):
        for b in range(len(met)):
            moved[a] += each.marginal[a, b, level] * met[b]
    return -(each.gamma @ moved)


def reduce_crossed(ready: Ready, gammas: list[FloatArray]) -> CrossedReduction:
    """Integrate the random effects out, factor after factor.

    Parameters
    ----------
    ready : Ready
        Statistics.
    gammas : list of ndarray
        Gamma of each factor, (k, k), in order of elimination.

    Returns
    -------
    CrossedReduction
    """
    plan, products = ready.plan, ready.plan.products
    columns, later, eliminated = ready.first, ready.later, []
    start = reduce(columns.groups, gammas[0])
    work = ready.work + ready.products[0].forward(start.marginal)
    later = later + _spread(columns, start.crossed)
    gram, log_det = start.gram, start.log_det
    eliminated.append(Eliminated(plan.stages[0], columns, gammas[0], start.marginal, start.crossed))
    for stage, pairs, gamma in zip(plan.stages[1:], ready.products[1:], gammas[1:], strict=False):
        own = slice(
            products.offsets[stage.factor] - products.offsets[1],
            products.offsets[stage.factor + 1] - products.offsets[1],
        )
        blocks = work[np.maximum(stage.diagonal, stage.diagonal.transpose(1, 0, 2))]
        border = np.ascontiguousarray(later[own].reshape(-1, len(gamma), len(gram)).transpose(1, 2, 0))
        columns = _columns(plan, stage, pairs, blocks, work[stage.entries], border, gram)
        step = reduce(columns.groups, gamma)
        work += pairs.forward(step.marginal - blocks)
        later += _spread(columns, step.crossed - multiply(blocks, columns.groups.coefficients))
        gram, log_det = step.gram, log_det + step.log_det
        eliminated.append(Eliminated(stage, columns, gamma, step.marginal, step.crossed))
    pattern, left = plan.remainder.pattern, gammas[products.chain :]
    factored = factor(plan, work, left) if pattern is None else factor_sparse(plan, pattern, work, left)
    rest = later[plan.remainder.first - products.offsets[1] :]
    gram = gram - factored.half(rest)
    return CrossedReduction(ready, eliminated, factored, later, gram, log_det + factored.log_det)

"""Rows drawn with replacement: whole groups where there are groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limeform.design import Curve, Design, GroupedEffects, NonlinearBlock
from limeform.design.intervals import Exposure
from limeform.errors import OptionError

IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class CaseSampling:
    """How rows fall into units that are drawn as a whole.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Rows sorted by unit.
    first : ndarray of int, shape (units + 1,)
        Where each unit begins in ``order``.
    """

    order: IntArray
    first: IntArray

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.first) - 1

    def unit_of_row(self) -> NDArray[np.int32]:
        """Return the unit of each row, shape (n,)."""
        units = np.empty(len(self.order), dtype=np.int32)
        units[self.order] = np.repeat(np.arange(self.units), np.diff(self.first))
        return units

    def draw(self, rng: np.random.Generator) -> IntArray:
        """Return the numbers of as many units as there are, drawn with replacement."""
        return np.asarray(rng.integers(self.units, size=self.units), dtype=np.intp)

    def without(self, unit: int) -> IntArray:
        """Return the numbers of all units but one."""
        return np.delete(np.arange(self.units), unit)

    def rows(self, chosen: IntArray) -> tuple[IntArray, NDArray[np.int32]]:
        """Return the rows of the chosen units, and for each row its unit's place among the chosen."""
        sizes = self.first[chosen + 1] - self.first[chosen]
        place = np.repeat(np.arange(len(chosen)), sizes)
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.order[np.repeat(self.first[chosen], sizes) + within], place.astype(np.int32)


def case_sampling(design: Design) -> CaseSampling:
    """Return the units of a design: the levels of the outermost grouping factor, or the rows where there is none.

    Raises
    ------
    OptionError
        If grouping factors are crossed: then no factor has the levels of all others inside its own.
    """
    n = len(design.y)
    if not design.factors:
        return CaseSampling(np.arange(n), np.arange(n + 1))
    outer = next((factor for factor in design.factors if _holds_all(factor, design.factors)), None)
    if outer is None:
        names = ", ".join(factor.factor for factor in design.factors)
        raise OptionError(
            f'kind="cases" draws whole groups, and the factors {names} are crossed: to draw levels of one is to tear '
            'those of the others apart, and no way to do so is right (McCullagh 2000). Give kind="parametric" or '
            '"residual", which draw the effects of each factor'
        )
    first = np.concatenate([[0], np.cumsum(np.bincount(outer.codes, minlength=len(outer.levels)))])
    return CaseSampling(np.argsort(outer.codes, kind="stable"), first)


def _holds_all(outer: GroupedEffects, factors: tuple[GroupedEffects, ...]) -> bool:
    """Say whether each level of every factor lies in one level of ``outer``."""
    m = len(outer.levels)
    return all(
        len(np.unique(factor.codes.astype(np.int64) * m + outer.codes)) == len(factor.levels) for factor in factors
    )


def take(design: Design, rows: IntArray, place: NDArray[np.int32]) -> Design:
    """Return the design of some rows; a unit that was drawn twice is two levels.

    Parameters
    ----------
    design : Design
        The design.
    rows : ndarray of int, shape (r,)
        Rows, in any number.
    place : ndarray of int32, shape (r,)
        Place among the drawn units of each of them.

    Returns
    -------
    Design
    """
    errors = design.errors
    return replace(
        design,
        y=design.y[rows],
        offset=design.offset[rows],
        x=design.x[rows],
        nonlinear=tuple(_taken_block(block, rows) for block in design.nonlinear),
        curves=tuple(take_curve(curve, rows) for curve in design.curves),
        factors=tuple(_taken(factor, rows, place) for factor in design.factors),
        errors=replace(
            errors,
            variance=None if errors.variance is None else errors.variance[rows],
            weights=errors.weights[rows],
            strata=None if errors.strata is None else errors.strata[rows],
        ),
        index=design.index[rows],
    )


def take_curve(curve: Curve, rows: IntArray) -> Curve:
    """Return a curve with the exposures of some rows."""
    return replace(
        curve,
        exposure=None if curve.exposure is None else _taken_exposure(curve.exposure, rows),
        reference=None if curve.reference is None else _taken_exposure(curve.reference, rows),
    )


def _taken_exposure(exposure: Exposure, rows: IntArray) -> Exposure:
    return Exposure(exposure.low[rows], exposure.high[rows])


def _taken_block(block: NonlinearBlock, rows: IntArray) -> NonlinearBlock:
    frame = None if block.frame is None else block.frame.iloc[rows]
    return replace(block, matrix=block.matrix[rows], frame=frame)


def _taken(factor: GroupedEffects, rows: IntArray, place: NDArray[np.int32]) -> GroupedEffects:
    """Return a factor on some rows, its levels those in each drawn unit."""
    pairs = place.astype(np.int64) * len(factor.levels) + factor.codes[rows]
    found, codes = np.unique(pairs, return_inverse=True)
    levels = pd.RangeIndex(len(found))
    return replace(factor, levels=levels, keys=levels, codes=codes.astype(np.int32), z=factor.z[rows])

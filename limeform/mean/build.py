"""The mean of a design: its linear columns and its nonlinear blocks together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from limeform.design import Design
from limeform.design.nonlinear import NonlinearBlock
from limeform.formula.expression import read_expression
from limeform.mean.parts import Expression, Linear, LogRatio, Mean, Total, UserFunction

FloatArray = NDArray[np.float64]


def mean_of(x: FloatArray, blocks: Sequence[NonlinearBlock]) -> Mean:
    """Return the mean function.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Linear columns.
    blocks : sequence of NonlinearBlock
        Nonlinear parts; their parameters follow those of the linear columns, in this order.

    Returns
    -------
    Mean
    """
    linear = Linear(x)
    if not blocks:
        return linear
    sizes = [x.shape[1], *(len(block.names) for block in blocks)]
    ends = list(accumulate(sizes))
    slices = tuple(slice(end - size, end) for end, size in zip(ends, sizes, strict=True))
    return Total((linear, *map(_part, blocks)), slices)


def linearised(design: Design, beta: FloatArray) -> Design:
    """Return a linear design with the same mean and derivatives at ``beta``, shape (p,); a linear design as it is."""
    if not design.nonlinear:
        return design
    value, jacobian = mean_of(design.x, design.nonlinear).evaluate(beta)
    return replace(design, x=jacobian, offset=design.offset + value - jacobian @ beta, nonlinear=())


def _part(block: NonlinearBlock) -> Mean:
    if block.kind == "log_ratio":
        size = len(block.names)
        return LogRatio(block.matrix[:, :size], block.matrix[:, size:])
    if block.function is not None and block.frame is not None:
        return UserFunction(block.function.function, block.function.jacobian, block.names, block.frame)
    columns = {name: block.matrix[:, j] for j, name in enumerate(block.columns)}
    return Expression(read_expression(block.text), block.names, columns, len(block.matrix))

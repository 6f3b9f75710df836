"""The table of blocks of a model: how each will be kept during the fit."""

from __future__ import annotations

import pandas as pd

from limeform.design import Design
from limeform.errors import MemoryLimitError
from limeform.fit.setup import Setup
from limeform.likelihood import CrossedProducts, CrossProducts
from limeform.likelihood.crossed.storage import (
    SHARE,
    Block,
    available_memory,
    crossed_blocks,
    diagonal_block,
    storage_table,
)


def block_table(design: Design, setup: Setup) -> pd.DataFrame:
    """Return the blocks of the factorisation.

    Parameters
    ----------
    design : Design
        Arrays of the model.
    setup : Setup
        Its statistics.

    Returns
    -------
    DataFrame
        Columns ``rows, columns, storage, shape, numbers, MiB``, in order of elimination.
    """
    return storage_table(_blocks(design, setup.products))


def _blocks(design: Design, products: CrossProducts | CrossedProducts) -> list[Block]:
    if isinstance(products, CrossedProducts):
        return crossed_blocks(products, [random.factor for random in design.factors])
    return [diagonal_block(random.factor, len(random.levels), len(random.names)) for random in design.factors]


def check_memory(design: Design, products: CrossProducts | CrossedProducts) -> None:
    """Refuse a model that would not fit into memory, before any of it is taken.

    Raises
    ------
    MemoryLimitError
        With the memory foreseen, the memory there is, and the largest block.
    """
    if not isinstance(products, CrossedProducts) or products.derived:
        return
    blocks = _blocks(design, products)
    needed, available = sum(block.memory for block in blocks), available_memory()
    if needed > SHARE * available:
        largest = max(blocks, key=lambda block: block.memory)
        sizes = ", ".join(f"{random.factor!r} has {len(random.levels):,} levels" for random in design.factors)
        raise MemoryLimitError(
            f"this model would take about {needed / 2**30:.1f} GiB, and {available / 2**30:.1f} GiB are free: {sizes}; "
            f"the largest block is {largest.rows} × {largest.columns} ({largest.storage}, "
            f"{largest.memory / 2**30:.1f} GiB). Is one of these columns not a grouping factor? "
            "model.blocks() shows all blocks"
        )

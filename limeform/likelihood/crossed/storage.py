"""Which storage each block of the factorisation gets, and how much memory that takes, foreseen from the pattern."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd

from limeform.likelihood.crossed.components import component_sizes
from limeform.likelihood.crossed.pattern import sparse_pattern
from limeform.likelihood.crossed.products import AT_A_TIME, STORED
from limeform.likelihood.crossed.sparse_factor import factor_library
from limeform.likelihood.crossed.statistics import CrossedProducts

FLOAT, INDEX = 8, 4
COPIES = 7
"""Arrays of the remainder's size at the peak: before and after elimination, K, its inverse, covariances, and sums."""

SHARE = 0.9
"""Part of the available memory that a fit may take."""


@dataclass(frozen=True)
class Block:
    """One block of the factor of I + L'Z'VZL.

    Attributes
    ----------
    rows, columns : str
        Grouping factors.
    storage : str
        How it is kept.
    size : tuple of int
        Its shape.
    numbers : int
        Numbers kept.
    memory : int
        Bytes.
    """

    rows: str
    columns: str
    storage: str
    size: tuple[int, int]
    numbers: int
    memory: int


def crossed_blocks(products: CrossedProducts, names: list[str]) -> list[Block]:
    """Return the blocks in order of elimination.

    Parameters
    ----------
    products : CrossedProducts
        Statistics, for their pattern.
    names : list of str
        Grouping factors in the order of the formula.

    Returns
    -------
    list of Block
    """
    ordered = [names[f] for f in products.order]
    found = []
    for f, shape in enumerate(products.shapes[: products.chain]):
        found.append(diagonal_block(ordered[f], shape.levels, shape.width))
    for pair in products.pairs:
        if pair.first < products.chain:
            one, other = products.shapes[pair.first], products.shapes[pair.second]
            count = len(pair.rows) * one.width * other.width
            size = (other.size, one.size)
            memory = count * (4 * FLOAT + 2 * INDEX)
            found.append(Block(ordered[pair.second], ordered[pair.first], "sparse", size, count, memory))
    for f in range(products.chain):
        count = products_of(products, f)
        width = products.shapes[f].width
        values = count * width * (width + 1) // 2
        memory = values * FLOAT + count * INDEX if count <= STORED else AT_A_TIME * (FLOAT + 4 * INDEX)
        storage = "products, kept" if count <= STORED else "products, formed at each evaluation"
        if count:
            found.append(Block("later ones", ordered[f], storage, (count, products.shapes[f].levels), values, memory))
    sizes, label = component_sizes(products), ", ".join(ordered[products.chain :])
    pattern = sparse_pattern(products, 0)
    if pattern is not None:
        total, kept = int(sizes.sum()), pattern.factor_entries
        memory = 2 * kept * (FLOAT + INDEX) + len(pattern.rows) * (4 * FLOAT + 2 * FLOAT)
        found.append(Block(label, label, f"sparse, by {factor_library()}", (total, total), kept, memory))
    elif len(sizes):
        total, numbers = int(sizes.sum()), int((sizes**2).sum())
        kind = "dense" if len(sizes) == 1 else f"dense, {len(sizes):,} components of {sizes.min()} to {sizes.max()}"
        found.append(Block(label, label, kind, (total, total), numbers, COPIES * FLOAT * numbers))
    return found


def diagonal_block(factor: str, levels: int, width: int) -> Block:
    """Return the block of a factor that is eliminated level by level."""
    kind = "diagonal" if width == 1 else f"block-diagonal, {width} × {width}"
    count = levels * width**2
    return Block(factor, factor, kind, (levels * width, levels * width), count, 6 * FLOAT * count)


def products_of(products: CrossedProducts, f: int) -> int:
    """Return the number of products that the elimination of a factor takes."""
    counts = np.zeros(products.shapes[f].levels, np.int64)
    for pair in products.pairs:
        if pair.first == f:
            counts += np.bincount(pair.rows, minlength=len(counts)) * products.shapes[pair.second].width
    return int((counts * (counts + 1) // 2).sum())


def storage_table(blocks: list[Block]) -> pd.DataFrame:
    """Return blocks as a table with columns ``rows, columns, storage, shape, numbers, MiB``."""
    return pd.DataFrame(
        [
            {
                "rows": block.rows,
                "columns": block.columns,
                "storage": block.storage,
                "shape": f"{block.size[0]:,} × {block.size[1]:,}",
                "numbers": block.numbers,
                "MiB": round(block.memory / 2**20, 2),
            }
            for block in blocks
        ],
        columns=["rows", "columns", "storage", "shape", "numbers", "MiB"],
    )


def available_memory() -> int:
    """Return the bytes of memory that are free here, as far as the system says."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            fields = dict(line.split(":", 1) for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30

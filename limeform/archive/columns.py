"""Columns and indexes of a data frame to plain arrays and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype

from limeform.archive.file import Writer
from limeform.errors import ArchiveError

NULLABLE = ("boolean", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")


def encode_series(values: pd.Series, writer: Writer, name: str) -> dict[str, Any]:
    """Return a column as JSON can hold it, its values in arrays of the writer.

    Parameters
    ----------
    values : Series
        Numbers, booleans, text, dates, or categories of these.
    writer : Writer
        Takes the arrays.
    name : str
        For messages.

    Raises
    ------
    ArchiveError
        If the column is of another type.
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = encode_series(pd.Series(dtype.categories), writer, name)
        codes = writer.add(values.cat.codes.to_numpy())
        return {"kind": "categories", "codes": codes, "categories": categories, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, np.dtype) and dtype.kind in "biufmM":
        return {"kind": "plain", "values": writer.add(values.to_numpy())}
    if str(dtype) in NULLABLE:
        missing = values.isna().to_numpy(dtype=bool)
        extension: Any = dtype
        filled = values.to_numpy(dtype=extension.numpy_dtype, na_value=extension.type(0))
        return {"kind": "nullable", "dtype": str(dtype), "values": writer.add(filled), "missing": writer.add(missing)}
    if is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype):
        return _encode_texts(values, writer, name)
    raise ArchiveError(f"the column {name!r} cannot be stored: its type is {dtype}; convert it to numbers or text")


def _encode_texts(values: pd.Series, writer: Writer, name: str) -> dict[str, Any]:
    codes, levels = pd.factorize(values)
    wrong = next((level for level in levels if not isinstance(level, (str, bool, int, float, np.generic))), None)
    if wrong is not None:
        raise ArchiveError(f"the column {name!r} cannot be stored: it holds {type(wrong).__name__}, such as {wrong!r}")
    plain = [level.item() if isinstance(level, np.generic) else level for level in levels]
    dtype = (
        ("str" if str(values.dtype) == "str" else "string") if isinstance(values.dtype, pd.StringDtype) else "object"
    )
    return {"kind": "texts", "codes": writer.add(np.asarray(codes)), "levels": plain, "dtype": dtype}


def decode_series(tree: dict[str, Any], array: Callable[[str], Any]) -> pd.Series:
    """Return the column that `encode_series` was given.

    Raises
    ------
    ArchiveError
        If the document does not describe a column.
    """
    try:
        return _decoded(tree, lambda part: array(part["array"]))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ArchiveError(f"the file is damaged: a column cannot be read ({error})") from error


def _decoded(tree: dict[str, Any], get: Callable[[Any], Any]) -> pd.Series:
    kind = tree["kind"]
    if kind == "plain":
        return pd.Series(get(tree["values"]))
    if kind == "nullable":
        if tree["dtype"] not in NULLABLE:
            raise ValueError(f"unknown type {tree['dtype']!r}")
        values = pd.Series(get(tree["values"])).astype(tree["dtype"])
        return values.mask(get(tree["missing"]))
    codes = np.asarray(get(tree["codes"]))
    if kind == "texts":
        if not all(level is None or isinstance(level, (str, bool, int, float)) for level in tree["levels"]):
            raise ValueError("texts that are no texts")
        levels = pd.Series([*tree["levels"], None], dtype=object)
        values = pd.Series(levels.to_numpy()[codes], dtype=object)
        if tree["dtype"] not in ("object", "str", "string"):
            raise ValueError(f"unknown type {tree['dtype']!r}")
        return values.astype(tree["dtype"])
    if kind == "categories":
        categories = pd.Index(_decoded(tree["categories"], get))
        return pd.Series(pd.Categorical.from_codes(codes, categories=categories, ordered=bool(tree["ordered"])))
    raise ValueError(f"unknown kind {kind!r}")


def encode_index(index: pd.Index, writer: Writer) -> dict[str, Any]:
    """Return the labels of rows as JSON can hold them."""
    if isinstance(index, pd.RangeIndex) and (index.name is None or isinstance(index.name, str)):
        return {"kind": "range", "range": [index.start, index.stop, index.step], "names": [index.name]}
    names = [None if name is None else str(name) for name in index.names]
    if isinstance(index, pd.MultiIndex):
        parts = [pd.Series(index.get_level_values(level)) for level in range(index.nlevels)]
    else:
        parts = [pd.Series(index)]
    return {"kind": "labels", "names": names, "parts": [encode_series(part, writer, "index") for part in parts]}


def decode_index(tree: dict[str, Any], array: Callable[[str], Any]) -> pd.Index:
    """Return the labels that `encode_index` was given."""
    try:
        names = tree["names"]
        if tree["kind"] == "range":
            start, stop, step = tree["range"]
            return pd.RangeIndex(start, stop, step, name=names[0])
        parts = [decode_series(part, array) for part in tree["parts"]]
        if len(parts) == 1:
            labels: pd.Index = pd.Index(parts[0], name=names[0])
            return labels
        return pd.MultiIndex.from_arrays(parts, names=names)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArchiveError(f"the file is damaged: the labels of the rows cannot be read ({error})") from error

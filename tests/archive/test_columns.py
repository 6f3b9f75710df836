import numpy as np
import pandas as pd
import pytest

from limeform.archive import Writer, decode_index, decode_series, encode_index, encode_series
from limeform.errors import ArchiveError

COLUMNS = {
    "float": pd.Series([1.5, np.nan, -0.0]),
    "int": pd.Series([1, 2, 3], dtype="int32"),
    "bool": pd.Series([True, False, True]),
    "date": pd.Series(pd.to_datetime(["2020-01-01", None, "2021-01-01"])),
    "text": pd.Series(["a", None, "b"]),
    "object": pd.Series(["a", 1, None], dtype=object),
    "categories": pd.Series(pd.Categorical(["b", None, "a"], categories=["b", "a", "c"], ordered=True)),
    "numbered categories": pd.Series(pd.Categorical([3, 1, 3])),
    "nullable": pd.Series([1, None, 3], dtype="Int64"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "empty": pd.Series([], dtype=float),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back(name):
    writer = Writer()
    found = decode_series(encode_series(COLUMNS[name], writer, name), writer.arrays.__getitem__)
    pd.testing.assert_series_equal(found, COLUMNS[name])


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(2, 8, 2),
        pd.Index([5, 5, 1], name="row"),
        pd.Index(["a", "b", "c"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["g", None]),
        pd.date_range("2020-01-01", periods=3).rename("day"),
    ],
)
def test_labels_come_back(index):
    writer = Writer()
    found = decode_index(encode_index(index, writer), writer.arrays.__getitem__)
    pd.testing.assert_index_equal(found, index, exact="equiv")


@pytest.mark.parametrize("values", [[{1}, {2}], [1j, 2j], [[1], [2]]])
def test_other_columns_are_refused_by_name(values):
    with pytest.raises((ArchiveError, TypeError), match=r"'odd' cannot be stored|unhashable"):
        encode_series(pd.Series(values), Writer(), "odd")


@pytest.mark.parametrize(
    "tree", [{}, {"kind": "plain"}, {"kind": "odd"}, {"kind": "texts", "codes": {"array": "0"}, "levels": [{}]}, []]
)
def test_damaged_descriptions(tree):
    with pytest.raises(ArchiveError, match="damaged"):
        decode_series(tree, lambda _: np.zeros(3, int))

"""Data that are no table, are empty, or come as something else than a plain pandas frame."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame, with_value


@pytest.mark.parametrize(
    "data", [None, 3, "file.csv", np.ones((3, 3)), [{"y": 1.0}], frame()["y"], frame().to_records()], ids=repr
)
def test_what_is_no_table_is_refused_by_its_type(data: object) -> None:
    with pytest.raises(lf.DataError, match=f"data has to be a data frame .* found {type(data).__name__}"):
        lf.lmm(FORMULA, data)


@pytest.mark.parametrize("data", [frame().iloc[:0], pd.DataFrame(), {}], ids=["rows", "frame", "dict"])
def test_empty_data_are_refused(data: object) -> None:
    with pytest.raises(lf.DataError, match=r"no rows"):
        lf.lmm(FORMULA, data)


@pytest.mark.parametrize("data", [{"y": [1, 2], "x": [1]}, {"y": 1, "x": 1}], ids=["ragged", "scalars"])
def test_a_mapping_that_is_no_table_is_refused(data: object) -> None:
    with pytest.raises(lf.DataError, match=r"mapping given as data is no table"):
        lf.lmm("y ~ x", data)


@pytest.mark.parametrize("kind", [list, np.asarray])
def test_a_mapping_of_columns_is_a_table(kind: type) -> None:
    assert fit(FORMULA, {name: kind(values) for name, values in frame().items()}).llf == pytest.approx(fit().llf)


@pytest.mark.parametrize(
    "index", [[0] * 60, pd.date_range("2020", periods=60), np.random.default_rng(0).permutation(60)]
)
def test_the_index_is_kept_and_otherwise_ignored(index: object) -> None:
    data = frame().set_axis(index)
    results = fit(FORMULA, data)
    assert results.llf == fit().llf
    pd.testing.assert_index_equal(results.fittedvalues.index, data.index)
    pd.testing.assert_index_equal(results.predict(data).index, data.index)


def test_rows_of_an_index_of_several_levels_are_named() -> None:
    data = with_value("y", 3, np.inf).set_index(["g", "f"], drop=False).rename_axis([None, None])
    with pytest.raises(lf.DataError, match=r"response 'y' is infinite in 1 row \(\(0, 'a'\)\)"):
        fit(FORMULA, data)


def test_the_data_are_not_changed() -> None:
    data = frame(h=frame()["x"].astype(object), k=frame()["f"].astype("string")).rename(columns={"z": 0})
    before = data.copy(deep=True)
    fit("y ~ h + k + (x | g)", data).predict(data)
    pd.testing.assert_frame_equal(data, before)


def test_polars_frames_eager_and_lazy() -> None:
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    table = polars.from_pandas(frame())
    plain = fit("y ~ x + f + (1 | g)")
    for data in (table, table.lazy(), table.with_columns(polars.col("f").cast(polars.Categorical))):
        results = fit("y ~ x + f + (1 | g)", data)
        pd.testing.assert_series_equal(results.params, plain.params)
        np.testing.assert_allclose(results.predict(data), plain.fittedvalues)
    with pytest.raises(lf.UnknownColumnError, match=r"'xx'"):
        fit("y ~ xx + (1 | g)", table)
    with pytest.raises(lf.DataError, match=r"no rows"):
        fit(FORMULA, polars.DataFrame())
    gaps = table.with_columns(polars.when(polars.col("z") > 1).then(None).otherwise(polars.col("x")).alias("x"))
    assert fit(FORMULA, gaps).missing == {"x": int((frame()["z"] > 1).sum())}

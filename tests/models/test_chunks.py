"""One pass over chunks gives what all rows together give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

import limeform as lf


def chunks(frame: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    return (frame.iloc[start : start + size] for start in range(0, len(frame), size))


def same(ours: lf.LMMResults, whole: lf.LMMResults) -> None:
    """Compare all that does not need the rows."""
    assert ours.converged
    assert ours.nobs == whole.nobs
    assert ours.llf == pytest.approx(whole.llf, abs=1e-8)
    np.testing.assert_allclose(ours.params, whole.params, rtol=1e-8)
    np.testing.assert_allclose(ours.bse, whole.bse, rtol=1e-7)
    np.testing.assert_allclose(ours.var_components()["variance"], whole.var_components()["variance"], rtol=1e-6)
    mine, theirs = ours.ranef(), whole.ranef()
    assert mine["level"].astype(str).tolist() == theirs["level"].astype(str).tolist()
    np.testing.assert_allclose(mine[["mode", "sd"]], theirs[["mode", "sd"]], atol=1e-6)


def ratings(n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"year": rng.normal(2000, 8, n), "f": rng.choice(list("abc"), n), "w": rng.uniform(0.5, 2, n)})
    frame["s"], frame["i"] = rng.integers(0, 150, n), rng.choice([f"item {j}" for j in range(30)], n)
    frame["y"] = 0.1 * frame["year"] + rng.normal(size=150)[frame["s"]] + rng.normal(size=n)
    return frame


@pytest.mark.parametrize("size", [1, 37, 1000])
def test_crossed(size: int) -> None:
    data = lf.datasets.penicillin().sample(frac=1, random_state=1)
    formula = "diameter ~ 1 + (1 | plate) + (1 | sample)"
    same(lf.CrossProducts.from_chunks(chunks(data, size), formula).fit(), lf.lmm(formula, data).fit())


def test_nested_with_known_variances() -> None:
    data, formula = lf.datasets.konstantopoulos2011(), "yi ~ 1 + (1 | district/school)"
    ours = lf.CrossProducts.from_chunks(chunks(data, 9), formula, variance="vi").fit()
    same(ours, lf.lmm(formula, data, variance="vi").fit())
    assert "Mixed-Effects Meta-Analysis" in str(ours.summary())


def test_one_factor() -> None:
    data, formula = lf.datasets.sleepstudy(), "Reaction ~ Days + (Days | Subject)"
    same(lf.CrossProducts.from_chunks(chunks(data, 50), formula).fit(), lf.lmm(formula, data).fit())


def test_categories_weights_missing_values_and_predictions() -> None:
    data, formula = ratings(), "y ~ year + f + (year | s) + (1 | i)"
    data.loc[[5, 800], "year"] = np.nan
    late = data.sort_values("f")
    ours = lf.CrossProducts.from_chunks(
        chunks(late, 300), formula, weights="w", categories={"f": ["a", "b", "c"]}, reml=False
    ).fit()
    whole = lf.lmm(formula, data, weights="w", reml=False).fit()
    same(ours, whole)
    np.testing.assert_allclose(ours.predict(data), whole.predict(data), atol=1e-6)


def test_what_needs_the_rows_says_so() -> None:
    results = lf.CrossProducts.from_chunks(chunks(ratings(), 500), "y ~ year + (1 | s)").fit()
    with pytest.raises(lf.OptionError, match="not kept"):
        _ = results.fittedvalues


@pytest.mark.parametrize(
    ("formula", "keywords", "message"),
    [
        ("y ~ f + (1 | s)", {}, "categories="),
        ("y ~ scale(year) + (1 | s)", {}, "learns from all rows"),
        ("y ~ year", {}, "no"),
        ("y ~ year + (1 | s)", {"se": "w", "weights": "w"}, "exclude each other"),
        ("y ~ f + (1 | s)", {"categories": {"f": ["a", "b"]}}, "does not name"),
        ("y ~ f + (1 | s)", {"categories": {"g": ["a", "b"]}}, "not a column"),
        ("y ~ year + I(2 * year) + (1 | s)", {"weights": "nothing"}, "nothing"),
    ],
)
def test_refusals(formula: str, keywords: dict[str, object], message: str) -> None:
    with pytest.raises(lf.LimeformError, match=message):
        lf.CrossProducts.from_chunks(chunks(ratings(), 500), formula, **keywords)


def test_no_chunks() -> None:
    with pytest.raises(lf.DataError, match="no chunks"):
        lf.CrossProducts.from_chunks(iter(()), "y ~ 1 + (1 | s)")


def test_row_groups_of_a_parquet_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    parquet = pytest.importorskip("pyarrow.parquet")
    data, formula = ratings(), "y ~ year + (1 | s) + (1 | i)"
    data.to_parquet(tmp_path / "ratings.parquet", row_group_size=300)
    file = parquet.ParquetFile(tmp_path / "ratings.parquet")
    groups = (file.read_row_group(i).to_pandas() for i in range(file.num_row_groups))
    same(lf.CrossProducts.from_chunks(groups, formula).fit(), lf.lmm(formula, data).fit())


def test_batches_of_a_duckdb_query() -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    data, formula = ratings(5000), "y ~ year + (1 | s) + (1 | i)"
    with duckdb.connect() as connection:
        connection.register("ratings", data)
        query, sizes = connection.execute("SELECT y, year, s, i FROM ratings WHERE w > 0.6"), []

        def batches() -> Iterator[pd.DataFrame]:
            while len(batch := query.fetch_df_chunk()):
                sizes.append(len(batch))
                yield batch

        ours = lf.CrossProducts.from_chunks(batches(), formula).fit()
    assert len(sizes) > 1
    same(ours, lf.lmm(formula, data[data["w"] > 0.6]).fit())


def test_partitions_on_a_dask_cluster() -> None:
    distributed = pytest.importorskip("dask.distributed")
    dask_frames = pytest.importorskip("dask.dataframe")
    data, formula = ratings(), "y ~ year + (1 | s) + (1 | i)"
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        partitions = dask_frames.from_pandas(data, npartitions=5)
        model = lf.CrossProducts.from_chunks(partitions, formula)
    same(model.fit(), lf.lmm(formula, data).fit())

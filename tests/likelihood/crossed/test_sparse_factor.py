"""Factors of sparse matrices against dense algebra, by each library that may do it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import linalg, sparse

from limeform.likelihood.crossed import sparse_factor
from limeform.likelihood.crossed.sparse_factor import factor_library, factor_symmetric
from limeform.solve import EvaluationError


def cho_factor(matrix: sparse.csc_array, *, lower: bool, order: str) -> Any:
    """Stand in for scikit-sparse 0.5 as its documentation describes it, its rows not exchanged."""
    assert lower
    assert order == "default"
    try:
        root = linalg.cholesky(matrix.toarray(), lower=True)
    except linalg.LinAlgError as error:
        raise NotPositiveError from error
    return SimpleNamespace(
        solve=lambda b: linalg.cho_solve((root, True), b),
        get_factor=lambda: sparse.csc_array(root),
        nnz=np.count_nonzero(root),
    )


class NotPositiveError(Exception):
    """Of the stand-in."""


@pytest.fixture(params=["SuperLU", "CHOLMOD", "CHOLMOD 0.5, a stand-in"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "SuperLU":
        monkeypatch.setattr(sparse_factor, "cholmod", lambda: None)
    elif request.param == "CHOLMOD":
        pytest.importorskip("sksparse.cholmod", reason="scikit-sparse is not installed")
    else:
        stand_in = SimpleNamespace(cho_factor=cho_factor, CholmodNotPositiveDefiniteError=NotPositiveError)
        monkeypatch.setattr(sparse_factor, "cholmod", lambda: stand_in)
    return str(request.param).split()[0]


def positive_definite(n: int, seed: int = 0) -> sparse.csc_array:
    """Return A'A + I of a sparse A, its indices in no order, as products of sparse matrices have them."""
    a = sparse.random_array((n, n), density=min(2 / n, 1), rng=np.random.default_rng(seed), format="csc")
    return sparse.csc_array(sparse.csc_array(a.T @ a + sparse.eye_array(n))[::-1][:, ::-1])


@pytest.mark.parametrize("n", [1, 5, 300])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_log_determinant_and_solutions(library: str, n: int, index: type[np.integer[Any]]) -> None:
    assert factor_library() == library
    matrix = positive_definite(n)
    assert n < 300 or (np.diff(matrix.indices) < 0).sum() > n, "indices in no order"
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    factor, dense = factor_symmetric(matrix), matrix.toarray()
    assert factor.log_det == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12, abs=1e-12)
    for columns in (1, 3):
        rhs = np.random.default_rng(1).normal(size=(columns, n)).T
        np.testing.assert_allclose(factor.solve(rhs), np.linalg.solve(dense, rhs), rtol=1e-10, atol=1e-12)
    assert n <= factor.count_entries() <= n * (n + 1) // 2
    np.testing.assert_allclose(factor.solve(rhs), np.linalg.solve(dense, rhs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [5, 300])
def test_not_positive_definite(library: str, n: int) -> None:
    matrix = positive_definite(n) - 3 * sparse.eye_array(n)
    assert np.linalg.eigvalsh(matrix.toarray())[0] < -1
    with pytest.raises(EvaluationError, match="not positive definite"):
        factor_symmetric(sparse.csc_array(matrix))


@pytest.mark.parametrize("installed", [False, True])
def test_scikit_sparse_is_taken_where_it_is_installed(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = ModuleType("sksparse"), ModuleType("sksparse.cholmod")
    package.cholmod = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sksparse", package if installed else None)
    sparse_factor.cholmod.cache_clear()
    try:
        assert sparse_factor.cholmod() is (module if installed else None)
        assert factor_library() == ("CHOLMOD" if installed else "SuperLU")
    finally:
        sparse_factor.cholmod.cache_clear()

"""Names from the caller's scope, and models and results that are pickled and copied."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame

KNOTS = [0.0]


def doubled(x: pd.Series) -> pd.Series:
    """Return 2 x."""
    return 2 * x


def model_with_local_names() -> lf.LMM:
    knots, power, ballast = [0.1], 3, np.zeros(100_000)
    assert len(knots) + power + len(ballast)
    return lf.lmm("y ~ bs(x, knots=knots) + {z**power} + doubled(se) + (1 | g)", frame())


def test_names_are_found_where_the_formula_stands() -> None:
    assert fit("y ~ bs(x, knots=[0.0]) + (1 | g)").llf == lf.lmm("y ~ bs(x, knots=KNOTS) + (1 | g)", frame()).fit().llf
    results = model_with_local_names().fit()
    np.testing.assert_allclose(results.predict(frame()), results.fittedvalues, rtol=1e-9)


def test_columns_come_before_names_of_the_scope() -> None:
    x = np.zeros(60)
    assert len(x) == 60
    assert lf.lmm("y ~ x + (1 | g)", frame()).fit().llf == fit().llf


def test_a_scope_can_be_given() -> None:
    results = lf.lmm("y ~ bs(x, knots=inner) + (1 | g)", frame(), context={"inner": [0.0]}).fit()
    assert results.llf == fit("y ~ bs(x, knots=[0.0]) + (1 | g)").llf


def test_a_pickle_is_small_and_predicts_the_same() -> None:
    model = model_with_local_names()
    results = model.fit()
    assert len(pickle.dumps(model)) < 20_000
    assert len(pickle.dumps(results)) < 40_000
    again = pickle.loads(pickle.dumps(results))
    pd.testing.assert_series_equal(again.predict(frame()), results.predict(frame()))
    pd.testing.assert_series_equal(again.params, results.params)
    assert str(again.summary()) == str(results.summary())
    assert pickle.loads(pickle.dumps(model)).fit().llf == pytest.approx(results.llf, abs=1e-9)


def test_a_pickle_does_not_hold_columns_that_the_model_does_not_use() -> None:
    wide = pd.concat([frame(), pd.DataFrame(np.zeros((60, 200))).add_prefix("unused")], axis=1)
    assert len(pickle.dumps(fit(FORMULA, wide))) < 1.2 * len(pickle.dumps(fit()))


def test_copies_are_independent() -> None:
    results = fit("y ~ x + f + (x | g)")
    for twin in (copy.copy(results), copy.deepcopy(results)):
        pd.testing.assert_series_equal(twin.predict(frame()), results.predict(frame()))
    assert copy.deepcopy(results.model).fit().llf == results.llf


def test_data_that_change_after_the_model_was_built_change_nothing() -> None:
    data = frame()
    model = lf.lmm("y ~ x + (x | g)", data)
    data["y"] = 0.0
    data.loc[:, "x"] = 1.0
    assert model.fit().llf == fit("y ~ x + (x | g)").llf


def test_an_array_of_the_scope_cannot_be_replayed_on_other_rows() -> None:
    extra = np.arange(60.0)
    results = lf.lmm("y ~ x + {extra} + (1 | g)", frame()).fit()
    np.testing.assert_allclose(results.predict(frame()), results.fittedvalues, rtol=1e-9)
    with pytest.raises(lf.FormulaError, match=r"'extra' .* gives 60 values for 3 rows|'extra' cannot be"):
        results.predict(frame().iloc[:3])
    assert len(extra) == 60


def test_datasets_are_new_on_every_call() -> None:
    data = lf.datasets.sleepstudy()
    data["Reaction"] = 0.0
    assert lf.datasets.sleepstudy()["Reaction"].min() > 0
    with pytest.raises(TypeError, match=r"takes 0 positional arguments"):
        lf.datasets.sleepstudy(3)  # type: ignore[call-arg]

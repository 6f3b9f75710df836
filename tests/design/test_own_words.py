"""The words of a formula mean the package's transforms, whatever the caller calls so."""

from pathlib import Path

import numpy as np
import pytest

import limeform as lf
from tests.results.restricted_fits import DATA, RATIO

CURVE = "y ~ bspline(interval(low, high), 2) + (1 | study)"


def test_functions_of_the_caller_do_not_hide_the_transforms(tmp_path: Path) -> None:
    expected, ratio = lf.lmm(CURVE, DATA).fit(), lf.lmm(RATIO, DATA).fit()

    def interval() -> int:
        return 1

    bspline, log_ratio = interval, [1, 2]
    assert bspline() == len(log_ratio) - 1
    fit = lf.lmm(CURVE, DATA).fit()
    np.testing.assert_array_equal(fit.params, expected.params)
    np.testing.assert_array_equal(lf.lmm(RATIO, DATA).fit().params, ratio.params)
    np.testing.assert_array_equal(fit.predict(DATA), expected.predict(DATA))
    assert "interval" not in fit.design.recipe.scope.values
    fit.save(tmp_path / "fit.lime")
    np.testing.assert_array_equal(lf.load(tmp_path / "fit.lime").predict(DATA), expected.predict(DATA))


def test_other_functions_of_the_caller_are_used() -> None:
    def doubled(x: np.ndarray) -> np.ndarray:
        return 2 * x

    slope = lf.lmm("y ~ x + (1 | study)", DATA).fit().params["x"]
    assert lf.lmm("y ~ doubled(x) + (1 | study)", DATA).fit().params["doubled(x)"] == pytest.approx(slope / 2)


def test_columns_of_these_names_stay_columns() -> None:
    named = DATA.assign(interval=DATA["x"], difference=DATA["dose"])
    fit = lf.lmm("y ~ interval + bspline(difference, 2) + (1 | study)", named).fit()
    plain = lf.lmm("y ~ x + bspline(dose, 2) + (1 | study)", DATA).fit()
    np.testing.assert_allclose(fit.params, plain.params)


def test_a_column_that_hides_a_transform_is_refused_by_name() -> None:
    with pytest.raises(lf.DataError, match="column 'interval', which hides the function of that name: rename"):
        lf.lmm(CURVE, DATA.assign(interval=1.0))

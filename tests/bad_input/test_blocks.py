"""A large frame is compiled a few rows at a time; what no single block shows must not be lost."""

import numpy as np
import pytest

import limeform as lf
from limeform.design import formulaic_compat
from tests.bad_input.frames import fit, frame

FORMULA = "y ~ x * f + h + (x | g)"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formulaic_compat, "BLOCK", 16)


@pytest.mark.parametrize("kind", [object, "category", "string", "str"])
@pytest.mark.usefixtures("small_blocks")
def test_blocks_give_the_same_columns(kind: object, monkeypatch: pytest.MonkeyPatch) -> None:
    data = frame(h=frame()["x"] > 0).sort_values("f")
    data["f"] = data["f"].astype(kind)
    results = fit(FORMULA, data)
    assert results.design.x.shape == (60, 7)
    np.testing.assert_allclose(results.predict(data), results.fittedvalues, rtol=1e-12)
    monkeypatch.setattr(formulaic_compat, "BLOCK", 1000)
    np.testing.assert_array_equal(results.design.x, fit(FORMULA, data).design.x)


@pytest.mark.usefixtures("small_blocks")
def test_what_is_wrong_in_a_later_block_is_found() -> None:
    data = frame()
    data.loc[50, "x"] = np.inf
    with pytest.raises(lf.DataError, match=r"x is infinite in 1 row \(50\)"):
        lf.lmm("y ~ x + f + (1 | g)", data)
    data = frame(x=frame()["x"].astype(object))
    data.loc[50, "x"] = "a"
    with pytest.raises(lf.DataError, match="'x' mixes types"):
        lf.lmm("y ~ x + f + (1 | g)", data)

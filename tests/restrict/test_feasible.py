"""Whether linear constraints can be met, and which of them leave no room."""

import pytest

import limeform as lf
from limeform.restrict import feasible
from tests.fit.dose_data import FORMULA, dose_data


def fit(*constraints: object) -> lf.LMMResults:
    return lf.lmm(FORMULA, dose_data(), se="se", constraints=list(constraints)).fit()  # type: ignore[arg-type]


SHAPES = [
    (lf.increasing("dose"),),
    (lf.increasing("dose"), lf.concave("dose"), lf.passes("dose", 0, 0)),
    (lf.decreasing("dose"), lf.convex("dose"), lf.bounds("dose", lower=-3, upper=3)),
]


@pytest.mark.parametrize("constraints", SHAPES, ids=repr)
def test_one_program_says_what_all_of_them_say(
    constraints: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = fit(*constraints)
    monkeypatch.setattr(feasible, "_met_with_room", lambda *_: False)
    assert fit(*constraints).llf == short.llf


def test_rows_without_room_become_equations() -> None:
    flat = fit(lf.increasing("dose"), lf.decreasing("dose"))
    assert flat.curve("dose")["fit"].max() - flat.curve("dose")["fit"].min() < 1e-8


def test_clashes_are_named() -> None:
    with pytest.raises(lf.InfeasibleError, match=r"increasing.*at=0, value=1.*at=80, value=0"):
        fit(lf.increasing("dose"), lf.passes("dose", 0, 1), lf.passes("dose", 80, 0), lf.concave("dose"))

"""Solvers that are asked for too much, stopped early, or interrupted."""

import warnings

import numpy as np
import pytest

import limeform as lf
from limeform.likelihood import Objective
from limeform.solve import every_solver
from tests.bad_input.frames import FORMULA, fit, frame, notes

SLOPES = "y ~ x + (x | g)"
SOLVERS = [type(solver) for solver in every_solver()[:2]] + [lf.ScipyMinimize]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fit_that_stops_early_says_so_everywhere(solver: type) -> None:
    with pytest.warns(lf.ConvergenceWarning, match=r"stopped at the iteration limit"):
        results = lf.lmm(SLOPES, frame()).fit(solver(max_iter=1))
    assert not results.converged
    assert "iteration limit" in results.status
    assert "Not converged: stopped at the iteration limit" in notes(results)
    assert "NO" in str(results.summary())
    assert not results.glance()["converged"].item()


@pytest.mark.parametrize("solver", every_solver(), ids=lambda solver: solver.name)
def test_an_interruption_hands_back_what_is_there(solver: object, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, value = [], Objective.value

    def interrupted(self: Objective, x: np.ndarray) -> float:
        calls.append(x)
        if len(calls) == 10:  # the first ones look for a start
            raise KeyboardInterrupt
        return value(self, x)

    monkeypatch.setattr(Objective, "value", interrupted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = lf.lmm(SLOPES, frame()).fit(solver)  # type: ignore[arg-type]
    assert len(calls) >= 10
    assert not results.converged
    assert "interrupted" in results.status
    assert "interrupted" in notes(results)
    assert np.isfinite(results.llf)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("tol", [0, -1, np.nan])
def test_a_tolerance_has_to_be_positive(solver: type, tol: float) -> None:
    with pytest.raises(lf.OptionError, match=r"tol has to be a positive number"):
        solver(tol=tol)


@pytest.mark.parametrize("solver", SOLVERS)
def test_misspelt_options_are_named(solver: type) -> None:
    with pytest.raises(TypeError, match=r"toll"):
        solver(toll=1e-8)


@pytest.mark.parametrize("method", ["foo", "l-bfgs-b", None, 3])
def test_an_unknown_method_is_answered_with_those_there_are(method: object) -> None:
    with pytest.raises(lf.OptionError, match=r"not among auto, trust-exact, trust-constr, L-BFGS-B"):
        lf.ScipyMinimize(method)  # type: ignore[arg-type]


@pytest.mark.parametrize("start", ["x", 3, np.zeros(2), {"a": 1}], ids=repr)
def test_a_start_has_to_be_an_earlier_fit(start: object) -> None:
    with pytest.raises(lf.OptionError, match=r"start="):
        lf.lmm(FORMULA, frame()).fit(start=start)  # type: ignore[arg-type]


def test_a_start_has_to_be_a_fit_of_the_same_model() -> None:
    with pytest.raises(lf.OptionError, match=r"start="):
        lf.lmm(FORMULA, frame()).fit(start=fit(SLOPES))
    model = lf.lmm(FORMULA, frame())
    assert model.fit(start=model.fit()).llf == pytest.approx(model.fit().llf, abs=1e-9)


@pytest.mark.parametrize("solver", ["ipopt", 3, lf.ScipyMinimize], ids=repr)
def test_what_is_no_solver_is_refused(solver: object) -> None:
    with pytest.raises(lf.OptionError, match=r"solver="):
        lf.lmm(FORMULA, frame()).fit(solver)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"tol": "a"}, {"tol": None}, {"max_iter": "3"}], ids=repr)
def test_options_of_the_wrong_type_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(lf.OptionError, match=r"has to be"):
        lf.Newton(**options)  # type: ignore[arg-type]

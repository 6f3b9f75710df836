"""Ctrl-C within refits, and how many refits are handed out together."""

import numpy as np
import pytest

import limeform as lf
from limeform.bootstrap.run import Tasks
from limeform.solve import Ipopt, Newton, Problem, ScipyMinimize, Status, interruptions_passed_on, newton


@pytest.fixture(scope="module")
def fit():
    return lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()


def interrupt_at(monkeypatch, method, number):
    calls, original = [], getattr(newton._Run, method)

    def counted(self, *arguments):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(newton._Run, method, counted)


def test_ctrl_c_inside_a_refit_ends_the_run_and_drops_the_refit(fit, monkeypatch):
    boot = fit.bootstrap(30, rng=1)
    whole = boot.function(lambda refit: refit.llf)
    interrupt_at(monkeypatch, "advance", 40)
    found = boot.function(lambda refit: refit.llf)
    assert found.interrupted
    assert 2 < found.n_converged < 30
    np.testing.assert_array_equal(found.draws, whole.draws.iloc[: found.n_converged])


def test_ctrl_c_inside_the_refits_without_a_unit_is_not_swallowed(fit, monkeypatch):
    boot = fit.bootstrap(30, rng=1).function(lambda refit: refit.llf)
    interrupt_at(monkeypatch, "advance", 10)
    with pytest.raises(KeyboardInterrupt):
        boot.conf_int(method="bca")


def test_ctrl_c_keeps_the_retrimmed_refits_that_are_done(monkeypatch):
    data = lf.datasets.contaminated_studies(rng=4)
    trimmed = lf.lmm("y ~ x + (1 | study)", data, se="se", trim=0.2).fit()
    whole = trimmed.bootstrap(4, rng=1, refit="retrimmed")
    model, calls = type(trimmed.model), []
    original = model.fit

    def counted(self, **options):
        calls.append(1)
        if len(calls) == 3:
            interrupt_at(monkeypatch, "advance", 1)
        return original(self, **options)

    monkeypatch.setattr(model, "fit", counted)
    found = trimmed.bootstrap(4, rng=1, refit="retrimmed")
    assert found.interrupted
    np.testing.assert_array_equal(found.draws, whole.draws.iloc[:2])


def test_ctrl_c_ends_an_ensemble(monkeypatch):
    model = lf.lmm("Reaction ~ bspline(Days, knots=2) + (1 | Subject)", lf.datasets.sleepstudy())
    interrupt_at(monkeypatch, "advance", 5)
    with pytest.raises(KeyboardInterrupt):
        lf.knot_ensemble(model, draws=3, rng=1, solver=Newton())


@pytest.mark.parametrize("solver", [Newton(), ScipyMinimize(), Ipopt()], ids=lambda solver: type(solver).__name__)
def test_solvers_pass_on_what_they_otherwise_catch(solver):
    calls = []

    def value(x):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return float(np.cosh(x[0]))

    def problem():
        calls.clear()
        return Problem(np.array([3.0]), value, np.sinh, lambda x: np.cosh(x)[:, None])

    if solver.refuses(problem()):
        pytest.skip("the solver is not installed")
    assert solver.minimize(problem()).status is Status.INTERRUPTED
    with pytest.raises(KeyboardInterrupt), interruptions_passed_on():
        solver.minimize(problem())
    assert solver.minimize(problem()).status is Status.INTERRUPTED


def test_slow_chunks_are_handed_out_one_by_one_and_quick_ones_together():
    tasks = Tasks([[i] for i in range(800)], workers=2)
    assert next(tasks) == [[0]]
    tasks.note(seconds=4.0, chunks=1)
    assert next(tasks) == [[1]]
    tasks.note(seconds=0.05, chunks=1)
    assert len(next(tasks)) == 10
    tasks.note(seconds=1e-5, chunks=10)
    assert len(next(tasks)) == 50  # 16 tasks in all
    assert sum(map(len, tasks)) == 800 - 62


def test_workers_are_counted_in_whole_numbers(fit):
    with pytest.raises(lf.OptionError, match=r"n_jobs=1\.5"):
        fit.bootstrap(5, rng=1, n_jobs=1.5)
    assert fit.bootstrap(5, rng=1, n_jobs=np.int64(1)).n_converged == 5


def test_workers_of_an_ensemble_are_counted_in_whole_numbers():
    model = lf.lmm("Reaction ~ bspline(Days, knots=2) + (1 | Subject)", lf.datasets.sleepstudy())
    with pytest.raises(lf.OptionError, match=r"n_jobs=1\.5"):
        lf.knot_ensemble(model, draws=3, rng=1, n_jobs=1.5)

import sys

import pytest

from limeform.solve import Ipopt, Newton, ScipyMinimize, choose, default_solver, every_solver, why_default
from tests.solve.examples import hock_schittkowski_71, simplex_quadratic

pytestmark = pytest.mark.no_ipopt


@pytest.fixture
def fresh():
    """Forget what was found out about cyipopt, before and after."""

    def forget():
        choose.default_solver.cache_clear()
        choose._missing_ipopt.cache_clear()

    forget()
    yield
    forget()


def test_ipopt_is_the_default_where_it_is_installed(fresh):
    pytest.importorskip("cyipopt")
    assert default_solver() == Ipopt()
    assert default_solver() is default_solver()
    assert why_default().startswith("Ipopt 3.")
    assert every_solver()[0] == Ipopt()


def test_scipy_is_the_default_elsewhere(fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "cyipopt", None)
    assert default_solver() == ScipyMinimize()
    assert "limeform[ipopt]" in why_default()
    assert Newton() in every_solver()
    assert not any(isinstance(solver, Ipopt) for solver in every_solver())


def test_the_default_takes_every_problem(fresh):
    assert default_solver().refuses(hock_schittkowski_71(with_hessian=False)) is None
    assert default_solver().refuses(simplex_quadratic()) is None


def test_every_solver_has_a_name_of_its_own():
    names = [solver.name for solver in every_solver()]
    assert len(set(names)) == len(names)

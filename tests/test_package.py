"""The package as installed: what it imports and requires, and what it does where cyipopt is missing."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import limeform as lf


def test_version():
    assert importlib.metadata.version("limeform") == lf.__version__


def test_typed():
    assert (Path(lf.__file__).parent / "py.typed").is_file()


def test_public_names_exist():
    assert lf.__all__
    assert [name for name in lf.__all__ if not hasattr(lf, name)] == []


def test_import_leaves_slow_modules_alone():
    """Pictures, Ipopt and all of statsmodels are imported when they are first used."""
    code = "import sys, limeform; print(*{'matplotlib.pyplot', 'cyipopt', 'statsmodels.api'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_optional_dependencies_are_not_required():
    """``pip install limeform`` alone has to work: cyipopt needs a compiler and Ipopt."""
    required = [line for line in importlib.metadata.requires("limeform") or [] if "extra ==" not in line]
    assert [line for line in required if "ipopt" in line or "polars" in line or "pyarrow" in line] == []


without_ipopt = pytest.mark.skipif(
    importlib.util.find_spec("cyipopt") is not None, reason="cyipopt is here; `make test-without-ipopt` runs this"
)


@without_ipopt
@pytest.mark.no_ipopt
def test_fit_without_ipopt():
    """Where cyipopt is missing another solver serves, and the summary does not claim Ipopt."""
    results = lf.lmm("Reaction ~ Days + (Days | Subject)", lf.datasets.sleepstudy()).fit()
    assert results.converged
    # lme4 1.1-31: REML criterion at convergence 1743.628272
    assert results.llf == pytest.approx(-1743.628272 / 2, abs=1e-6)
    assert re.search(r"Ipopt \d", str(results.summary())) is None


@without_ipopt
@pytest.mark.no_ipopt
def test_asking_for_ipopt_says_how_to_get_it():
    model = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff())
    with pytest.raises(lf.SolverError, match=r"limeform\[ipopt"):
        model.fit(solver=lf.Ipopt())

"""What all tests share: one BLAS thread, no screen, no cyipopt where asked, and the large reference data if present."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Before numpy is imported: several test processes, each with several BLAS threads, slow one another down many times.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# The run without Ipopt: from here on `import cyipopt` fails in this process as it does where it is not installed.
WITHOUT_IPOPT = os.environ.get("LIMEFORM_WITHOUT_IPOPT", "") not in ("", "0")
if WITHOUT_IPOPT:
    sys.modules["cyipopt"] = None  # type: ignore[assignment]

import hypothesis  # noqa: E402
import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

# Examples are the same in every run in CI, so that a red run can be repeated; at a desk they vary.
hypothesis.settings.register_profile(
    "limeform",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("limeform")


def pytest_report_header() -> str:
    """Say which solver the run has."""
    if WITHOUT_IPOPT:
        return "cyipopt: out of reach in this run (LIMEFORM_WITHOUT_IPOPT)"
    try:
        import cyipopt
    except ImportError as error:
        return f"cyipopt: {error}"
    return f"cyipopt: {cyipopt.__version__}, Ipopt {'.'.join(map(str, cyipopt.IPOPT_VERSION))}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of large reference data that is kept beside the checkout, not in it; skip where there is none."""
    place = Path(os.environ.get("LIMEFORM_SHARED") or ROOT.parent / "shared")
    if not (place / "reference").is_dir():
        pytest.skip(f"needs the reference data in {place} (or in the folder that LIMEFORM_SHARED names)")
    return place


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")

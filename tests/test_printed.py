import pytest

from tests.printed import shows


@pytest.mark.parametrize(
    ("page", "printed"),
    [
        ("a  b\n", "a b"),
        ("Days 10.467 1.546", "Days  10.468   1.5455"),
        ("-0.00 1.2e-05", "0.001 1.1e-05"),
        ("=====\na", "=======\na"),
        ("Solver: ...\nAIC 3.0", "Solver: Ipopt 3.14.19 in 7 steps\nAIC 3.0"),
        ("Optimiser: Ipopt 3.14.19\nIterations:  8", "Optimiser:  Ipopt 3.11.9\nIterations: 12"),
        ("a ... b ... c", "a b c"),
        ("...", ""),
    ],
)
def test_shows(page, printed):
    assert shows(page, printed)


@pytest.mark.parametrize(
    ("page", "printed"),
    [
        ("a b", "a"),
        ("a", ""),
        ("", "a"),
        ("10.467", "10.469"),
        ("180", "181"),
        ("0.5", "-0.5"),
        ("Days 1.0", "days 1.0"),
        ("Solver: ... AIC 3.0", "Solver: Ipopt BIC 3.0"),
        ("Optimiser: Ipopt 3.14.19", "Optimiser: SciPy trust-exact"),
        ("a ... b ... c", "a c b"),
        ("a b ... b c", "a b c"),
    ],
)
def test_differs(page, printed):
    assert not shows(page, printed)

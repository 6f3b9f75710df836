import pytest

import limeform as lf
from limeform.design.expansion import count_terms

DATA = lf.datasets.sleepstudy().assign(a=range(180), b=[1, 2, 4] * 60)


@pytest.mark.parametrize("power", ["(Days + a) ** 99", "(Days + a) ^ 60", "(Days*a*b + a + b) ** 12"])
def test_formulas_that_would_never_end(power):
    with pytest.raises(lf.FormulaError, match="more than 1,000,000 terms"):
        lf.lmm(f"Reaction ~ {power} + (1 | Subject)", DATA)
    with pytest.raises(lf.FormulaError, match="more than 1,000,000 terms"):
        lf.lmm(f"Reaction ~ Days + ({power} | Subject)", DATA)


def test_usual_formulas_are_read():
    for formula in ("Reaction ~ (Days + b) ** 2 + (1 | Subject)", "Reaction ~ Days * b - a + (Days | Subject)"):
        assert len(lf.lmm(formula, DATA).exog_names) == 4


def test_long_sums_are_no_deep_recursion():
    class Node:
        def __init__(self, symbol, *args):
            self.operator, self.args = type("O", (), {"symbol": symbol}), args

    tree = "x"
    for _ in range(20_000):
        tree = Node("+", tree, "y")
    assert count_terms(tree, 3) == 20_001
    assert count_terms(Node("*", ".", Node(":", "a", ".")), 3) == 3 + 3 + 9
    assert count_terms(Node("**", Node("+", "a", "b"), "3"), 3) == 8
    assert count_terms(Node("-", "a"), 3) == 1

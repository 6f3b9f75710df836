"""Expressions of users: what is read, what is refused without being run, what is linear."""

import pytest

from limeform.errors import FormulaError
from limeform.formula import parse
from limeform.formula.expression import degree, names_in, read_expression, read_relation


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.__class__",
        "np.exp(a)",
        "(lambda: 1)()",
        "[x for x in a]",
        "a[0]",
        "a if b else c",
        "f(a)",
        "exp(a, b)",
        "exp(x=a)",
        "'text'",
        "True",
        "a^2",
        "a @ b",
        "a and b",
        "a := 3",
        "a +",
        "(" * 300 + "a" + ")" * 300,
        "a" * 20_000,
        "-" * 3000 + "a",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        read_expression(text)


def test_nothing_is_run(tmp_path) -> None:
    target = tmp_path / "made"
    with pytest.raises(FormulaError):
        read_expression(f"open({str(target)!r}, 'w')")
    assert not target.exists()


def test_an_attribute_is_pointed_at() -> None:
    with pytest.raises(FormulaError, match=r"np\.exp\(x\)") as caught:
        read_expression("2 * np.exp(a)")
    assert str(caught.value).splitlines()[-1].strip() == "^^^^^^^^^"


def test_names_of_any_form() -> None:
    names = ["sd(study: dose)", "dose[2]", "C(drug)[T.b]"]
    tree = read_expression("`my x` + 2*sd(study:dose) - dose[2] / C(drug)[T.b]", names)
    assert names_in(tree) == {"my x", *names}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", 0), ("2*a - b/4 + 1", 1), ("a*b", 2), ("exp(a)", 2), ("exp(2)*a", 1), ("a**1", 1), ("2**a", 2), ("1/a", 2)],
)
def test_degree(text: str, expected: int) -> None:
    assert degree(read_expression(text)) == expected


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("a <= 3", -float("inf"), 3),
        ("3 <= a", 3, float("inf")),
        ("a + 1 >= b", 0, float("inf")),
        ("a == 1/4", 0.25, 0.25),
        ("0 <= a + b <= 1", 0, 1),
        ("1 >= a >= 0", 0, 1),
    ],
)
def test_relations(text: str, lower: float, upper: float) -> None:
    relation = read_relation(text)
    assert (relation.lower, relation.upper) == (lower, upper)


@pytest.mark.parametrize("text", ["a", "a < 1", "a != 1", "0 <= a >= 1", "b <= a <= c", "a <= 1 and b <= 1"])
def test_no_relation(text: str) -> None:
    with pytest.raises(FormulaError):
        read_relation(text)


@pytest.mark.parametrize(
    "text",
    [
        "y ~ 0 + x + nl(A * exp(-k * time)) + (1 | s)",
        "y ~ nl(a + b*x)",
        "y ~ 1 + log_ratio(interval(a, b), c, knots=3, name='bmi') + (0 + d | s)",
    ],
)
def test_formulas_print_and_parse_again(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)


def test_no_intercept_beside_a_nonlinear_term_unless_written() -> None:
    assert parse("y ~ nl(a*x) + z").fixed == "0 + z"
    assert parse("y ~ 1 + nl(a*x)").fixed == "1"
    assert parse("y ~ 0 + nl(a*x)").fixed == "0"


@pytest.mark.parametrize(
    "text", ["y ~ x:nl(a*x)", "y ~ x - nl(a*x)", "y ~ nl(a, b)", "y ~ nl(__import__('os'))", "y ~ nl()"]
)
def test_nonlinear_terms_that_are_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        parse(text)

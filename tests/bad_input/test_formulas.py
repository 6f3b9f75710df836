"""Formulas that cannot be read, and pieces of Python in them that go wrong."""

import pytest

import limeform as lf
from tests.bad_input.frames import fit, frame


@pytest.mark.parametrize(
    ("formula", "words", "place"),
    [
        ("y ~ x + (1 | g", "never closed", 8),
        ("y ~ x + 1 | g)", "closes nothing", 13),
        ("y ~ x + (1 | )", "no grouping factor after", 13),
        ("y ~ x + ( | g)", "no effects before", 10),
        ("y ~ x | g", "stands in parentheses", 6),
        ("y ~ x * (1 | g)", "can only be added", 6),
        ("y ~ x - (1 | g)", "can only be added", 6),
        ("y ~ (1 | g | f)", "only one bar", 11),
        ("y ~ (1 | g + f)", "cannot stand among grouping factors", 11),
        ("y ~ (1 | 1)", "1 is not a grouping factor", 9),
        ("y ~ (0 | g)", "no effects are left", 5),
        ("y ~ x +", "nothing stands after", 6),
        ("y ~ x ~ z", "second ~", 6),
        ("y = x", "has no meaning", 2),
        ("~ x", "no response before", 0),
        ("y ~ log(x", "never closed", 7),
        ("y ~ `x", "never closed", 4),
        ("y ~ x + offset()", "one expression", 8),
        ("y ~ 2 * x + (1 | g)", "a number other than 0 and 1", 4),
        ("y ~ x + (x | g) + (0 + x | g)", "not identifiable", 18),
    ],
)
def test_a_formula_error_points_at_the_character(formula: str, words: str, place: int) -> None:
    with pytest.raises(lf.FormulaError, match="(?s)" + words) as caught:
        lf.lmm(formula, frame())
    assert str(caught.value).split("\n")[-1].index("^") - 4 == place


@pytest.mark.parametrize("formula", ["", "   ", "y", "y ~"])
def test_an_incomplete_formula_is_refused(formula: str) -> None:
    with pytest.raises(lf.FormulaError, match=r"write|no response"):
        lf.lmm(formula, frame())


@pytest.mark.parametrize("formula", [None, 3, ["y ~ x"], b"y ~ x"])
def test_a_formula_has_to_be_text(formula: object) -> None:
    with pytest.raises(lf.OptionError, match=f"must be a string .* not {type(formula).__name__}"):
        lf.lmm(formula, frame())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("{1/0}", "division by zero"),
        ("{f + 1}", "cannot be evaluated: TypeError"),
        ("center(f)", "cannot be evaluated"),
        ("bs(x, df=2)", "`df` must be greater than 3"),
        ("C(f, contr.foo)", "no attribute 'foo'"),
        ("C(f, contr.treatment('zz'))", "'zz'"),
        ("C(f, levels=['a', 'b'])", "levels that it does not list, such as 'c'"),
        ("np.ones(3)", "it gives 3 values for 60 rows"),
        ("{[1, 2]}", "2 values for 60 rows|cannot be used"),
        ("{3}", "one value instead of 60"),
        ("x[0]", "one value instead of 60"),
        ("x.mean()", "one value instead of 60"),
    ],
)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("formula", ["y ~ z + {} + (1 | g)", "y ~ z + (0 + {} | g)"])
def test_python_that_fails_is_named_and_pointed_at(formula: str, term: str, words: str) -> None:
    with pytest.raises(lf.FormulaError, match="(?s)" + words) as caught:
        lf.lmm(formula.format(term), frame())
    assert term.strip("{}").split("(")[0].replace(" ", "") in str(caught.value).replace(" ", "")
    assert "^" in str(caught.value)


@pytest.mark.parametrize("response", ["np.ones((60, 2))", "np.ones(3)", "{f + 1}", "{1/0}"])
def test_a_response_that_is_no_column_is_refused(response: str) -> None:
    with pytest.raises(lf.LimeformError, match=r"several columns|3 values for 60 rows|cannot be evaluated"):
        lf.lmm(f"{response} ~ x + (1 | g)", frame())


def test_a_column_called_1_is_not_taken_for_the_constant() -> None:
    data = frame().rename(columns={"x": 1})
    with pytest.raises(lf.FormulaError, match=r"takes `1` for the constant"):
        lf.lmm("y ~ `1` + (1 | g)", data)
    assert list(fit("y ~ 0 + `1` + (1 | g)", data).params.index) == ["1"]


@pytest.mark.parametrize("keywords", [{"reml": "ML"}, {"missing": "dropp"}, {"missing": ["drop"]}])
def test_options_are_named_with_what_they_take(keywords: dict[str, object]) -> None:
    (name, value), *_ = keywords.items()
    with pytest.raises(lf.OptionError, match=f"{name}=.*: give"):
        lf.lmm("y ~ x", frame(), **keywords)  # type: ignore[arg-type]
    assert str(value)

"""Whole formulas: what they mean, where a wrong one is wrong, and that printing is the inverse of parsing."""

import pytest
from formulaic import Formula
from hypothesis import given, settings
from hypothesis import strategies as st

from limeform.errors import FormulaError, LimeformError, OptionError
from limeform.formula import ModelFormula, RandomTerm, parse

ONE_G = RandomTerm("1", ("g",))


@pytest.mark.parametrize(
    ("text", "fixed", "random"),
    [
        ("y ~ x", "x", ()),
        ("y~x+(1|g)", "x", (ONE_G,)),
        ("y ~ (1|g)", "1", (ONE_G,)),
        ("y ~ 0 + (1|g)", "0", (ONE_G,)),
        ("y ~ (1|g) - 1", "-1", (ONE_G,)),
        ("y ~ x - 1 + (1|g)", "x - 1", (ONE_G,)),
        ("y ~ (1|g) + x*z + C(f, contr.sum)", "x*z + C(f, contr.sum)", (ONE_G,)),
        ("y ~ + x + (1|g)", "x", (ONE_G,)),
        ("y ~ (1|g) - x + z", "-x + z", (ONE_G,)),
        ("y ~ x - -z", "x + z", ()),
        ("y ~ . + (1|g)", ".", (ONE_G,)),
        ("y ~ (x + z)**2 + a %in% b + 2:w", "(x + z)**2 + a %in% b + 2:w", ()),
        ("y ~ x + (1|g) + z + (x||h)", "x + z", (ONE_G, RandomTerm("1 + x", ("h",), "diagonal"))),
    ],
)
def test_fixed_part_and_random_terms(text: str, fixed: str, random: tuple[RandomTerm, ...]) -> None:
    assert parse(text) == ModelFormula("y", fixed, (), random)


@pytest.mark.parametrize("response", ["y", "log(y)", "np.log(y)", "`y y`", "{a - b}", "np.where(a|b, 1, 0)"])
def test_the_response_is_any_single_expression(response: str) -> None:
    assert parse(f"{response} ~ x").response == response


@pytest.mark.parametrize(
    "piece", ["`x (1|q)`", "{a|b}", "f(a|b)", "np.where(a|b,1,0)", "s('a|b')", "f(`a|b`)", "x['a|b']", "f('~')"]
)
def test_a_bar_inside_of_a_name_or_of_python_is_no_random_term(piece: str) -> None:
    formula = parse(f"y ~ {piece} + ({piece} | g)")
    assert formula.fixed == piece
    assert formula.random == (RandomTerm(f"1 + {piece}", ("g",)),)


def test_a_formula_on_several_lines() -> None:
    text = """
        y ~ x
          + bs(z,
               df=4) + {a +
            b}
          + (1 |
             g)
    """
    assert parse(text) == ModelFormula("y", "x + bs(z, df=4) + {a + b}", (), (ONE_G,))


def test_offsets_are_taken_out_in_their_order() -> None:
    formula = parse("y ~ offset(log(n)) + x + offset( `a b` - {'k': 1}['k'], ) + (1|g)")
    assert formula.offsets == ("log(n)", "`a b` - {'k': 1}['k']")
    assert formula.fixed == "x"
    assert parse("y ~ offset(z)").fixed == "1"


def test_a_column_may_be_called_offset() -> None:
    formula = parse("y ~ offset + f(offset(x))")
    assert (formula.fixed, formula.offsets) == ("offset + f(offset(x))", ())


def test_the_text_is_kept_but_not_compared() -> None:
    assert parse("y~x") == parse("y  ~  x")
    assert parse("y~x").text == "y~x"


# The second line of each case marks the characters that the error points at.
MISTAKES = [
    ("y ~ x + (1|g", "        ^", "'(' is never closed"),
    ("y ~ x + 1|g)", "           ^", "closes nothing"),
    ("y ~ x + (1|g))", "             ^", "closes nothing"),
    ("y ~ f(x + z", "     ^", "'(' is never closed"),
    ("y ~ {x", "    ^", "'{' is never closed"),
    ("y ~ `x", "    ^", "` is never closed"),
    ("y ~ f('a", "      ^", "' is never closed"),
    ("y ~ (1|)", "       ^", "no grouping factor after '|'"),
    ("y ~ (1||)", "        ^", "no grouping factor after '||'"),
    ("y ~ ( |g)", "      ^", "no effects before '|'"),
    ("y ~ (||g)", "     ^^", "no effects before '||'"),
    ("y ~ (1|g|h)", "        ^", "only one bar"),
    ("y ~ (1|||g)", "        ^", "two bars"),
    ("y ~ (1| |g)", "        ^", "two bars"),
    ("y ~ ((1|g)|h)", "       ^", "only one bar"),
    ("y ~ (1|(x|g))", "         ^", "only one bar"),
    ("y ~ ((1|g) + x)", "    ^", "leave out these parentheses"),
    ("y ~ x*(1|g)", "     ^", "only be added"),
    ("y ~ x:(1|g)", "     ^", "only be added"),
    ("y ~ (1|g):x", "         ^", "only be added"),
    ("y ~ x - (1|g)", "      ^", "only be added"),
    ("y ~ x - -(1|g)", "      ^", "only be added"),
    ("y ~ x | g", "      ^", "write (x | g)"),
    ("y ~ x || g", "      ^^", "write (x || g)"),
    ("y ~ x (1|g)", "      ^", "no operator between 'x' and '('"),
    ("y ~ (1|g)(1|h)", "         ^", "no operator"),
    ("y ~ x z", "      ^", "no operator between 'x' and 'z'"),
    ("y ~ f(x).a", "        ^^", "braces"),
    ("y ~ x ~ z", "      ^", "second ~"),
    ("y ~ (x ~ z | g)", "       ^", "second ~"),
    ("(y ~ x)", "   ^", "inside parentheses"),
    ("~ x", "^", "no response"),
    ("x + (1|g)", "^", "no response"),
    ("y ~", "  ^", "nothing stands after ~"),
    ("a + b ~ x", "^^^^^", "the response must be one column"),
    ("2 ~ x", "^", "the response must be one column"),
    ("offset(y) ~ x", "^^^^^^^^^", "cannot be the response"),
    ("y = x", "  ^", "separated by ~"),
    ("y ~ x + * z", "        ^", "between '+' and '*'"),
    ("y ~ * z", "    ^", "nothing stands before '*'"),
    ("y ~ x +", "      ^", "nothing stands after '+'"),
    ("y ~ (x + ) + z", "         ^", "between '+' and ')'"),
    ("y ~ x + ()", "        ^^", "nothing inside the parentheses"),
    ("y ~ ``", "    ^^", "``"),
    ("y ~ x``", "     ^^", "``"),
    ("y ~ {} + x", "    ^^", "nothing between { and }"),
    ("y ~ x % z", "      ^", "'%'"),
    ("y ~ x %over% z", "      ^^^^^^", "'%over%'"),
    ("y ~ x @ z", "      ^", "'@'"),
    ("y ~ x, z", "     ^", "comma"),
    ("y ~ [x]", "    ^", "'['"),
    ("y ~ f(x,,z)", "        ^", "not a Python expression"),
    ("y ~ f(')')", "    ^", "cannot contain brackets"),
    ("y ~ 'a'", "    ^^^", "a string is not a term"),
    ("y ~ 2*x", "    ^", "{2 * x}"),
    ("y ~ (0 + x) + z", "     ^", "outside of parentheses"),
    ("y ~ x^z", "      ^", "positive integer"),
    ("y ~ cs(x | g)", "    ^^^^^^^^^", "not available"),
    ("y ~ (offset(z)|g)", "     ^^^^^^^^^", "cannot stand inside a random term"),
    ("y ~ offset()", "    ^^^^^^^^", "takes one expression"),
    ("y ~ offset(a, b)", "    ^^^^^^^^^^^^", "found 2"),
    ("y ~ offset(a=b)", "    ^^^^^^^^^^^", "takes one expression"),
    ("y ~ x*offset(z)", "      ^^^^^^^^^", "only be added"),
    ("y ~ x - offset(z)", "      ^", "only be added"),
    ("y ~ offset(z)[0]", "    ^^^^^^^^^^^^", "nothing can follow"),
    ("y ~ (1|a + b)", "         ^", "(1 | a) + (1 | b)"),
    ("y ~ (1|a*b)", "        ^", "(1 | a) + (1 | b) + (1 | a:b)"),
    ("y ~ (1|1)", "       ^", "not a grouping factor"),
    ("y ~ (1|(a:b))", "       ^", "leave the parentheses out"),
    ("y ~ (1|a:a)", "         ^", "twice"),
    ("y ~ (0|g)", "     ^", "no effects are left"),
    ("y ~ (.|g)", "     ^", "only in the fixed part"),
]


@pytest.mark.parametrize(("text", "marked", "message"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_a_mistake_is_pointed_at(text: str, marked: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    error = caught.value
    assert message in error.message
    assert str(error).splitlines()[1:] == [f"    {text}", f"    {marked}"]


def test_a_mistake_on_the_second_line_is_pointed_at_there() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("y ~ x\n  + (1 | )\n  + z")
    assert str(caught.value).splitlines()[1:] == ["      + (1 | )", "             ^"]


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_formula(text: str) -> None:
    with pytest.raises(FormulaError, match="the formula is empty"):
        parse(text)


@pytest.mark.parametrize("value", [None, 3, ["y ~ x"], b"y ~ x"])
def test_a_formula_that_is_no_string(value: object) -> None:
    with pytest.raises(OptionError, match=f"must be a string .* not {type(value).__name__}"):
        parse(value)  # type: ignore[arg-type]


operands = st.sampled_from(["x", "z", "a.b", "`a (1|b)`", "log(x)", "bs(x, df=3)", "{x|z}", "f('|')", "C(f)", "w"])
products = st.lists(operands, min_size=1, max_size=3, unique=True).map("*".join)
nested = st.lists(products, min_size=1, max_size=2).map(lambda parts: f"({'+ '.join(parts)})**2")
intercepts = st.sampled_from(["0", "1"])
signs = st.sampled_from(["+", " + ", " - ", "-", "\n  + ", " + -"])
factors = st.sampled_from(["g", "h", "`g h`", "`k`", "C(g)", "{a|b}"])
groupings = st.lists(factors, min_size=1, max_size=3, unique=True).flatmap(
    lambda parts: st.lists(st.sampled_from([":", "/", " / "]), min_size=len(parts), max_size=len(parts)).map(
        lambda joints: parts[0] + "".join(map("".join, zip(joints, parts[1:], strict=False)))
    )
)


@st.composite
def sums(draw: st.DrawFn, terms: st.SearchStrategy[str]) -> str:
    first, *others = draw(st.lists(terms, min_size=1, max_size=4))
    return first + "".join(draw(signs) + term for term in others)


@st.composite
def random_terms(draw: st.DrawFn) -> str:
    effects = draw(products) + draw(st.sampled_from(["", " + 1", "-1", " + 0", " + z:w"]))
    bar = draw(st.sampled_from(["|", " | ", "||", " ||\n "]))
    return f"({effects}{bar}{draw(groupings)})"


@st.composite
def formulas(draw: st.DrawFn) -> str:
    fixed = draw(sums(products | nested | intercepts))
    added = draw(st.lists(random_terms() | st.sampled_from(["offset(z)", "offset( log(x) )"]), max_size=4))
    response = draw(st.sampled_from(["y", "log(y)", "`y y`", "{a - b}"]))
    return f"{response} ~ {' + '.join([fixed, *added])}"


@settings(deadline=None, max_examples=200)
@given(formulas())
def test_printing_and_parsing_are_inverse(text: str) -> None:
    formula = parse(text)
    assert parse(str(formula)) == formula
    assert str(parse(str(formula))) == str(formula)


@settings(deadline=None, max_examples=200)
@given(formulas())
def test_formulaic_agrees_on_the_intercept_of_random_effects(text: str) -> None:
    for term in parse(text).random:
        assert ("1" in map(str, Formula(term.effects))) == term.effects.startswith("1")


NAMES = ["x", "z", "g", "`a b`", "f(x)", "np.log(x)", "{a|b}", "offset(z)", "C(f)", "'s'", "1", "0", "2", "1.5"]
SIGNS = ["+", "-", "*", ":", "/", "**", "%in%", "(", ")", "|", "||", "~"]
RUBBISH = ['"', "`", "%", ".", ",", "=", "\\", "#", "{", "}", "[", "]", "offset(", "\n", " "]


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(NAMES) | st.sampled_from(SIGNS) | st.sampled_from(RUBBISH), max_size=9).map("".join))
def test_any_text_is_either_understood_by_formulaic_too_or_refused_with_an_error_of_ours(text: str) -> None:
    try:
        formula = parse(f"y ~ {text}")
    except LimeformError:
        return
    assert parse(str(formula)) == formula
    if "." not in text:
        Formula(formula.fixed)
    for term in formula.random:
        Formula(term.effects)

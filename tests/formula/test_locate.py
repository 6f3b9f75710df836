"""Names and pieces found again in the text."""

import pytest

from limeform.formula import locate, parse


@pytest.mark.parametrize(
    ("text", "name", "marked"),
    [
        ("y ~ dose + (dose | g)", "dose", "    ^^^^"),
        ("y ~ dose + (1 | g)", "g", "                ^"),
        ("y ~ dose2 + dose", "dose", "            ^^^^"),
        ("y ~ `a b` + x", "a b", "    ^^^^^"),
        ("y ~ f('x') + x", "x", "             ^"),
        ("y ~ f(`x`) + x", "x", "      ^^^"),
        ("y ~ bs(x, df=3) + df", "df", "                  ^^"),
        ("y ~ log(log)", "log", "        ^^^"),
        ("y ~ x + foo(x)", "foo", "        ^^^"),
        ("y ~ x.clip(0)", "x", "    ^"),
        ("y ~ x.clip(0) + x", "x", "                ^"),
        ("y ~ np.log(x)", "np", "    ^^"),
        ("y ~ {x == 3}", "x", "     ^"),
        ("y ~ x + bs( z,\n df=3 )", "bs(z, df=3)", "        ^^^^^^^^^^^^^^"),
        ("y ~ f('x:z') + x : z", "x:z", "               ^^^^^"),
        ("log( y ) ~ x", "log(y)", "^^^^^^^^"),
    ],
)
def test_a_name_is_found_where_a_reader_would_look(text: str, name: str, marked: str) -> None:
    assert locate(parse(text), name) == (marked.index("^"), len(marked))


@pytest.mark.parametrize("name", ["dos", "ose", "z", "df", "", "a", "dose:z", "bs dose"])
def test_a_name_that_is_not_there(name: str) -> None:
    assert locate(parse("y ~ bs(dose, df=3, kind='z') + `a b`"), name) is None


def test_the_search_can_be_limited_to_a_term() -> None:
    formula = parse("y ~ x + (1 | g) + (x | h)")
    assert locate(formula, "x", within=formula.random[1].span) == (19, 20)
    assert locate(formula, "x", within=formula.random[0].span) is None

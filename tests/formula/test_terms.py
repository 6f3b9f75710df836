"""The values a formula is made of: how they print and compare."""

import dataclasses

import pytest

from limeform.formula import ModelFormula, RandomTerm


def test_a_random_term_prints_as_in_lme4() -> None:
    assert str(RandomTerm("1 + x", ("g",))) == "(1 + x | g)"
    assert str(RandomTerm("0 + x", ("a", "b"), "diagonal")) == "(0 + x || a:b)"


def test_the_label_is_the_interaction_of_the_grouping_factors() -> None:
    assert RandomTerm("1", ("a", "b", "`c d`")).label == "a:b:`c d`"


def test_a_formula_prints_its_parts_in_a_fixed_order() -> None:
    terms = (RandomTerm("1", ("g",)), RandomTerm("0 + x", ("g",), "diagonal"))
    assert str(ModelFormula("y", "x - 1", ("z", "w"), terms)) == (
        "y ~ x - 1 + offset(z) + offset(w) + (1 | g) + (0 + x || g)"
    )


def test_places_in_the_text_do_not_count_in_a_comparison() -> None:
    assert RandomTerm("1", ("g",), span=(4, 9)) == RandomTerm("1", ("g",), span=(0, 5))
    assert RandomTerm("1", ("g",)) != RandomTerm("1", ("g",), "diagonal")
    assert hash(ModelFormula("y", "x", text="y~x")) == hash(ModelFormula("y", "x", text="y ~ x"))


def test_terms_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RandomTerm("1", ("g",)).effects = "x"  # type: ignore[misc]

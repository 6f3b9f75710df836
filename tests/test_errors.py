"""The error tree: what catches what, what is printed, and that errors survive pickling."""

import pickle
import warnings

import pytest
from statsmodels.tools import sm_exceptions

from limeform import errors
from limeform.errors import FormulaError, LimeformError, UnknownColumnError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FormulaError", ValueError),
        ("DataError", ValueError),
        ("UnknownColumnError", KeyError),
        ("OptionError", ValueError),
        ("SolverError", RuntimeError),
    ],
)
def test_each_error_is_a_limeform_error_and_what_python_expects(name: str, expected: type[Exception]) -> None:
    error = getattr(errors, name)
    assert issubclass(error, LimeformError)
    assert issubclass(error, expected)


def test_convergence_warning_is_caught_by_a_filter_on_that_of_statsmodels() -> None:
    with pytest.warns(sm_exceptions.ConvergenceWarning, match="stopped"):
        warnings.warn("stopped early", errors.ConvergenceWarning, stacklevel=1)


def test_carets_stand_under_the_piece() -> None:
    text = "y ~ x + (1 | g"
    assert str(FormulaError("never closed", text, 8, 9)) == "never closed\n    y ~ x + (1 | g\n            ^"
    assert str(FormulaError("wrong", text, 4, 9)).endswith("\n        ^^^^^")


def test_only_the_line_concerned_is_shown() -> None:
    text = "y ~ x\n  + (1 | g)\n  + z"
    assert str(FormulaError("wrong", text, 10, 17)) == "wrong\n      + (1 | g)\n        ^^^^^^^"


def test_a_piece_over_several_lines_is_marked_to_the_end_of_its_first_line() -> None:
    assert str(FormulaError("wrong", "y ~ (x\n| g)", 4, 11)) == "wrong\n    y ~ (x\n        ^^"


def test_carets_keep_tabs() -> None:
    assert str(FormulaError("wrong", "y\t~ x", 4, 5)) == "wrong\n    y\t~ x\n     \t  ^"


@pytest.mark.parametrize("start", [5, 6, 100])
def test_a_place_at_or_after_the_end_gets_one_caret_after_the_last_character(start: int) -> None:
    assert str(FormulaError("wrong", "y ~ x", start)) == "wrong\n    y ~ x\n         ^"


def test_a_formula_error_without_a_text_is_its_message() -> None:
    error = FormulaError("the formula is empty")
    assert str(error) == "the formula is empty"
    assert (error.text, error.start, error.stop) == (None, None, None)


def test_unknown_column_proposes_the_closest_and_is_not_quoted_by_keyerror() -> None:
    error = UnknownColumnError("Dayz", ["Subject", "Days", "Reaction"])
    assert str(error) == "'Dayz' is not a column of the data; did you mean 'Days'?"
    assert error.matches == ("Days",)


def test_unknown_column_that_differs_by_case_only() -> None:
    assert "did you mean 'X'?" in str(UnknownColumnError("x", ["X", "Y"]))


def test_unknown_column_without_a_close_one_lists_some_and_counts_the_rest() -> None:
    message = str(UnknownColumnError("dose", [f"q{i}" for i in range(14)], "se="))
    assert message.startswith("'dose' in se= is not a column of the data; the columns are 'q0', 'q1'")
    assert message.endswith("'q9' and 4 more")
    assert str(UnknownColumnError("dose")).endswith("the data have no columns")


def test_unknown_column_points_into_the_formula() -> None:
    error = UnknownColumnError("dayz", ["days"], "the formula", "y ~ dayz", 4, 8)
    assert str(error).splitlines()[1:] == ["    y ~ dayz", "        ^^^^"]


@pytest.mark.parametrize(
    "error",
    [
        FormulaError("wrong", "y ~ x", 4, 5),
        UnknownColumnError("dayz", ["days"], "the formula", "y ~ dayz", 4, 8),
        errors.DataError("wrong"),
    ],
)
def test_errors_come_back_whole_from_a_worker_process(error: LimeformError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)

"""Hypotheses, levels of confidence and new responses that make no sense."""

import numpy as np
import pytest

import limeform as lf
from tests.bad_input.frames import FORMULA, fit, frame

BAD = ["xx = 1", "x = ", "x > 1", "x*x", "nan*x = 0", "", [], None, 3, [1], ["x", "zz"], np.eye(3), np.zeros((1, 4))]
BAD += [np.array([[np.nan, 1, 0, 0]]), (np.eye(4), np.ones(3)), (np.eye(4), [np.inf] * 4)]


@pytest.fixture(scope="module")
def results() -> lf.LMMResults:
    return fit("y ~ x + f + (1 | g)")


@pytest.mark.parametrize("hypothesis", BAD, ids=repr)
def test_a_hypothesis_that_cannot_be_used_is_answered_with_the_coefficients(
    results: lf.LMMResults, hypothesis: object
) -> None:
    for test in (results.t_test, results.wald_test):
        with pytest.raises(
            lf.OptionError, match=r"cannot be used: .* coefficients are Intercept, x, f\[T.b\]"
        ) as caught:
            test(hypothesis)  # type: ignore[operator]
        assert not set("\x1b⧛⧚") & set(str(caught.value))


def test_dependent_rows_are_refused_jointly_and_allowed_one_by_one(results: lf.LMMResults) -> None:
    twice = np.array([[0.0, 1, 0, 0], [0, 1, 0, 0]])
    with pytest.raises(lf.OptionError, match=r"2 rows .* linearly dependent \(rank 1\)"):
        results.wald_test(twice)
    assert results.t_test(twice).pvalue == pytest.approx([results.pvalues["x"]] * 2)


@pytest.mark.parametrize("hypothesis", ["x", "x = 0", ["x"], [0, 1, 0, 0], [[0, 1, 0, 0]], ([[0, 1, 0, 0]], [0.0])])
def test_forms_of_one_hypothesis_agree(results: lf.LMMResults, hypothesis: object) -> None:
    assert float(results.t_test(hypothesis).pvalue) == pytest.approx(results.pvalues["x"])
    assert float(results.wald_test(hypothesis).pvalue) == pytest.approx(results.pvalues["x"])


@pytest.mark.parametrize("alpha", [0, 1, -1, 2, "0.05", None, np.nan, np.array([0.1, 0.2])], ids=repr)
def test_alpha_has_to_lie_between_0_and_1(results: lf.LMMResults, alpha: object) -> None:
    for ask in (results.conf_int, results.summary, results.tidy):
        with pytest.raises(lf.OptionError, match=r"alpha=.* has to lie between 0 and 1"):
            ask(alpha=alpha)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (np.ones(3), "3|shape"),
        (np.r_[np.nan, np.ones(59)], "missing"),
        (np.r_[np.inf, np.ones(59)], "infinite"),
        (frame()["f"], "not numeric"),
        (frame()["y"].set_axis(range(100, 160)), "index of .* is not that of"),
        (None, "response"),
        (3, "response"),
        ("y", "response"),
    ],
    ids=["length", "missing", "infinite", "text", "index", "None", "number", "name"],
)
def test_a_new_response_that_does_not_fit_is_refused(results: lf.LMMResults, response: object, words: str) -> None:
    with pytest.raises(lf.LimeformError, match=words):
        results.refit(response)  # type: ignore[arg-type]


def test_a_new_response_is_matched_by_its_labels(results: lf.LMMResults) -> None:
    assert results.refit(frame()["y"].sample(frac=1, random_state=1)).llf == pytest.approx(results.llf, abs=1e-8)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_a_new_response_can_be_in_other_units(results: lf.LMMResults, scale: float) -> None:
    again = results.refit(frame()["y"] * scale)
    np.testing.assert_allclose(again.params, results.params * scale, rtol=1e-6)
    assert again.converged


def test_a_constant_new_response_is_refused() -> None:
    with pytest.raises(lf.DataError, match=r"reproduce the response"):
        fit(FORMULA).refit(np.ones(60))

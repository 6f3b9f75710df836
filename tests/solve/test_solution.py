import pytest

from limeform.solve import Status

pytestmark = pytest.mark.no_ipopt


def test_only_two_endings_are_successes():
    assert [status for status in Status if status.success] == [Status.CONVERGED, Status.ACCEPTABLE]


def test_statuses_are_sentences_of_their_own():
    sentences = [status.value for status in Status]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence[0].islower() and sentence[-1] != "." for sentence in sentences)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limeform.plot.rows import PAGE, figure_height, layout_rows, rows_height
from limeform.plot.style import SMALLEST_TEXT

sizes = st.integers(1, 3000)


@given(sizes, st.integers(0, 6))
def test_text_fits_its_rows(rows, lines):
    layout = layout_rows(rows, lines, rows_height(rows, lines, 9.0), 9.0)
    assert layout.line >= 1
    assert SMALLEST_TEXT <= layout.text <= 9
    assert layout.text <= layout.line * layout.row * 1.0001
    assert figure_height(rows, lines, 9.0) <= PAGE


@given(sizes, st.floats(20.0, 2000.0))
def test_rows_and_lines_fit_the_height(rows, height):
    layout = layout_rows(rows, 4, height, 9.0)
    if layout.labelled:
        assert (rows + 4) * layout.row == pytest.approx(height)
    elif height > 120:  # below, not even the lines fit
        assert rows * layout.row + 4 * layout.line * layout.row <= height * 1.0001 + 4 * layout.row


@pytest.mark.parametrize(("rows", "labelled"), [(3, True), (50, True), (100, True), (150, False), (500, False)])
def test_labels_up_to_about_a_hundred_rows(rows, labelled):
    assert layout_rows(rows, 4, rows_height(rows, 4, 9.0), 9.0).labelled is labelled


def test_full_size_up_to_about_fifty_rows():
    assert layout_rows(50, 4, rows_height(50, 4, 9.0), 9.0).text == 9.0
    assert layout_rows(75, 4, rows_height(75, 4, 9.0), 9.0).text < 9.0

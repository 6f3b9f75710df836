import pytest
from matplotlib.figure import Figure

from limeform.plot.legend import legend_below
from tests.plot.pictures import draw, overlaps


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("width", [2.5, 4.0, 9.0])
def test_legend_is_below_the_axis_and_read_line_by_line(width, given):
    ax = Figure(figsize=(width, 4), layout=None if given else "constrained").subplots()
    names = ["90%", "95%", "99%", "pooled estimate", "trimmed (4)", "costs $5 or $6"]
    handles = [ax.plot([0, 1], [i, i])[0] for i in range(len(names))]
    ax.set_xlabel("effect")
    legend_below(ax, handles, names, given)
    draw(ax.figure)
    assert overlaps(ax) == []
    boxes = {text.get_text(): text.get_window_extent() for text in ax.get_legend().get_texts()}
    assert sorted(boxes, key=lambda name: (-round(boxes[name].y0), boxes[name].x0)) == names
    assert max(box.y1 for box in boxes.values()) < ax.xaxis.label.get_window_extent().y0 + 1
    assert min(box.y0 for box in boxes.values()) >= 0
    assert max(box.x1 for box in boxes.values()) <= ax.figure.bbox.x1

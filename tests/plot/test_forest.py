from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import limeform as lf
from limeform.plot import Forest, Pooled, forest_plot
from tests.plot.pictures import artist, draw, labels, outside, overlaps, segments


def forest(n: int, *, long: bool = False, pooled: bool = True, shift: float = 0.0) -> Forest:
    """Return rows with invented numbers."""
    rng = np.random.default_rng(n)
    estimate = shift + rng.normal(0.1, 0.4, n)
    half = 0.1 + rng.gamma(3.0, 0.1, n)
    return Forest(
        name="effect",
        heading="study",
        labels=[f"Author {i}, {1950 + i % 70}" + " and many others" * (4 if long and i % 3 else 0) for i in range(n)],
        estimate=estimate,
        weight=1 / half**2,
        interval=np.column_stack([estimate - half, estimate + half]),
        pooled=Pooled("Random-effects mean", shift + 0.1, (shift + 0.0, shift + 0.2), (shift - 0.6, shift + 0.8))
        if pooled
        else None,
        fitted=None if pooled else np.column_stack([estimate * 0.5, estimate * 0.5 - 0.1, estimate * 0.5 + 0.1]),
        notes=("τ² = 0.1",),
    )


def row_labels(ax) -> list[str]:
    """Return the labels on the left from top to bottom."""
    pairs = sorted((label.get_position()[1], label.get_text()) for label in ax.get_yticklabels())
    return [text for _, text in pairs]


def test_rows_are_drawn_as_given():
    content = forest(13)
    ax = forest_plot(content)
    drawn = segments(artist(ax, "intervals"))
    np.testing.assert_allclose(drawn[:, :2], content.interval)
    np.testing.assert_array_equal(drawn[:, 2], np.arange(13))
    np.testing.assert_allclose(artist(ax, "estimates").get_offsets()[:, 0], content.estimate)
    assert row_labels(ax) == ["study", *content.labels, "Random-effects mean", "95% prediction interval", "τ² = 0.1"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row on top


def test_area_is_weight():
    content = forest(5)
    areas = artist(forest_plot(content), "estimates").get_sizes()
    np.testing.assert_allclose(areas / areas.max(), content.weight / content.weight.max())


def test_summary_is_a_diamond_and_a_bar():
    ax = forest_plot(forest(4))
    (diamond,) = artist(ax, "summary").get_paths()
    assert diamond.vertices[:, 0].min() == pytest.approx(0.0)
    assert diamond.vertices[:, 0].max() == pytest.approx(0.2)
    assert diamond.vertices[1, 0] == diamond.vertices[3, 0] == pytest.approx(0.1)
    np.testing.assert_allclose(artist(ax, "prediction").get_xdata(), [-0.6, 0.8])
    assert artist(ax, "prediction").get_ydata()[0] > diamond.vertices[:, 1].max()


def test_fitted_values_have_a_diamond_each():
    content = forest(4, pooled=False)
    paths = artist(forest_plot(content), "fitted").get_paths()
    assert content.fitted is not None
    np.testing.assert_allclose([path.vertices[1, 0] for path in paths], content.fitted[:, 0])
    np.testing.assert_allclose([path.vertices[:, 0].min() for path in paths], content.fitted[:, 1])


def test_text_on_the_right():
    content = forest(3)
    written = [text.get_text() for text in forest_plot(content).texts]
    assert written[0] == "Estimate [95% CI]"
    low, high = content.interval[0]
    assert written[1] == f"{content.estimate[0]:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    assert written[4:] == ["0.10 [0.00, 0.20]", "[−0.60, 0.80]"]
    assert len(forest_plot(content, annotate=False).texts) == 0


def test_exponential_transform_makes_a_logarithmic_axis():
    content = forest(6)
    ax = forest_plot(content, transform=np.exp)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "exp(effect)"
    np.testing.assert_allclose(segments(artist(ax, "intervals"))[:, :2], np.exp(content.interval))
    np.testing.assert_allclose(artist(ax, "prediction").get_xdata(), np.exp([-0.6, 0.8]))
    assert artist(ax, "reference").get_xdata()[0] == 1.0
    ticks = [tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
    assert len(ticks) >= 3
    assert 1.0 in ticks


def test_decreasing_transform_swaps_the_ends():
    content = forest(6)
    ax = forest_plot(content, transform=lambda values: -values)
    np.testing.assert_allclose(segments(artist(ax, "intervals"))[:, :2], -content.interval[:, ::-1])
    np.testing.assert_allclose(artist(ax, "prediction").get_xdata(), [-0.8, 0.6])
    assert ax.get_xlabel() == "effect, transformed"


@pytest.mark.parametrize("order", ["estimate", "weight"])
def test_order(order):
    content = forest(9)
    rank = np.argsort(content.estimate if order == "estimate" else -content.weight)
    ax = forest_plot(content, order=order)
    np.testing.assert_allclose(artist(ax, "estimates").get_offsets()[:, 0], content.estimate[rank])
    assert row_labels(ax)[1:10] == [content.labels[i] for i in rank]


def test_reference_is_left_out_where_it_is_far_away():
    assert "reference" in labels(forest_plot(forest(5)))
    far = forest_plot(forest(5, shift=250.0))
    assert "reference" not in labels(far)
    assert far.get_xlim()[0] > 200
    asked = forest_plot(forest(5, shift=250.0), reference=0.0)
    assert artist(asked, "reference").get_xdata()[0] == 0.0
    assert asked.get_xlim()[0] <= 0.0
    assert "reference" not in labels(forest_plot(forest(5), reference=None))


def test_far_longer_intervals_are_cut_with_an_arrow():
    content = forest(12)
    content.interval[4] = [-80.0, 90.0]
    ax = forest_plot(content)
    assert -10 < ax.get_xlim()[0] < ax.get_xlim()[1] < 10
    arrows = [child for child in ax.get_children() if child.get_label() == "cut intervals"]
    assert sorted(float(arrow.get_offsets()[0, 0]) for arrow in arrows) == list(ax.get_xlim())
    assert {float(arrow.get_offsets()[0, 1]) for arrow in arrows} == {4.0}
    # nothing is hidden without an arrow, and every estimate is inside
    assert "cut intervals" not in labels(forest_plot(forest(12)))


def trimmed(n: int, *rows: int, shift: float = 0.0) -> Forest:
    """Return rows of which some were trimmed, moved by ``shift``."""
    content = forest(n)
    content.estimate[list(rows)] += shift
    content.interval[list(rows)] += shift
    return replace(content, kept=~np.isin(np.arange(n), rows))


@pytest.mark.parametrize("n", [13, 500])
def test_trimmed_rows_are_crosses_with_intervals_of_their_own(n):
    content = trimmed(n, 2, 7)
    ax = forest_plot(content, order="data")
    np.testing.assert_allclose(
        artist(ax, "trimmed").get_offsets(), np.column_stack([content.estimate, range(n)])[[2, 7]]
    )
    np.testing.assert_allclose(segments(artist(ax, "trimmed intervals"))[:, :2], content.interval[[2, 7]])
    assert len(artist(ax, "estimates").get_offsets()) == n - 2
    assert len(artist(ax, "intervals").get_segments()) == n - 2
    assert "Crosses: trimmed rows (2)" in row_labels(ax)
    assert artist(ax, "trimmed").get_paths()[0] != artist(ax, "estimates").get_paths()[0]  # without colours too
    draw(ax.figure)
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []


def test_trimmed_rows_far_away_are_arrows():
    near, far = forest_plot(trimmed(20, 3, shift=0.5)), forest_plot(trimmed(20, 3, shift=1e4))
    assert "_beyond" not in labels(near)
    assert far.get_xlim()[1] < 10
    np.testing.assert_allclose(artist(far, "_beyond").get_offsets(), [[far.get_xlim()[1], 3.0]])


def test_columns_of_text_stand_on_the_left_and_numbers_on_the_right():
    columns = [("Country", ["UK", "New Zealand", "1"]), ("n", ["10", "1,200", "–"]), ("Share", ["1%", "−2.5%", ""])]
    ax = forest_plot(replace(forest(3), columns=columns))
    sides = {text.get_text(): text.get_ha() for text in ax.texts}
    assert [sides[name] for name in ("UK", "New Zealand", "1,200", "−2.5%")] == ["left", "left", "right", "right"]
    draw(ax.figure)
    assert overlaps(ax) == []


@pytest.mark.parametrize("power", [-7, 6])
def test_long_numbers_are_written_with_a_power_of_ten(power):
    content, unit = forest(3), 10.0**power
    scaled = replace(
        content, estimate=unit * content.estimate, interval=unit * content.interval, pooled=None, fitted=None
    )
    ax = forest_plot(scaled)
    heading, first = [text.get_text() for text in ax.texts][:2]
    size = power + int(np.floor(np.log10(np.median(np.diff(content.interval)))))
    assert heading == f"Estimate [95% CI], ×10{'⁻' if size < 0 else ''}{'⁰¹²³⁴⁵⁶⁷⁸⁹'[abs(size)]}"
    assert float(first.split()[0].replace("−", "-")) == pytest.approx(
        content.estimate[0] * unit / 10.0**size, abs=0.0051
    )


def test_rows_that_share_a_label_are_set_apart():
    content = replace(forest(5), labels=["a", "a", "b", "b", "c"])
    lines = [line.get_ydata()[0] for line in forest_plot(content).lines if line.get_label() == "_group"]
    assert lines == [1.5, 3.5]
    assert "_group" not in labels(forest_plot(forest(5)))


@pytest.mark.parametrize("n", [1, 3, 13, 45, 75, 100])
@pytest.mark.parametrize("long", [False, True])
def test_all_rows_are_labelled_and_no_text_overlaps(n, long):
    content = forest(n, long=long)
    ax = forest_plot(content, transform=np.exp)
    draw(ax.figure)
    assert len(row_labels(ax)) == n + 4
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []
    assert min(label.get_fontsize() for label in ax.get_yticklabels()) >= 5
    assert ax.figure.get_size_inches()[1] <= 10
    axes = ax.get_window_extent()
    assert max(label.get_window_extent().x1 for label in ax.get_yticklabels()) < axes.x0
    assert min(text.get_window_extent().x0 for text in ax.texts[1:]) > axes.x1


@pytest.mark.parametrize("n", [150, 500, 2000])
def test_more_rows_than_labels_fit_are_a_sorted_curve(n):
    content = forest(n)
    ax = forest_plot(content)
    draw(ax.figure)
    offsets = artist(ax, "estimates").get_offsets()
    np.testing.assert_allclose(offsets[:, 0], np.sort(content.estimate))
    assert row_labels(ax) == ["Random-effects mean", "95% prediction interval", "τ² = 0.1"]
    written = [text.get_text() for text in ax.texts]
    assert written == ["Estimate [95% CI]", "0.10 [0.00, 0.20]", "[−0.60, 0.80]", f"{n} rows, sorted by estimate"]
    assert overlaps(ax) == []
    assert outside(ax, ax.figure.bbox) == []
    # the summary keeps the height of a line of text: 9 points, give or take
    (diamond,) = artist(ax, "summary").get_paths()
    high = np.ptp(ax.transData.transform(diamond.vertices)[:, 1]) * 72 / ax.figure.dpi
    assert 5 < high < 20
    ends = [ax.transData.transform((0, end))[1] for end in (-0.5, n - 0.5)]
    assert abs(ends[0] - ends[1]) > 0.7 * ax.get_window_extent().height  # most of the height is for the rows


def test_given_axes_keep_all_text_within_them(monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.subplots", lambda *_, **__: pytest.fail("pyplot made a figure"))
    before = dict(mpl.rcParams)
    figure = Figure(figsize=(11, 4))
    axes = figure.subplots(1, 2)
    frames = [ax.get_window_extent().frozen() for ax in axes]
    for ax, long in zip(axes, (False, True), strict=True):
        assert forest_plot(forest(12, long=long), ax=ax, annotate=True) is ax
    draw(figure)
    for ax, frame in zip(axes, frames, strict=True):
        assert overlaps(ax) == []
        assert outside(ax, frame, "lr") == []
        assert ax.get_window_extent().width > 0.2 * frame.width
    assert dict(mpl.rcParams) == before


def test_given_axes_with_a_layout_keep_all_text_in_the_figure():
    figure = Figure(figsize=(11, 4), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax in axes:
        forest_plot(forest(12, long=True), ax=ax)
    draw(figure)
    for ax in axes:
        assert overlaps(ax) == []
        assert outside(ax, figure.bbox) == []


def test_text_on_the_right_is_left_out_where_axes_are_narrow():
    narrow, wide = Figure(figsize=(3, 4)).subplots(), Figure(figsize=(8, 4)).subplots()
    assert len(forest_plot(forest(12), ax=narrow).texts) == 0
    assert len(forest_plot(forest(12), ax=wide).texts) == 1 + 12 + 2


def test_labels_are_taken_literally():
    content = forest(2)
    content.labels[0], content.labels[1] = "costs $5 and $6", "two\nlines"
    ax = forest_plot(content)
    draw(ax.figure)
    assert row_labels(ax)[1:3] == ["costs $5 and $6", "two lines"]
    assert not any(label.get_parse_math() for label in ax.get_yticklabels())


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"order": "size"}, "order='size'"),
        ({"transform": 2}, "function of an array"),
        ({"transform": np.log}, "no finite number for .* of 4 values of the estimates"),
        ({"transform": lambda values: 1.0}, "one number for each"),
        ({"transform": lambda values: {}["a"]}, "KeyError"),
        ({"transform": np.sqrt, "reference": -1.0}, "reference"),
    ],
)
def test_refusals(keywords, message):
    content = forest(4)
    content.estimate[:] = [0.1, -0.2, 0.3, 0.4]
    with pytest.raises(lf.OptionError, match=message):
        forest_plot(content, **keywords)

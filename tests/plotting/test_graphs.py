"""The graph of a computation: every box where it belongs, with its value, its slope and its links."""

import math
from functools import partial
from itertools import combinations, pairwise

import pytest
from matplotlib.colors import same_color
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from course_utils.plotting import COLORS, animate_graph, draw_graph

VALUES = {"w": 0.5, "x": 2.0, "w · x": 1.0, "b": 0.25, "answer": 1.25}
LINKS = {"w · x": {"w": 2.0, "x": 0.5}, "answer": {"w · x": 1, "b": 1}}
SLOPES = {"w": -6.0, "w · x": -3.0, "b": -3.0, "answer": 1.0}


def texts_of(picture):
    return [text.get_text() for text in picture.figure.axes[0].texts if text.get_text()]


def centres_of(picture):
    """Label -> (x, y) of its box, in inches."""
    ax = picture.figure.axes[0]
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    middles = [(box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2) for box in boxes]
    labels = [text for text in ax.texts if text.get_fontweight() == "bold"]
    return {label.get_text(): min(middles, key=partial(math.dist, label.get_position())) for label in labels}


def test_every_box_tells_its_label_value_and_slope_and_every_arrow_its_link():
    picture = draw_graph(VALUES, LINKS, slopes=SLOPES)
    boxes = "w 0.5 slope −6, x 2, w · x 1 slope −3, b 0.25 slope −3, answer 1.25 slope 1"
    assert sorted(" ".join(texts_of(picture)).split()) == sorted(f"{boxes} × 2 × 0.5 × 1 × 1".replace(",", "").split())
    told = "w = 0.5, slope −6; x = 2; w · x = 1, slope −3; b = 0.25, slope −3; answer = 1.25, slope 1."
    assert picture.alt == f"A graph of 5 values: {told}"


def test_columns_follow_the_arrows_and_an_input_stands_just_before_what_it_serves():
    at = centres_of(draw_graph(VALUES, LINKS))
    assert at["w"][0] == at["x"][0] < at["w · x"][0] == at["b"][0] < at["answer"][0]


def test_what_a_value_was_made_of_stands_in_its_order_around_it():
    at = centres_of(draw_graph(VALUES, LINKS))
    assert at["w"][1] > at["x"][1]
    assert at["w · x"][1] > at["answer"][1] > at["b"][1]
    assert (at["w"][1] + at["x"][1]) / 2 == pytest.approx(at["w · x"][1])


# Three values wish for places less than a box apart: a and b around p, c beside q.
CROWD = dict.fromkeys(("a", "b", "c", "p", "q", "end"), 1)
CROWDED = {"p": {"a": 1, "b": 1}, "q": {"c": 1}, "end": {"p": 1, "q": 1}}


def test_boxes_never_cover_each_other_and_stay_on_the_page():
    figure = draw_graph(CROWD, CROWDED, slopes=CROWD).figure
    boxes = [patch.get_bbox() for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert all(left < box.x0 and box.x1 < right and low < box.y0 and box.y1 < high for box in boxes)


def test_a_crowd_stays_around_the_place_it_wished_for():
    heights = {label: height for label, (_, height) in centres_of(draw_graph(CROWD, CROWDED)).items()}
    assert heights["a"] > heights["b"] > heights["c"]
    assert heights["a"] + heights["b"] + heights["c"] == pytest.approx(2 * heights["p"] + heights["q"])


def test_links_between_the_same_two_boxes_are_added_up():
    texts = texts_of(draw_graph({"a": 3, "a · a": 9}, {"a · a": [("a", 3), ("a", 3)]}))
    assert texts.count("× 6") == 1
    assert "× 3" not in texts


def test_values_appear_from_the_first_on_and_slopes_from_the_last_back():
    texts = texts_of(draw_graph(VALUES, LINKS, slopes=SLOPES, num_values=2, num_slopes=0))
    assert "0.5" in texts
    assert "2" in texts
    assert not {"1", "0.25", "1.25", "slope 1", "× 2", "× 1"} & set(texts)
    picture = draw_graph(VALUES, LINKS, slopes=SLOPES, num_slopes=2)
    assert [text for text in texts_of(picture) if text.startswith("slope")] == ["slope −3", "slope 1"]  # b and answer
    arrows = [patch for patch in picture.figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert [same_color(arrow.get_edgecolor(), COLORS[1]) for arrow in arrows] == [False, False, True, True]


def test_keys_may_be_anything_and_labels_say_what_stands_in_the_box():
    one, two = object(), object()
    picture = draw_graph({one: 1, two: 2.7183}, {two: [(one, 2.7183)]}, labels={one: "x", two: "exp"})
    assert {"x", "exp", "2.72"} <= set(texts_of(picture))
    assert picture.alt == "A graph of 2 values: x = 1; exp = 2.72."


def test_a_graph_of_many_columns_still_fits_and_says_less():
    values = {f"v{number}": 0.5 for number in range(10)}
    links = {f"v{number + 1}": {f"v{number}": 1} for number in range(9)}
    picture = draw_graph(values, links, slopes=dict.fromkeys(values, 2.0))
    assert "slope 2" not in texts_of(picture)
    assert texts_of(picture).count("2") == 10


@pytest.mark.parametrize(
    ("values", "links", "words"),
    [
        ({}, {}, "no values"),
        ({"a": 1, "b": 2}, {"a": {"b": 1}}, "'a' cannot be made of 'b'"),
        ({"a": 1}, {"a": {"a": 1}}, "'a' cannot be made of 'a'"),
        ({"a": 1}, {"a": {"z": 1}}, "'a' cannot be made of 'z'"),
        ({"a": 1}, {"z": {"a": 1}}, "'z' cannot be made of 'a'"),
    ],
)
def test_what_cannot_have_been_computed_is_refused(values, links, words):
    with pytest.raises(ValueError, match=words):
        draw_graph(values, links)


def test_an_animation_shows_every_value_and_every_slope_in_a_frame_of_its_own(page_of):
    page = page_of(animate_graph(VALUES, LINKS, slopes=SLOPES))
    assert page.picture.n_frames == len(VALUES) + len(SLOPES) + 1  # and the still
    assert "answer = 1.25, slope 1" in page.alt
    assert "then the slopes, from the last" in page.alt


def test_no_link_lies_on_a_box_or_hides_a_whole_arrow_where_there_are_many_columns():
    chain = [f"value {number}" for number in range(8)]
    links = {end: {start: 0.549} for start, end in pairwise(chain)}
    figure = draw_graph(dict.fromkeys(chain, 1), links).figure
    ax = figure.axes[0]
    figure.canvas.draw()
    boxes = [patch.get_window_extent() for patch in ax.patches]
    told = [text.get_window_extent() for text in ax.texts if text.get_text().startswith("×")]
    assert len(told) == 7
    assert not any(one.overlaps(other) for one in told for other in boxes)

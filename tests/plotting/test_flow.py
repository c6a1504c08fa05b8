"""Boxes and arrows: where they stand, that texts fit, and what is refused."""

import itertools

import pytest

from course_utils import plotting
from course_utils.plotting.flow import lay_out


def test_flow_runs_to_the_right_and_back_in_the_next_row():
    boxes, _, _ = lay_out(list("abcdef"), num_columns=3)
    assert [box.row for box in boxes] == [0, 0, 0, 1, 1, 1]
    first, second = [box.x for box in boxes[:3]], [box.x for box in boxes[3:]]
    assert first == sorted(first)
    assert second == first[::-1]
    assert {box.y for box in boxes[:3]} == {boxes[0].y}
    assert boxes[0].y - boxes[0].half_height > boxes[3].y + boxes[3].half_height


def test_flow_boxes_stay_on_the_drawing_and_apart():
    boxes, _, height = lay_out([("a name", "a note\nof two lines")] * 7, loops=[(6, 4, "again")], num_columns=4)
    for box in boxes:
        assert 0 <= box.x - box.half_width < box.x + box.half_width <= 8
        assert 0 < box.y - box.half_height < box.y + box.half_height < height
    for one, other in itertools.combinations(boxes, 2):
        beside = abs(one.x - other.x) >= one.half_width + other.half_width
        assert beside or abs(one.y - other.y) >= one.half_height + other.half_height


def test_flow_makes_room_for_a_loop_under_the_last_row_only():
    without = lay_out(list("abcd"), num_columns=2).height
    assert lay_out(list("abcd"), loops=[(2, 1, "")], num_columns=2).height == without
    assert lay_out(list("abcd"), loops=[(3, 2, "")], num_columns=2).height > without


def test_flow_shrinks_long_notes_before_it_breaks_them():
    short, fitting, long = (lay_out([("a", note)]) for note in ("x", "x" * 105, "x " * 90))
    assert (short.note_size, long.note_size) == (9, 7.5)
    assert 7.5 < fitting.note_size < 9
    assert "\n" not in fitting.boxes[0].note
    assert "\n" in long.boxes[0].note


def test_flow_texts_stay_inside_their_boxes():
    steps = [("global average pooling", "(32, 1280, 1, 1)"), ("student\nmodel", "(32, 3, 224, 224)"), ("x", "")] * 2
    figure = plotting.draw_flow(steps, num_columns=5).figure
    (ax,) = figure.axes
    figure.canvas.draw()
    frames = [patch.get_window_extent() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
    for text in ax.texts:
        if text.get_text():
            extent = text.get_window_extent()
            assert any(
                frame.x0 <= extent.x0 and extent.x1 <= frame.x1 and frame.y0 <= extent.y0 and extent.y1 <= frame.y1
                for frame in frames
            ), text.get_text()


def test_flow_draws_loops_with_their_labels_and_frames_what_matters():
    (ax,) = plotting.draw_flow(["read", "mark", "correct"], loops=[(2, 0, "again")], emphasis=[1]).figure.axes
    assert "again" in [text.get_text() for text in ax.texts]
    widths = [patch.get_linewidth() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
    assert widths[1] > widths[0] == widths[2]
    assert len(ax.patches) == 3 + 2 + 2  # boxes, arrows between them, line and head of the loop


def test_loops_that_end_at_one_box_arrive_side_by_side_and_do_not_cross():
    steps = list("abcdefgh")
    (ax,) = plotting.draw_flow(steps, loops=[(5, 1, "batch"), (6, 1, "term")]).figure.axes
    boxes = lay_out(steps, loops=[(5, 1, "batch"), (6, 1, "term")]).boxes
    batch, term = [patch.get_path().vertices for patch in ax.patches if patch.get_linestyle() == "--"]
    assert boxes[1].x - boxes[1].half_width < term[-1, 0] < batch[-1, 0] < boxes[1].x + boxes[1].half_width
    assert set(term[:, 0]) == {term[-1, 0]}  # straight up: it starts under its box
    assert batch[0, 0] == boxes[5].x


def test_a_loop_of_its_own_arrives_in_the_middle():
    (ax,) = plotting.draw_flow(list("abcd"), loops=[(3, 0, "")], num_columns=2).figure.axes
    (corners,) = [patch.get_path().vertices for patch in ax.patches if patch.get_linestyle() == "--"]
    assert corners[-1, 0] == pytest.approx(lay_out(list("abcd"), num_columns=2).boxes[0].x)


def test_flow_refuses_positions_that_do_not_exist():
    with pytest.raises(ValueError, match="0 to 1"):
        plotting.draw_flow(["a", "b"], loops=[(2, 0, "")])
    with pytest.raises(ValueError, match="0 to 1"):
        plotting.draw_flow(["a", "b"], emphasis=[-1])
    with pytest.raises(ValueError, match="no steps"):
        plotting.draw_flow([])
    with pytest.raises(ValueError, match="neighbouring"):
        plotting.draw_flow(list("abc"), num_columns=1, loops=[(2, 0, "")])


def test_flow_says_what_it_shows():
    picture = plotting.draw_flow([("read", "(3,)"), "mark", ("correct", "once")], loops=[(2, 0, "again")], emphasis=[1])
    assert picture.alt == (
        "A flow of 3 steps: read (3,); mark; correct (once). A dashed arrow leads from “correct” to “read”: again. "
        "Framed: mark."
    )
    assert plotting.draw_flow(["a", "b"], alt="From a to b.").alt == "From a to b."

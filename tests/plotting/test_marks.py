"""Marks and the losses on the way there: heights, whiskers, the mark to beat, one colour for one student."""

import math

import numpy as np
import pytest

from course_utils import plotting
from course_utils.plotting.style import BASELINE

MARKS = {"with": 0.8, "without": 0.3}
LOSSES = {"with": [2.3, 1.0, 0.5], "without": [2.4, 2.2]}


def labelled(ax, beginning: str):
    (line,) = [line for line in ax.lines if str(line.get_label()).startswith(beginning)]
    return line


def test_marks_are_bars_with_their_values_and_the_mark_to_beat():
    picture = plotting.plot_marks(MARKS, majority=0.25, title="Three marks")
    (ax,) = picture.figure.axes
    assert [bar.get_height() for bar in ax.patches] == [0.8, 0.3]
    assert [text.get_text() for text in ax.texts] == ["80.0%", "30.0%"]
    assert labelled(ax, "majority baseline: 25.0%").get_ydata() == [0.25, 0.25]
    assert labelled(ax, "majority").get_linestyle() == BASELINE["linestyle"]
    assert picture.alt == (
        "Three marks, share of right answers: with 80.0%, without 30.0%; the majority baseline is 25.0%."
    )


def test_marks_have_whiskers_of_one_standard_error_where_the_size_of_the_exam_is_known():
    (ax,) = plotting.plot_marks(MARKS, num_samples=100).figure.axes
    (segments,) = [lines.get_segments() for lines in ax.collections]
    halves = [(segment[1, 1] - segment[0, 1]) / 2 for segment in segments]
    np.testing.assert_allclose(halves, [math.sqrt(p * (1 - p) / 100) for p in MARKS.values()])
    (ax,) = plotting.plot_marks(MARKS).figure.axes
    assert not ax.collections
    assert not ax.lines


def test_the_mark_to_beat_lies_behind_the_bars_and_one_colour_can_be_for_all():
    (ax,) = plotting.plot_marks(MARKS, majority=0.25, color=plotting.COLORS[2]).figure.axes
    assert labelled(ax, "majority").get_zorder() < min(bar.get_zorder() for bar in ax.patches)
    assert {plotting.style.matplotlib.colors.to_hex(bar.get_facecolor()) for bar in ax.patches} == {plotting.COLORS[2]}


def test_names_over_two_lines_are_one_line_in_the_alt_text():
    assert "mock exam with a leak 80.0%" in plotting.plot_marks({"mock exam\nwith a leak": 0.8}).alt


def test_corrections_are_counted_from_1_and_carry_the_line_of_no_opinion():
    picture = plotting.plot_corrections(LOSSES, guessing=math.log(10))
    (ax,) = picture.figure.axes
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["with"].get_xydata(), [[1, 2.3], [2, 1.0], [3, 0.5]])
    np.testing.assert_allclose(lines["without"].get_ydata(), [2.4, 2.2])
    assert lines["with"].get_linestyle() != lines["without"].get_linestyle()
    assert lines["no opinion: 2.30"].get_ydata() == [math.log(10)] * 2
    assert ax.get_ylim()[0] == 0
    assert picture.alt == (
        "The loss over 3 corrections: with from 2.30 to 0.50, without from 2.40 to 2.20; no opinion would cost 2.30."
    )
    assert "opinion" not in plotting.plot_corrections(LOSSES).alt


def test_a_student_has_one_colour_on_both_sides_of_a_comparison():
    picture = plotting.draw_comparison(LOSSES, MARKS, num_classes=10, majority=0.25, num_samples=100)
    left, right = picture.figure.axes
    lines = [line.get_color() for line in left.lines[:2]]
    bars = [plotting.style.matplotlib.colors.to_hex(bar.get_facecolor()) for bar in right.patches]
    assert lines == bars
    assert labelled(left, "no opinion").get_ydata()[0] == pytest.approx(math.log(10))
    assert labelled(right, "majority").get_ydata()[0] == 0.25
    assert picture.alt.startswith("Left: The loss over 3 corrections")
    assert "Right: Mock exam, share of right answers: with 80.0%" in picture.alt


def test_marks_by_size_are_dots_with_a_line_through_their_means():
    marks = {"trained": {10: [0.2, 0.4], 100: [0.6]}, "random": {10: [0.1], 100: [0.1, 0.3]}}
    picture = plotting.plot_marks_by_size(marks, majority=0.26)
    (ax,) = picture.figure.axes
    trained, random, baseline = ax.lines
    assert (list(trained.get_xdata()), list(trained.get_ydata())) == ([10, 100], pytest.approx([0.3, 0.6]))
    assert list(random.get_ydata()) == pytest.approx([0.1, 0.2])
    assert set(baseline.get_ydata()) == {0.26}
    assert trained.get_marker() != random.get_marker()
    dots = sorted(tuple(place) for scatter in ax.collections for place in scatter.get_offsets().tolist())
    assert dots == [(10, 0.1), (10, 0.2), (10, 0.4), (100, 0.1), (100, 0.3), (100, 0.6)]
    assert (ax.get_xscale(), [label.get_text() for label in ax.get_xticklabels()]) == ("log", ["10", "100"])
    assert "10 to 100: trained from 30% to 60%; random from 10% to 20%; the majority baseline is 26.0%." in picture.alt


@pytest.mark.parametrize("marks", [{}, {"trained": {}}, {"trained": {10: []}}])
def test_marks_by_size_without_a_mark_are_refused(marks):
    with pytest.raises(ValueError, match="no marks"):
        plotting.plot_marks_by_size(marks)

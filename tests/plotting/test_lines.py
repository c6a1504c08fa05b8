"""Lines over one axis."""

import pytest

from course_utils.plotting import BASELINE, plot_lines
from course_utils.plotting.lines import describe_lines

WORDS = {"title": "Two ways", "xlabel": "terms", "ylabel": "seconds"}


def test_each_line_has_its_values_a_colour_and_a_marker_of_its_own():
    picture = plot_lines({"slow": [1, 2, 3], "fast": [2, 2, 2.5]}, **WORDS)
    (ax,) = picture.figure.axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 2, 3], [2, 2, 2.5]]
    assert [list(line.get_xdata()) for line in ax.lines] == [[1, 2, 3]] * 2
    assert len({line.get_color() for line in ax.lines}) == len({line.get_marker() for line in ax.lines}) == 2
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("Two ways", "terms", "seconds")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["slow", "fast"]
    assert picture.alt == "Two ways: seconds over terms. slow from 1 to 3; fast from 2 to 2.5."


def test_a_level_is_a_dotted_line_across_with_its_name():
    (ax,) = plot_lines({"a": [1, 2]}, level=("guessing", 2.3), **WORDS).figure.axes
    level = ax.lines[-1]
    assert set(level.get_ydata()) == {2.3}
    assert (level.get_label(), level.get_linestyle()) == ("guessing", BASELINE["linestyle"])


def test_places_and_properties_of_the_axes_are_taken_over():
    (ax,) = plot_lines({"a": [1, 2]}, x=[10, 100], xscale="log", ylim=(0, 5), **WORDS).figure.axes
    assert list(ax.lines[0].get_xdata()) == [10, 100]
    assert (ax.get_xscale(), ax.get_ylim()) == ("log", (0, 5))


@pytest.mark.parametrize("lines", [{}, {"a": []}])
def test_nothing_to_draw_is_refused(lines):
    with pytest.raises(ValueError, match="no values"):
        plot_lines(lines, **WORDS)


def test_a_line_of_another_length_is_named():
    with pytest.raises(ValueError, match="'a' has 3 values for 2 places"):
        plot_lines({"a": [1, 2, 3]}, x=[1, 2], **WORDS)


def test_a_peak_is_told_only_where_it_is_higher_than_both_ends():
    assert describe_lines({"over": [1, 7, 2], "down": [3, 2, 1]}) == "over from 1 to 2, by way of 7; down from 3 to 1"

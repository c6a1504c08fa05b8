"""Pictures of classes: bars and cells hold the numbers they are given."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import plotting


def test_predictions_are_bars_with_their_probabilities_likeliest_on_top():
    picture = plotting.plot_predictions([("hat", 0.75), ("shoe", 0.25)])
    (ax,) = picture.figure.axes
    assert picture.alt.endswith("probabilities: hat 75.0%, shoe 25.0%.")
    assert [bar.get_width() for bar in ax.patches] == [0.75, 0.25]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hat", "shoe"]
    assert [text.get_text() for text in ax.texts] == ["75.0%", "25.0%"]
    assert ax.yaxis_inverted()
    assert ax.get_xlim() == (0, 1)  # nothing is likelier than 100 %
    with pytest.raises(ValueError, match="no predictions"):
        plotting.plot_predictions([])


def test_first_answers_are_hatched_where_the_name_is_another():
    answers = {"as it should be": ("gown", 0.55), "mirrored": ("gown", 0.24), "no Normalize": ("iPod", 0.12)}
    picture = plotting.plot_first_answers(answers)
    (ax,) = picture.figure.axes
    assert [bar.get_width() for bar in ax.patches] == [0.55, 0.24, 0.12]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, False, True]
    assert [text.get_text() for text in ax.texts] == ["gown, 55%", "gown, 24%", "iPod, 12%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(answers)
    assert "hatched where it is not “gown”" in picture.alt
    assert picture.alt.endswith("as it should be: gown, 55%; mirrored: gown, 24%; no Normalize: iPod, 12%.")
    with pytest.raises(ValueError, match="no answers"):
        plotting.plot_first_answers({})


def test_calibration_is_drawn_against_the_line_of_those_who_are_as_sure_as_they_are_right():
    picture = plotting.plot_calibration([(100, 0.2, 0.3), (400, 0.8, 0.9)])
    (ax,) = picture.figure.axes
    line, dots = ax.lines[:2]
    assert line.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert dots.get_xydata().tolist() == [[0.2, 0.3], [0.8, 0.9]]
    (whiskers,) = ax.collections
    lengths = [end[1] - start[1] for start, end in (segment for segment in whiskers.get_segments())]
    assert lengths == pytest.approx([2 * 0.0458, 2 * 0.015], abs=1e-4)  # the square root of p (1 - p) / n
    assert picture.alt.endswith("20% sure and 30% right, 80% sure and 90% right.")
    with pytest.raises(ValueError, match="no answers"):
        plotting.plot_calibration([])


def test_class_counts_tell_how_often_the_largest_class_would_be_right():
    picture = plotting.plot_class_counts({"hat": 10, "shoe": 30})
    (ax,) = picture.figure.axes
    assert "hat 10, shoe 30" in picture.alt
    assert "always “shoe” is right in 75.0%" in picture.alt
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True]
    assert "“shoe”" in ax.get_legend().get_texts()[0].get_text()
    assert "75.0%" in ax.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="no pictures"):
        plotting.plot_class_counts({"hat": 0})


def test_confusion_matrix_shades_rows_by_share_and_writes_counts():
    picture = plotting.plot_confusion_matrix(torch.tensor([[3, 1], [0, 0]]), ["hat", "shoe"])
    ax, _ = picture.figure.axes
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.75, 0.25], [0, 0]])
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(0, 0): "3", (1, 0): "1"}
    assert ax.get_ylabel() == "the truth"
    with pytest.raises(ValueError, match="3 classes"):
        plotting.plot_confusion_matrix(np.eye(2), ["a", "b", "c"])


def test_confusion_matrix_tells_its_most_frequent_mistake():
    matrix = np.array([[3, 1, 0], [0, 5, 0], [4, 0, 2]])
    alt = plotting.plot_confusion_matrix(matrix, ["hat", "shoe", "dress"]).alt
    assert "10 of 15 samples are on the diagonal" in alt
    assert alt.endswith("The most frequent confusion: dress taken for hat, 4 times.")
    assert "confusion:" not in plotting.plot_confusion_matrix(np.eye(3, dtype=int), list("abc")).alt


def test_an_answer_stands_beside_the_picture_that_was_asked_about(page_of):
    image = Image.new("RGB", (6, 4), (255, 0, 0))
    picture = plotting.draw_answer(image, [("hat", 0.75), ("shoe", 0.25)])
    left, right = picture.figure.axes
    np.testing.assert_array_equal(left.images[0].get_array(), np.asarray(image))
    assert [bar.get_width() for bar in right.patches] == [0.75, 0.25]
    assert page_of(picture).kind == "jpeg"
    assert picture.alt == "A picture, and what the student sees in it: hat 75.0%, shoe 25.0%."

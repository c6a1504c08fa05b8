"""Reading an exam: recall, mistakes, thresholds."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.evaluation import Predictions
from course_utils.plotting import draw_exam_in_pairs, draw_mistakes, plot_agreement, plot_recalls, plot_threshold
from course_utils.report.metrics import standard_error
from course_utils.transforms import InputSpec

CLASSES = ["cat", "dog", "$5 note"]
# Truth cat, cat, dog, dog; answers cat, dog, dog, dog. There is no note in this exam.
EXAM = Predictions(
    torch.tensor([[0.9, 0.1, 0.0], [0.3, 0.7, 0.0], [0.2, 0.8, 0.0], [0.4, 0.6, 0.0]]), torch.tensor([0, 0, 1, 1])
)


def test_recall_stands_over_its_class_with_its_error_and_a_class_without_pictures_has_none():
    picture = plot_recalls({"mock exam": EXAM}, CLASSES)
    (ax,) = picture.figure.axes
    points = ax.lines[0]
    assert list(points.get_xdata()) == [0, 1]
    assert list(points.get_ydata()) == [0.5, 1.0]
    (segments,) = [collection.get_segments() for collection in ax.collections]
    error = standard_error(0.5, 2)
    assert segments[0][:, 1] == pytest.approx([0.5 - error, 0.5 + error])
    assert [label.get_text() for label in ax.get_xticklabels()][:2] == ["cat\n2", "dog\n2"]
    assert picture.alt == "Recall of each class in the mock exam. In the mock exam: cat 50%, dog 100%."


def test_two_exams_are_told_apart_by_place_and_marker():
    (ax,) = plot_recalls({"mock exam": EXAM, "final exam": EXAM}, CLASSES).figure.axes
    markers = [line.get_marker() for line in ax.lines if line.get_marker() in ("s", "^")]
    assert markers == ["s", "^"]
    assert ax.get_xlabel() == "class, and its pictures in the final exam"


@pytest.mark.parametrize("number", [0, 3])
def test_one_exam_or_two(number):
    with pytest.raises(ValueError, match=f"not {number}"):
        plot_recalls({str(index): EXAM for index in range(number)}, CLASSES)


def test_a_mistake_shows_answer_certainty_and_truth():
    picture = draw_mistakes([Image.new("RGB", (8, 8))], EXAM, EXAM.worst_mistakes(1).tolist(), CLASSES)
    assert picture.alt == "The mistakes the student was surest of: cat taken for dog, 70% sure."
    assert picture.figure.axes[0].get_title() == "dog, 70%\ncat"


def test_a_mistake_can_be_shown_as_the_student_saw_it():
    spec = InputSpec(8, 8, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    picture = draw_mistakes(torch.zeros(1, 3, 8, 8), EXAM, [1], CLASSES, spec=spec)
    assert np.allclose(picture.figure.axes[0].images[0].get_array(), 0.5)


def test_an_exam_without_a_mistake_is_drawn_too():
    assert draw_mistakes([], EXAM, [], CLASSES).alt == "No mistake to show: every answer was right."


def test_two_students_in_one_exam_are_a_square_for_each_picture_in_four_groups():
    other = Predictions(torch.tensor([[0.1, 0.9, 0.0]] * 2 + [[0.8, 0.2, 0.0]] * 2), EXAM.labels)  # all wrong
    picture = draw_exam_in_pairs(EXAM, other, names=("the eye", "the head"))
    (ax,) = picture.figure.axes
    squares = ax.images[0].get_array().compressed().tolist()
    assert squares == [1, 1, 1, 3]  # EXAM alone is right in three, nobody in one
    legend = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert legend == ["both right: 0", "only the eye: 3", "only the head: 0", "both wrong: 1"]
    assert "both right 0, only the eye 3, only the head 0, both wrong 1." in picture.alt


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [
        (0.0, "Threshold 0.00: 4 of 4 answered, 75.0% of them right"),
        (0.75, "Threshold 0.75: 2 of 4 answered, 100.0% of them right"),
        (0.95, "Threshold 0.95: 0 of 4 answered, none to judge"),
    ],
)
def test_a_threshold_says_what_it_leaves(threshold, verdict):
    picture = plot_threshold(EXAM, threshold)
    (ax,) = picture.figure.axes
    assert ax.get_title(loc="left") == verdict
    assert picture.alt.startswith(verdict)
    assert ax.lines[0].get_xdata()[0] == threshold


def test_right_and_wrong_answers_are_stacked_and_told_apart_by_hatching():
    (ax,) = plot_threshold(EXAM, 0.5).figure.axes
    right, wrong = ax.patches[:20], ax.patches[20:]
    assert sum(bar.get_height() for bar in right) == 3
    assert sum(bar.get_height() for bar in wrong) == 1
    assert {bar.get_hatch() for bar in right} == {None}
    assert {bar.get_hatch() for bar in wrong} == {"///"}


def test_agreement_counts_the_pictures_by_how_many_students_are_right():
    picture = plot_agreement([0, 0, 3, 1, 3, 3], 3)
    (ax,) = picture.figure.axes
    assert [bar.get_height() for bar in ax.patches] == [2, 1, 0, 3]
    assert [text.get_text() for text in ax.texts] == ["2", "", "", "3"]
    assert picture.alt == (
        "Of 6 pictures 2 are answered wrongly by all 3 students and 3 rightly by all; the 1 others lie between."
    )


def test_agreement_has_a_bar_for_every_number_of_students_also_where_no_picture_has_it():
    (ax,) = plot_agreement([0, 1], 3).figure.axes
    assert [bar.get_height() for bar in ax.patches] == [1, 1, 0, 0]
    none, one, two, every = (bar.get_facecolor() for bar in ax.patches)
    assert len({none, one, every}) == 3
    assert one == two


@pytest.mark.parametrize("num_right", [[], [4], [-1]])
def test_agreement_refuses_more_students_than_there_are(num_right):
    with pytest.raises(ValueError, match="0 to 3 are right"):
        plot_agreement(num_right, 3)

"""A subject in the plane: the points stand where they are, and the ground has the student's own answer."""

import numpy as np
import pytest
import torch

from course_utils import plotting
from course_utils.plotting.style import COLORS

POINTS = torch.tensor([[0.5, 0.5], [-0.5, 0.2], [0.9, -0.9]])
LABELS = torch.tensor([1, 0, 1])


def by_first_coordinate(points):
    """Sure of 1 on the right, of 0 on the left."""
    return torch.stack([-9 * points[:, 0], 9 * points[:, 0]], dim=1)


def test_points_stand_where_they_are_with_a_marker_for_each_label():
    picture = plotting.plot_points(POINTS, LABELS, kind="spiral")
    (ax,) = picture.figure.axes
    left, right = ax.collections
    np.testing.assert_allclose(left.get_offsets(), POINTS[1:2])
    np.testing.assert_allclose(right.get_offsets(), POINTS[[0, 2]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["spiral 0", "spiral 1"]
    assert left.get_paths()[0].vertices.shape != right.get_paths()[0].vertices.shape  # not by colour alone
    assert picture.alt == "Points in the plane: 1 of spiral 0, 2 of spiral 1."
    assert plotting.plot_points(POINTS, LABELS, alt="Three points.").alt == "Three points."


@pytest.mark.parametrize("labels", [LABELS[:2], LABELS[:, None]])
def test_points_and_labels_must_fit(labels):
    with pytest.raises(ValueError, match=r"\(3, 2\) and"):
        plotting.plot_points(POINTS, labels)
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        plotting.plot_points(torch.zeros(3, 3), LABELS)


def ground_at(figure, x: float, y: float) -> np.ndarray:
    """The colour (3,) of a place of the plane."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    column, row = figure.axes[0].transData.transform((x, y))
    return pixels[len(pixels) - 1 - round(row), round(column)].astype(int)


def test_the_ground_is_blue_where_the_student_says_0_and_yellow_where_it_says_1():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    picture = plotting.plot_opinion(by_first_coordinate, POINTS, LABELS)
    FigureCanvasAgg(picture.figure)
    left, right = ground_at(picture.figure, -0.8, 0.8), ground_at(picture.figure, 0.8, 0.8)
    assert left[2] > left[0]  # more blue than red
    assert right[0] > right[2]
    assert (ground_at(picture.figure, -0.8, -0.8) == left).all()  # the first coordinate decides, not the second


def test_an_opinion_tells_how_many_points_it_gets_right_and_where_it_is_undecided():
    picture = plotting.plot_opinion(by_first_coordinate, POINTS, torch.tensor([1, 0, 0]), title="early")
    assert picture.alt.endswith("early: 67% of the points are right, 5% of the plane is undecided.")  # 6 of 120 columns
    nobody = plotting.plot_opinion(torch.zeros_like, POINTS, LABELS)
    assert nobody.alt.endswith("100% of the plane is undecided.")


def test_an_opinion_leaves_no_gradients_behind():
    student = torch.nn.Linear(2, 2)
    plotting.plot_opinion(student, POINTS, LABELS)
    assert student.weight.grad is None


def test_opinions_stand_side_by_side_under_their_names():
    students = {"at first": lambda points: -by_first_coordinate(points), "at the end": by_first_coordinate}
    picture = plotting.draw_opinions(students, POINTS, LABELS)
    assert [ax.get_title(loc="left") for ax in picture.figure.axes] == ["at first", "at the end"]
    assert "At first: 0% of the points are right" in picture.alt
    assert "at the end: 100% of the points are right" in picture.alt


def test_opinions_can_be_frames_of_one_animation(page_of):
    frames = [plotting.plot_opinion(by_first_coordinate, POINTS, LABELS, title=f"step {step}") for step in (1, 2, 3)]
    assert page_of(plotting.animate(frames, alt="The boundary stays.")).width == 480


def test_the_colours_of_the_points_are_the_palettes():
    (ax,) = plotting.plot_points(POINTS, LABELS).figure.axes
    drawn = [collection.get_facecolor()[0] for collection in ax.collections]
    expected = [plotting.style.matplotlib.colors.to_rgba(color) for color in COLORS[:2]]
    np.testing.assert_allclose(drawn, expected)

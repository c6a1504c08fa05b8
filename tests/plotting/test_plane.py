"""A subject in the plane: the points stand where they are, and the ground has the student's own answer."""

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.contour import QuadContourSet

from course_utils import plotting
from course_utils.plotting import plane
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


def test_the_ground_has_the_colour_of_the_answer_and_is_white_where_there_is_none():
    picture = plotting.plot_opinion(by_first_coordinate, POINTS, LABELS)
    FigureCanvasAgg(picture.figure)
    left, right = ground_at(picture.figure, -0.8, 0.8), ground_at(picture.figure, 0.8, 0.8)
    assert left[2] > left[0] + 40  # blue, as the points of 0
    assert right[0] > right[2] + 40  # red, as the points of 1
    assert (ground_at(picture.figure, -0.8, -0.8) == left).all()  # the first coordinate decides, not the second


def test_an_opinion_tells_how_many_points_it_gets_right_and_where_it_is_undecided():
    picture = plotting.plot_opinion(by_first_coordinate, POINTS, torch.tensor([1, 0, 0]), title="early")
    told = "early: 66.7% of the points are right, 5% of the plane is undecided."  # 6 of 120 columns
    assert picture.alt.endswith(told)
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
    assert "At first: 0.0% of the points are right" in picture.alt
    assert "at the end: 100.0% of the points are right" in picture.alt


def test_opinions_can_be_frames_of_one_animation(page_of):
    frames = [plotting.plot_opinion(by_first_coordinate, POINTS, LABELS, title=f"step {step}") for step in (1, 2, 3)]
    assert page_of(plotting.animate(frames, alt="The boundary stays.")).width == 480


def undecided(points):
    """Never more than a little in favour of 1, and that above."""
    return torch.stack([torch.zeros(len(points)), 0.1 * points[:, 1]], dim=1)


def test_the_boundary_runs_where_both_answers_are_equally_likely():
    picture = plotting.plot_opinion(undecided, POINTS, LABELS)
    FigureCanvasAgg(picture.figure)
    assert (ground_at(picture.figure, 0.7, 0.7) > 230).all()  # white: nobody is sure
    (boundary,) = [
        each
        for each in picture.figure.axes[0].collections
        if isinstance(each, QuadContourSet) and not each.filled and len(each.levels) == 1
    ]
    heights = np.concatenate([path.vertices[:, 1] for path in boundary.get_paths()])
    np.testing.assert_allclose(heights, 0, atol=0.02)


def test_students_who_learned_different_labels_are_shown_with_their_own():
    students = {"one": by_first_coordinate, "other": by_first_coordinate}
    picture = plotting.draw_opinions(students, POINTS, [LABELS, 1 - LABELS], title="Two")
    assert "One: 100.0% of the points are right" in picture.alt
    assert "other: 0.0% of the points are right" in picture.alt


def test_learning_is_shown_from_the_first_correction_to_the_last(monkeypatch):
    seen = []
    monkeypatch.setattr(plane, "animate", lambda frames, **options: seen.extend(frames) or options)
    losses = [1 / (step + 1) for step in range(100)]
    students = [lambda points, step=step: by_first_coordinate(points) * (-1 if step < 50 else 1) for step in range(100)]
    told = plotting.animate_learning(students, losses, POINTS, LABELS, guessing=0.7)["alt"]
    assert "after 0 corrections: 0.0% of the points are right" in told
    assert "after 99 corrections: 100.0% of the points are right" in told
    assert "from 1.00 to 0.01" in told
    assert (seen[0].alt, seen[-1].alt) == ("after 0 corrections", "after 99 corrections")
    assert len(seen) <= plane.NUM_FRAMES
    curves = [frame.figure.axes[1].lines[0] for frame in seen]
    for frame, curve in zip(seen, curves, strict=True):
        step = int(frame.alt.split()[1])
        np.testing.assert_allclose(curve.get_ydata(), losses[: step + 1])
    assert len({frame.figure.axes[1].get_ylim() for frame in seen}) == 1  # nothing jumps
    half = len(seen) // 2
    assert len(curves[half].get_ydata()) < 40  # most frames where most happens


def test_learning_becomes_an_animation(page_of):
    film = plotting.animate_learning([by_first_coordinate] * 3, [0.7, 0.5, 0.4], POINTS, LABELS, guessing=0.7)
    assert page_of(film).alt.startswith("A student learns.")
    with pytest.raises(ValueError, match="2 students needs its loss; there are 3"):
        plotting.animate_learning([by_first_coordinate] * 2, [0.7, 0.5, 0.4], POINTS, LABELS, guessing=0.7)


def test_the_colours_of_the_points_are_the_palettes():
    (ax,) = plotting.plot_points(POINTS, LABELS).figure.axes
    drawn = [collection.get_facecolor()[0] for collection in ax.collections]
    expected = [plotting.style.matplotlib.colors.to_rgba(color) for color in COLORS[:2]]
    np.testing.assert_allclose(drawn, expected)

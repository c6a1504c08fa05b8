"""Walls of pictures: a tick or a cross at each, never by colour alone, and the truth where the answer is wrong."""

import numpy as np
import pytest
import torch

from course_utils.plotting import draw_neighbours, draw_wall

PICTURES = [torch.full((3, 4, 4), shade) for shade in (0.0, 0.2, 0.4, 0.6, 0.8)]


def hung(figure):
    return [ax for ax in figure.axes if ax.images]


def test_a_wall_ticks_what_is_right_and_tells_the_truth_of_what_is_wrong():
    wall = draw_wall(PICTURES[:3], ["hat", "shoes", "dress"], ["hat", "skirt", "dress"], title="Wall", num_columns=2)
    assert [ax.get_title() for ax in hung(wall.figure)] == ["✓ hat", "✗ shoes", "✓ dress"]
    assert [ax.get_xlabel() for ax in hung(wall.figure)] == ["", "skirt", ""]
    assert wall.alt == "Wall: 2 of 3 pictures are answered rightly; the others: skirt taken for shoes."
    assert not wall.figure.axes[3].axison  # the place that stays empty
    np.testing.assert_allclose(hung(wall.figure)[1].images[0].get_array(), 0.2)


def test_who_does_not_know_is_neither_right_nor_wrong():
    wall = draw_wall(PICTURES[:2], ["hat", None], ["hat", "skirt"], title="Wall")
    assert [(ax.get_title(), ax.get_xlabel()) for ax in hung(wall.figure)] == [("✓ hat", ""), ("?", "skirt")]
    assert wall.alt == "Wall: 1 of 2 pictures are answered rightly; the others: no answer for skirt."


def test_a_narrower_wall_has_smaller_pictures():
    answers = ["hat"] * 4
    wide, narrow = (draw_wall(PICTURES[:4], answers, answers, title="W", num_columns=2, width=w) for w in (8, 4))
    assert (wide.figure.get_figwidth(), narrow.figure.get_figwidth()) == (8, 4)
    assert narrow.figure.get_figheight() < 0.7 * wide.figure.get_figheight()


def test_right_and_wrong_have_frames_of_two_colours():
    right, wrong = hung(draw_wall(PICTURES[:2], ["hat", "hat"], ["hat", "skirt"], title="Wall").figure)
    assert right.spines["top"].get_edgecolor() != wrong.spines["top"].get_edgecolor()


def test_a_wall_without_a_mistake_tells_of_none():
    assert draw_wall(PICTURES[:1], ["hat"], ["hat"], title="W").alt == "W: 1 of 1 pictures are answered rightly."


@pytest.mark.parametrize("answers", [["hat"], ["hat", "hat", "hat"]])
def test_pictures_answers_and_truths_must_agree(answers):
    with pytest.raises(ValueError, match=f"2 pictures, {len(answers)} answers and 2 truths"):
        draw_wall(PICTURES[:2], answers, ["hat", "hat"], title="Wall")
    with pytest.raises(ValueError, match="0 pictures"):
        draw_wall([], [], [], title="Wall")


def test_each_eye_has_a_row_that_begins_with_the_question():
    rows = {
        "pixels": [(PICTURES[1], "hat"), (PICTURES[2], "skirt")],
        "trained": [(PICTURES[3], "skirt"), (PICTURES[4], "skirt")],
    }
    picture = draw_neighbours(PICTURES[0], "skirt", rows, title="Nearest")
    drawn = hung(picture.figure)
    assert [ax.get_title() for ax in drawn] == ["skirt", "hat", "✓ skirt", "skirt", "✓ skirt", "✓ skirt"]
    assert [ax.get_ylabel() for ax in drawn] == ["pixels", "", "", "trained", "", ""]
    shades = [float(ax.images[0].get_array().mean()) for ax in drawn]
    np.testing.assert_allclose(shades, [0, 0.2, 0.4, 0, 0.6, 0.8], atol=1e-6)
    assert "pixels: hat, skirt; trained: skirt, skirt" in picture.alt


@pytest.mark.parametrize("rows", [{}, {"pixels": []}, {"pixels": [(PICTURES[0], "hat")], "trained": []}])
def test_rows_of_different_length_are_refused(rows):
    with pytest.raises(ValueError, match="equally many neighbours"):
        draw_neighbours(PICTURES[0], "hat", rows, title="Nearest")

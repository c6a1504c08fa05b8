"""A student watched thinking: the bars are its probabilities, the truth is marked, and one frame follows another."""

import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from course_utils.plotting import COLORS, animate_thoughts, draw_thoughts

CLASSES = ["dress", "hat", "shoes"]
IMAGES = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue", "white", "black")]
LABELS = [0, 1, 2, 0, 1]


def shares(*rows):
    return torch.tensor(rows)


CERTAIN = shares([1.0, 0, 0], [0, 1.0, 0], [0.1, 0.7, 0.2], [0.9, 0.1, 0], [0.2, 0.5, 0.3])


def test_each_picture_stands_above_the_answer_and_a_bar_for_every_class():
    picture = draw_thoughts(IMAGES, CERTAIN, LABELS, CLASSES, title="After 3 terms")
    grid = np.reshape(picture.figure.axes, (4, 4))
    assert picture.figure.get_suptitle() == "After 3 terms: 4 of 5 right"
    np.testing.assert_array_equal(grid[0, 2].images[0].get_array(), np.asarray(IMAGES[2]))
    assert [ax.get_title() for ax in grid[0]] == ["✓ dress", "✓ hat", "✗ hat", "✓ dress"]
    assert [bar.get_width() for bar in grid[1, 2].patches] == pytest.approx([0.1, 0.7, 0.2])
    assert [label.get_text() for label in grid[1, 0].get_yticklabels()] == CLASSES
    assert not grid[1, 1].get_yticklabels()
    assert not grid[2, 3].axison


def test_the_bar_of_the_truth_has_a_colour_and_a_mark_of_its_own():
    ax = draw_thoughts(IMAGES, CERTAIN, LABELS, CLASSES).figure.axes[6]  # the third picture's bars
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [COLORS[7], COLORS[7], COLORS[0]]
    assert list(ax.lines[0].get_ydata()) == [2]


def test_the_alt_text_tells_truth_and_answer():
    alt = draw_thoughts(IMAGES[:1], CERTAIN[2:3], [2], CLASSES).alt
    assert alt == "What the student thinks: 0 of 1 right. The truth, and the student's answer: shoes: says hat, 70%."


@pytest.mark.parametrize(("rows", "labels"), [(CERTAIN[:2], LABELS), (CERTAIN[:, :2], LABELS), (CERTAIN, [0])])
def test_what_does_not_fit_together_is_refused(rows, labels):
    with pytest.raises(ValueError, match=r"5 pictures and 3 classes need probabilities \(5, 3\)"):
        draw_thoughts(IMAGES, rows, labels, CLASSES)


def test_the_frames_count_the_terms_from_before_the_first():
    animation = animate_thoughts(IMAGES[:2], [CERTAIN[3:], CERTAIN[1:3], CERTAIN[:2]], [0, 1], CLASSES)
    assert "After 2 terms: 2 of 2 right" in animation.alt
    with Image.open(io.BytesIO(animation.content)) as played:
        assert played.n_frames == 4  # the still, and three frames


def test_of_many_terms_a_dozen_are_shown_the_first_and_the_last_among_them():
    animation = animate_thoughts(IMAGES[:1], [CERTAIN[:1]] * 41, [0], CLASSES)
    assert "After 40 terms" in animation.alt
    with Image.open(io.BytesIO(animation.content)) as played:
        assert 10 <= played.n_frames <= 13

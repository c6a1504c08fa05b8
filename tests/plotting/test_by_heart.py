"""Memories and guessers: each stands where it should, and what is right is ticked."""

import pytest
import torch
from PIL import Image

from course_utils.plotting import draw_reminders, plot_guessers

CLASSES = ["cat", "dog"]


def test_guessers_stand_around_chance_with_the_best_of_them_in_both_exams():
    mock, final = torch.tensor([0.1, 0.16, 0.08]), torch.tensor([0.12, 0.11, 0.09])
    picture = plot_guessers(mock, final, chance=0.1)
    (ax,) = picture.figure.axes
    assert [line.get_xdata()[0] for line in ax.lines] == pytest.approx([0.1, 0.16, 0.11])
    bars = {round(100 * bar.get_x()): bar.get_height() for bar in ax.patches if bar.get_height()}
    assert bars == {8: 1, 10: 1, 16: 1}  # a bar a point
    assert picture.alt.endswith("from 8.0% to 16.0%. The best of them gets 11.0% in the final exam.")


def test_reminders_stand_below_their_questions_and_right_ones_are_ticked():
    shades = [Image.new("RGB", (8, 8), (shade,) * 3) for shade in (0, 50, 100, 150, 200, 250)]
    questions = [(shades[0], 0), (shades[1], 1)]
    rows = {"one": [(shades[2], 1), (shades[3], 1)], "other": [(shades[4], 0), (shades[5], 1)]}
    picture = draw_reminders(questions, rows, CLASSES)
    drawn = [ax for ax in picture.figure.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == [
        "question\ncat", "question\ndog", "one\ndog", "one\ndog ✓", "other\ncat ✓", "other\ndog ✓",
    ]  # fmt: skip
    assert [ax.images[0].get_array()[0, 0, 0] for ax in drawn] == [0, 50, 100, 150, 200, 250]
    assert picture.alt.endswith("by one, 1 of 2 right; by other, 2 of 2 right.")

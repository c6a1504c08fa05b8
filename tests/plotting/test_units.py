"""What arrives at units behind a ReLU: the bars count it, the titles say which units are dead."""

import torch

from course_utils import plotting

SUMS = torch.tensor([[1.0, -1.0, 0.0], [2.0, -2.0, -0.5], [-3.0, -1.0, 0.0], [4.0, -1.5, 3.0]])


def test_each_unit_has_a_histogram_of_all_pictures():
    panels = plotting.draw_units(SUMS, title="Now").figure.axes
    assert [sum(bar.get_height() for bar in ax.patches) for ax in panels] == [4, 4, 4]
    assert [ax.get_title(loc="left") for ax in panels] == ["unit 1: 75% pass", "unit 2: dead", "unit 3: 25% pass"]


def test_what_passes_and_what_becomes_0_have_two_colours_that_part_at_0():
    bars = plotting.draw_units(SUMS, title="Now").figure.axes[0].patches
    below = {bar.get_facecolor() for bar in bars if bar.get_x() < -1e-6}
    above = {bar.get_facecolor() for bar in bars if bar.get_x() > -1e-6}
    assert len(below) == len(above) == 1
    assert below != above
    assert sum(bar.get_height() for bar in bars if bar.get_facecolor() in above) == 3


def test_the_alt_text_counts_what_passes():
    assert plotting.draw_units(SUMS, title="Now").alt == (
        "Now: what passes each unit's ReLU, of 4 pictures: unit 1 75%, unit 2 0%, unit 3 25%."
    )


def test_units_move_from_moment_to_moment(page_of):
    moving = plotting.animate_units([SUMS, SUMS - 1, SUMS - 5])
    assert page_of(moving).picture.n_frames == 4  # the default image is one of them
    assert "After 0 corrections: what passes" in moving.alt
    assert moving.alt.endswith(
        "After 2 corrections: what passes each unit's ReLU, of 4 pictures: unit 1 0%, unit 2 0%, unit 3 0%."
    )

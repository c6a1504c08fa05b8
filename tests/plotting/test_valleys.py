"""A ball in a valley: it steps as SGD does, and the picture says what it does."""

import numpy as np
import pytest
import torch
from PIL import ImageChops

from course_utils import plotting
from course_utils.plotting.valleys import VALLEY


@pytest.mark.parametrize("learning_rate", [0.005, 0.0127])
def test_the_ball_takes_the_steps_of_torchs_sgd(learning_rate):
    weight = torch.nn.Parameter(torch.tensor(VALLEY.start, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=learning_rate)
    expected = [weight.item()]
    for _ in range(5):
        optimizer.zero_grad()
        (75 * weight**2).backward()
        optimizer.step()
        expected.append(weight.item())
    np.testing.assert_allclose(plotting.roll(learning_rate, num_steps=5), expected)


@pytest.mark.parametrize(
    ("learning_rate", "verdict"),
    [(0.0002, "crawls"), (0.005, "glides"), (0.0127, "bounces"), (0.0145, "flies out"), (2 / 150, "flies out")],
)
def test_what_the_ball_does_is_said(learning_rate, verdict):
    assert plotting.judge_roll(plotting.roll(learning_rate)) == verdict


def test_ball_and_head_stand_side_by_side():
    picture = plotting.plot_ball(0.0127, [2.3, 4.0, 1.5], guessing=2.3)
    left, right = picture.figure.axes
    places = plotting.roll(0.0127)
    np.testing.assert_allclose(left.lines[1].get_xdata(), places)
    assert left.lines[2].get_xdata() == places[-1]
    np.testing.assert_allclose(right.lines[0].get_ydata(), [2.3, 4.0, 1.5])
    assert right.lines[1].get_ydata() == [2.3, 2.3]
    assert right.get_ylim()[1] >= 4.0
    assert "the ball bounces" in picture.alt
    assert picture.alt.endswith("from 2.30 to 1.50, by way of 4.00.")


def test_a_ball_that_has_flown_out_is_gone():
    left, _ = plotting.plot_ball(0.02, [2.3], guessing=2.3).figure.axes
    assert not left.lines[2].get_visible()
    assert [text.get_visible() for text in left.texts] == [True]
    left, _ = plotting.plot_ball(0.005, [2.3], guessing=2.3).figure.axes
    assert left.lines[2].get_visible()
    assert [text.get_visible() for text in left.texts] == [False]


def test_the_balls_roll(page_of):
    moving = plotting.animate_balls([0.005, 0.0145])
    picture = page_of(moving).picture
    assert picture.n_frames > 10
    assert moving.alt.endswith("at the rate 0.005 it glides; at the rate 0.0145 it flies out.")
    picture.seek(1)
    first = picture.convert("RGB")
    picture.seek(picture.n_frames - 1)
    assert ImageChops.difference(first, picture.convert("RGB")).getbbox() is not None

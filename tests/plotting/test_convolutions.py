"""A convolution on squared paper: the sums are PyTorch's, the window stands where its products come from."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from torch.nn import functional as F

from course_utils.plotting import animate_convolution, draw_convolution
from course_utils.plotting.animation import LIMIT

PICTURE = torch.arange(20.0).view(4, 5) % 7
KERNEL = torch.tensor([[1.0, 0.0], [-2.0, 3.0]])
SUMS = F.conv2d(PICTURE[None, None], KERNEL[None, None])[0, 0]  # (3, 4)


def frames_of(ax):
    return [(patch.get_xy(), patch.get_width()) for patch in ax.patches if isinstance(patch, Rectangle)]


def test_the_full_map_holds_pytorchs_sums():
    (*_, feature_map) = draw_convolution(PICTURE, KERNEL, num_steps=12).figure.axes
    np.testing.assert_allclose(feature_map.images[0].get_array(), SUMS)
    assert [text.get_text() for text in feature_map.texts] == [f"{value:.0f}" for value in SUMS.flatten()]


def test_a_step_shows_its_window_its_products_and_the_sums_so_far():
    picture = draw_convolution(PICTURE, KERNEL, num_steps=6)  # row 1, column 1
    window, _, products, feature_map = picture.figure.axes
    np.testing.assert_allclose(products.images[0].get_array(), PICTURE[1:3, 1:3] * KERNEL)
    assert frames_of(window) == [((0.5, 0.5), 2)]
    assert frames_of(feature_map) == [((0.5, 0.5), 1)]
    assert len(feature_map.texts) == 6  # what is to come stays empty
    assert np.isnan(feature_map.images[0].get_array().astype(float).filled(np.nan)).sum() == 6
    assert f"sum {SUMS[1, 1]:.0f}" in products.get_title(loc="left")
    assert picture.alt.endswith(f"window 6 of 12 lies at row 1, column 1; its products add up to {SUMS[1, 1]:.0f}.")


def test_no_square_says_minus_nought():
    _, _, products, _ = draw_convolution(torch.zeros(3, 3), -torch.ones(2, 2), num_steps=1).figure.axes
    assert {text.get_text() for text in products.texts} == {"0"}


@pytest.mark.parametrize("num_steps", [0, 13])
def test_a_step_that_the_window_does_not_take_is_refused(num_steps):
    with pytest.raises(ValueError, match=f"num_steps={num_steps}: the window has 12 places"):
        draw_convolution(PICTURE, KERNEL, num_steps=num_steps)


def test_the_film_goes_window_by_window_and_fits_on_a_page(page_of):
    film = animate_convolution(PICTURE, KERNEL)
    assert page_of(film).picture.n_frames == 12 + 1  # and the still
    assert "12 places" in film.alt
    assert len(film.html()) <= LIMIT

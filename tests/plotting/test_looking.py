"""A picture on its way into a network: its sizes, its numbers, and where covering it costs the answer."""

import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from course_utils.plotting import animate_covering, draw_normalization, draw_to_scale, looking

CLASSES = ["gown", "hat", "iPod"]
CORNERS = [(0, 0), (0, 8), (8, 0), (8, 8)]


def test_pictures_are_drawn_to_one_scale_side_by_side():
    picture = draw_to_scale({"large": Image.new("RGB", (60, 80)), "small": Image.new("RGB", (20, 10))})
    (ax,) = picture.figure.axes
    large, small = ax.images
    assert large.get_extent() == [0, 60, 0, 80]
    assert np.diff(small.get_extent()).tolist()[::2] == [20, 10]
    assert small.get_extent()[0] > 60
    assert ax.get_aspect() == 1
    assert [text.get_text() for text in ax.texts] == ["large", "small"]
    assert picture.alt == "Pictures drawn to one scale: large, 60 by 80 pixels; small, 20 by 10 pixels."
    assert picture.photo
    with pytest.raises(ValueError, match="no picture"):
        draw_to_scale({})


def test_both_sides_of_normalize_share_their_colours_and_their_axis():
    pixels = torch.tensor([0.0, 0.25, 0.75, 1.0]).view(1, 2, 2).repeat(3, 1, 1)
    picture = draw_normalization(pixels, (pixels - 0.5) * 4)
    before, after, low, high, _ = picture.figure.axes
    np.testing.assert_allclose(before.images[0].get_array(), pixels[0])
    np.testing.assert_allclose(after.images[0].get_array(), (pixels[0] - 0.5) * 4)
    assert before.images[0].get_clim() == after.images[0].get_clim() == (-looking.REACH, looking.REACH)
    assert low.get_xlim() == high.get_xlim()
    assert low.get_ylim() == high.get_ylim()
    for ax in (low, high):
        assert ax.patches[0].get_data().values.sum() == pytest.approx(100)  # percent
    assert "before, from 0.0 to 1.0 around a mean of 0.50; after, from -2.0 to 2.0 around" in picture.alt


def shares(*gown):
    """Return probabilities of three classes: so much for the gown, the rest for the hat."""
    return torch.tensor([[share, 1 - share, 0.0] for share in gown])


def covering(probabilities=None, **changes):
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    given = {"size": 8, "answer": "gown", "num_bars": 2} | changes
    wanted = shares(0.75, 0.7, 0.65, 0.25, 0.8) if probabilities is None else probabilities
    return animate_covering(image, CORNERS, wanted, CLASSES, **given)


def test_the_alt_text_tells_where_covering_costs_most():
    assert covering().alt == (
        "A grey square wanders over the picture, and the bars beside it move. At last a map: gown, at 75% without a "
        "square, falls to 25% where the square lies 0 pixels from the left and 8 from the top, and stays at 80% at "
        "best."
    )


def test_there_is_a_frame_without_a_square_one_for_each_place_and_the_map():
    with Image.open(io.BytesIO(covering().content)) as played:
        assert played.n_frames == 1 + 1 + 4 + 1  # the default image comes first


def test_a_frame_shows_the_square_and_the_bars_of_its_place():
    pixels = np.zeros((16, 16, 3), np.uint8)
    left, right = looking._covering(pixels, ["gown", "hat"], torch.tensor([0.25, 0.75]), (8, 4), 8).figure.axes
    (square,) = left.patches
    assert (square.get_xy(), square.get_width(), square.get_height()) == ((3.5, 7.5), 8, 8)
    assert to_hex(square.get_facecolor()) == looking.GREY
    assert [bar.get_width() for bar in right.patches] == [0.25, 0.75]
    assert [label.get_text() for label in right.get_yticklabels()] == ["gown", "hat"]
    assert not looking._covering(pixels, ["gown"], torch.tensor([1.0]), None, 8).figure.axes[0].patches


def test_the_last_frame_is_lit_where_covering_costs_and_dark_where_it_does_not():
    pixels = np.full((16, 16, 3), 100, np.uint8)
    costs = torch.tensor([[0.7, 0.7], [0.1, 0.7]])
    left, right = looking._cost_map(pixels, costs, CORNERS, 8, "gown").figure.axes
    lit = right.images[0].get_array()
    assert lit[12, 3].mean() == pytest.approx(100 / 255)  # the middle of the third place
    assert lit[3, 3].mean() == pytest.approx(0.08 * 100 / 255)
    assert lit[15, 0].mean() == lit[12, 3].mean()  # the edge is as the place nearest to it
    assert lit[3, 3].mean() < lit[8, 3].mean() < lit[12, 3].mean()
    assert left.patches[0].get_xy() == (-0.5, 7.5)
    assert left.get_title(loc="left") == "gown: 10%"


def test_grey_is_what_a_normalised_zero_looks_like():
    mean = [round(255 * value) for value in (0.485, 0.456, 0.406)]
    assert "#{:02x}{:02x}{:02x}".format(*mean) == looking.GREY


@pytest.mark.parametrize("probabilities", [shares(0.5, 0.5), torch.zeros(5, 2)])
def test_what_does_not_fit_together_is_refused(probabilities):
    with pytest.raises(ValueError, match=r"4 places in a square and 3 classes need probabilities \(5, 3\)"):
        covering(probabilities)


def test_places_that_fill_no_square_are_refused():
    with pytest.raises(ValueError, match="3 places in a square"):
        animate_covering(Image.new("RGB", (16, 16)), CORNERS[:3], shares(*[0.5] * 4), CLASSES, size=8, answer="gown")

"""Broken pipelines, batches of an epoch, looks at one picture: what is drawn is what was given."""

import io

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from PIL import Image

from course_utils import plotting
from course_utils.transforms import InputSpec, denormalize

SPEC = InputSpec(image_size=4)
ORDERS = [torch.tensor([4, 0, 3, 1, 2]), torch.tensor([2, 1, 0, 4, 3])]
LABELS = torch.tensor([0, 0, 1, 1, 2])


def two_pipelines():
    images = torch.linspace(-2, 2.5, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    names = {"right": ["hat", "shoe"], "A": ["shoe", "hat"]}
    return {"right": images, "A": images * 255}, names


def test_pipelines_are_shown_turned_back_under_the_names_that_they_give():
    batches, names = two_pipelines()
    picture = plotting.draw_pipelines(batches, names, spec=SPEC, title="Two pipelines")
    axes = picture.figure.axes
    assert [ax.get_title() for ax in axes] == ["hat", "shoe", "shoe", "hat"]
    for ax, image in zip(axes, [*batches["right"], *batches["A"]], strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), denormalize(image, SPEC).permute(1, 2, 0), atol=1e-6)


def test_beside_the_pictures_of_a_pipeline_stand_shape_range_and_mean():
    batches, names = two_pipelines()
    picture = plotting.draw_pipelines(batches, names, spec=SPEC, title="Two pipelines")
    written = [text.get_text() for text in picture.figure.texts]
    assert "(3, 4, 4)  −2 to 2.5, mean 0.2" in written
    assert "(3, 4, 4)  −510 to 638, mean 63.8" in written
    assert "A: (3, 4, 4)  −510 to 638, mean 63.8, named shoe, hat" in picture.alt


def test_pictures_without_a_name_are_refused():
    batches, names = two_pipelines()
    with pytest.raises(ValueError, match="A: 2 pictures need as many names, not 1"):
        plotting.draw_pipelines(batches, names | {"A": ["hat"]}, spec=SPEC, title="Two")


def test_every_sample_is_dealt_once_an_epoch_in_its_order():
    (ax,) = plotting.draw_terms(ORDERS, LABELS, batch_size=2).figure.axes
    numbers = [int(text.get_text()) for text in ax.texts if text.get_text().isdigit()]
    assert numbers == [*ORDERS[0].tolist(), *ORDERS[1].tolist()]
    assert [text.get_text() for text in ax.texts].count("batch 3") == 2  # the short one, in both epochs


def test_batches_that_are_not_dealt_yet_show_no_samples():
    (ax,) = plotting.draw_terms(ORDERS, LABELS, batch_size=2, num_dealt=2).figure.axes
    assert [int(text.get_text()) for text in ax.texts if text.get_text().isdigit()] == [4, 0, 3, 1]
    (frame,) = [patch for patch in ax.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    assert frame.get_x() == pytest.approx(2.5)  # around the second batch


def test_terms_tell_how_many_iterations_there_are():
    alt = plotting.draw_terms(ORDERS, LABELS, batch_size=2).alt
    assert "5 samples, dealt out in batches of 2, 2, 1: that is 3 iterations in each of 2 epochs, 6 in all" in alt


def test_an_order_of_another_length_is_refused():
    with pytest.raises(ValueError, match="Each order needs 5 places"):
        plotting.draw_terms([torch.arange(4)], LABELS, batch_size=2)


def num_frames(animation):
    return Image.open(io.BytesIO(animation.content)).n_frames


def test_an_animation_of_terms_has_a_frame_for_each_iteration():
    animation = plotting.animate_terms(ORDERS, LABELS, batch_size=2)
    assert num_frames(animation) == 6 + 1  # and the still
    assert "6 in all" in animation.alt

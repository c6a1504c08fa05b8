"""From pictures to batches: the histograms, counts and means are those of the tensors."""

import numpy as np
import pytest
import torch

from course_utils import plotting


def test_histograms_tell_the_percentage_of_each_colours_pixels():
    images = torch.rand(3, 3, 4, 5)
    images[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    picture = plotting.draw_pixel_values({"Before": images, "After": images * 4 - 2}, num_bins=8)
    before, after = picture.figure.axes
    assert [stair.get_label() for stair in before.patches] == ["red", "green", "blue"]
    reach = (images.min() * 4 - 2).item(), (images.max() * 4 - 2).item()
    for channel, stair in enumerate(before.patches):
        counts, edges = np.histogram(images[:, channel].numpy(), bins=8, range=reach)
        np.testing.assert_allclose(stair.get_data().values, 100 * counts / 60)
        np.testing.assert_allclose(stair.get_data().edges, edges)
    assert before.get_xlim() == after.get_xlim()
    assert before.get_ylim() == after.get_ylim()
    np.testing.assert_allclose(before.patches[0].get_data().edges, after.patches[0].get_data().edges)
    assert len({stair.get_linestyle() for stair in before.patches}) == 3  # not by colour alone
    assert (len(before.lines), len(after.lines)) == (0, 1)  # 0 is marked where values lie on both sides of it
    assert f"“After” from {images.min() * 4 - 2:.1f} to {images.max() * 4 - 2:.1f}" in picture.alt


def test_batches_show_how_many_pictures_of_each_class_they_hold():
    orders = {
        "In order": [torch.tensor([0, 0, 0]), torch.tensor([1, 1, 2])],
        "Shuffled": [torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1])],
    }
    picture = plotting.draw_batches(orders, ["hat", "pants", "shoe"], batch_size=4)
    left, right, _ = picture.figure.axes
    np.testing.assert_array_equal(left.images[0].get_array(), [[3, 0], [0, 2], [0, 1]])
    np.testing.assert_array_equal(right.images[0].get_array(), [[1, 2], [1, 1], [1, 0]])
    assert left.images[0].get_clim() == right.images[0].get_clim() == (0, 2)
    assert tuple(left.images[0].get_extent()[:2]) == (0.5, 2.5)  # the batches count from 1
    assert [label.get_text() for label in left.get_yticklabels()] == ["hat", "pants", "shoe"]
    assert "in order, a batch holds 1.5 classes on average; shuffled, a batch holds 2.5" in picture.alt


def test_batch_means_stand_in_a_column_for_each_size():
    means = {1: torch.tensor([0.1, 0.5, 0.9]), 4: torch.tensor([0.4, 0.5, 0.6])}
    picture = plotting.plot_batch_means(means, mean=0.5, ylabel="mean brightness of the batch")
    (ax,) = picture.figure.axes
    for place, (dots, values) in enumerate(zip(ax.collections, means.values(), strict=True)):
        np.testing.assert_allclose(dots.get_offsets()[:, 1], values)
        assert (abs(dots.get_offsets()[:, 0] - place) < 0.5).all()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "4"]
    assert ax.lines[0].get_ydata() == [0.5, 0.5]
    assert "by batch size: 1: 0.400, 4: 0.100" in picture.alt


def test_batch_means_are_drawn_without_chance():
    state = torch.get_rng_state()
    means = {1: torch.tensor([0.1, 0.5])}
    assert (
        plotting.plot_batch_means(means, mean=0.3, ylabel="x").html()
        == plotting.plot_batch_means(means, mean=0.3, ylabel="x").html()
    )
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("title", [None, "Another"])
def test_batch_means_take_a_title(title):
    (ax,) = plotting.plot_batch_means({1: torch.zeros(2)}, mean=0.0, ylabel="x", title=title).figure.axes
    assert ax.get_title(loc="left") == (title or "What a batch says about the whole")

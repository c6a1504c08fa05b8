"""Pictures side by side: the right pixels under the right titles."""

import math
import re

import numpy as np
import pytest
import torch
from made_up import stripes
from PIL import Image

from course_utils import plotting
from course_utils.transforms import InputSpec, build_eval_transform

SPEC = InputSpec(16)


def test_a_picture_is_the_same_whatever_it_comes_as():
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    for picture in (Image.fromarray(array), array, tensor):
        np.testing.assert_array_equal(plotting.to_pixels(picture), array)
    np.testing.assert_allclose(plotting.to_pixels(tensor / 255), array / 255, atol=1e-6)


def test_a_normalised_tensor_is_turned_back():
    image = Image.new("RGB", (8, 8), (255, 0, 51))
    spec = InputSpec(8)
    pixels = plotting.to_pixels(build_eval_transform(spec)(image), spec=spec)
    np.testing.assert_allclose(pixels[0, 0], [1, 0, 0.2], atol=1e-6)


def test_a_normalised_tensor_without_its_spec_is_refused():
    with pytest.raises(ValueError, match="spec="):
        plotting.to_pixels(torch.full((3, 4, 4), -2.0))
    with pytest.raises(ValueError, match="nan"):
        plotting.to_pixels(torch.full((3, 4, 4), math.nan))


def test_grey_pictures_are_drawn_grey():
    assert plotting.to_pixels(torch.zeros(1, 4, 6)).shape == (4, 6)
    figure = plotting.draw_images([torch.full((4, 6), 0.5)], alt="grey").figure
    np.testing.assert_allclose(figure.axes[0].images[0].to_rgba(0.5)[:3], 0.5, atol=0.01)


@pytest.mark.parametrize("shape", [(4,), (2, 4, 4), (1, 3, 4, 4)])
def test_a_picture_of_another_shape_is_refused_by_name(shape):
    with pytest.raises(ValueError, match=re.escape(str(shape)[1:-1].rstrip(",").split(",")[-1].strip())):
        plotting.to_pixels(torch.zeros(shape))


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError, match="str"):
        plotting.draw_images(["photo.jpg"])


def test_titles_are_smaller_where_the_columns_are_narrow():
    sizes = []
    for width in (2.8, 2.0):
        figure = plotting.draw_images([torch.rand(3, 8, 8)] * 2, titles=["academic gown"] * 2, width=width).figure
        sizes.append(figure.axes[0].title.get_fontsize())
    assert sizes == [10, 8.5]


def test_a_batch_fills_a_grid_with_its_titles():
    figure = plotting.draw_images(torch.rand(7, 3, 8, 8), titles=list("abcdefg"), num_columns=3).figure
    drawn = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == list("abcdefg")
    assert len(figure.axes) == 9
    assert not any(ax.axison for ax in figure.axes)


def test_pictures_are_stored_as_jpeg_unless_every_pixel_counts(page_of):
    black = Image.new("RGB", (4, 4))
    assert page_of(plotting.draw_images(black, alt="black")).kind == "jpeg"
    assert page_of(plotting.draw_images(black, alt="black", photo=False)).kind == "png"


def test_titles_are_the_alt_text_unless_there_is_a_better_one():
    pictures = torch.rand(2, 3, 4, 4)
    told = plotting.draw_images(pictures, titles=["hat\n90 %", "shoe"], title="Garments")
    assert told.alt == "Garments: hat, 90 %; shoe."
    assert plotting.draw_images(pictures, titles=["hat", "shoe"], alt="Two garments.").alt == "Two garments."
    with pytest.raises(ValueError, match="alt text"):
        plotting.draw_images(pictures)


def test_pictures_and_titles_must_agree():
    with pytest.raises(ValueError, match="2 pictures need 2 titles, not 1"):
        plotting.draw_images(torch.rand(2, 3, 4, 4), titles=["one"])
    with pytest.raises(ValueError, match="no picture"):
        plotting.draw_images([])


def test_feature_maps_are_shown_one_a_channel():
    maps = torch.randn(1, 10, 4, 4)
    picture = plotting.plot_feature_maps(maps, num_maps=8, num_columns=3, title="Block 0")
    drawn = [ax for ax in picture.figure.axes if ax.images]
    assert len(drawn) == 8
    np.testing.assert_allclose(drawn[5].images[0].get_array(), maps[0, 5].numpy())
    assert picture.alt == "Block 0: 8 feature maps, 4 by 4 places each."
    with pytest.raises(ValueError, match="one picture"):
        plotting.plot_feature_maps(torch.randn(2, 10, 4, 4))


def test_augmentations_repeat_by_seed_and_leave_every_generator_alone(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    state = torch.get_rng_state()
    first, second, other = (
        plotting.draw_augmentations(stripes(), SPEC, augment="strong", seed=seed, num_looks=4) for seed in (3, 3, 4)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert seeded == []
    looks = [[ax.images[0].get_array().tobytes() for ax in drawn.figure.axes] for drawn in (first, second, other)]
    assert looks[0] == looks[1] != looks[2]
    assert len(set(looks[0])) == 4
    assert first.photo
    assert "4 looks at one picture, augmentation 'strong', seed 3" in first.alt


def test_answers_stand_under_their_pictures():
    views = {"as it is": torch.zeros(3, 4, 4), "grey": torch.ones(3, 4, 4)}
    picture = plotting.draw_answers(views, {"grey": ("shoe", 0.256), "as it is": ("hat", 0.9)})
    first, second = picture.figure.axes
    assert (first.get_title(), second.get_title()) == ("as it is\nhat\n90%", "grey\nshoe\n26%")
    assert first.images[0].get_array().max() == 0
    assert picture.alt == "2 pictures, each with the student's best answer: as it is, hat, 90%; grey, shoe, 26%."
    with pytest.raises(KeyError, match="grey"):
        plotting.draw_answers(views, {"as it is": ("hat", 0.9)})


def test_pairs_stand_one_above_the_other():
    shades = [torch.full((3, 4, 4), level / 10) for level in range(4)]
    picture = plotting.draw_pairs(
        [(shades[0], shades[1]), (shades[2], shades[3])],
        names=[("hat", "shoe"), ("dress", "shirt")],
        words=("question", "answer"),
        title="Learned by heart",
    )
    grid = np.array([[ax.images[0].get_array().max() for ax in picture.figure.axes]]).reshape(2, 2)
    np.testing.assert_allclose(grid, [[0, 0.2], [0.1, 0.3]], atol=1e-6)
    assert [ax.get_title() for ax in picture.figure.axes][::3] == ["question\nhat", "answer\nshirt"]
    assert picture.alt == "Learned by heart, in pairs: question hat, answer shoe; question dress, answer shirt."


def test_grids_write_their_numbers_into_squares_of_one_size():
    picture = plotting.draw_grids({"picture": torch.arange(6.0).view(2, 3), "filter": torch.ones(2, 2)})
    left, right = picture.figure.axes
    assert {text.get_position(): text.get_text() for text in left.texts}[(2, 1)] == "5"
    assert left.images[0].get_clim() == right.images[0].get_clim() == (-7, 7)
    picture.figure.draw_without_rendering()
    squares = [ax.get_window_extent().width / columns for ax, columns in ((left, 3), (right, 2))]
    assert squares[0] == pytest.approx(squares[1], rel=0.05)
    assert picture.alt == "Numbers on squared paper. picture: 0 1 2, 3 4 5; filter: 2 rows of 1 1."


def test_a_contact_sheet_takes_pictures_from_all_over_each_class_folder(tmp_path):
    for name, shades in (("cat", (10, 60, 110, 160)), ("dog", (210,))):
        (tmp_path / name).mkdir()
        for number, shade in enumerate(shades):
            Image.new("RGB", (8, 8), (shade,) * 3).save(tmp_path / name / f"{number}.png")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("none")
    picture = plotting.draw_class_folders(tmp_path, num_each=2)
    drawn = [ax for ax in picture.figure.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == ["cat", "cat", "dog"]
    assert [ax.images[0].get_array()[0, 0, 0] for ax in drawn] == [10, 110, 210]
    assert picture.alt.endswith("under the name of its kind: cat, dog.")


def test_a_contact_sheet_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no picture"):
        plotting.draw_class_folders(tmp_path)
    with pytest.raises(FileNotFoundError):
        plotting.draw_class_folders(tmp_path / "nowhere")


def test_a_white_picture_is_seen_on_a_white_page():
    figure = plotting.draw_images([np.full((4, 6, 3), 255, dtype=np.uint8)], alt="nothing but white").figure
    [frame] = figure.axes[0].patches
    assert frame.get_bbox().bounds == (-0.5, -0.5, 6, 4)
    assert not frame.get_fill()

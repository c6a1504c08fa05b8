"""One picture in whatever form a learner has it; what is no picture is told what it is, with a way out that works."""

import re
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.pictures.given import as_input
from course_utils.transforms import InputSpec, build_eval_transform

SPEC = InputSpec(image_size=32, resize_size=36, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))


@pytest.fixture(scope="module")
def pixels():
    """A colourful picture (H, W, 3) of 40 x 60 pixels that no flip or turn leaves the same."""
    rows, columns = np.mgrid[0:40, 0:60]
    return np.stack([rows * 6, columns * 4, (rows * columns) % 256], axis=2).astype(np.uint8)


def as_tensor(array):
    return torch.from_numpy(array.copy())


def follow(error, image):
    """Do what the message says: run the code that it ends on."""
    code = re.search(r"hand over (.*)\.$", str(error.value))[1]
    return eval(code, {"image": image, "np": np, "torch": torch})


def grey(pixels):
    return pixels[:, :, 2]


def with_alpha(pixels):
    return np.dstack([pixels, np.full(pixels.shape[:2], 90, np.uint8)])


ARRAYS = {
    "grey": (grey, "grey picture", True),
    "grey, one channel last": (lambda p: grey(p)[:, :, None], "grey picture", True),
    "grey, one channel first": (lambda p: grey(p)[None], "grey picture", True),
    "grey with alpha": (lambda p: np.dstack([grey(p), grey(p)]), "grey picture with alpha", True),
    "alpha": (with_alpha, "fourth channel is alpha", False),
    "alpha, colours first": (lambda p: with_alpha(p).transpose(2, 0, 1), "fourth channel is alpha", False),
    "a batch": (lambda p: p[None], "a batch", False),
}


@pytest.mark.parametrize("kind", ["array", "tensor"])
@pytest.mark.parametrize("case", ARRAYS)
def test_a_shape_that_is_no_picture_is_named_and_its_way_out_gives_the_picture(case, kind, pixels):
    make, words, is_grey = ARRAYS[case]
    image = make(pixels)
    if kind == "tensor":
        image = as_tensor(image.transpose(0, 3, 1, 2) if image.ndim == 4 else image)
    with pytest.raises(
        ValueError, match=rf"got an? {kind} \({re.escape(str(tuple(image.shape))[1:])}.*{words}"
    ) as error:
        as_input(image, SPEC)
    expected = np.stack([grey(pixels)] * 3, axis=2) if is_grey else pixels
    assert torch.equal(as_input(follow(error, image), SPEC), as_input(expected, SPEC))


@pytest.mark.parametrize(
    "turn", [lambda pixels: pixels.transpose(2, 0, 1), as_tensor], ids=["array, colours first", "tensor, colours last"]
)
def test_colours_at_the_wrong_end_are_named_and_the_way_out_turns_them(turn, pixels):
    image = turn(pixels)
    with pytest.raises(ValueError, match="colours are at the wrong end") as error:
        as_input(image, SPEC)
    assert torch.equal(as_input(follow(error, image), SPEC), as_input(pixels, SPEC))


VALUES = {
    "shares": (lambda p: p / 255, 0),
    "shares in half precision": (lambda p: (p / 255).astype(np.float16), 1),
    "0 to 255 as fractions": (lambda p: p.astype(np.float32), 0),
    "0 to 255 as whole numbers": (lambda p: p.astype(np.int64), 0),
    "16 bits": (lambda p: p.astype(np.uint16) * 257, 0),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_that_are_no_bytes_are_named_and_the_way_out_gives_the_picture(case, pixels):
    make, off_by = VALUES[case]
    image = make(pixels)
    with pytest.raises(ValueError, match=rf"dtype uint8, got {image.dtype} from 0 to") as error:
        as_input(image, SPEC)
    assert np.abs(follow(error, image).astype(int) - pixels).max() <= off_by
    as_input(follow(error, image), SPEC)


@pytest.mark.parametrize("make", [lambda p: p > 90, lambda p: as_tensor((p > 90).transpose(2, 0, 1))])
def test_a_mask_becomes_black_and_white(make, pixels):
    with pytest.raises(ValueError, match="dtype uint8, got bool from 0 to 1") as error:
        as_input(make(pixels), SPEC)
    assert torch.equal(as_input(follow(error, make(pixels)), SPEC), as_input((pixels > 90) * np.uint8(255), SPEC))


def test_whole_numbers_in_a_tensor_become_bytes(pixels):
    image = as_tensor(pixels.transpose(2, 0, 1)).long()
    with pytest.raises(ValueError, match="got int64") as error:
        as_input(image, SPEC)
    assert torch.equal(as_input(follow(error, image), SPEC), as_input(pixels, SPEC))


def test_a_normalised_array_becomes_the_tensor_that_it_was(pixels):
    tensor = build_eval_transform(SPEC)(Image.fromarray(pixels))
    image = tensor.permute(1, 2, 0).numpy()
    with pytest.raises(ValueError, match="Is it normalised") as error:
        as_input(image, SPEC)
    assert torch.equal(as_input(follow(error, image), SPEC), tensor)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((0, 8, 3), np.uint8), "holds no pixel: was it cut out"),
        (torch.zeros(3, 0, 8), "holds no pixel: was it cut out"),
        (Image.new("RGB", (0, 8)), "holds no pixel: its size is 0 x 8"),
        (np.zeros((8, 8, 7), np.uint8), "No side of it has the length 3"),
        (np.zeros(8, np.uint8), "No side of it has the length 3"),
        (np.zeros((8, 8, 3), complex), "complex128, which holds no picture"),
        (np.full((8, 8, 3), "a"), "holds no picture"),
        (np.full((8, 8, 3), -3), "from -3 to -3, and nothing says which of them is white"),
        (np.full((8, 8, 3), 1e9), "1e\\+09, and nothing says"),
        (np.full((8, 8, 3), np.nan), "nan, and nothing says"),
        (torch.full((3, 32, 32), torch.nan), "no numbers"),
    ],
)
def test_what_no_code_makes_a_picture_of_is_refused(image, words):
    with pytest.raises(ValueError, match=words):
        as_input(image, SPEC)


def test_a_picture_is_the_evaluation_transforms_in_every_form(pixels, tmp_path):
    path = tmp_path / "Bild mit Lücke.png"
    Image.fromarray(pixels).save(path)
    expected = build_eval_transform(SPEC)(Image.fromarray(pixels))
    tensor = as_tensor(pixels.transpose(2, 0, 1))
    for form in (path, str(path), Image.fromarray(pixels), pixels, pixels[::-1][::-1], tensor, expected):
        assert torch.equal(as_input(form, SPEC), expected)


# What training would warn of


def test_the_evaluation_transforms_own_tensors_are_not_warned_of(pixels):
    transform = build_eval_transform(SPEC)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for picture in (pixels, np.full_like(pixels, 255), np.zeros_like(pixels), np.full_like(pixels, 200)):
            as_input(transform(Image.fromarray(picture)), SPEC)


@pytest.mark.parametrize("scale", [1 / 255, 1], ids=["0 to 1", "0 to 255"])
def test_an_unnormalised_tensor_is_warned_of_as_in_training(scale, pixels):
    image = as_tensor(pixels[:32, :32].transpose(2, 0, 1)) * scale
    with pytest.warns(UserWarning, match="unnormalised") as caught:
        assert torch.equal(as_input(image.float(), SPEC), image.float())
    assert len(caught) == 1


@pytest.mark.parametrize("shape", [(3, 32, 31), (3, 64, 64)])
def test_a_tensor_of_another_size_is_warned_of(shape):
    with pytest.warns(
        UserWarning, match=rf"{shape[1]} x {shape[2]} pixels, the model was schooled on 32 x 32"
    ) as caught:
        as_input(torch.randn(shape), SPEC)
    assert len(caught) == 1


# Files


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("no such file.png", FileNotFoundError, "no file no such file.png"),
        (".", IsADirectoryError, "is a folder"),
        ("https://example.org/cat.jpg", ValueError, "is an address"),
        ("", ValueError, "empty text"),
    ],
)
def test_what_is_no_path_of_a_file_is_refused(path, error, words):
    with pytest.raises(error, match=words):
        as_input(path, SPEC)


def test_a_picture_in_the_home_folder_is_found(pixels, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    assert torch.equal(as_input("~/picture.png", SPEC), as_input(pixels, SPEC))


def test_a_photo_of_a_kind_that_is_not_read_gets_the_data_doctors_advice(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(OSError, match=r"photo\.heic.*a HEIC photo.*save it as \.jpg or \.png"):
        as_input(path, SPEC)

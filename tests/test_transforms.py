"""Any picture arrives as upright RGB, and the transforms are those that the weights ask for."""

import colorsys
import io
import json
import struct

import numpy as np
import pytest
import torch
from made_up import refusing
from PIL import ExifTags, Image
from torchvision.models import MobileNet_V2_Weights
from torchvision.transforms import v2

from course_utils.runtime import set_seed
from course_utils.transforms import (
    AUGMENTATIONS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    InputSpec,
    build_eval_transform,
    build_train_transform,
    decode_image,
    denormalize,
    load_image,
    orientation_of,
    to_rgb,
    transform_steps,
)

IMAGENET = InputSpec(image_size=224, resize_size=256)
SMALL = InputSpec(image_size=16, resize_size=20)


def picture(width=40, height=30, seed=0) -> Image.Image:
    """A picture with detail everywhere: smooth noise in three channels."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def same(left: Image.Image, right: Image.Image) -> bool:
    return left.mode == right.mode and np.array_equal(np.asarray(left), np.asarray(right))


@pytest.mark.parametrize("spec", [SMALL, InputSpec(96), InputSpec(64, 72, np.float32([0.5, 0.25, 0.75]), (1, 1, 1))])
def test_a_spec_survives_a_file_of_plain_types(spec):
    plain = json.loads(json.dumps(spec.to_plain()))
    back = InputSpec.from_plain(plain)
    assert back == InputSpec(spec.image_size, spec.resize_size, tuple(spec.mean), tuple(spec.std))
    assert {type(number) for number in back.mean + back.std} == {float}


@pytest.mark.parametrize(
    ("fields", "got"),
    [
        ({}, "none"),
        ({"image_size": 64, "mean": [0.0]}, "image_size, mean"),
        (SMALL.to_plain() | {"median": [0.0]}, "image_size, resize_size, mean, std, median"),
    ],
)
def test_a_spec_with_other_fields_is_refused(fields, got):
    with pytest.raises(ValueError, match=rf"has the fields image_size, resize_size, mean, std, got {got}\.$"):
        InputSpec.from_plain(fields)


@pytest.mark.parametrize("size", [(400, 533), (300, 225), (150, 90)])
def test_eval_transform_equals_the_transform_of_torchvisions_weights(size):
    image = picture(*size)
    expected = MobileNet_V2_Weights.IMAGENET1K_V1.transforms()(image)
    torch.testing.assert_close(build_eval_transform(IMAGENET)(image), expected, atol=1e-6, rtol=0)


def test_eval_transform_squashes_the_whole_picture_where_the_spec_has_no_resize_size():
    image = picture(60, 20)
    seen = denormalize(build_eval_transform(InputSpec(image_size=10))(image), InputSpec(image_size=10))
    expected = np.asarray(image.resize((10, 10), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(seen.permute(1, 2, 0).numpy() * 255, expected, atol=1e-3)


@pytest.mark.parametrize("spec", [SMALL, InputSpec(image_size=16)])
@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_every_transform_ends_in_a_plain_normalised_tensor_of_the_networks_size(spec, augment):
    image = Image.new("RGB", (50, 25), (255, 255, 255))
    tensor = build_train_transform(spec, augment=augment)(image)
    assert type(tensor) is torch.Tensor
    assert tensor.dtype == torch.float32
    assert tensor.shape == (3, 16, 16)
    brightest = (1 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    assert (tensor <= brightest.view(3, 1, 1) + 1e-5).all()


def test_training_without_augmentation_equals_evaluation():
    image = picture()
    assert torch.equal(build_train_transform(SMALL, augment="none")(image), build_eval_transform(SMALL)(image))


def test_light_augmentation_shows_a_window_of_the_resized_picture_or_its_mirror_image():
    image = picture()
    resized = v2.Compose([v2.Resize(20), *build_eval_transform(SMALL).transforms[2:]])(image)
    windows = resized.unfold(1, 16, 1).unfold(2, 16, 1).permute(1, 2, 0, 3, 4).reshape(-1, 3, 16, 16)
    windows = torch.cat([windows, windows.flip(-1)])
    transform = build_train_transform(SMALL, augment="light")
    found = {int((windows == transform(image)).flatten(1).all(1).nonzero().squeeze()) for _ in range(60)}
    assert len(found) > 20  # many places ...
    assert any(index < len(windows) // 2 for index in found)  # ... as it is ...
    assert any(index >= len(windows) // 2 for index in found)  # ... and mirrored


@pytest.mark.parametrize(
    ("spec", "reach"),  # a seventh of room, half of it on each side
    [(InputSpec(16), 1), (InputSpec(16, resize_size=16), 1), (InputSpec(35), 3), (InputSpec(35, resize_size=35), 3)],
)
def test_light_augmentation_moves_things_by_a_seventh_and_leaves_their_size(spec, reach):
    image, size = picture(), spec.image_size
    exam = build_eval_transform(InputSpec(image_size=size))(image) if spec.resize_size is None else None
    if exam is None:
        exam = v2.Compose([v2.Resize(size), *build_eval_transform(spec).transforms[2:]])(image)
    padded = np.pad(exam.numpy(), ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    windows = torch.tensor(padded).unfold(1, size, 1).unfold(2, size, 1).permute(1, 2, 0, 3, 4)
    num_rows, num_columns = windows.shape[:2]
    windows = windows.reshape(-1, 3, size, size)
    windows = torch.cat([windows, windows.flip(-1)])
    transform = build_train_transform(spec, augment="light")
    found = {int((windows == transform(image)).flatten(1).all(1).nonzero()[0]) for _ in range(60)}
    assert {index // num_columns % num_rows for index in found} == set(range(num_rows))


def test_strong_augmentation_shows_a_part_of_35_to_100_percent():
    side = 100
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    image = Image.fromarray(np.stack([2 * columns, 2 * rows, 0 * rows], axis=-1).astype(np.uint8))  # says where it is
    transform = build_train_transform(InputSpec(image_size=side), augment="strong")
    shares = []
    for _ in range(150):
        _, cropped = next(transform_steps(transform, image))
        width, height = (np.ptp(np.asarray(cropped)[..., axis].astype(int)) / 2 + 1 for axis in (0, 1))
        shares.append(width * height / side**2)
    assert 0.33 < min(shares) < 0.42
    assert 0.9 < max(shares) <= 1


def test_strong_augmentation_changes_the_light_by_a_little():
    """Brightness, contrast and saturation by 0.7 to 1.3 (the last two as one, in a plain colour), hue by 11 degrees."""

    def looks(colour, number=200):
        spec = InputSpec(image_size=4, mean=(0.0,) * 3, std=(1.0,) * 3)
        transform = build_train_transform(spec, augment="strong")
        image = Image.new("RGB", (8, 8), colour)
        return [transform(image)[:, 0, 0].tolist() for _ in range(number)]

    def vividness(colour):
        grey = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
        return (max(colour) - min(colour)) / grey

    brightness = [grey * 255 / 100 for grey, _, _ in looks((100, 100, 100))]
    assert 0.69 < min(brightness) < 0.75
    assert 1.25 < max(brightness) < 1.31

    plain = (150, 90, 60)
    coloured = looks(plain)
    hues = [360 * colorsys.rgb_to_hsv(*colour)[0] for colour in coloured]
    assert 8 < min(hues) < 14  # 20 as it is, and whole numbers for colours
    assert 26 < max(hues) < 32
    changes = [vividness(colour) / vividness(plain) for colour in coloured]
    assert 0.44 < min(changes) < 0.6  # both at once: 0.7 * 0.7, and what the hue does
    assert 1.5 < max(changes) < 1.86


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_every_augmentation_ends_in_the_normalisation_of_the_spec(augment):
    spec = InputSpec(image_size=16, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125))
    tensor = build_train_transform(spec, augment=augment)(Image.new("RGB", (30, 20)))  # black, in any light
    torch.testing.assert_close(tensor[:, 3, 3], torch.tensor([-0.2, -0.8, -2.4]))


@pytest.mark.parametrize("spec", [SMALL, InputSpec(image_size=16)])
@pytest.mark.parametrize("augment", ["light", "strong"])
def test_augmentation_varies_and_a_seed_repeats_it(spec, augment):
    image, transform = picture(), build_train_transform(spec, augment=augment)
    set_seed(1)
    first = [transform(image) for _ in range(4)]
    set_seed(1)
    again = [transform(image) for _ in range(4)]
    assert all(map(torch.equal, first, again))
    assert not all(torch.equal(first[0], other) for other in first[1:])


def test_an_unknown_augmentation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'heavy'.*'none', 'light', 'strong'"):
        build_train_transform(SMALL, augment="heavy")


def test_a_crop_larger_than_the_resized_picture_is_refused():
    for build in (build_eval_transform, build_train_transform):
        with pytest.raises(ValueError, match="resize_size=16 is smaller than image_size=20"):
            build(InputSpec(image_size=20, resize_size=16))


def test_denormalize_undoes_normalize_for_one_picture_and_for_a_batch():
    pictures = torch.rand(4, 3, 5, 6)
    normalised = v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)(pictures)
    torch.testing.assert_close(denormalize(normalised, SMALL), pictures)
    torch.testing.assert_close(denormalize(normalised[1], SMALL), pictures[1])


def test_denormalize_uses_the_numbers_of_the_spec():
    spec = InputSpec(image_size=2, mean=(0.1, 0.2, 0.3), std=(0.5, 0.5, 0.5))
    assert denormalize(torch.zeros(3, 2, 2), spec)[:, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_denormalize_keeps_kind_and_place_of_the_numbers(dtype):
    assert denormalize(torch.zeros((3, 2, 2), dtype=dtype), SMALL).dtype == dtype
    assert denormalize(torch.zeros((3, 2, 2), dtype=dtype, device="meta"), SMALL).device.type == "meta"


def test_denormalize_clips_to_0_and_1():
    assert denormalize(torch.full((3, 2, 2), 99.0), SMALL).unique().tolist() == [1.0]
    assert denormalize(torch.full((3, 2, 2), -99.0), SMALL).unique().tolist() == [0.0]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_denormalize_refuses_whole_numbers(dtype):
    with pytest.raises(TypeError, match="never normalised"):
        denormalize(torch.ones((3, 2, 2), dtype=dtype), SMALL)


@pytest.mark.parametrize("shape", [(5, 6, 3), (5, 6), (2, 1, 5, 6)])
def test_denormalize_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        denormalize(torch.zeros(shape), SMALL)


def test_steps_shows_the_picture_after_every_step():
    image, transform = picture(), build_eval_transform(SMALL)
    shown = list(transform_steps(transform, image))
    assert [name for name, _ in shown] == ["Resize", "CenterCrop", "ToImage", "ToDtype", "Normalize", "ToPureTensor"]
    assert [shown[0][1].size, shown[1][1].size] == [(26, 20), (16, 16)]
    assert shown[3][1].max() <= 1
    assert shown[4][1].min() < 0
    assert torch.equal(shown[-1][1], transform(image))


def test_a_picture_that_is_squashed_is_not_cropped():
    names = [name for name, _ in transform_steps(build_eval_transform(InputSpec(image_size=16)), picture())]
    assert names == ["Resize", "ToImage", "ToDtype", "Normalize", "ToPureTensor"]


def test_steps_takes_the_same_random_choices_as_the_transform():
    image, transform = picture(), build_train_transform(SMALL, augment="strong")
    set_seed(3)
    expected = transform(image)
    set_seed(3)
    assert torch.equal(list(transform_steps(transform, image))[-1][1], expected)


def test_steps_takes_only_a_compose_apart():
    choice = v2.RandomChoice([v2.Resize((4, 4)), v2.Resize((8, 8))])
    assert [name for name, _ in transform_steps(choice, picture())] == ["RandomChoice"]


def test_an_rgb_picture_keeps_its_pixels(tmp_path):
    picture().save(tmp_path / "bild für alle.png")
    assert same(load_image(tmp_path / "bild für alle.png"), picture())


@pytest.mark.parametrize(("mode", "suffix"), [("L", ".jpg"), ("1", ".png"), ("CMYK", ".jpg"), ("CMYK", ".tif")])
def test_opaque_modes_become_what_pillow_makes_of_them(tmp_path, mode, suffix):
    path = tmp_path / f"picture{suffix}"
    picture().convert(mode).save(path)
    with Image.open(path) as image:
        assert image.mode == mode
        expected = image.convert("RGB")
    assert same(load_image(path), expected)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "RGB"])
def test_transparent_parts_become_white_and_the_others_keep_their_colour(tmp_path, mode):
    grey, path = (90, 90, 90), tmp_path / "picture.png"
    image = Image.new("RGBA", (8, 4), (*grey, 255))
    image.paste((10, 20, 10, 0), (0, 0, 4, 4))  # transparent dark green on the left
    if mode == "P":
        image = image.convert("RGB").quantize(2)
        image.save(path, transparency=image.getpixel((0, 0)))
    elif mode == "RGB":  # one colour of an RGB file may stand for "transparent"
        image.convert("RGB").save(path, transparency=(10, 20, 10))
    else:
        image.convert(mode).save(path)
    with Image.open(path) as stored:
        assert stored.mode == mode
    loaded = load_image(path)
    assert (loaded.mode, loaded.getpixel((1, 1))) == ("RGB", (255, 255, 255))
    assert loaded.getpixel((6, 1)) == grey


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_values_are_scaled_not_cut_off(tmp_path, suffix):
    values = np.linspace(0, 65535, 64 * 8).round().astype(np.uint16).reshape(8, 64)
    path = tmp_path / f"scan{suffix}"
    Image.fromarray(values).save(path)
    loaded = np.asarray(load_image(path))
    expected = np.linspace(0, 255, 64 * 8).reshape(8, 64)
    assert loaded.shape == (8, 64, 3)
    assert np.abs(loaded - expected[..., None]).max() <= 0.51


def test_16_bit_values_that_pillow_holds_in_32_bits_are_scaled_too():
    assert to_rgb(Image.new("I", (2, 2), 65535)).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 1_000_000), ("I", -1)])
def test_pictures_of_unknown_range_are_refused(mode, value):
    with pytest.raises(ValueError, match=r"which of them is white; save the picture with 8 or 16 bits a channel$"):
        to_rgb(Image.new(mode, (2, 2), value))


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    red, blue = Image.new("RGB", (40, 40), (255, 0, 0)), Image.new("RGB", (40, 40), (0, 0, 255))
    red.save(path, save_all=True, append_images=[blue])
    with Image.open(path) as image:
        assert image.n_frames == 2
    np.testing.assert_allclose(load_image(path).getpixel((20, 20)), (255, 0, 0), atol=3)


# How the EXIF standard says the stored rows and columns lie, as operations on an array that turn it upright.
UPRIGHT = {
    1: lambda rows: rows,
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.transpose(1, 0, 2),
    6: lambda rows: np.rot90(rows, -1),
    7: lambda rows: rows[::-1, ::-1].transpose(1, 0, 2),
    8: lambda rows: np.rot90(rows, 1),
}


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_picture_is_turned_once_however_often_it_is_asked_for(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture().save(tmp_path / f"turned.{kind}", exif=exif)
    upright = load_image(tmp_path / f"turned.{kind}")
    assert orientation_of(upright) == 1
    np.testing.assert_array_equal(np.asarray(to_rgb(upright)), np.asarray(upright))
    np.testing.assert_array_equal(np.asarray(to_rgb(upright.copy())), np.asarray(upright))


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_cameras_orientation_is_honoured(tmp_path, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture().save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(
        np.asarray(load_image(tmp_path / "turned.png")), UPRIGHT[orientation](np.asarray(picture()))
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("resolution", [b"72 dpi\0", b"\0\0\0\0\0\0\0\0\0"])
def test_a_picture_is_turned_whatever_the_cameras_other_notes_say(tmp_path, suffix, resolution):
    # Two entries: orientation 6, and XResolution stored as text, which breaks ImageOps.exif_transpose (Pillow#4665).
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHII", 0x011A, 2, len(resolution), 38)
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4) + resolution
    path = tmp_path / f"turned{suffix}"
    picture().save(path, exif=b"Exif\0\0" + exif)
    assert load_image(path).size == picture().size[::-1]


def test_damaged_notes_of_the_camera_leave_the_picture_as_it_is_stored(tmp_path):
    picture().save(tmp_path / "noted.png", exif=b"Exif\0\0no notes at all")
    with Image.open(tmp_path / "noted.png") as stored, pytest.raises(SyntaxError):
        stored.getexif()
    assert same(load_image(tmp_path / "noted.png"), picture())


@pytest.mark.parametrize("orientation", [0, 9, 2.0])
def test_an_orientation_that_the_standard_does_not_know_leaves_the_picture_as_it_is_stored(orientation):
    image = picture()
    image.getexif()[ExifTags.Base.Orientation] = orientation
    assert orientation_of(image) == 1
    assert same(to_rgb(image), picture())


def test_an_unreadable_colour_profile_does_no_harm(tmp_path):
    picture().save(tmp_path / "profiled.png", icc_profile=b"no profile")
    assert same(load_image(tmp_path / "profiled.png"), picture())


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_file_that_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "kein bild.png"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"Cannot read .*kein bild\.png"):
        load_image(path)


def test_a_truncated_picture_is_named(tmp_path):
    path = tmp_path / "half.jpg"
    picture(200, 200).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(OSError, match=r"Cannot read .*half\.jpg") as caught:
        load_image(path)
    assert type(caught.value) is OSError, "it may be read, only there is no use in it"


def test_what_is_no_file_is_told_apart(tmp_path):
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.jpg"):
        load_image(tmp_path / "nowhere.jpg")
    with pytest.raises(FileNotFoundError, match=r"link\.jpg is a link to nowhere"):
        load_image(tmp_path / "link.jpg")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load_image(tmp_path)
    with pytest.raises(ValueError, match="is an address"):
        load_image("https://example.org/cat.jpg")


def test_a_file_that_may_not_be_read_is_told_apart(tmp_path, monkeypatch):
    picture().save(tmp_path / "mine.png")
    monkeypatch.setattr(Image, "open", refusing(Image.open, lambda path: path.name == "mine.png"))
    with pytest.raises(PermissionError, match=r"mine\.png as a picture \(Permission denied\): .*ask its owner"):
        load_image(tmp_path / "mine.png")


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    picture().save(tmp_path / "mine.png")
    assert same(load_image("~/mine.png"), picture())


def stored(image, form="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_bytes_are_read_as_a_file_of_them_is(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = stored(picture(), exif=exif)
    (tmp_path / "turned.png").write_bytes(content)
    assert same(decode_image(content, name="turned.png"), load_image(tmp_path / "turned.png"))


@pytest.mark.parametrize("content", [b"", b"I am a cat", stored(Image.effect_noise((90, 90), 60), "JPEG")[:900]])
def test_bytes_that_are_no_picture_are_explained_as_a_file_of_them_is(tmp_path, content):
    path = tmp_path / "bild.jpg"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"bild\.jpg as a picture") as of_a_file:
        load_image(path)
    with pytest.raises(OSError, match=r"bild\.jpg as a picture") as of_bytes:
        decode_image(content, name="bild.jpg")  # no such file lies where the tests run
    assert str(of_bytes.value) == str(of_a_file.value).replace(str(path), "bild.jpg")


def test_a_picture_of_too_many_pixels_is_not_decoded():
    content = stored(Image.new("L", (300, 200)))
    assert decode_image(content, name="it", max_pixels=60_000).size == (300, 200)
    with pytest.raises(OSError, match=r"it as a picture \(300 x 200 pixels\): too large"):
        decode_image(content, name="it", max_pixels=59_999)

"""Near copies are found, other pictures are not, and what is not found is written down."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from course_utils.pictures.drawn import draw_garment
from course_utils.pictures.near import NEARLY_THE_SAME, fingerprint, likeness, near_copies, num_pairs, shrink


@pytest.fixture(scope="module")
def garments() -> list[Image.Image]:
    return [draw_garment(name, seed=seed) for name in ("dress", "t-shirt", "shoes") for seed in (1, 2, 3)]


def saved_again(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=70)
    return Image.open(buffer)


def cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    return image.crop((round(width * share), 0, width, round(height * (1 - share))))


FOUND = {
    "saved again at quality 70": saved_again,
    "resized to 60 %": lambda image: image.resize((round(0.6 * image.width), round(0.6 * image.height))),
    "3 % cut off at two edges": lambda image: cropped(image, 0.03),
    "mirrored": ImageOps.mirror,
    "a fifth brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "a third darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "grey": lambda image: image.convert("L"),
}
MISSED = {"turned": lambda image: image.rotate(90), "a fifth cut off": lambda image: cropped(image, 0.2)}


@pytest.mark.parametrize("change", FOUND)
def test_copies_are_found_after(change, garments):
    pairs = [pair for image in garments for pair in near_copies([shrink(image), shrink(FOUND[change](image))])]
    assert {pair[:2] for pair in pairs} == {(0, 1)}
    assert all(NEARLY_THE_SAME < likeness <= 1.0001 for _, _, likeness in pairs)
    assert len(pairs) >= len(garments) - ("cut" in change)  # one in ten that were cut is missed


@pytest.mark.parametrize("change", MISSED)
def test_copies_are_missed_after(change, garments):
    assert list(near_copies([shrink(garments[0]), shrink(MISSED[change](garments[0]))])) == []


def test_different_garments_are_no_copies(garments):
    assert list(near_copies([shrink(image) for image in garments])) == []


def test_pairs_are_those_of_comparing_each_with_each(garments, monkeypatch):
    monkeypatch.setattr("course_utils.pictures.near._BLOCK", 4)
    smalls = [shrink(image) for image in (*garments, garments[1].convert("L"), ImageOps.mirror(garments[7]))]
    expected = {
        (i, j)
        for j in range(len(smalls))
        for i in range(j)
        if max(likeness(smalls[i], smalls[j]), likeness(smalls[i], ImageOps.mirror(smalls[j]))) > NEARLY_THE_SAME
    }
    assert {pair[:2] for pair in near_copies(smalls)} == expected == {(1, 9), (7, 10)}


def test_a_fingerprint_is_the_changes_to_the_right_and_downwards_with_length_1():
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    expected = np.concatenate(
        [np.diff(grey.astype(float), axis=1).ravel(), np.diff(grey.astype(float), axis=0).ravel()]
    )
    found = fingerprint(Image.fromarray(grey).resize((64, 64), Image.Resampling.NEAREST))
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)


def test_pages_with_hardly_anything_on_them_are_no_copies():
    ramp = np.tile(np.linspace(200, 203, 64).round().astype(np.uint8), (64, 1))
    smalls = [Image.fromarray(ramp), Image.fromarray(ramp + 1), Image.new("L", (64, 64), 255)]
    assert list(near_copies(smalls)) == []


@pytest.mark.parametrize("number", [0, 1])
def test_none_and_one_picture_have_no_pairs(garments, number):
    assert list(near_copies([shrink(image) for image in garments[:number]])) == []


@pytest.mark.parametrize("number", [0, 1, 9])
def test_what_is_counted_for_a_bar_adds_up_to_what_was_announced(garments, monkeypatch, number):
    monkeypatch.setattr("course_utils.pictures.near._BLOCK", 4)
    counted = []
    list(near_copies([shrink(image) for image in garments[:number]], on_compared=counted.append))
    assert sum(counted) == num_pairs(number)
    assert len(counted) == -(-number // 4)

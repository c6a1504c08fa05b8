"""The shipped backbone does what its card says. The figures were recorded when the weights were made."""

import io
import zipfile

import pytest
import torch
from PIL import Image

from course_utils.models import load_pretrained
from course_utils.pretrained import COURSE_WEIGHTS_FILE, read_course_calibration, read_course_weights
from course_utils.transforms import build_eval_transform

SAMPLE = range(0, 10_000, 20)  # every twentieth validation picture: 500
RECORDED_RIGHT = 225
RECORDED_LOGITS = [3.3223, -6.0148, -4.2225, -2.1723, -4.2251]  # of the first five classes, for the generated picture


def generated_picture() -> torch.Tensor:
    """A picture made of waves: the same numbers on every machine, whatever draws or decodes pictures there."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 96), indexing="ij")
    waves = [torch.sin(9 * rows + 4 * columns), torch.cos(7 * columns), torch.sin(20 * rows * columns)]
    return torch.stack(waves).unsqueeze(0)


def test_logits_equal_the_recorded_ones():
    with torch.no_grad():
        logits = load_pretrained("course")(generated_picture())
    torch.testing.assert_close(logits[0, :5], torch.tensor(RECORDED_LOGITS), atol=2e-3, rtol=0)


def test_the_file_is_small_enough_for_a_package():
    assert COURSE_WEIGHTS_FILE.stat().st_size <= 6_000_000


def test_top1_on_a_sample_of_the_mock_exam_equals_the_recorded_one(tiny_imagenet_zip):
    model = load_pretrained("course")
    look = build_eval_transform(model.spec)
    with zipfile.ZipFile(tiny_imagenet_zip) as archive:
        words = dict(
            line.split("\t") for line in archive.read("tiny-imagenet-200/words.txt").decode().splitlines() if line
        )
        rows = archive.read("tiny-imagenet-200/val/val_annotations.txt").decode().splitlines()
        chosen = [rows[number].split("\t")[:2] for number in SAMPLE]
        pictures = []
        for name, _ in chosen:
            with Image.open(io.BytesIO(archive.read(f"tiny-imagenet-200/val/images/{name}"))) as image:
                pictures.append(look(image.convert("RGB")))
    with torch.no_grad():
        answers = [answer for part in torch.stack(pictures).split(100) for answer in model(part).argmax(1).tolist()]
    right = sum(
        model.classes[answer].split(" (")[0] == words[wnid].split(",")[0]
        for answer, (_, wnid) in zip(answers, chosen, strict=True)
    )
    assert right == pytest.approx(RECORDED_RIGHT, abs=2)  # another processor may round a tie differently


def test_the_card_says_how_the_weights_were_made():
    card = read_course_weights().card
    assert {"epochs", "stages", "teacher", "seed", "val_top1", "val_top5"} <= set(card)


def test_the_calibration_is_that_of_all_the_validation_pictures():
    bins = read_course_calibration()
    assert sum(one.pictures for one in bins) == 10_000
    assert [one.stated for one in bins] == sorted(one.stated for one in bins)
    right = sum(one.pictures * one.right for one in bins) / 10_000
    assert right == pytest.approx(read_course_weights().card["val_top1"], abs=0.002)

"""A small school: few pictures of plain colours, a network that has never been schooled, a few terms."""

import numpy as np
import pytest
from PIL import Image

from course_utils.models import build_classifier
from course_utils.schooling import run
from course_utils.transforms import InputSpec

COLOURS = {"green": (20, 200, 40), "red": (210, 30, 20), "blue": (30, 40, 220)}


def paint(path, name, seed):
    """Blocks of one colour, each picture with a pattern of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    light = np.random.default_rng(seed).uniform(0.3, 1, (8, 8, 1))
    pixels = (light * COLOURS[name]).astype(np.uint8)
    Image.fromarray(pixels).resize((48, 40), Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture
def zoo(tmp_path):
    """Ten pictures of each of three classes, in class folders."""
    root = tmp_path / "Mein Zoo"
    for place, name in enumerate(COLOURS):
        for number in range(10):
            paint(root / name / f"{number}.png", name, 100 * place + number)
    return root


@pytest.fixture
def small_school(monkeypatch):
    """The same recipe in a second or two: pictures of 32 pixels, one block that learns, a few terms."""

    def unschooled(num_classes, *, weights, classes):
        model = build_classifier(num_classes, weights=None, classes=classes)
        model.spec, model.source = InputSpec(image_size=32), f"none, in place of {weights}"
        return model

    monkeypatch.setattr(run, "build_classifier", unschooled)
    monkeypatch.setattr(run, "NUM_BLOCKS", {"course": 1, "imagenet": 1})
    monkeypatch.setattr(run, "HEAD", run.Phase(3, 3, 1, 3))
    monkeypatch.setattr(run, "EYE", run.Phase(2, 2, 1, 2))

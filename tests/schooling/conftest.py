"""A small school: few pictures of plain colours, a network that has never been schooled, a few terms."""

import numpy as np
import pytest
from PIL import Image

from course_utils.models import build_classifier
from course_utils.schooling import run, teaching
from course_utils.transforms import InputSpec

COLOURS = {"green": (20, 200, 40), "red": (210, 30, 20), "blue": (30, 40, 220)}


def paint(path, name, seed):
    """Blocks of one colour, each picture with a pattern of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    light = np.random.default_rng(seed).uniform(0.3, 1, (8, 8, 1))
    pixels = (light * COLOURS[name]).astype(np.uint8)
    Image.fromarray(pixels).resize((48, 40), Image.Resampling.NEAREST).save(path)
    return path


def paint_zoo(root):
    for place, name in enumerate(COLOURS):
        for number in range(10):
            paint(root / name / f"{number}.png", name, 100 * place + number)
    return root


def unschooled(num_classes, *, weights, classes):
    """In place of `build_classifier`: pictures of 32 pixels."""
    model = build_classifier(num_classes, weights=None, classes=classes)
    model.spec, model.source = InputSpec(image_size=32), f"none, in place of {weights}"
    return model


def make_small(monkeypatch):
    """The same recipe in a second or two: one block that learns, a few terms."""
    monkeypatch.setattr(run, "build_classifier", unschooled)
    monkeypatch.setattr(run, "NUM_BLOCKS", {"course": 1, "imagenet": 1})
    monkeypatch.setattr(teaching, "HEAD", teaching.Phase(3, 3, 1, 3))
    monkeypatch.setattr(teaching, "EYE", teaching.Phase(2, 2, 1, 2))


@pytest.fixture
def zoo(tmp_path):
    """Ten pictures of each of three classes, in class folders."""
    return paint_zoo(tmp_path / "Mein Zoo")


@pytest.fixture
def small_school(monkeypatch):
    make_small(monkeypatch)


@pytest.fixture(scope="package")
def whole(tmp_path_factory):
    """One schooling from beginning to end, undisturbed, for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("school")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("COURSE_WEIGHTS", "course")
        make_small(monkeypatch)
        return run.school(
            paint_zoo(folder / "Mein Zoo"), folder / "student.pt", group=r"(\d)\.", device="cpu", progress=False
        )


class Bar:
    """In place of tqdm: what a reader would see."""

    def __init__(self, **options):
        self.n, self.total, self.initial, self.seen, self.description = 0, options["total"], 0, [], ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, number):
        self.n += number
        self.seen.append((self.description, self.n))

    def set_description_str(self, text, **_):
        self.description = text

    def set_postfix_str(self, text):
        self.postfix = text

"""Coarse pictures, a way to take a page apart, and a report card to draw."""

import base64
import html
import io
import re
from typing import NamedTuple

import pytest
from PIL import Image

from course_utils.plotting import Shown
from course_utils.report.history import History


class Page(NamedTuple):
    """What stands in the `<img>` of a shown picture."""

    alt: str
    kind: str
    width: int
    picture: Image.Image


@pytest.fixture(autouse=True)
def _coarse(coarse_pictures):
    """Every figure of these tests is drawn coarsely."""


@pytest.fixture
def page_of():
    """Return a function that takes a shown picture apart."""

    def take_apart(shown: Shown) -> Page:
        (tag,) = re.findall(r"<img .*?>", shown.html(), re.DOTALL)
        alt, width, kind, data = re.fullmatch(
            r'<img alt="(.*?)" width="(\d+)" .*src="data:image/(\w+);base64,(.*)">', tag, re.DOTALL
        ).groups()
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        picture.load()
        return Page(html.unescape(alt), kind, int(width), picture)

    return take_apart


@pytest.fixture
def history() -> History:
    return History(
        train_loss=[2.0, 1.0, 0.5],
        train_accuracy=[0.3, 0.6, 0.9],
        val_loss=[1.8, 1.1, 1.3],
        val_accuracy=[0.4, 0.7, 0.6],
        learning_rate=[0.1] * 3,
        seconds=[1.0] * 3,
        num_train=200,
        num_val=100,
        majority=0.25,
    )

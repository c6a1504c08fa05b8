"""Explorers: a control moves, and the picture and its alt text change. Run with ipywidgets 7.7 and 8 alike."""

import html
import io
import re
import threading
from datetime import UTC, datetime

import ipywidgets
import pytest
import torch
from made_up import stripes
from PIL import Image
from torch import nn

from course_utils import widgets
from course_utils.plotting import LANDSCAPES, Picture, draw_text, new_figure, plot_descent
from course_utils.text import BagOfWords, build_vocabulary
from course_utils.transforms import InputSpec
from course_utils.widgets import lessons

SPEC = InputSpec(16)
pytestmark = pytest.mark.usefixtures("coarse_pictures")
VERSION = int(ipywidgets.__version__.split(".")[0])


def alt_and_source(widget: widgets.Explorer) -> tuple[str, str]:
    alt, source = re.search(r'<img alt="(.*?)".* src="(data:image/.*?)"', widget.picture.value, re.DOTALL).groups()
    return html.unescape(alt), source


def upload(chooser: ipywidgets.FileUpload, name: str, content: bytes) -> None:
    """Do what the front end does when a file was chosen: ipywidgets 7 and 8 keep it in different shapes."""
    if VERSION == 7:
        file = {"metadata": {"name": name, "size": len(content)}, "content": content}
        chooser.set_trait("value", {name: file})
    else:
        file = {"name": name, "size": len(content), "type": "", "content": memoryview(content)}
        chooser.value = (file | {"last_modified": datetime.now(UTC)},)


def as_file(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="png", **options)
    return buffer.getvalue()


def draw_line(height: int, label: str = "a line"):
    figure, ax = new_figure(height=1, width=1)
    ax.plot([0, height])
    ax.set_ylim(0, 10)
    return Picture(figure, f"{label} up to {height}")


# The helper -----------------------------------------------------------------------------------------------------------


def test_explorer_shows_its_first_picture_at_once():
    explorer = widgets.explorer(draw_line, height=ipywidgets.IntSlider(3, 1, 9))
    assert alt_and_source(explorer)[0] == "a line up to 3"
    assert list(explorer.children) == [explorer.controls["height"], explorer.picture]


def test_explorer_redraws_when_a_control_moves():
    explorer = widgets.explorer(draw_line, height=ipywidgets.IntSlider(3, 1, 9))
    before = alt_and_source(explorer)
    explorer.controls["height"].value = 7
    after = alt_and_source(explorer)
    assert after[0] == "a line up to 7"
    assert after[1] != before[1]
    explorer.controls["height"].value = 3
    assert alt_and_source(explorer) == before


def test_explorer_hands_over_every_control_by_its_name():
    controls = {"label": ipywidgets.Text("curve"), "height": ipywidgets.IntSlider(2, 1, 9)}
    explorer = widgets.explorer(draw_line, **controls)
    assert alt_and_source(explorer)[0] == "curve up to 2"
    controls["label"].value = "hill"
    assert alt_and_source(explorer)[0] == "hill up to 2"


def test_explorer_shows_an_error_and_raises_it():
    def draw(height):
        if height > 5:
            raise ValueError("<too high>")
        return draw_line(height)

    explorer = widgets.explorer(draw, height=ipywidgets.IntSlider(3, 1, 9))
    with pytest.raises(ValueError, match="too high"):
        explorer.controls["height"].value = 6
    assert 'role="alert"' in explorer.picture.value
    assert "ValueError: &lt;too high&gt;" in explorer.picture.value
    explorer.controls["height"].value = 4
    assert alt_and_source(explorer)[0] == "a line up to 4"


def test_explorer_raises_when_its_first_picture_fails():
    with pytest.raises(ValueError, match="alt text"):
        widgets.explorer(lambda height: Picture(draw_line(height).figure, ""), height=ipywidgets.IntSlider(3, 1, 9))


def test_explorer_draws_one_picture_at_a_time():
    busy, together, done = threading.Lock(), [], []

    def draw(height):
        together.append(not busy.acquire(blocking=False))
        threading.Event().wait(0.05)
        if not together[-1]:
            busy.release()
        done.append(height)
        return draw_line(height)

    explorer = widgets.explorer(draw, height=ipywidgets.IntSlider(3, 1, 9))
    threads = [threading.Thread(target=explorer.redraw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 5
    assert not any(together)


# Files ----------------------------------------------------------------------------------------------------------------


def test_uploaded_image_is_none_before_a_file_was_chosen():
    assert widgets.uploaded_image(ipywidgets.FileUpload()) is None


def test_uploaded_image_returns_the_pixels():
    chooser = ipywidgets.FileUpload()
    upload(chooser, "stripes é.png", as_file(stripes()))
    image = widgets.uploaded_image(chooser)
    assert image.mode == "RGB"
    assert image.tobytes() == stripes().tobytes()


def test_uploaded_image_is_upright_and_rgb():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    chooser = ipywidgets.FileUpload()
    upload(chooser, "turned.png", as_file(Image.new("L", (4, 8)), exif=exif))
    image = widgets.uploaded_image(chooser)
    assert (image.mode, image.size) == ("RGB", (8, 4))


@pytest.mark.parametrize("content", [b"hello", b"", as_file(stripes())[:60]], ids=["text", "empty", "truncated"])
def test_uploaded_file_that_is_no_picture_is_named(content):
    chooser = ipywidgets.FileUpload()
    upload(chooser, "notes.txt", content)
    with pytest.raises(ValueError, match=r"notes\.txt"):
        widgets.uploaded_image(chooser)


@pytest.mark.parametrize("shape", ["7", "8"])
def test_uploaded_image_reads_the_shapes_of_both_versions(shape):
    content = as_file(stripes())
    files = (
        {"a.png": {"metadata": {"name": "a.png"}, "content": content}}
        if shape == "7"
        else ({"name": "a.png", "content": memoryview(content)},)
    )
    chooser = type("Chooser", (), {"value": files})()
    assert widgets.uploaded_image(chooser).size == (24, 24)


# The lessons' explorers -----------------------------------------------------------------------------------------------


class Brightness(nn.Module):
    """Says "bright" for bright pictures and "dark" for dark ones."""

    spec, classes = SPEC, ["dark", "bright"]

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([-1.0, 1.0]))

    def forward(self, images):
        return images.mean(dim=(1, 2, 3))[:, None] * self.weight


def test_photo_chooser_answers_for_the_chosen_picture():
    chooser = widgets.photo_chooser(Brightness(), Image.new("RGB", (20, 20), "white"))
    before = alt_and_source(chooser)
    assert "in it: bright 9" in before[0]
    upload(chooser.controls["upload_value"], "night.png", as_file(Image.new("RGB", (20, 20), "black")))
    after = alt_and_source(chooser)
    assert "in it: dark 9" in after[0]
    assert after[1] != before[1]


def test_photo_chooser_says_when_a_file_is_no_picture():
    chooser = widgets.photo_chooser(Brightness(), stripes(), k=2)
    with pytest.raises(ValueError, match=r"notes\.txt"):
        upload(chooser.controls["upload_value"], "notes.txt", b"hello")
    assert "notes.txt" in chooser.picture.value


@pytest.mark.parametrize(("name", "value"), [("augment", "strong"), ("seed", 5)])
def test_augmentation_explorer_follows_each_control(name, value):
    explorer = widgets.augmentation_explorer(stripes(), SPEC)
    before = alt_and_source(explorer)
    explorer.controls[name].value = value
    after = alt_and_source(explorer)
    assert str(value) in after[0]
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_softmax_explorer_follows_each_logit_and_the_truth():
    explorer = widgets.softmax_explorer()
    seen = [alt_and_source(explorer)]
    assert "the loss is 0.304" in seen[0][0]
    for name, value in {"logit_0": -1.0, "logit_1": 4.0, "logit_2": 0.0, "logit_3": 2.5, "target": 1}.items():
        explorer.controls[name].value = value
        seen.append(alt_and_source(explorer))
    alts, sources = zip(*seen, strict=True)
    assert len(set(alts)) == len(set(sources)) == 6
    loss = nn.functional.cross_entropy(torch.tensor([[-1.0, 4.0, 0.0, 2.5]]), torch.tensor([1])).item()
    assert f"the loss is {loss:.3f}" in alts[-1]


def test_softmax_explorer_needs_a_name_for_each_logit():
    with pytest.raises(ValueError, match="2 logits need 2 class names, not 3"):
        widgets.softmax_explorer([0.0, 1.0], classes=["a", "b", "c"], target=0)


def test_descent_explorer_follows_the_learning_rate_the_landscape_and_momentum():
    explorer = widgets.descent_explorer()
    seen = [alt_and_source(explorer)]
    explorer.controls["learning_rate"].value = 0.3
    seen.append(alt_and_source(explorer))
    explorer.controls["landscape"].value = "bumpy"
    seen.append(alt_and_source(explorer))
    explorer.controls["learning_rate"].value = 1.1
    seen.append(alt_and_source(explorer))
    explorer.controls["momentum"].value = 0.9
    seen.append(alt_and_source(explorer))
    alts, sources = zip(*seen, strict=True)
    assert ["too small" in alts[0], "good" in alts[1], "bumpy" in alts[2], "much too large" in alts[3]] == [True] * 4
    assert "momentum 0.9" in alts[4]
    assert len(set(sources)) == 5


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_every_learning_rate_of_the_slider_can_be_drawn(landscape):
    for learning_rate in lessons.DESCENT_RATES:
        assert f"{learning_rate:.3g}" in plot_descent(learning_rate, landscape=landscape).alt


def test_sentence_explorer_takes_the_text_apart_that_is_typed_in():
    vocabulary = build_vocabulary(["draw the axis", "draw the axis"])
    bag = BagOfWords(len(vocabulary), 2)
    given = {"model": bag, "vocabulary": vocabulary, "classes": ("left", "right")}
    explorer = widgets.sentence_explorer("draw the axis", **given)
    before = alt_and_source(explorer)
    assert before[0] == draw_text("draw the axis", **given).alt
    explorer.controls["text"].value = "sum the array"
    assert alt_and_source(explorer)[0] == draw_text("sum the array", **given).alt != before[0]
    assert not explorer.controls["text"].continuous_update

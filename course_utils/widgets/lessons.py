"""The lessons' explorers: controls that move a picture which `plotting` draws without a widget, too."""

from collections.abc import Mapping, Sequence
from functools import partial

import ipywidgets
from PIL import Image
from torch import nn

from course_utils.inference import predict_topk
from course_utils.plotting import (
    LANDSCAPES,
    Picture,
    draw_answer,
    draw_augmentations,
    draw_text,
    plot_descent,
    plot_softmax_loss,
)
from course_utils.text import BagOfWords
from course_utils.transforms import AUGMENTATIONS, InputSpec

from .explorer import Explorer, explorer, uploaded_image

DESCENT_RATES = (0.003, 0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.9, 0.97, 1.0, 1.03, 1.1)
SLIDER = {"style": {"description_width": "9em"}, "layout": {"width": "28em"}}


def photo_chooser(model: nn.Module, image: Image.Image, *, k: int | None = None) -> Explorer:
    """Return a file chooser: the model's `k` best answers for `image`, then for each picture that the reader chooses.

    `model` and `k` as `inference.predict_topk` takes them. Lessons 01 and 08.
    """
    upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="Your picture")

    def draw(upload_value: object) -> Picture:  # noqa: ARG001 - read from the widget, whose version decides
        chosen = uploaded_image(upload) or image
        return draw_answer(chosen, predict_topk(model, chosen, k=k))

    return explorer(draw, upload_value=upload)


def augmentation_explorer(image: Image.Image, spec: InputSpec) -> Explorer:
    """Return sliders for how strongly training pictures are changed, and for the seed of the changes. Lesson 03.

    They move `plotting.draw_augmentations`.
    """
    return explorer(
        partial(draw_augmentations, image, spec),
        augment=ipywidgets.SelectionSlider(options=list(AUGMENTATIONS), value="light", description="augment", **SLIDER),
        seed=ipywidgets.IntSlider(value=0, min=0, max=20, description="seed", **SLIDER),
    )


def softmax_explorer(
    logits: Sequence[float] = (2.0, 1.0, 3.5, 0.5),
    *,
    classes: Sequence[str] = ("dress", "hat", "pants", "shirt"),
    target: int = 2,
) -> Explorer:
    """Return a slider for each logit and a choice of the truth; they move `plotting.plot_softmax_loss`. Lesson 05.

    Raises ValueError where logits and classes differ in number.
    """
    if len(logits) != len(classes):
        raise ValueError(f"{len(logits)} logits need {len(logits)} class names, not {len(classes)}.")
    sliders = {
        f"logit_{index}": ipywidgets.FloatSlider(
            value=logit, min=-5, max=5, step=0.1, description=f"logit of {name}", **SLIDER
        )
        for index, (name, logit) in enumerate(zip(classes, logits, strict=True))
    }
    options = [(name, index) for index, name in enumerate(classes)]
    truth = ipywidgets.Dropdown(options=options, value=target, description="the truth", **SLIDER)
    return explorer(
        lambda target, **values: plot_softmax_loss(list(values.values()), target, classes=classes),
        **sliders,
        target=truth,
    )


def descent_explorer(learning_rate: float = 0.03) -> Explorer:
    """Return a slider for the learning rate of a walk downhill, a choice of the landscape and of momentum. Lesson 05.

    They move `plotting.plot_descent`. `learning_rate`, where the slider starts, is one of `DESCENT_RATES`.
    """
    rate = ipywidgets.SelectionSlider(
        options=[(f"{value:g}", value) for value in DESCENT_RATES],
        value=learning_rate,
        description="learning rate",
        **SLIDER,
    )
    hill = ipywidgets.Dropdown(options=list(LANDSCAPES), value="bowl", description="landscape", **SLIDER)
    kept = ipywidgets.Dropdown(options=[("none", 0.0), ("0.9", 0.9)], value=0.0, description="momentum", **SLIDER)
    return explorer(plot_descent, learning_rate=rate, landscape=hill, momentum=kept)


def sentence_explorer(
    text: str, *, model: BagOfWords, vocabulary: Mapping[str, int], classes: Sequence[str]
) -> Explorer:
    """Return a field for a text of the reader's own, redrawn by `plotting.draw_text` when Enter is pressed or the field
    is left. Lesson 10.
    """
    field = ipywidgets.Text(
        value=text, description="your sentence", continuous_update=False, style=SLIDER["style"], layout={"width": "98%"}
    )
    return explorer(partial(draw_text, model=model, vocabulary=vocabulary, classes=classes), text=field)

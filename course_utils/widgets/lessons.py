"""The lessons' explorers: each is a drawing function, which works without a widget too, and controls to move it."""

from collections.abc import Sequence

import ipywidgets
import torch
from PIL import Image
from torch import nn

from course_utils.inference import Prediction, predict_topk
from course_utils.plotting import (
    LANDSCAPES,
    Drawing,
    descend,
    draw_images,
    judge_descent,
    new_figure,
    plot_descent,
    plot_predictions,
    plot_softmax_loss,
)
from course_utils.transforms import AUGMENTATIONS, InputSpec, build_train_transform

from .explorer import Explorer, explorer, uploaded_image

WIDE = {"description_width": "9em"}
DESCENT_RATES = (0.003, 0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.9, 0.97, 1.0, 1.03, 1.1)
SLIDER = {"style": WIDE, "layout": {"width": "28em"}}


def draw_predictions(image: Image.Image, predictions: Sequence[Prediction]) -> tuple[Drawing, str]:
    """Return a figure with the picture beside the model's best answers, and its alt text."""
    figure, (left, right) = new_figure(1, 2, height=3.2, width_ratios=[1, 1.6])
    left.imshow(image)
    left.set_axis_off()
    left.set_title("The picture")
    plot_predictions(predictions, right)
    answers = ", ".join(f"{name} {probability:.1%}" for name, probability in predictions)
    return figure, f"A picture, and what the student sees in it: {answers}."


def photo_chooser(model: nn.Module, image: Image.Image, *, k: int = 5) -> Explorer:
    """Return a file chooser: the model's `k` best answers for `image`, then for each picture that the reader chooses.

    `model` as `inference.predict_topk` takes it. Lesson 01.
    """
    upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="Your picture")

    def draw(upload_value: object) -> tuple[Drawing, str]:  # noqa: ARG001 - read from the widget, whose version decides
        chosen = uploaded_image(upload) or image
        return draw_predictions(chosen, predict_topk(model, chosen, k=k))

    return explorer(draw, photo=True, upload_value=upload)


def draw_augmentations(
    image: Image.Image, spec: InputSpec, *, augment: str, seed: int, num_looks: int = 10
) -> tuple[Drawing, str]:
    """Return a figure with `num_looks` looks at one RGB picture through the training transform, and its alt text.

    `augment` is one of `transforms.AUGMENTATIONS`. The same `seed` gives the same looks; PyTorch's global generator is
    left as it was.
    """
    transform = build_train_transform(spec, augment=augment)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        looks = [transform(image) for _ in range(num_looks)]
    figure = draw_images(looks, spec=spec, title=f"{augment}: {num_looks} looks at one picture (seed {seed})")
    return (
        figure,
        f"{num_looks} looks at one picture with augmentation {augment!r} and seed {seed}: {AUGMENTATIONS[augment]}.",
    )


def augmentation_explorer(image: Image.Image, spec: InputSpec) -> Explorer:
    """Return sliders for how strongly training pictures are changed, and for the seed of the changes. Lesson 03."""
    return explorer(
        lambda augment, seed: draw_augmentations(image, spec, augment=augment, seed=seed),
        photo=True,
        augment=ipywidgets.SelectionSlider(options=list(AUGMENTATIONS), value="light", description="augment", **SLIDER),
        seed=ipywidgets.IntSlider(value=0, min=0, max=20, description="seed", **SLIDER),
    )


def draw_softmax(logits: Sequence[float], target: int, *, classes: Sequence[str]) -> tuple[Drawing, str]:
    """Return the axes of `plotting.plot_softmax_loss`, and their alt text."""
    axes = plot_softmax_loss(logits, target, classes=classes)
    shares = torch.softmax(torch.tensor(logits, dtype=torch.float64), dim=0)
    answers = ", ".join(
        f"{name}: logit {logit:.1f}, probability {share:.1%}"
        for name, logit, share in zip(classes, logits, shares.tolist(), strict=True)
    )
    return axes, f"{answers}. The truth is {classes[target]}, so the loss is {-shares[target].log().item():.3f}."


def softmax_explorer(
    logits: Sequence[float] = (2.0, 1.0, 3.5, 0.5),
    *,
    classes: Sequence[str] = ("dress", "hat", "pants", "shirt"),
    target: int = 2,
) -> Explorer:
    """Return a slider for each logit and a choice of the truth; they move probabilities and loss. Lesson 05.

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
        lambda target, **values: draw_softmax(list(values.values()), target, classes=classes), **sliders, target=truth
    )


def draw_descent(learning_rate: float, *, landscape: str, num_steps: int = 20) -> tuple[Drawing, str]:
    """Return the axes of `plotting.plot_descent`, and their alt text."""
    axes = plot_descent(learning_rate, landscape=landscape, num_steps=num_steps)
    hill = LANDSCAPES[landscape]
    places = descend(hill, learning_rate=learning_rate, num_steps=num_steps)
    heights = hill.height(places)
    alt = (
        f"Walking down a {landscape} landscape with learning rate {learning_rate:.3g}: {judge_descent(hill, places)}. "
        f"In {len(places) - 1} steps the loss goes from {heights[0]:.3g} to {heights[-1]:.3g}."
    )
    return axes, alt


def descent_explorer(learning_rate: float = 0.03) -> Explorer:
    """Return a slider for the learning rate of a walk downhill, and a choice of the landscape. Lesson 05.

    `learning_rate`, where the slider starts, is one of `DESCENT_RATES`.
    """
    rate = ipywidgets.SelectionSlider(
        options=[(f"{value:g}", value) for value in DESCENT_RATES],
        value=learning_rate,
        description="learning rate",
        **SLIDER,
    )
    hill = ipywidgets.Dropdown(options=list(LANDSCAPES), value="bowl", description="landscape", **SLIDER)
    return explorer(
        lambda learning_rate, landscape: draw_descent(learning_rate, landscape=landscape),
        learning_rate=rate,
        landscape=hill,
    )

"""The student at work: what does it see in one picture? And a trained model as a file (lessons 01 and 08)."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torchvision.models import mobilenet_v2

from course_utils.checks import describe_probabilities
from course_utils.models import TransferClassifier, freeze, without_head
from course_utils.pictures.given import Picture, as_input
from course_utils.plain import parse_plain, write_plain
from course_utils.pretrained import differences, fill
from course_utils.runtime import evaluating, given_path
from course_utils.transforms import InputSpec

_FORMAT = "course classifier 1"


class Prediction(NamedTuple):
    """One answer: the class's name and how sure the model is, 0 to 1."""

    name: str
    probability: float


def predict_topk(model: nn.Module, image: Picture, *, k: int | None = None) -> list[Prediction]:
    """Return the `k` most probable classes for one picture, the most probable first (lesson 01).

    `image` is one of
    - the path of a picture file, or a Pillow picture of any mode;
    - an array (H, W, 3) or a tensor (3, H, W) of dtype uint8, values 0 to 255: a picture;
    - a floating-point tensor (3, H, W): what `build_eval_transform(model.spec)` returned, used as it is. Warns where
      its size is another, or its pixels look unnormalised.

    `k` is 1 to the number of classes; None: 5, or all where there are fewer. `model` has `.spec` and `.classes`, as
    `load_pretrained`, `build_classifier` and `load_classifier` return it, and answers with logits: probabilities are
    warned of. It works in `eval()` mode, without gradients, on the device it is on; its mode is the same afterwards,
    also after an error. For many pictures use `evaluation.predict`.

    Raises ValueError for another `k`, an array or tensor of another shape or type (saying how to turn it into a
    picture), and a model with another number of outputs than names; OSError for a file that cannot be read; TypeError
    for anything else, or a model that does not say what it was schooled on.
    """
    spec, classes = getattr(model, "spec", None), getattr(model, "classes", None)
    if not isinstance(spec, InputSpec) or not isinstance(classes, Sequence):
        raise TypeError(f"predict_topk needs a model with .spec and .classes; {type(model).__name__} lacks them.")
    if k is None:
        k = min(5, len(classes))
    elif k not in range(1, len(classes) + 1):
        raise ValueError(f"k={k}: the model tells {len(classes)} classes apart, choose 1 to {len(classes)}.")
    batch = as_input(image, spec).unsqueeze(0)
    weight = next(model.parameters())
    with evaluating(model):
        logits = model(batch.to(device=weight.device, dtype=weight.dtype)).float().cpu()
    if logits.shape != (1, len(classes)):
        raise ValueError(f"The model's answer has the shape {tuple(logits.shape)}, its names are {len(classes)}.")
    if suspicion := describe_probabilities(logits):
        warnings.warn(suspicion, stacklevel=2)
    top = logits[0].softmax(dim=0).topk(int(k))
    return [
        Prediction(classes[index], probability)
        for probability, index in zip(top.values.tolist(), top.indices.tolist(), strict=True)
    ]


def save_classifier(path: str | os.PathLike[str], model: TransferClassifier) -> None:
    """Write everything a prediction needs to one file: weights, class names, input specification, form of the head.

    Plain types only, written in one piece (lesson 08). Raises TypeError for another kind of model and ValueError,
    saying what differs, where any part of it is not as `build_classifier` makes it: `load_classifier` could not build
    it again. Then nothing is written.
    """
    if not isinstance(model, TransferClassifier):
        raise TypeError(f"save_classifier saves what build_classifier made, not a {type(model).__name__}.")
    content = {
        "format": _FORMAT,
        "state_dict": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
        "head": {"hidden_size": model.hidden_size, "dropout": model.dropout},
        "classes": list(model.classes),
        "spec": model.spec.to_plain(),
        "source": model.source,
    }
    try:
        due, given = (_parts(some) for some in (_rebuild(content, origin="The model's state_dict()"), model))
        if due != given:
            raise ValueError(f"A part of it has been changed: {differences(due, given)}.")
    except ValueError as error:
        raise ValueError(
            f"load_classifier could not build this model again. {error} Keep the code that makes it, and "
            "torch.save(model.state_dict(), path)."
        ) from error
    write_plain(path, content)


def load_classifier(path: str | os.PathLike[str]) -> TransferClassifier:
    """Return the model that `save_classifier` wrote: in `eval()` mode, on the CPU, backbone frozen (lesson 08).

    It gives the same logits as the saved one, whatever machine or device that was on. Nothing in the file can run.
    Raises OSError where there is no file that can be read, ValueError, naming it, where it is another kind of file.
    """
    path = given_path(path, kind="file", must_exist=True)
    stored = parse_plain(path.read_bytes(), path)
    if stored.get("format") != _FORMAT:
        raise ValueError(
            f"{path} was not written by save_classifier (format {stored.get('format')!r}, expected {_FORMAT!r}). "
            "A training checkpoint or a state_dict goes back into the model it came from."
        )
    try:
        model = _rebuild(stored, origin="its state_dict")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is whole, but holds no model that this package can build: {error}") from error
    freeze(model.backbone)
    return model.eval()


def _rebuild(stored: Mapping[str, Any], *, origin: str) -> TransferClassifier:
    """Return the model that the content of a file describes; `origin` begins the ValueError where it fits none."""
    with torch.device("meta"):  # no random weights drawn, only to be overwritten
        model = TransferClassifier(
            without_head(mobilenet_v2()),
            classes=stored["classes"],
            hidden_size=stored["head"]["hidden_size"],
            dropout=stored["head"]["dropout"],
            spec=InputSpec.from_plain(stored["spec"]),
            source=stored["source"],
        )
    fill(model, stored["state_dict"], origin=origin)
    return model


def _parts(model: nn.Module) -> dict[str, str]:
    """Return each part of `model` as it prints itself: its settings show what no weight would, such as a stride."""
    return {name: f"{type(part).__name__}({part.extra_repr()})" for name, part in model.named_modules()}

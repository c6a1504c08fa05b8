"""The student at work: what does it see in one picture? And a trained model as a file (lessons 01 and 08)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from course_utils.models import TransferClassifier, freeze, without_head
from course_utils.plain import parse_plain, write_plain
from course_utils.pretrained import differences, fill
from course_utils.runtime import evaluating
from course_utils.transforms import InputSpec, build_eval_transform, load_image, to_rgb

_FORMAT = "course classifier 1"


class Prediction(NamedTuple):
    """One answer: the class's name and how sure the model is, 0 to 1."""

    name: str
    probability: float


def predict_topk(
    model: nn.Module, image: str | Path | Image.Image | np.ndarray | Tensor, *, k: int = 5
) -> list[Prediction]:
    """Return the `k` most probable classes for one picture, the most probable first (lesson 01).

    `image` is one of
    - the path of a picture file, or a Pillow picture of any mode;
    - an array (H, W, 3) or a tensor (3, H, W) of dtype uint8, values 0 to 255: a picture;
    - a floating-point tensor (3, H, W): what `build_eval_transform(model.spec)` returned, used as it is.

    `model` has `.spec` and `.classes`, as `load_pretrained`, `build_classifier` and `load_classifier` return it. It
    works in `eval()` mode, without gradients, on the device it is on; its mode is the same afterwards, also after an
    error. For many pictures use `evaluation.predict`.

    Raises ValueError for a `k` outside 1 to the number of classes, or an array or tensor of another shape or type;
    TypeError for anything else, or a model that does not say what it was schooled on.
    """
    if not hasattr(model, "spec") or not hasattr(model, "classes"):
        raise TypeError(f"predict_topk needs a model with .spec and .classes; {type(model).__name__} lacks them.")
    if not 1 <= k <= len(model.classes):
        raise ValueError(
            f"k={k}: the model tells {len(model.classes)} classes apart, choose 1 to {len(model.classes)}."
        )
    batch = _as_input(image, model.spec).unsqueeze(0)
    weight = next(model.parameters())
    with evaluating(model):
        logits = model(batch.to(device=weight.device, dtype=weight.dtype))
    top = logits[0].float().softmax(dim=0).topk(k)
    return [
        Prediction(model.classes[index], probability)
        for probability, index in zip(top.values.tolist(), top.indices.tolist(), strict=True)
    ]


def save_classifier(path: str | Path, model: TransferClassifier) -> None:
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


def load_classifier(path: str | Path) -> TransferClassifier:
    """Return the model that `save_classifier` wrote: in `eval()` mode, on the CPU, backbone frozen (lesson 08).

    It gives the same logits as the saved one, whatever machine or device that was on. Nothing in the file can run.
    Raises FileNotFoundError where there is no file, ValueError, naming it, where it is another kind of file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no saved classifier {path}; save_classifier(path, model) writes one.")
    stored = parse_plain(path.read_bytes(), path)
    if stored.get("format") != _FORMAT:
        raise ValueError(
            f"{path} was not written by save_classifier (format {stored.get('format')!r}, expected {_FORMAT!r}). "
            "A training checkpoint or a state_dict goes back into the model it came from."
        )
    model = _rebuild(stored, origin=str(path))
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


def _as_input(image: str | Path | Image.Image | np.ndarray | Tensor, spec: InputSpec) -> Tensor:
    """Return what the network gets for `image`: a normalised float tensor (3, H, W)."""
    if isinstance(image, Tensor):
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(f"Expected one picture (3, H, W), got a tensor {tuple(image.shape)}. {_hint(image.shape)}")
        if image.is_floating_point():
            return image
        image = image.permute(1, 2, 0).cpu().numpy()
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"Expected one picture (H, W, 3), got an array {image.shape}. {_hint(image.shape)}")
        if image.dtype != np.uint8:
            raise ValueError(f"Expected values 0 to 255 of dtype uint8, got {image.dtype}: is it scaled or normalised?")
        image = Image.fromarray(image)
    elif isinstance(image, str | Path):
        image = load_image(image)
    elif isinstance(image, Image.Image):
        image = to_rgb(image)
    else:
        raise TypeError(f"Expected a path, a Pillow picture, an array or a tensor, got {type(image).__name__}.")
    return build_eval_transform(spec)(image)


def _hint(shape: tuple[int, ...]) -> str:
    """Say what a picture of the wrong shape may be."""
    if len(shape) == 4:
        return "That is a batch: hand over one of its pictures."
    if len(shape) == 2:
        return "That is a grey picture: repeat it for red, green and blue, or hand over a Pillow picture."
    return "Are the colours at the wrong end? In tensors they come first, in arrays last."

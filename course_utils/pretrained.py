"""The files that hold trained weights, and how they are read so that nothing in them can run.

"course" weights are shipped in the package, written by `tools/pretrain_backbone.py`; their hash stands below, and a
file with any other content is refused before it is unpickled. "imagenet" weights are torchvision's, from its cache.
Own files are plain ones (`course_utils.plain`).
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import MobileNet_V2_Weights, MobileNetV2

from course_utils.plain import parse_plain, write_plain
from course_utils.runtime import given_path, is_offline, switch
from course_utils.transforms import InputSpec

COURSE_WEIGHTS_FILE = Path(__file__).parent / "weights" / "mobilenet_v2_tiny_imagenet.pt"
# Of the shipped file, as `save_course_weights` returned it.
COURSE_WEIGHTS_SHA256 = "519799ed6cf6e93addfaf2d895785a67b193acef638c0079ea6a9d0fe2266510"

# How sure it is against how often it is right, over Tiny ImageNet's validation pictures: `tools/evaluate_backbone.py`.
COURSE_CALIBRATION_FILE = COURSE_WEIGHTS_FILE.with_name("calibration.csv")

IMAGENET = MobileNet_V2_Weights.IMAGENET1K_V1

_FORMAT = 1
_FIELDS = {"format": int, "state_dict": dict, "classes": list, "spec": dict, "card": dict}


class TrainedWeights(NamedTuple):
    """Weights and what belongs to them; `state_dict` fits torchvision's `mobilenet_v2(num_classes=len(classes))`."""

    state_dict: dict[str, Tensor]  # floating-point tensors as float32, on the CPU
    classes: list[str]
    spec: InputSpec  # of the pictures that the network was trained on
    card: dict[str, Any]  # plain facts about the training, such as top1
    source: str  # where the weights come from, in words


class CalibrationBin(NamedTuple):
    """Pictures of which a network was about equally sure: how many, how sure on average, and the share right."""

    pictures: int
    stated: float
    right: float


def read_course_calibration() -> list[CalibrationBin]:
    """Return how far the shipped weights' percentages can be taken at their word, from unsure to sure (lesson 01).

    Measured on the 10,000 validation pictures of Tiny ImageNet, which cannot be shipped; bins that hold none are left
    out.
    """
    with COURSE_CALIBRATION_FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [CalibrationBin(int(row["pictures"]), float(row["stated"]), float(row["right"])) for row in rows]


def save_course_weights(
    path: str | Path, model: MobileNetV2, *, classes: Sequence[str], spec: InputSpec, card: Mapping[str, Any]
) -> str:
    """Write a trained torchvision `MobileNetV2` to `path` and return the file's SHA-256 (64 hexadecimal digits).

    Weights are stored as float16, half the size; BatchNorm's tensors stay float32, because a variance near zero does
    not survive float16. Equal contents give equal bytes, whatever the file is called.
    `spec` is that of the pictures that the network was trained on; `card` holds plain facts.
    Raises ValueError where the head does not fit `classes`, or a weight is not finite in float16.
    """
    check_outputs(model, classes)
    batch_norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    state_dict = {}
    for name, tensor in model.state_dict().items():
        keep = name.rpartition(".")[0] in batch_norms
        state_dict[name] = tensor.detach().cpu().to(tensor.dtype if keep else torch.float16, copy=True).contiguous()
        if not state_dict[name].isfinite().all():
            raise ValueError(f"{name} holds values that are not finite in {state_dict[name].dtype}; not saved.")
    return write_plain(
        path,
        {
            "format": _FORMAT,
            "state_dict": state_dict,
            "classes": list(classes),
            "spec": spec.to_plain(),
            "card": dict(card),
        },
    )


def check_outputs(network: MobileNetV2, classes: Sequence[str]) -> None:
    """Raise ValueError where `network` has another number of outputs than there are names for."""
    num_outputs = network.classifier[-1].out_features
    if num_outputs != len(classes):
        raise ValueError(f"The network has {num_outputs} outputs for {len(classes)} class names.")


def fill(network: nn.Module, state_dict: Mapping[str, Tensor], *, origin: str) -> None:
    """Make the tensors of `state_dict` the weights of `network`, which may lie on the device "meta".

    Raises ValueError, beginning with `origin`, where names or shapes differ; then nothing has been changed.
    """
    due, given = _shapes(network.state_dict()), _shapes(state_dict)
    if due != given:
        raise ValueError(f"{origin} does not fit this network: {differences(due, given)}.")
    network.load_state_dict(state_dict, assign=True)


def differences(due: Mapping[str, object], given: Mapping[str, object]) -> str:
    """Say in words what differs between two dicts, the first three names of it."""
    names = [name for name in {**due, **given} if due.get(name) != given.get(name)]
    listed = [
        f"{name or 'the model'} is {given.get(name, 'missing')}, due is {due.get(name, 'nothing')}"
        for name in names[:3]
    ]
    return "; ".join(listed + [f"and {len(names) - 3} more"] * (len(names) > 3))


def _shapes(state_dict: Mapping[str, object]) -> dict[str, object]:
    return {
        name: tuple(value.shape) if isinstance(value, Tensor) else f"a {type(value).__name__}"
        for name, value in state_dict.items()
    }


def read_weights(path: str | Path, expected_sha256: str | None = None) -> TrainedWeights:
    """Read a file that `save_course_weights` wrote.

    With `expected_sha256`, any other content is refused before it is unpickled. Raises FileNotFoundError where there
    is no file, ValueError, naming file and reason, where it is not the expected one or no course weight file at all.
    """
    path = given_path(path, kind="file")
    if not path.exists():
        raise FileNotFoundError(f"The weight file {path} is missing; install the package again, or name another file.")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise ValueError(
            f"{path} is damaged or another version: its SHA-256 is {digest[:12]}… ({len(content):,} bytes), "
            f"expected {expected_sha256[:12]}…. Install the package again, or restore the file from git."
        )
    stored = parse_plain(content, path)
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(stored.get(name), kind)]
    if wrong or stored["format"] != _FORMAT:
        raise ValueError(f"{path} is no course weight file of format {_FORMAT}: wrong or missing {wrong or 'format'}.")
    state_dict = _as_float32(stored["state_dict"])
    try:
        spec = InputSpec.from_plain(stored["spec"])
    except ValueError as error:
        raise ValueError(f"{path} is no course weight file of format {_FORMAT}: {error}") from error
    source = "course (Tiny ImageNet)"
    return TrainedWeights(state_dict, stored["classes"], spec, stored["card"], source=source)


def read_course_weights() -> TrainedWeights:
    """Read the weights shipped with the package, after checking that they are exactly those."""
    return read_weights(COURSE_WEIGHTS_FILE, COURSE_WEIGHTS_SHA256)


def imagenet_weights_file() -> Path:
    """Return where torchvision's cache keeps, or would keep, its ImageNet weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(IMAGENET.url).name


def read_imagenet_weights() -> TrainedWeights:
    """Read torchvision's ImageNet weights from its cache; where they are not there, let it download them (14 MB).

    torchvision compares hashes when it downloads, not when it finds a file: another file found there is used, and
    `.source` names it as such. Raises RuntimeError, with the address, the file and the way out, where the download
    fails or `COURSE_OFFLINE` forbids it, or the file in the cache cannot be read or holds no weights.
    """
    path = imagenet_weights_file()
    way_out = f"Download {IMAGENET.url} where there is a network and save it as {path}, or use weights 'course'."
    if is_offline() and not path.is_file():
        raise RuntimeError(f"COURSE_OFFLINE forbids downloads, and torchvision's cache has no {path.name}. {way_out}")
    try:
        state_dict = IMAGENET.get_state_dict(
            progress=switch("COURSE_PROGRESS") is not False, check_hash=True, map_location="cpu", weights_only=True
        )
        weights = _as_float32(state_dict)
    except Exception as error:  # given damaged bytes, torch.load raises nearly every type there is
        if not path.is_file():
            reason = f"{IMAGENET.url} could not be downloaded ({error})"
        elif isinstance(error, OSError):
            reason = f"{path} cannot be read ({error})"
        else:
            reason = f"{path} holds no weights, or is damaged: move it away"
        raise RuntimeError(f"{reason}. {way_out}") from error
    source = "imagenet"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(path.stem.rpartition("-")[2]):
        source += f" (not torchvision's own file: SHA-256 of {path.name} in its cache is {digest[:8]}…)"
    preset = IMAGENET.transforms()
    spec = InputSpec(preset.crop_size[0], preset.resize_size[0], tuple(preset.mean), tuple(preset.std))
    return TrainedWeights(weights, list(IMAGENET.meta["categories"]), spec, card={}, source=source)


def _as_float32(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the same tensors, those stored as float16 as float32."""
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state_dict.items()}

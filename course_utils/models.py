"""A trained student gets a new subject: MobileNetV2 with its own head, or with a new one (lessons 01, 04 and 08).

What a network was schooled on travels with it: `.spec` says how big its pictures are and how they are normalised,
`.classes` what its outputs mean, `.source` where its weights come from.

The network is torchvision's: Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
https://arxiv.org/abs/1801.04381. All tensors of pictures are `(N, 3, H, W)`, normalised as `.spec` says.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import MobileNetV2, mobilenet_v2

from course_utils.pretrained import TrainedWeights, check_outputs, fill, read_course_weights, read_imagenet_weights
from course_utils.transforms import InputSpec

NUM_FEATURES = 1280  # numbers that the backbone says about each picture
UNTRAINED_SPEC = InputSpec(image_size=96)  # what `weights=None` asks for: it was schooled on nothing


class PretrainedClassifier(nn.Module):
    """A trained network as it left school, with the head it was trained with (lesson 01).

    `.backbone` (N, 3, H, W) -> (N, 1280), `.head` (N, 1280) -> (N, len(classes)).
    Raises ValueError for another number of names than the network has outputs.
    """

    def __init__(self, network: MobileNetV2, *, spec: InputSpec, classes: Sequence[str], source: str):
        super().__init__()
        check_outputs(network, classes)
        head = network.classifier
        self.backbone = without_head(network)
        self.head = head
        self.spec, self.classes, self.source = spec, list(map(str, classes)), source

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, len(classes)) for normalised pictures (N, 3, H, W)."""
        logits: Tensor = self.head(self.backbone(images))
        return logits

    def extra_repr(self) -> str:
        return _summary(self)


class TransferClassifier(nn.Module):
    """A backbone that may be frozen, under a new head with an output for each of `classes` (lesson 04).

    `.backbone` (N, 3, H, W) -> (N, 1280), `.head` (N, 1280) -> (N, len(classes)); `build_classifier` makes one.
    Frozen means unmoved: `train()` leaves every part without trainable weights in `eval()`, so that BatchNorm's running
    statistics stay as they are too. A BatchNorm whose weights are unfrozen trains, statistics included.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        classes: Sequence[str],
        hidden_size: int | None = None,
        dropout: float = 0.0,
        spec: InputSpec,
        source: str,
    ):
        super().__init__()
        self.backbone = backbone
        self.head = build_head(len(classes), hidden_size=hidden_size, dropout=dropout)
        self.hidden_size, self.dropout = hidden_size, dropout
        self.spec, self.classes, self.source = spec, list(map(str, classes)), source

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, len(classes)) for normalised pictures (N, 3, H, W); no softmax, the loss has it."""
        logits: Tensor = self.head(self.backbone(images))
        return logits

    def train(self, mode: bool = True) -> "TransferClassifier":
        """As `nn.Module.train`, but what is frozen in the backbone stays in `eval()`."""
        super().train(mode)
        _still_where_frozen(self.backbone)
        return self

    def extra_repr(self) -> str:
        return _summary(self)


class FineTuningPart(nn.Module):
    """The end of a `TransferClassifier`: its last blocks and its head, the same weights, on their own (lesson 08).

    `.blocks` (N, C, h, w) -> (N, 1280), `.head` (N, 1280) -> (N, len(classes)); `split_for_fine_tuning` makes one.
    What it learns, the whole model has learned. As there, what is frozen in the blocks stays in `eval()`.
    """

    def __init__(self, blocks: nn.Sequential, head: nn.Module, *, classes: Sequence[str]):
        super().__init__()
        self.blocks, self.head, self.classes = blocks, head, list(classes)

    def forward(self, maps: Tensor) -> Tensor:
        """Return logits (N, len(classes)) for maps (N, C, h, w) of the trunk."""
        logits: Tensor = self.head(self.blocks(maps))
        return logits

    def train(self, mode: bool = True) -> "FineTuningPart":
        """As `nn.Module.train`, but what is frozen in the blocks stays in `eval()`."""
        super().train(mode)
        _still_where_frozen(self.blocks)
        return self


def load_pretrained(weights: str = "course") -> PretrainedClassifier:
    """Return a trained MobileNetV2 with its original head, in `eval()` mode, on the CPU (lesson 01).

    "course"    shipped in the package: trained on Tiny ImageNet, 200 kinds of object; needs no network
    "imagenet"  torchvision's `MobileNet_V2_Weights.IMAGENET1K_V1`, 1,000 kinds, 14 MB: downloaded once, then kept in
                torchvision's cache. A file found there that is not torchvision's is used; `.source` says so.

    Raises ValueError for another word, a damaged file, or weights of another network; RuntimeError where "imagenet"
    can neither be found nor downloaded (`COURSE_OFFLINE=1` forbids it).
    """
    readers = {"course": read_course_weights, "imagenet": read_imagenet_weights}
    if weights not in readers:
        raise ValueError(f"Unknown weights {weights!r}: use 'course' or 'imagenet'.")
    return build_pretrained(readers[weights]())


def build_pretrained(trained: TrainedWeights) -> PretrainedClassifier:
    """Return the network of weights that were read from a file, with its original head, in `eval()` mode, on the CPU.

    Raises ValueError for weights of another network.
    """
    with torch.device("meta"):  # no random weights drawn, only to be overwritten
        network = mobilenet_v2(num_classes=len(trained.classes))
    fill(network, trained.state_dict, origin=f"The weights {trained.source!r}")
    return PretrainedClassifier(network, spec=trained.spec, classes=trained.classes, source=trained.source).eval()


def build_classifier(
    num_classes: int,
    *,
    weights: str | None = "course",
    hidden_size: int | None = None,
    dropout: float = 0.0,
    freeze_backbone: bool = True,
    classes: Sequence[str] | None = None,
) -> TransferClassifier:
    """Return MobileNetV2's backbone under a new, randomly initialised head, in `train()` mode (lesson 04).

    weights          "course" or "imagenet" as in `load_pretrained`, or None: random initial weights
    hidden_size      size of an inner layer, Linear + ReLU, before the last one; None: no inner layer
    dropout          share of the inner layer's outputs (without one: of the features) dropped in training, 0 to 1
    freeze_backbone  only the head learns: of ten classes 12,810 weights, while 2,223,872 stay as they are
    classes          the names of the outputs, in order; default "class 0", "class 1", ...

    A model and its optimizer, as `make_model(learning_rate, size_inner)` in many tutorials, are two lines:

        model = build_classifier(10, hidden_size=size_inner)
        optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=learning_rate)

    Raises ValueError for sizes below 1, a dropout outside 0 to 1, or another number of names than `num_classes`.
    """
    names = [f"class {index}" for index in range(num_classes)] if classes is None else list(classes)
    if len(names) != num_classes:
        raise ValueError(f"classes holds {len(names)} names for num_classes={num_classes}.")
    if weights is None:
        backbone, spec, source = without_head(mobilenet_v2()), UNTRAINED_SPEC, "random initial weights"
    else:
        pretrained = load_pretrained(weights)
        backbone, spec, source = pretrained.backbone, pretrained.spec, pretrained.source
    model = TransferClassifier(
        backbone, classes=names, hidden_size=hidden_size, dropout=dropout, spec=spec, source=source
    )
    if freeze_backbone:
        freeze(model.backbone)
    return model.train()


def build_head(num_classes: int, *, hidden_size: int | None = None, dropout: float = 0.0) -> nn.Module:
    """Return the head: (N, 1280) -> (N, num_classes), with an inner layer and dropout where asked for.

    Raises ValueError for sizes below 1 or a dropout outside 0 to 1.
    """
    if num_classes < 1 or (hidden_size is not None and hidden_size < 1):
        raise ValueError(f"num_classes={num_classes} and hidden_size={hidden_size} must be at least 1.")
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout={dropout} is a share: 0 (nothing is dropped) to 1 (everything).")
    layers: list[nn.Module] = []
    if hidden_size is not None:
        layers += [nn.Linear(NUM_FEATURES, hidden_size), nn.ReLU()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    last = nn.Linear(hidden_size or NUM_FEATURES, num_classes)
    return nn.Sequential(*layers, last) if layers else last


def without_head(network: MobileNetV2) -> MobileNetV2:
    """Replace torchvision's classifier by `Identity`, in place: what is left maps (N, 3, H, W) to (N, 1280)."""
    network.classifier = nn.Identity()
    return network


def freeze(module: nn.Module) -> None:
    """Stop `module` from learning: no gradients for its parameters, and `eval()`, so that its buffers stay too.

    `TransferClassifier.train()` keeps its backbone so; in another model, call `module.eval()` after every `train()`.
    """
    module.requires_grad_(False).eval()


def unfreeze(module: nn.Module) -> None:
    """Undo `freeze`: gradients for all parameters of `module`, and `train()`, so that its buffers move again.

    Afterwards make a new optimizer: the old one does not know these parameters.
    """
    module.requires_grad_(True).train()


def unfreeze_last_blocks(model: TransferClassifier, num_blocks: int, *, batch_norm: bool = True) -> None:
    """Let the last `num_blocks` of the backbone's 19 blocks learn, counted from the head (lesson 08).

    The blocks are `model.backbone.features`: block 1 from the end is the convolution to 1,280 channels, 2 to 18 are
    the inverted residuals, 19 is the first convolution. Everything else stays as it is; `freeze(model.backbone)` first
    where more has been unfrozen. `batch_norm=False` leaves the BatchNorm layers within as they are, weights and
    statistics. A model in `eval()` stays so. Afterwards make a new optimizer, with a much smaller learning rate.
    Raises ValueError for a number outside 0 to 19, TypeError for a backbone without blocks.
    """
    blocks = _blocks_of(model)
    if not 0 <= num_blocks <= len(blocks):
        raise ValueError(f"num_blocks={num_blocks}: the backbone has {len(blocks)} blocks, choose 0 to {len(blocks)}.")
    for module in blocks[len(blocks) - num_blocks :].modules():
        if batch_norm or not isinstance(module, nn.BatchNorm2d):
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(True)
    model.train(model.training)


def split_for_fine_tuning(model: TransferClassifier, num_blocks: int) -> tuple[nn.Sequential, FineTuningPart]:
    """Cut `model` before its last `num_blocks` blocks: the trunk, and the part that is to learn (lesson 08).

    The trunk maps pictures (N, 3, H, W) to small maps (N, C, h, w), the part maps those to logits; one after the other
    they are `model`, with which they share all weights. While the trunk stays as it is, take its notes once with
    `extract_features(trunk, ...)` and train the part on them; `unfreeze_last_blocks(model, num_blocks)` lets it learn.
    Raises ValueError for a number outside 1 to 18, TypeError for a backbone without blocks.
    """
    blocks = _blocks_of(model)
    if not 0 < num_blocks < len(blocks):
        raise ValueError(
            f"num_blocks={num_blocks}: choose 1 to {len(blocks) - 1} of the {len(blocks)} blocks, so that something is "
            "left on either side. A head alone learns on notes of model.backbone; a whole backbone on the pictures."
        )
    cut = len(blocks) - num_blocks
    trunk = blocks[:cut]
    trunk.training = any(block.training for block in trunk)  # the new chain's own flag; its blocks keep theirs
    end = nn.Sequential(*blocks[cut:], nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return trunk, FineTuningPart(end, model.head, classes=model.classes).train(model.training)


class ParameterCount(NamedTuple):
    """Numbers of parameters (single weights), as `count_parameters` returns them."""

    trainable: int
    frozen: int
    total: int


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count the single weights in `model`: those that learn, those that do not, all. Buffers are not counted."""
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in model.parameters())
    return ParameterCount(trainable, total - trainable, total)


def _blocks_of(model: TransferClassifier) -> nn.Sequential:
    """The chain of blocks in the model's backbone."""
    blocks = getattr(model.backbone, "features", None)
    if not isinstance(blocks, nn.Sequential):
        raise TypeError(f"{type(model.backbone).__name__} has no .features to take blocks from: use unfreeze(part).")
    return blocks


def _still_where_frozen(part: nn.Module) -> None:
    """Put what has weights of which none learns into `eval()`, so that BatchNorm's running statistics stay too."""
    for module in part.modules():
        if module.training and _is_frozen(module):
            module.eval()


def _is_frozen(module: nn.Module) -> bool:
    """True where `module` has weights, and none of them learns."""
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)


def _summary(model: PretrainedClassifier | TransferClassifier) -> str:
    size = model.spec.image_size
    return f"weights: {model.source}; pictures: {size}x{size}; classes: {len(model.classes)}"

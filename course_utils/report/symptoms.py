"""What is wrong with a batch: a list of symptoms, each with the sentence that explains it (lesson 11).

The first symptom found is reported, so each may rely on those above it being absent. A sentence names the values that
are wrong, and a way out.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.report.metrics import counting

ELEMENTWISE_LOSSES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss)
ELEMENTWISE_LOSS_FUNCTIONS = (
    functional.mse_loss,
    functional.l1_loss,
    functional.smooth_l1_loss,
    functional.huber_loss,
    functional.binary_cross_entropy,
    functional.binary_cross_entropy_with_logits,
)


@dataclass
class Batch:
    """A batch, who is to learn from it, and the model's answers `(2, C, ...)` to its first samples."""

    inputs: Any
    targets: Any
    model: nn.Module
    criterion: Any
    device: torch.device
    names: Sequence[str] = ()  # of the data's classes
    answers: Any = None

    @property
    def kinds(self) -> str:
        return f"{type(self.inputs).__name__} and {type(self.targets).__name__}"

    @property
    def sees_pictures(self) -> bool:
        return self.num_channels is not None

    @property
    def num_channels(self) -> int | None:
        """How many channels the model's first convolution takes; None where it has none."""
        return next((module.in_channels for module in self.model.modules() if isinstance(module, nn.Conv2d)), None)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.inputs.shape)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return tuple(self.targets.shape)

    @property
    def answer_shape(self) -> tuple[int, ...]:
        return (len(self.targets), *self.answers.shape[1:])

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of one class number for each answer."""
        return (len(self.targets), *self.answers.shape[2:])

    @property
    def num_scores(self) -> int:
        return int(self.answers.shape[1])

    @property
    def home(self) -> torch.device:
        """Where the model is; where it has no parameters, it is at home everywhere."""
        return next((parameter.device for parameter in self.model.parameters()), self.device)

    @property
    def function(self) -> Any:
        """The criterion; of a `functools.partial`, what it calls."""
        return self.criterion.func if isinstance(self.criterion, functools.partial) else self.criterion

    @property
    def is_cross_entropy(self) -> bool:
        return isinstance(self.criterion, nn.CrossEntropyLoss) or self.function is functional.cross_entropy

    @property
    def criterion_name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def reduction(self) -> Any:
        if isinstance(self.criterion, functools.partial):
            return self.criterion.keywords.get("reduction", "mean")
        return getattr(self.criterion, "reduction", "mean")

    @property
    def weight(self) -> Tensor:
        """The criterion's weights of the classes; where it has none, a 1 for each."""
        labels = counting(self.criterion)
        ones = torch.ones(self.num_scores, dtype=self.answers.dtype, device=self.device)
        return ones if labels is None or labels.weight is None else labels.weight

    @property
    def holds_probabilities(self) -> bool:
        """True where the targets are not class numbers but a probability for each class."""
        return bool(self.targets.is_floating_point() and self.targets.shape[1:] == self.answers.shape[1:])

    @property
    def counted(self) -> Tensor:
        """The labels that the criterion does not ignore, one after the other."""
        labels, targets = counting(self.criterion), torch.as_tensor(self.targets)
        return targets[targets != labels.ignore_index] if labels else targets.flatten()


Symptom = tuple[Callable[[Batch], bool], Callable[[Batch], str]]

INPUTS: tuple[Symptom, ...] = (
    (
        lambda batch: not (isinstance(batch.inputs, Tensor) and isinstance(batch.targets, Tensor)),
        lambda batch: (
            f"A batch is a pair of tensors, not {batch.kinds}: pass a DataLoader, not the data set itself, and end the "
            "transform with a conversion to a tensor."
        ),
    ),
    (
        lambda batch: batch.targets.ndim == 0 or (batch.sees_pictures and batch.inputs.ndim == 3),
        lambda batch: (
            f"The batch dimension is missing: inputs {batch.shape}, targets {batch.target_shape}. A batch of pictures "
            "is (N, C, H, W): give one picture as picture.unsqueeze(0), or let a DataLoader make the batches."
        ),
    ),
    (
        lambda batch: batch.sees_pictures and batch.inputs.ndim == 4 and _looks_channels_last(batch),
        lambda batch: (
            f"The pictures have the shape {batch.shape}, which looks like (N, H, W, C); PyTorch wants (N, C, H, W). "
            "Use v2.ToImage() in the transform, or images.permute(0, 3, 1, 2)."
        ),
    ),
    (
        lambda batch: batch.sees_pictures and not batch.inputs.is_floating_point(),
        lambda batch: (
            f"The pictures are {batch.inputs.dtype} (bytes from 0 to 255?), the model computes in floating point. Put "
            "v2.ToDtype(torch.float32, scale=True) and Normalize into the transform."
        ),
    ),
    (
        lambda batch: len(batch.inputs) != len(batch.targets),
        lambda batch: (
            f"The batch holds {len(batch.inputs)} inputs but {len(batch.targets)} targets: each input needs one."
        ),
    ),
    (
        lambda batch: not _is_same_device(batch.home, batch.device),
        lambda batch: (
            f"The model is on {batch.home}, the batch goes to {batch.device}: call model.to('{batch.device}') first."
        ),
    ),
    (
        lambda batch: batch.reduction == "none",
        lambda _: "The criterion gives one loss per sample; training needs one number: leave reduction='mean'.",
    ),
)

# Losses over class numbers, such as cross-entropy.
LABELS: tuple[Symptom, ...] = (
    (
        lambda batch: batch.answers.ndim < 2,
        lambda batch: (
            f"The model's answers have the shape {batch.answer_shape}, due are scores for each class, (N, C): end it "
            "with nn.Linear(..., num_classes), and squeeze nothing."
        ),
    ),
    (
        lambda batch: bool(batch.names) and len(batch.names) != batch.num_scores,
        lambda batch: (
            f"The data has {len(batch.names)} classes ({', '.join(batch.names)}), the model's head gives "
            f"{batch.num_scores} scores. Build the head for all of them: num_classes=len(dataset.classes)."
        ),
    ),
    (
        lambda batch: batch.is_cross_entropy and batch.num_scores == 1,
        lambda _: (
            "The model gives one score for each sample. The softmax of one score is always 1, so cross-entropy is 0 "
            "whatever is answered, and nothing is learned. Give a score for each class; for a yes or no "
            "nn.BCEWithLogitsLoss(), for a measurement nn.MSELoss()."
        ),
    ),
    (
        lambda batch: batch.weight.shape != (batch.num_scores,),
        lambda batch: (
            f"The class weights have the shape {tuple(batch.weight.shape)}, the model's head gives {batch.num_scores} "
            "scores: one weight is due for each class, in the order of their numbers."
        ),
    ),
    (
        lambda batch: batch.weight.dtype != batch.answers.dtype,
        lambda batch: (
            f"The class weights are {batch.weight.dtype}, the model's answers {batch.answers.dtype}: make the "
            f"criterion with weight=weights.to({batch.answers.dtype})."
        ),
    ),
    (
        lambda batch: not _is_same_device(batch.weight.device, batch.device),
        lambda batch: (
            f"The class weights are on {batch.weight.device}, the batch goes to {batch.device}: make the criterion "
            f"with weight=weights.to('{batch.device}')."
        ),
    ),
    (
        lambda batch: not batch.holds_probabilities and batch.targets.dtype != torch.int64,
        lambda batch: (
            f"The labels are {batch.targets.dtype}; cross-entropy takes class numbers as torch.int64: labels.long(). "
            "If they are measurements rather than classes, use nn.MSELoss()."
        ),
    ),
    (
        lambda batch: not batch.holds_probabilities and batch.target_shape != batch.label_shape,
        lambda batch: (
            f"The labels have the shape {batch.target_shape}, due is {batch.label_shape}: one class number per sample. "
            "Use labels.squeeze(1) for a column, labels.argmax(1) for one-hot rows."
        ),
    ),
    (
        lambda batch: not batch.holds_probabilities and not _are_classes(batch.counted, batch.num_scores),
        lambda batch: (
            f"The labels lie between {batch.counted.min()} and {batch.counted.max()}, but the model's head gives "
            f"{batch.num_scores} scores, for the labels 0 to {batch.num_scores - 1}. Count classes from 0, and "
            "build the head for all of them (num_classes=len(dataset.classes))."
        ),
    ),
)

# Losses that compare number by number; broadcasting would silently pair wrongly.
VALUES: tuple[Symptom, ...] = (
    (
        lambda batch: not batch.targets.is_floating_point(),
        lambda batch: (
            f"The targets are {batch.targets.dtype}, {batch.criterion_name} compares floating-point numbers: "
            "targets.float(). If they are class numbers, use nn.CrossEntropyLoss()."
        ),
    ),
    (
        lambda batch: batch.target_shape != batch.answer_shape,
        lambda batch: (
            f"The targets have the shape {batch.target_shape}, the answers {batch.answer_shape}: "
            f"{batch.criterion_name} would pair every target with every answer. Use targets.unsqueeze(1) or "
            "outputs.squeeze(1)."
        ),
    ),
)


def _looks_channels_last(batch: Batch) -> bool:
    """Small maps (N, 160, 3, 3) are none: there the model takes 160 channels."""
    return batch.shape[3] in (1, 3, 4) and batch.shape[1] not in (1, 3, 4, batch.num_channels)


def _is_same_device(first: torch.device, second: torch.device) -> bool:
    """A device without a number is any of its kind."""
    return first.type == second.type and (second.index is None or first.index is None or first.index == second.index)


def _are_classes(labels: Tensor, num_classes: int) -> bool:
    return not len(labels) or bool(labels.min() >= 0 and labels.max() < num_classes)


def find_in_batch(batch: Batch) -> str | None:
    """Return what is wrong before the model is asked, or None."""
    return _first(INPUTS, batch)


def find_in_answers(batch: Batch) -> str | None:
    """Return what is wrong with the targets, held against the model's answers and the criterion, or None."""
    if not isinstance(batch.answers, Tensor):
        return None  # only the criterion knows how to read them
    if counting(batch.criterion) is not None:
        return _first(LABELS, batch)
    is_elementwise = isinstance(batch.criterion, ELEMENTWISE_LOSSES) or batch.function in ELEMENTWISE_LOSS_FUNCTIONS
    return _first(VALUES, batch) if is_elementwise else None


def _first(symptoms: tuple[Symptom, ...], batch: Batch) -> str | None:
    return next((explain(batch) for is_present, explain in symptoms if is_present(batch)), None)

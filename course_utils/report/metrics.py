"""What is counted while the student practises or sits an exam (lesson 06).

`Phase` counts on the device and reads back at most twice a second, because every read-back makes a GPU wait.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils.report.samples import dataset_targets
from course_utils.runtime import progress_bar

# The losses over class numbers, which may weigh classes or ignore some labels.
CLASS_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss)


class Metrics(NamedTuple):
    """The marks of one practice or exam: `loss` per sample, and `accuracy` in [0, 1] (None for regression)."""

    loss: float
    accuracy: float | None

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f", accuracy {self.accuracy:.1%}"
        return f"loss {self.loss:.3f}{accuracy}"


def standard_error(accuracy: float, num_samples: int) -> float:
    """Return how far an accuracy measured on `num_samples` samples typically lies from the true one.

    The standard error of a proportion, `sqrt(accuracy * (1 - accuracy) / num_samples)`: with 341 pictures and an
    accuracy of 0.85 it is 0.019, so two students that differ by one point cannot be told apart.
    Raises ValueError where `accuracy` is outside [0, 1] or `num_samples` is below 1.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"An accuracy lies in [0, 1], not {accuracy}; divide percentages by 100.")
    if num_samples < 1:
        raise ValueError(f"An accuracy needs at least one sample, not {num_samples}.")
    return math.sqrt(accuracy * (1 - accuracy) / num_samples)


def num_samples(loader: Iterable) -> int | None:
    """Return how many samples one pass over `loader` gives, or None where only reading it would tell."""
    batch_size = getattr(loader, "batch_size", None)
    if batch_size is None or not hasattr(loader, "sampler"):
        return None
    try:
        return len(loader) * batch_size if loader.drop_last else len(loader.sampler)
    except TypeError:  # a stream of unknown length
        return None


def majority_baseline(labels: Tensor) -> float:
    """Return the accuracy in [0, 1] of always answering the most frequent of the class numbers `labels` (N,)."""
    return labels.unique(return_counts=True)[1].max().item() / len(labels)


def describe_samples(train_loader: Iterable, val_loader: Iterable) -> dict:
    """Return what the report card says about the data: `num_train`, `num_val` and `majority`, None where unknown."""
    labels = dataset_targets(getattr(val_loader, "dataset", None))
    is_classes = labels is not None and labels.ndim == 1 and not labels.is_floating_point()
    return {
        "num_train": num_samples(train_loader),
        "num_val": num_samples(val_loader),
        "majority": majority_baseline(labels) if is_classes else None,
    }


def loss_divisor(criterion, targets: Tensor) -> int | Tensor:
    """Return what `criterion` divides a batch's summed loss by: the number of samples, or, for a loss over class
    numbers, the labels that are not ignored, each with its class's weight. Nothing is read back from the device.
    """
    if not isinstance(criterion, CLASS_LOSSES) or targets.is_floating_point():
        return len(targets)
    counted = targets != criterion.ignore_index
    if criterion.weight is None:
        return counted.sum()
    return (criterion.weight[torch.where(counted, targets, 0)] * counted).sum()


class Phase:
    """One pass over `loader`: its progress bar and its running marks.

        with Phase("practice", loader, criterion=criterion, progress=True) as phase:
            for inputs, targets in phase:
                ...
                phase.count(loss, outputs, targets)
        phase.metrics()  # Metrics(loss=0.31, accuracy=0.9)

    The loss is weighted by what the criterion averaged over, so that a short last batch counts for what it holds;
    correct answers are counted exactly. Floating-point targets (regression) have no accuracy.
    """

    def __init__(self, name: str, loader: Iterable, *, criterion, progress: bool):
        self.name, self.loader, self.criterion = name, loader, criterion
        self.is_first_batch = True
        self._loss = self._divisor = self._correct = self._answers = 0
        total = num_samples(loader) if progress else None
        self._bar = progress_bar(total=total, description=name, show=progress, unit=" samples")

    def __enter__(self) -> "Phase":
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, targets in self.loader:
            yield inputs, targets
            self.is_first_batch = False

    def count(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Add one batch: its scalar loss, outputs `(N, C, ...)` and targets `(N, ...)`."""
        divisor = loss_divisor(self.criterion, targets)
        is_sum = getattr(self.criterion, "reduction", "mean") == "sum"
        self._loss += loss.detach().float() * (1 if is_sum else divisor)
        self._divisor += divisor
        if not targets.is_floating_point():
            counted = targets != getattr(self.criterion, "ignore_index", -100)
            self._correct += (counted & (outputs.argmax(1) == targets)).sum()
            self._answers += counted.sum()
        if self._bar.update(len(targets)):  # true only when the bar has just been redrawn
            self._bar.set_postfix_str(str(self.metrics()))

    def metrics(self) -> Metrics:
        """Read the marks so far back from the device. Raises ValueError where no sample was counted."""
        divisor, answers = float(self._divisor), int(self._answers)
        if not divisor:
            raise ValueError(f"The loader of the {self.name} gave no sample to count: is its data set empty?")
        return Metrics(float(self._loss) / divisor, int(self._correct) / answers if answers else None)

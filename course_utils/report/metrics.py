"""What is counted while the student practises or sits an exam (lesson 06).

`Phase` counts on the device and reads back at most twice a second, because every read-back makes a GPU wait.
"""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.report.errors import explain_error
from course_utils.report.samples import dataset_targets
from course_utils.runtime import progress_bar

# The losses over class numbers, which may weigh classes or ignore some labels.
CLASS_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss)
CLASS_LOSS_FUNCTIONS = (functional.cross_entropy, functional.nll_loss)

# What a generator, a stream or a sampler of unknown length answers to `len`.
_NO_LENGTH = (TypeError, NotImplementedError)

NO_ACCURACY = "Floating-point targets (regression) have no accuracy to monitor: use monitor='val_loss'."


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


def wilson_interval(accuracy: float, num_samples: int, *, num_errors: float = 1.96) -> tuple[float, float]:
    """Return between which two accuracies the true one lies, with 95 % certainty, given one measured on `num_samples`.

    Unlike `accuracy` ± 1.96 standard errors it stays within [0, 1] and makes sense for few samples and near 0 and 1:
    30 right answers of 30 give (0.886, 1.0). Wilson 1927, "Probable inference, the law of succession, and statistical
    inference". `num_errors` is the number of standard errors: 1.96 for 95 %. Raises ValueError as `standard_error`.
    """
    error = standard_error(accuracy, num_samples)
    squares = num_errors**2 / num_samples
    middle = (accuracy + squares / 2) / (1 + squares)
    reach = num_errors * math.sqrt(error**2 + squares / (4 * num_samples)) / (1 + squares)
    return max(0.0, middle - reach), min(1.0, middle + reach)


class SampleFacts(TypedDict):
    """What the report card says about the data; None where only reading it would tell."""

    num_train: int | None
    num_val: int | None
    majority: float | None


def describe_samples(train_loader: Iterable[Any], val_loader: Iterable[Any]) -> SampleFacts:
    """Return the number of samples of both loaders and the `majority_baseline`, each None where it is unknown."""
    train_labels, val_labels = (_class_numbers(loader) for loader in (train_loader, val_loader))
    majority = None if train_labels is None or val_labels is None else majority_baseline(train_labels, val_labels)
    return {"num_train": num_samples(train_loader), "num_val": num_samples(val_loader), "majority": majority}


def num_samples(loader: Any) -> int | None:
    """Return how many samples one pass over `loader` gives, or None where only reading it would tell."""
    batch_size = getattr(loader, "batch_size", None)
    if batch_size is None or not hasattr(loader, "sampler"):
        return None
    try:
        return len(loader) * int(batch_size) if loader.drop_last else len(loader.sampler)
    except _NO_LENGTH:
        return None


def num_batches(loader: Any) -> int | None:
    """Return how many batches one pass over `loader` gives, or None where only reading it would tell."""
    try:
        return len(loader)
    except _NO_LENGTH:
        return None


def _class_numbers(loader: Any) -> Tensor | None:
    labels = dataset_targets(getattr(loader, "dataset", None))
    is_classes = labels is not None and labels.ndim == 1 and len(labels) > 0 and not labels.is_floating_point()
    return labels if is_classes else None


def majority_baseline(train_labels: Tensor, exam_labels: Tensor) -> float:
    """Return the accuracy in [0, 1] that one constant answer reaches in an exam: the training data's most frequent
    class (the lowest number of equals). Both are class numbers, (N,) and (M,).

    The answer is chosen without a look at the exam, as a student's must be.
    """
    answer = train_labels.mode().values
    return (exam_labels == answer).sum().item() / len(exam_labels)


class Counting(NamedTuple):
    """How a criterion counts labels: `ignore_index` not at all, the others by their class's `weight` (C,) or alike."""

    ignore_index: int
    weight: Tensor | None


def counting(criterion: Any) -> Counting | None:
    """Return how `criterion` counts labels, or None where it is not known for a loss over class numbers.

    Known are CrossEntropyLoss and NLLLoss, their functions, and a `functools.partial` of these.
    """
    if isinstance(criterion, CLASS_LOSSES):
        return Counting(criterion.ignore_index, criterion.weight)
    function, options = (criterion.func, criterion.keywords) if isinstance(criterion, partial) else (criterion, {})
    if function in CLASS_LOSS_FUNCTIONS:
        return Counting(options.get("ignore_index", -100), options.get("weight"))
    return None


def is_summing(criterion: Any) -> bool:
    """True where `criterion` adds up the losses of a batch instead of averaging them."""
    if isinstance(criterion, partial):
        return criterion.keywords.get("reduction") == "sum"
    return getattr(criterion, "reduction", None) == "sum"


def loss_divisor(criterion: Any, targets: Tensor) -> int | Tensor:
    """Return what `criterion` divides a batch's summed loss by: the number of samples, or, for a loss over class
    numbers, the labels that are not ignored, each with its class's weight. Nothing is read back from the device.
    """
    labels = counting(criterion)
    if labels is None or targets.is_floating_point():
        return len(targets)
    counted = targets != labels.ignore_index
    if labels.weight is None:
        return counted.sum()
    return (labels.weight[torch.where(counted, targets, 0)] * counted).sum()


class Phase:
    """One pass over `loader`: its progress bar and its running marks.

        with Phase("practice", loader, criterion=criterion, progress=True) as phase:
            for inputs, targets in phase:
                ...
                phase.count(loss, outputs, targets)
        phase.metrics()  # Metrics(loss=0.31, accuracy=0.9)

    The loss is weighted by what the criterion averaged over, so that a short last batch counts for what it holds;
    correct answers are counted exactly. There is no accuracy where targets are floating-point numbers (regression), or
    where outputs are no scores `(N, C, ...)` for targets `(N, ...)`.
    """

    def __init__(self, name: str, loader: Iterable[Any], *, criterion: Any, progress: bool) -> None:
        self.name, self.loader, self.criterion = name, loader, criterion
        self.is_first_batch = True
        self._loss: float | Tensor = 0.0
        self._divisor: int | Tensor = 0
        self._correct: int | Tensor = 0
        self._answers: int | Tensor = 0
        self._worthless = _worthless_labels(criterion)
        self._bar = progress_bar(total=num_samples(loader), description=name, show=progress, unit=" samples")

    def __enter__(self) -> "Phase":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        explanation = explain_error(error)
        if explanation is not None:
            raise explanation from error

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, targets in self.loader:
            yield inputs, targets
            self.is_first_batch = False

    def require_labels(self, targets: Tensor) -> None:
        """Raise ValueError where the criterion counts none of these labels: the mean of nothing is NaN, and one step
        with it would make every weight NaN. Looks only at what is on the CPU still, so that no GPU waits.
        """
        if self._worthless is None or targets.is_floating_point() or targets.device.type != "cpu":
            return
        labels = targets.numpy()
        # One label that counts is enough, and it is nearly always the first.
        if labels.size and labels.item(0) in self._worthless and np.isin(labels, self._worthless).all():
            raise ValueError(
                f"A batch of the {self.name} holds no label to learn from: all of its {targets.numel()} labels are "
                f"among {self._worthless}, which the criterion ignores or gives the weight 0. Leave such "
                "samples out, or make the batches larger."
            )

    def count(self, loss: Tensor, outputs: Any, targets: Tensor) -> None:
        """Add one batch: its scalar loss, outputs `(N, C, ...)` and targets `(N, ...)`."""
        divisor = loss_divisor(self.criterion, targets)
        total = loss.detach().float() * (1 if is_summing(self.criterion) else divisor)
        self._loss += torch.where(divisor > 0, total, 0.0) if isinstance(divisor, Tensor) else total
        self._divisor += divisor
        if not targets.is_floating_point() and _are_scores(outputs, targets):
            labels = counting(self.criterion)
            counted = targets != (labels.ignore_index if labels else getattr(self.criterion, "ignore_index", -100))
            self._correct += (counted & (outputs.argmax(1) == targets)).sum()
            self._answers += counted.sum()
        if self._bar.update(len(targets)) and float(self._divisor):  # true only when the bar has just been redrawn
            self._bar.set_postfix_str(str(self.metrics()))

    def metrics(self) -> Metrics:
        """Read the marks so far back from the device. Raises ValueError where no sample was counted."""
        divisor, answers = float(self._divisor), int(self._answers)
        if not divisor:
            reason = (
                "is its data set empty?" if isinstance(self._divisor, int) else "the criterion ignores every label."
            )
            raise ValueError(f"The loader of the {self.name} gave no sample to count: {reason}")
        return Metrics(float(self._loss) / divisor, int(self._correct) / answers if answers else None)


def _are_scores(outputs: Any, targets: Tensor) -> bool:
    """True where `outputs` is `(N, C, ...)` to targets `(N, ...)`."""
    return isinstance(outputs, Tensor) and outputs.shape[:1] + outputs.shape[2:] == targets.shape and outputs.ndim > 1


def _worthless_labels(criterion: Any) -> list[int] | None:
    """The labels that give nothing to learn from, or None where a batch of them does no harm."""
    labels = counting(criterion)
    if labels is None or is_summing(criterion):
        return None
    weightless = [] if labels.weight is None else (labels.weight == 0).nonzero().flatten().tolist()
    return [labels.ignore_index, *weightless]

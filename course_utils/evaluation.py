"""Reading an exam. Which answers, which mistakes, how sure of the mark (lesson 08)."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from course_utils.report.errors import explained
from course_utils.report.metrics import majority_baseline, standard_error
from course_utils.runtime import evaluating, progress_bar

Numbers = Tensor | Sequence[int] | NDArray[Any]

__all__ = [
    "Difference",
    "Predictions",
    "compare_in_pairs",
    "confusion_matrix",
    "majority_baseline",
    "per_class_recall",
    "predict",
    "standard_error",
]


class Predictions(NamedTuple):
    """A student's answers to N samples, in the order of the loader: `probabilities` (N, C), true `labels` (N,)."""

    probabilities: Tensor
    labels: Tensor

    @property
    def predicted(self) -> Tensor:
        """The class with the highest probability for each sample: int64 (N,)."""
        return self.probabilities.argmax(1)

    @property
    def confidence(self) -> Tensor:
        """The probability of the predicted class, in [0, 1]: (N,)."""
        return self.probabilities.amax(1)

    @property
    def accuracy(self) -> float:
        """The share of right answers in [0, 1]; NaN where there are none to judge by."""
        if not len(self.labels):
            return math.nan
        return (self.predicted == self.labels).sum().item() / len(self.labels)

    @property
    def error(self) -> float:
        """The standard error of `accuracy`; NaN without samples. It is 0 where all answers are right, or all wrong,
        which is not to say that the next one will be: see the text that `repr` gives.
        """
        if not len(self.labels):
            return math.nan
        return standard_error(self.accuracy, len(self.labels))

    def worst_mistakes(self, number: int = 10) -> Tensor:
        """Return the positions of the wrong answers the student was surest of, surest first: int64, at most `number`.

        With a loader that does not shuffle they are positions in its data set.
        """
        wrong = (self.predicted != self.labels).nonzero().squeeze(1)
        return wrong[self.confidence[wrong].argsort(descending=True, stable=True)][:number]

    def __repr__(self) -> str:
        number = len(self.labels)
        if not number:
            return "Predictions: no samples"
        text = f"Predictions: {number} samples, accuracy {self.accuracy:.1%}"
        if 0 < self.accuracy < 1:
            return f"{text} ± {self.error:.1%}"
        # A true accuracy of 0.05 ** (1 / N) would bring N right answers in a row once in twenty exams.
        limit = 0.05 ** (1 / number)
        return (
            text + (f" (at least {limit:.1%}" if self.accuracy == 1 else f" (at most {1 - limit:.1%}") + " with 95 %)"
        )


class Difference(NamedTuple):
    """By how much a first student is better than a second in one and the same exam, and on how many samples exactly
    one of the two is right.
    """

    accuracy: float  # first minus second, in [-1, 1]
    error: float  # its standard error
    only_first: int
    only_second: int

    @property
    def is_clear(self) -> bool:
        """True where the difference is more than two of its standard errors."""
        return abs(self.accuracy) > 2 * self.error

    def __repr__(self) -> str:
        right = f"only the first is right: {self.only_first}, only the second: {self.only_second}"
        return f"{self.accuracy:+.1%} ± {self.error:.1%} ({right})"


def compare_in_pairs(first: Predictions, second: Predictions) -> Difference:
    """Compare two students who sat the same exam, sample by sample: where both are right, or both wrong, nothing is
    learned about who is better, and the error is smaller than that of two marks taken apart.

    Raises ValueError for exams of different labels, and for fewer than two samples.
    """
    if not torch.equal(first.labels, second.labels):
        raise ValueError("The two did not sit the same exam: their labels differ. Use one loader, without shuffling.")
    if len(first.labels) < 2:
        raise ValueError("A difference needs an exam of at least two samples.")
    moves = (first.predicted == first.labels).double() - (second.predicted == second.labels).double()
    error = moves.std().item() / math.sqrt(len(moves))
    return Difference(moves.mean().item(), error, int((moves > 0).sum()), int((moves < 0).sum()))


def predict(
    model: nn.Module, loader: Iterable[Any], *, device: torch.device | str, progress: bool = True
) -> Predictions:
    """Return the answers of `model`, which gives logits `(N, C)`, to every sample of `loader`; tensors on the CPU.

    The model answers in `eval()` mode and is afterwards in the mode it was in before. Raises ValueError for an empty
    loader, for answers that are no scores of two classes or more, for labels that are no class numbers, and, with an
    explanation, for batches that cannot be made or that do not fit the model.
    """
    probabilities: list[Tensor] = []
    labels: list[Tensor] = []
    bar = progress_bar(loader, description="exam", show=progress, unit=" batches")
    with explained(), evaluating(model), bar as batches:
        for inputs, targets in batches:
            outputs = model(inputs.to(device))
            _refuse_other_exams(outputs, targets)
            probabilities.append(outputs.float().softmax(1).cpu())
            labels.append(targets.cpu())
    if not labels:
        raise ValueError("The loader gave no batch to predict: is its data set empty?")
    return Predictions(torch.cat(probabilities), torch.cat(labels))


def _refuse_other_exams(outputs: Tensor, targets: Tensor) -> None:
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        raise ValueError(
            f"The model's answers have the shape {tuple(outputs.shape)}; predict reads scores of two classes or more, "
            "(N, C). For measurements, evaluate(...) gives the loss."
        )
    if targets.ndim != 1 or targets.is_floating_point():
        raise ValueError(
            f"The labels are {targets.dtype} of the shape {tuple(targets.shape)}; predict reads class numbers, (N,)."
        )


def confusion_matrix(labels: Numbers, predicted: Numbers, *, num_classes: int) -> Tensor:
    """Count how often class i was taken for class j: int64 (C, C), rows are true, columns predicted classes.

    `labels` and `predicted` are class numbers (N,) in [0, C): tensors, lists or NumPy arrays. Raises ValueError for
    other shapes or numbers.
    """
    labels, predicted = torch.as_tensor(labels).cpu(), torch.as_tensor(predicted).cpu()
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(f"Labels {tuple(labels.shape)} and predictions {tuple(predicted.shape)} must both be (N,).")
    for name, numbers in (("labels", labels), ("predictions", predicted)):
        if len(numbers) and (numbers.is_floating_point() or not 0 <= numbers.min() <= numbers.max() < num_classes):
            raise ValueError(f"The {name} are not class numbers from 0 to {num_classes - 1}.")
    pairs = labels.long() * num_classes + predicted.long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_recall(matrix: Tensor) -> Tensor:
    """Return which share of each class was recognised, in [0, 1]: float32 (C,), NaN for a class without samples.

    `matrix` is a `confusion_matrix`: its diagonal, divided by the sums of its rows.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"A confusion matrix is square, this is {tuple(matrix.shape)}.")
    return matrix.diagonal().float() / matrix.sum(1).float()

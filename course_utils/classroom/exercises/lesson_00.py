"""The exercises of lesson 00, start here."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_utils.classroom.exercises import exercise


@exercise(
    "00.1",
    "Return how many of the answers equal their label.",
    kind="function",
    solved="You have just written the accuracy's numerator: divide by the number of labels for the accuracy.",
)
def count_right(answer: Callable[[Tensor, Tensor], float]) -> str | None:
    """`answer` takes scores (N, C) and labels (N,) and returns the number of right answers."""
    scores = torch.tensor([[0.1, 2.0, 0.3], [4.0, 1.0, 0.0], [0.0, 0.2, 0.1], [0.3, 0.1, 0.9]])
    labels = torch.tensor([1, 0, 2, 2])
    result = answer(scores, labels)
    if isinstance(result, Tensor) and result.ndim:
        return f"The result should be one number; yours is a tensor of shape {tuple(result.shape)}. Sum it."
    result = float(result)
    if result == 3:
        return None
    if abs(result - 3 / 4) < 1e-6:
        return "That is a share of all answers. The number of right answers was asked for: sum, do not average."
    if result == 0:
        return "`argmax` without `dim` looks through all numbers at once; `dim=1` compares the classes of each picture."
    return f"Of four answers three are right in the test; your function returns {result:g}."


WIDEST = 16  # numbers in a layer
ENOUGH = 0.95  # of the fresh points

Practised = tuple[nn.Module, Sequence[float]]  # what the lesson's `practise` returns: a student, and its losses
HAND_OVER = "Hand over what `practise(...)` returns, as it is: the student and its losses."


@exercise(
    "00.2",
    f"Let a student practise that has at most {WIDEST} numbers in each layer and gets {ENOUGH:.0%} right.",
    solved="A quarter of the width is enough. Nobody can compute in advance what is: one tries, as you did.",
)
def small_student(answer: Practised, *, points: Tensor, labels: Tensor) -> str | None:
    """`answer` is a pair of a student and its losses; `points` (N, 2) and `labels` (N,) are fresh ones."""
    if not _is_practised(answer):
        return HAND_OVER
    student, _ = answer
    widest = max(layer.out_features for layer in student.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        mark = (student(points).argmax(dim=1) == labels).float().mean().item()
    if widest > WIDEST:
        return f"That student has {widest} numbers in a layer, and gets {mark:.0%} right. At most {WIDEST} are allowed."
    if mark < ENOUGH:
        return (
            f"It gets {mark:.0%} of the fresh points right; {ENOUGH:.0%} are asked for. A narrow student needs a "
            "somewhat bolder coach, and more corrections; and one that is too narrow never gets there."
        )
    return None


@exercise(
    "00.3",
    "Let a student practise at a learning rate that breaks it.",
    solved="Each correction overshoots, and the next one has more to mend. Lesson 07 looks for the rate in between.",
)
def broken_student(answer: Practised) -> str | None:
    """`answer` is a pair of a student and its losses."""
    if not _is_practised(answer):
        return HAND_OVER
    _, losses = answer
    first, highest, last = losses[0], max(losses), losses[-1]
    if not math.isfinite(last) or (last > 0.3 and highest > 2 * first):
        return None
    told = f"Its loss begins at {first:.2f}, is never higher than {highest:.2f}, and ends at {last:.2f}."
    if last > 0.3:
        return f"{told} This student is not broken: its coach is too timid, and it has hardly begun."
    if highest > 2 * first:
        return f"{told} It leapt, and recovered. Be bolder."
    return f"{told} It never leapt, and it learned. Be much bolder."


def _is_practised(answer: object) -> bool:
    return isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], nn.Module) and bool(answer[1])

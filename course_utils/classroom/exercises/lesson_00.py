"""The exercises of lesson 00, start here."""

from collections.abc import Callable

import torch

from course_utils.classroom.exercises import exercise


@exercise(
    "00.1",
    "Replace the dots by the shape of the mean, as a tuple such as (2, 3).",
    solved="The averaged dimension stays, with size 1, so that (32, 10) - (32, 1) can be broadcast.",
)
def shape_of_mean(answer: tuple[int, ...]) -> str | None:
    """`answer` is the shape of `scores.mean(dim=1, keepdim=True)` for scores (32, 10)."""
    shape = tuple(answer)
    if shape == (32, 1):
        return None
    if shape == (32,):
        return "That is the shape without keepdim=True. With it the averaged dimension is kept, and has size 1."
    if shape in ((1, 10), (10,)):
        return "That averages over the pictures (dim=0). We want one mean for each picture."
    if shape == (32, 10):
        return "That is the shape of the scores themselves. Averaging ten scores leaves one."
    return "Which of the two dimensions, 32 and 10, is averaged away, and what does keepdim=True leave in its place?"


@exercise(
    "00.2",
    "Return how many of the answers equal their label.",
    kind="function",
    solved="You have just written the accuracy's numerator: divide by the number of labels for the accuracy.",
)
def count_right(answer: Callable[[torch.Tensor, torch.Tensor], float]) -> str | None:
    """`answer` takes scores (N, C) and labels (N,) and returns the number of right answers."""
    scores = torch.tensor([[0.1, 2.0, 0.3], [4.0, 1.0, 0.0], [0.0, 0.2, 0.1], [0.3, 0.1, 0.9]])
    labels = torch.tensor([1, 0, 2, 2])
    result = answer(scores, labels)
    if isinstance(result, torch.Tensor) and result.ndim:
        return f"The result should be one number; yours is a tensor of shape {tuple(result.shape)}. Sum it."
    result = float(result)
    if result == 3:
        return None
    if abs(result - 3 / 4) < 1e-6:
        return "That is a share of all answers. The number of right answers was asked for: sum, do not average."
    if result == 0:
        return "`argmax` without `dim` looks through all numbers at once; `dim=1` compares the classes of each picture."
    return f"Of four answers three are right in the test; your function returns {result:g}."


@exercise(
    "00.3",
    "Replace the dots by 'model', 'criterion' or 'optimizer'.",
    kind="text",
    solved="The coach was handed somebody else's student, and corrects that one. Lesson 05 shows how to notice.",
)
def who_is_wrong(answer: str) -> str | None:
    """`answer` is the name of the object in the code."""
    name = answer.strip().lower()
    if name == "optimizer":
        return None
    if name == "criterion":
        return "The criterion is the teacher, who only marks. The marks are right; nobody acts on them."
    if name == "model":
        return "The model answers as well as it can. Who was supposed to change it?"
    if name in ("coach", "teacher", "student", "assistant"):
        return "Write the name that it has in the code."
    return "One of the characters was handed another model's parameters when it was created."

"""The exercises of lesson 11, the bug museum."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from course_utils.classroom.exercises import exercise, hint_for_names
from course_utils.classroom.exhibits import EXHIBITS, Exhibit
from course_utils.classroom.museum import Museum

SYMPTOMS = {
    "no zero_grad": "both losses stay high from the first term on, practice too",
    "softmax twice": "both losses come down a little and stop far too high, with practice and exam close together",
    "old optimizer": "both losses creep down slowly and evenly, far above the healthy ones",
    "labels shifted": "practice is the healthy one's, and the exam climbs above guessing",
    "exam in practice": "the exam's loss lies below the healthy exam's",
    "eval never undone": "practice lies well below the healthy practice, and the exam hardly tells",
    "stepped by the term": "both losses come down evenly, more slowly than the healthy ones, and go on falling",
}


@exercise(
    "11.1",
    'Replace the dots by what was broken in each run: {"A": "old optimizer", ...}.',
    solved="You tell seven kinds of mistake by their curves; one of them looks better than health.",
)
def curves_without_names(answer: Any, *, truth: Mapping[str, str]) -> str | None:
    """`answer` names for each letter of `truth` what was broken."""
    return hint_for_names(answer, truth, SYMPTOMS, example="old optimizer")


@exercise(
    "11.2",
    "Return how many answers are right, for labels (N,) and (N, 1) alike.",
    kind="function",
    solved="Flattened, both shapes are one, and no answer meets a label that is not its own.",
)
def count_right(answer: Callable[..., Any]) -> str | None:
    """`answer(outputs, labels)` counts right answers; `outputs` (N, C), `labels` (N,) or (N, 1)."""
    outputs, labels = torch.eye(4)[[0, 1, 2, 3, 3]], torch.tensor([0, 1, 3, 3, 0])
    flat, column = answer(outputs, labels), answer(outputs, labels[:, None])
    if torch.is_tensor(flat) or torch.is_tensor(column):
        return "That is a tensor: `.item()` reads its number."
    if all(math.isclose(share, 0.6, abs_tol=1e-6) for share in (flat, column)):
        return "That is a share of them; asked is how many. `.sum()` counts what is True."
    if flat == 3 and column != 3:
        return (
            f"For labels (N,) it counts well. For labels (N, 1) it gives {column} of 5: there each answer meets every "
            "label. Which shape must `labels` have to stand beside (N,)?"
        )
    if flat != 3 or column != 3:
        return f"Of these five answers 3 are right; the function gives {flat} for labels (N,), {column} for (N, 1)."
    if isinstance(flat, float) or isinstance(column, float):
        return "The number is right, but it is a float: count with `.sum()`, then `.item()`."
    return None


@exercise(
    "11.3",
    "Replace the dots by a dictionary, old text -> new text of `school`.",
    solved="Bought. A mistake that nobody sees, and you know where it hangs.",
)
def own_exhibit(answer: Any, *, gallery: Museum) -> str | None:
    """`answer` changes the healthy loop so that it costs five points or more, clearly, and nobody says so."""
    if (
        not isinstance(answer, Mapping)
        or not answer
        or not all(isinstance(part, str) for pair in answer.items() for part in pair)
    ):
        return 'Give a dictionary, old text -> new text, such as {"nn.ReLU()": "nn.Identity()"}.'
    if any(dict(exhibit.changes) == dict(answer) for exhibit in EXHIBITS):
        return "That one hangs here already. Change another line, or this one in another way."
    try:
        shown = gallery.show(Exhibit("yours", "yours", answer, "", "nobody"))
    except Exception as error:
        return f"The changed loop does not run: {type(error).__name__}: {error}"
    if shown.caught != "nobody":
        return f"It was caught ({shown.caught}): {shown.sayings[0]}"
    if shown.student is None or shown.student.mean < 5 or not shown.student.is_clear:
        return f"Nobody says a word, but it is too cheap: the student lacks {shown.student} points, asked are 5."
    return None

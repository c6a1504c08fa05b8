"""The exercises of lesson 08, fine-tuning and the final exam."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.classroom.exercises import exercise, hint_for
from course_utils.evaluation import Predictions


def _half_frozen_student() -> nn.Module:
    """Return a student with a frozen block, an unfrozen block and a head, a weight and a bias each."""
    student = nn.Module()
    student.backbone = nn.ModuleList([nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2)])
    student.head = nn.Linear(2, 2)
    return student


@exercise(
    "08.1",
    "Return `torch.optim.Adam(...)` for the weights that may learn, with a learning rate of 0.0001.",
    kind="function",
    solved="Head and unfrozen blocks, nothing else, and a careful rate.",
)
def new_coach(answer: Callable[[nn.Module], torch.optim.Optimizer]) -> str | None:
    """`answer(student)` returns the optimizer for a partly frozen student."""
    student = _half_frozen_student()
    coach = answer(student)
    if not isinstance(coach, torch.optim.Optimizer):
        return (
            f"Return the optimizer itself, made by `torch.optim.Adam(...)`; this is of type `{type(coach).__name__}`."
        )
    held = {id(parameter) for group in coach.param_groups for parameter in group["params"]}
    parts = [*student.get_submodule("backbone").children(), student.get_submodule("head")]
    frozen, unfrozen, head = ({id(parameter) for parameter in part.parameters()} for part in parts)
    if held & frozen:
        return "It holds the frozen ones too. Choose by `parameter.requires_grad`."
    if not head <= held:
        return "The head goes on learning as well, so its weights belong on the list."
    if not unfrozen <= held:
        return "The weights of the unfrozen block are missing: they would get gradients, and nobody would correct them."
    rates = {group["lr"] for group in coach.param_groups}
    if rates == {0.001}:
        return "The list is right. The rate is Adam's default of 0.001: say `lr=0.0001`."
    if any(abs(rate - 0.0001) > 1e-9 for rate in rates):
        return f"The list is right. The learning rate is {max(rates):g}, asked for is 0.0001."
    if not isinstance(coach, torch.optim.Adam):
        return f"List and rate are right. Asked for is Adam, this is {type(coach).__name__}."
    return None


@exercise(
    "08.2",
    "Return the standard error of the difference, from the pictures that only one of the two had right.",
    kind="function",
    solved="Where both are right, or both wrong, nothing is learned about who is better; and nothing is counted.",
)
def error_in_pairs(answer: Callable[[Tensor, Tensor], Tensor | float]) -> str | None:
    """`answer(first, second)` returns the standard error of the mean of +1, 0 and -1."""
    first = torch.tensor([True] * 80 + [False] * 20)
    second = torch.tensor([True] * 56 + [False] * 36 + [True] * 8)
    moves = first.double() - second.double()
    spread = moves.std(unbiased=False).item()
    shares = [right.double().mean().item() for right in (first, second)]
    apart = sum(share * (1 - share) for share in shares)
    hints: dict[float, str | None] = {
        spread / 10: None,
        math.sqrt(apart) / 10: "That is the error if the two had sat two different exams. They sat the same one.",
        spread: "That is the spread of single pictures. The error of a mean: divide by the root of their number.",
        spread**2: "That is the variance of single pictures. Take the root, and divide by the root of their number.",
        spread**2 / 100: "That is the variance of the mean. Its root is the standard error.",
        moves.mean().item(): "That is the difference itself. How far may chance have moved it?",
        0.32: "That is the share of pictures that only one of the two had right. Chance goes by a root.",
    }
    otherwise = (
        "Let each picture count +1 (only the first is right), -1 (only the second) or 0. The standard error of their "
        "mean is their standard deviation, divided by the root of their number."
    )
    return hint_for(float(answer(first, second)), hints, otherwise=otherwise, rel_tol=0.02)


@exercise(
    "08.3",
    "Replace the dots by the lowest threshold, in steps of 0.05, at which 95 % of what is answered is right.",
    kind="number",
    solved="Chosen by the mock exam, as everything is. How many answers it costs, the slider has told you.",
)
def threshold(answer: float, *, exam: Predictions) -> str | None:
    """`answer` is the first of 0, 0.05, ..., 0.95 that keeps the promise in `exam`; 0.95 where none does."""
    if not 0 <= answer <= 1:
        return "A threshold on a probability lies from 0 to 1."
    is_right = (exam.predicted == exam.labels).double()
    steps = [step / 20 for step in range(20)]
    kept = [step for step in steps if is_right[exam.confidence >= step].mean() >= 0.95]
    lowest = kept[0] if kept else steps[-1]
    if math.isclose(answer, lowest, abs_tol=1e-6):
        return None
    answered = is_right[exam.confidence >= answer]
    if not len(answered):
        return "Nothing is answered at so high a threshold."
    if answered.mean() < 0.95:
        return f"At {answer:g} only {answered.mean():.1%} of what it answers is right. Go higher."
    return f"The promise is kept at {answer:g}, but a lower threshold keeps it too, and answers more."

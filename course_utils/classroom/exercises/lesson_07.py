"""The exercises of lesson 07, learning rate and size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.classroom.exercises import exercise


@exercise(
    "07.1",
    "Return a fresh head, 1280 to `hidden_size` to 10 with a ReLU, and an Adam that holds it, with the given rate.",
    kind="function",
    solved="Fresh each time, and the coach holds all of it: now every run of a sweep starts equal.",
)
def make_model(answer: Callable[[float, int], tuple[nn.Module, torch.optim.Optimizer]]) -> str | None:
    """`answer(learning_rate, hidden_size)` returns a new head and its optimizer."""
    returned = answer(0.003, 16)
    if not (isinstance(returned, tuple) and len(returned) == 2):
        return "Return two things, separated by a comma: the head and its optimizer."
    head, optimizer = returned
    if not isinstance(head, nn.Module) or not isinstance(optimizer, torch.optim.Optimizer):
        return f"First the head, then the optimizer; this is {type(head).__name__} and {type(optimizer).__name__}."
    return (
        _what_is_shared(answer, head)
        or _what_is_wrong_with_the_head(answer, head)
        or _what_is_wrong_with_the_coach(head, optimizer)
    )


def _what_is_shared(answer: Callable[..., Any], head: nn.Module) -> str | None:
    first = {id(parameter) for parameter in head.parameters()}
    if any(id(parameter) in first for parameter in answer(0.003, 16)[0].parameters()):
        return (
            "Two calls return the same head, so the second run begins where the first one ended. Build the head inside "
            "the function."
        )
    return None


def _what_is_wrong_with_the_head(answer: Callable[..., Any], head: nn.Module) -> str | None:
    features = torch.randn(2, 1280)
    scores = head(features)
    if tuple(scores.shape) != (2, 10):
        return f"For features (2, 1280) the head returns the shape {tuple(scores.shape)}, not (2, 10)."
    for size in (16, 5):
        count = sum(parameter.numel() for parameter in answer(0.003, size)[0].parameters())
        due = (1280 * size + size) + (size * 10 + 10)
        if count != due:
            return f"With hidden_size={size} the head has {count:,} weights; 1280 to {size} to 10 has {due:,}."
    # A student without a bend is straight: halfway between two inputs it answers halfway between.
    halfway = head(features.mean(dim=0, keepdim=True))
    if torch.allclose(halfway, scores.mean(dim=0, keepdim=True), atol=1e-5):
        return "There is no bend between the two layers, so they can do no more than one. Put an `nn.ReLU()` there."
    return None


def _what_is_wrong_with_the_coach(head: nn.Module, optimizer: torch.optim.Optimizer) -> str | None:
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    missing = [name for name, parameter in head.named_parameters() if id(parameter) not in held]
    if len(missing) == len(list(head.parameters())):
        return "The coach holds none of this head's weights. Make it from `head.parameters()` of the head you return."
    if missing:
        return f"The coach would correct only the last layer or so; not on its list: {', '.join(missing)}."
    if not isinstance(optimizer, torch.optim.Adam):
        return f"The coach asked for is Adam, this one is {type(optimizer).__name__}."
    rate = optimizer.param_groups[0]["lr"]
    if rate != 0.003:
        default = " That is Adam's default: pass `lr=learning_rate`, or a sweep compares nothing." * (rate == 0.001)
        return f"The rate asked for was 0.003, the coach has {rate:g}.{default}"
    return None


@exercise(
    "07.2",
    "Return True where the difference between two students is more than coins would bring about, else False.",
    kind="function",
    solved="Both sat one exam, so only the pictures count on which they differ.",
)
def told_apart(answer: Callable[[Tensor, Tensor], Any]) -> str | None:
    """`answer(first, second)` says for right answers (N,), bool, whether |a - b| > 2 sqrt(a + b)."""
    for only_first, only_second, both, hint in (
        (40, 10, 100, None),
        (10, 40, 100, "The second student is better here, and that is a difference, too: take `abs`."),
        (23, 30, 200, "Count the pictures that *exactly one* has right; here 30 and 23 of 300, a matter of luck."),
        (24, 10, 60, "Compare with twice the root of their *sum*: 14 more of 34, and 2 * 34 ** 0.5 is 11.7."),
        (21, 10, 60, "Compare with *twice* the root: 11 more of 31 is less than 2 * 31 ** 0.5 = 11.1."),
        (0, 0, 150, "Two students who agree about every picture have not been told apart."),
    ):
        first, second = _answers(only_first, only_second, both)
        verdict = answer(first, second)
        if isinstance(verdict, Tensor) and verdict.numel() != 1:
            return f"One verdict is due, True or False, not {tuple(verdict.shape)} of them: count with `.sum()`."
        if not isinstance(verdict, bool | np.bool_ | Tensor):
            return f"Return True or False, not {type(verdict).__name__}."
        due = abs(only_first - only_second) > 2 * (only_first + only_second) ** 0.5
        if bool(verdict) != due:
            return hint or (
                f"{only_first} pictures only the first has right, {only_second} only the second: told apart. Only the "
                "pictures count that *exactly one* has right."
            )
    return None


def _answers(only_first: int, only_second: int, both: int) -> tuple[Tensor, Tensor]:
    """Two students' right answers in an exam of 300 pictures."""
    first, second = torch.zeros(300, dtype=torch.bool), torch.zeros(300, dtype=torch.bool)
    first[: both + only_first] = True
    second[:both] = True
    second[both + only_first : both + only_first + only_second] = True
    return first, second


@exercise(
    "07.3",
    "Return a head 1280 to 4 to 10 with a bend in which no unit dies, although the notes are not centred.",
    kind="function",
    solved="Every unit still gets a gradient, so every one can come back.",
)
def narrow_head(answer: Callable[[], nn.Module], *, notes: Tensor, labels: Tensor) -> str | None:
    """`answer()` returns a new head; `notes` (N, 1280), `labels` (N,)."""
    head = answer()
    if not isinstance(head, nn.Module):
        return f"Return a head, such as an `nn.Sequential`; this is {type(head).__name__}."
    first = next((layer for layer in head.modules() if isinstance(layer, nn.Linear)), None)
    if first is None or first.out_features != 4:
        wide = "none" if first is None else str(first.out_features)
        return f"The inner layer is to have 4 numbers, so that only the bend is new; here it has {wide}."
    head, notes, labels = head.cpu(), notes.cpu(), labels.cpu()
    if tuple(head.eval()(notes[:2]).shape) != (2, 10):
        return "The head is to give ten scores a picture, (N, 10)."
    if _is_straight(head, notes):
        return "That is no bend: halfway between two notes the scores lie halfway between. Keep a bend, but another."
    dead = max(_count_dead(answer, seed, notes, labels) for seed in (1, 2, 3))
    if dead:
        return (
            f"After sixty corrections {dead} of the 4 units are dead: not a single picture gives them a gradient. What "
            "has a slope on the negative side as well? (`nn.LeakyReLU`, for one.) Or centre what comes in."
        )
    return None


def _is_straight(head: nn.Module, notes: Tensor) -> bool:
    """True where the scores of a mean are the mean of the scores, whichever way one looks."""
    with torch.no_grad():
        ends = torch.stack([-9 * notes[:50], 9 * notes[50:100]])
        return torch.allclose(head(ends.mean(dim=0)), head(ends.flatten(0, 1)).view(2, 50, -1).mean(0), atol=1e-3)


def _count_dead(answer: Callable[[], nn.Module], seed: int, notes: Tensor, labels: Tensor) -> int:
    """Return how many units of the first layer get no gradient from any note, after sixty corrections by Adam."""
    torch.manual_seed(seed)
    head = answer().cpu()
    first = next(layer for layer in head.modules() if isinstance(layer, nn.Linear))
    coach, criterion = torch.optim.Adam(head.parameters(), lr=0.001), nn.CrossEntropyLoss()
    head.train()
    for _ in range(60):
        some = torch.randint(len(notes), (32,))
        coach.zero_grad()
        criterion(head(notes[some]), labels[some]).backward()
        coach.step()
    coach.zero_grad()
    criterion(head(notes), labels).backward()
    gradient = first.weight.grad
    return first.out_features if gradient is None else int((gradient.abs().sum(dim=1) == 0).sum())

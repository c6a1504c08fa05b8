"""The exercises of lesson 07, learning rate and size."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from course_utils.classroom.exercises import exercise, hint_for


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
    "Replace the dots by the standard error of the accuracy, a number between 0 and 1.",
    kind="number",
    solved="Two points up or down: a student with 79 or 81 % has not been told apart from this one.",
)
def error_of_mark(answer: float) -> str | None:
    """`answer` is sqrt(0.8 * 0.2 / 400)."""
    hints = {
        0.02: None,
        0.0004: "That is the variance, p (1 - p) / n. Its root is the standard error.",
        0.4: "That is the root of p (1 - p). It has to be divided by the number of pictures first, under the root.",
        2.0: "The size is right in percentage points. As a number between 0 and 1 it is a hundredth of that.",
        0.001: "The root belongs over the whole fraction: p (1 - p) / n, then the root.",
        math.sqrt(0.8 / 400): "The factor (1 - p) is missing: an accuracy of 100 % would have an error too.",
        1 / math.sqrt(400): "That is 1 / sqrt(n). The factor sqrt(p (1 - p)) is missing.",
    }
    return hint_for(answer, hints, otherwise="Take p = 0.8 and n = 400 in sqrt(p (1 - p) / n).", rel_tol=1e-2)


@exercise(
    "07.3",
    "Replace the dots by a list of the rates that may be chosen.",
    kind="anything",
    solved="One point apart is luck; ten points are not. Take 0.001: its loss will be calmer.",
)
def may_be_chosen(answer: Any) -> str | None:
    """`answer` is [0.001, 0.01], in any order."""
    try:
        rates = {float(rate) for rate in (answer if isinstance(answer, list | tuple | set) else [answer])}
    except (TypeError, ValueError):
        return "Write a list of numbers from the first column, such as [0.1, 0.01]."
    if unknown := sorted(rates - {0.0001, 0.001, 0.01, 0.1}):
        return f"The table has no rate {unknown[0]:g}. List numbers from its first column."
    if rates == {0.001, 0.01}:
        return None
    if rates == {0.0001}:
        return "That is the smallest gap: the student who has learned least. Look at the mock exam."
    if rates == {0.1}:
        return "That one has practised best, and learned by heart. Look at the mock exam."
    if rates == {0.001}:
        return "The best is among them. But another lies only one point below, and each mark has an error of two."
    if rates == {0.01}:
        return "It may be chosen, but it is neither the only one nor the best. Which mark is the highest?"
    too_far = min(rates & {0.0001, 0.1}, default=None)
    if too_far is None:
        return "List the best rate, and all that lie at most two standard errors of the difference below it."
    return (
        f"{too_far:g} lies ten points or more below the best. Two standard errors of the difference are "
        "2 * sqrt(2**2 + 2**2) = 5.7 points: that is more than luck."
    )


@exercise(
    "07.4",
    "Replace the dots by the learning rate of the eighth term.",
    kind="number",
    solved="Terms 1 to 3: 0.1, terms 4 to 6: 0.01, terms 7 to 9: 0.001.",
)
def rate_in_term_8(answer: float) -> str | None:
    """`answer` is 0.1 * 0.1 ** (7 // 3)."""
    if math.isclose(answer, 0.001, rel_tol=1e-3):
        return None
    if math.isclose(answer, 0.1, rel_tol=1e-3):
        return "That is the rate of the first three terms. How often has the assistant spoken since?"
    if math.isclose(answer, 0.01, rel_tol=1e-3):
        return "That is the rate in terms 4 to 6. A second cut comes before the eighth."
    if math.isclose(answer, 0.0001, rel_tol=1e-3):
        return "That is one cut too many: the third comes after the ninth term."
    if any(math.isclose(answer, 0.1**power, rel_tol=1e-3) for power in (8, 9)):
        return "The assistant would have to cut after every term. It does so after every third."
    if answer <= 0:
        return "A rate is positive. `gamma` is not taken away: the assistant multiplies by it."
    return "After terms 3 and 6 the rate is multiplied by 0.1."

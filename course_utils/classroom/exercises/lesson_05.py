"""The exercises of lesson 05, loss and optimizer."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.classroom.exercises import exercise, hint_for


@exercise(
    "05.1",
    "Return the mean over the batch of minus the logarithm of the truth's share.",
    kind="function",
    solved="That is `nn.CrossEntropyLoss`: pick the truth's share in each row, take -log, average over the pictures.",
)
def cross_entropy(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer` turns raw scores (N, C) and class numbers (N,) into one loss."""
    # As many pictures as classes, so that a softmax along the wrong dimension runs, and is told apart.
    scores = torch.tensor([[2.0, 1.0, 3.5, 0.5], [0.0, -1.0, 0.0, 4.0], [5.0, 0.0, 0.5, 0.0], [1.0, 1.0, 2.0, 0.0]])
    labels = torch.tensor([2, 0, 1, 3])
    result = torch.as_tensor(answer(scores, labels), dtype=torch.float32)
    if result.numel() != 1:
        return f"The batch gets one mark; yours has the shape {tuple(result.shape)}. Take the mean over the pictures."
    rows, along_pictures = scores.log_softmax(dim=1), scores.log_softmax(dim=0)
    right = functional.cross_entropy(scores, labels)
    picked = range(len(labels))
    mistakes = {
        "That is the sum of the marks. The batch's mark is their mean, so that it does not grow with the batch.": (
            right * len(labels)
        ),
        "That is a softmax along the pictures. The shares of one picture, a row, sum to 1: use `dim=1`.": (
            -along_pictures[picked, labels].mean()
        ),
        "That averages over all classes. Pick the truth's number from each row before you take the mean.": -rows.mean(),
        "The size is right, the sign is not: the minus makes a fine of the negative logarithm.": -right,
        "That is the mean share of the truth. The mark is minus its logarithm, picture by picture.": (
            rows.exp()[picked, labels].mean()
        ),
        "You took the logarithm of the mean share. Take the logarithm for each picture, then the mean.": (
            -rows.exp()[picked, labels].mean().log()
        ),
    }
    if not torch.allclose(result.reshape(()), right, atol=1e-5):
        for hint, value in mistakes.items():
            if torch.allclose(result.reshape(()), value, atol=1e-5):
                return hint
        return f"For the check's scores {tuple(scores.shape)} the loss is {right:.3f}, yours {result.item():.3f}."
    large = torch.as_tensor(answer(torch.tensor([[100.0, 0.0, 0.0]]), torch.tensor([1])), dtype=torch.float32)
    if not torch.allclose(large.reshape(()), torch.tensor(100.0), atol=1e-3):
        return (
            f"Right for small scores. For the scores 100, 0, 0 and the truth 1 it returns {large.item()}, not 100: the "
            "powers overflow, or a share becomes 0. Use `log_softmax` or `logsumexp`."
        )
    return None


@exercise(
    "05.2",
    "Replace the dots by the loss of a student who guesses among 1,000 kinds.",
    kind="number",
    solved="ln 1000: every kind gets a share of 1/1000, and the mark is minus its logarithm.",
)
def loss_of_guessing(answer: float) -> str | None:
    """`answer` is ln 1000."""
    hints = {
        math.log(1000): None,
        math.log(10): "That is guessing among ten classes. Here there are 1,000.",
        math.log10(1000): "The idea is right, but the loss uses the natural logarithm: `math.log`, not `math.log10`.",
        -math.log(1000): "The logarithm of a share is negative; the mark is minus that, so it is positive.",
    }
    if abs(answer - 1 / 1000) < 1e-6:
        return "That is the share that each kind gets. The mark is minus the logarithm of the share of the truth."
    otherwise = "Each of the 1,000 kinds gets the same share. What is minus the natural logarithm of it?"
    return hint_for(answer, hints, otherwise=otherwise, abs_tol=0.006)


@exercise(
    "05.3",
    "Replace the dots by the weight after one step of SGD.",
    kind="number",
    solved="The answer is 6, the miss 1, the gradient 2 · 1 · 3 = 6, and the step 0.01 · 6 downhill.",
)
def weight_after_one_step(answer: float) -> str | None:
    """`answer` is 2 - 0.01 * 6."""
    hints = {
        1.94: None,
        2.06: "The size of the step is right, but it goes uphill: the coach subtracts.",
        1.98: "The link from the weight to the answer is missing: the answer changes by the input, 3, for each unit.",
        1.97: "The link from the miss to its square is missing: a square changes by 2 times the miss.",
        1.99: "That is the miss itself as the gradient. Multiply the two links: 2 times the miss, and the input.",
        -4.0: "That is a step by the whole gradient. The learning rate takes a hundredth of it.",
        6.0: "That is the gradient. By how much does the coach change the weight, and in which direction?",
    }
    otherwise = "Answer: 2 · 3 = 6. Miss: 6 - 5 = 1. Gradient: 2 · miss · input. Then subtract 0.01 times the gradient."
    return hint_for(answer, hints, otherwise=otherwise, abs_tol=1e-6)


@exercise(
    "05.4",
    "Return a `torch.optim.AdamW` that holds the weights that may learn, with the given learning rate.",
    kind="function",
    solved="Asking `requires_grad` works for any student, whatever its parts are called.",
)
def hire_coach(answer: Callable[[nn.Module, float], torch.optim.Optimizer]) -> str | None:
    """`answer(model, learning_rate)` returns the optimizer; the model learns in its head and in one layer below."""
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model.head = nn.Linear(3, 2)
    model.backbone[0].requires_grad_(False)
    coach = answer(model, 0.003)
    if not isinstance(coach, torch.optim.Optimizer):
        return f"Return the optimizer itself; this is of type `{type(coach).__name__}`."
    held = {id(parameter) for group in coach.param_groups for parameter in group["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in held}
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    if frozen := sorted(names - trainable):
        return f"The frozen weights are on the list too: {', '.join(frozen)}. Ask each parameter for `requires_grad`."
    if missing := sorted(trainable - names):
        return (
            f"The check's student has weights outside its head that may learn; not on the list: {', '.join(missing)}."
        )
    if not isinstance(coach, torch.optim.AdamW):
        return f"The list is right. The coach asked about is AdamW, this one is {type(coach).__name__}."
    if any(group["lr"] != 0.003 for group in coach.param_groups):
        return f"The learning rate asked for was 0.003; this coach has {coach.param_groups[0]['lr']:g}: use `lr=`."
    return None

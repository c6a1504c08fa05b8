"""The exercises of lesson 05, loss and optimizer."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.classroom.exercises import exercise


@exercise(
    "05.1",
    "Return the mean over the batch of minus the logarithm of the truth's probability.",
    kind="function",
    solved="That is `nn.CrossEntropyLoss`: the truth's probability from each row, -log, the mean over the pictures.",
)
def cross_entropy(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer` turns raw scores (N, C) and class numbers (N,) into one loss."""
    # As many pictures as classes, so that a softmax along the wrong dimension runs, and is told apart.
    scores = torch.tensor([[2.0, 1.0, 3.5, 0.5], [0.0, -1.0, 0.0, 4.0], [5.0, 0.0, 0.5, 0.0], [1.0, 1.0, 2.0, 0.0]])
    labels = torch.tensor([2, 0, 1, 3])
    result = torch.as_tensor(answer(scores, labels), dtype=torch.float32)
    if result.numel() != 1:
        return f"The batch gets one loss; yours has the shape {tuple(result.shape)}. Take the mean over the pictures."
    rows, along_pictures = scores.log_softmax(dim=1), scores.log_softmax(dim=0)
    right = functional.cross_entropy(scores, labels)
    picked = range(len(labels))
    mistakes = {
        "That is the sum of the losses. The batch's loss is their mean, so that it does not grow with the batch.": (
            right * len(labels)
        ),
        "That is a softmax along the pictures. The probabilities of one picture, a row, sum to 1: use `dim=1`.": (
            -along_pictures[picked, labels].mean()
        ),
        "That averages over all classes. Pick the truth's number from each row before you take the mean.": -rows.mean(),
        "The size is right, the sign is not: the minus makes a fine of the negative logarithm.": -right,
        "That is the mean probability of the truth. The loss is minus its logarithm, picture by picture.": (
            rows.exp()[picked, labels].mean()
        ),
        "You took the logarithm of the mean probability. Take the logarithm for each picture, then the mean.": (
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
            "powers overflow, or a probability becomes 0. Use `log_softmax` or `logsumexp`."
        )
    return None


@exercise(
    "05.2",
    "Return the gradient of the batch's loss for every score, (N, C).",
    kind="function",
    solved="Given minus due, divided by N: the loss is a mean, so each picture pushes with one N-th of its strength.",
)
def gradient(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """`answer` turns raw scores (N, C) and class numbers (N,) into what autograd leaves at the scores, (N, C)."""
    scores = torch.tensor([[2.0, 1.0, 3.5, 0.5], [0.0, -1.0, 0.0, 4.0], [5.0, 0.0, 0.5, 0.0], [1.0, 1.0, 2.0, 0.0]])
    labels = torch.tensor([2, 0, 1, 3])
    result = torch.as_tensor(answer(scores, labels), dtype=torch.float32)
    if result.shape != scores.shape:
        return (
            f"Every score has a gradient of its own, {tuple(scores.shape)}; yours has the shape {tuple(result.shape)}."
        )
    due, given = functional.one_hot(labels, 4), scores.softmax(dim=1)
    right = (given - due) / len(labels)
    mistakes = {
        "That is right for one picture at a time. The batch's loss is the mean over its N pictures: divide by N.": (
            given - due
        ),
        "That is the way down. The gradient points uphill: what was given, minus what was due.": -right,
        "Those are raw scores minus what was due. Turn the scores into probabilities first.": (
            (scores - due) / len(labels)
        ),
        "That is a softmax along the pictures. The probabilities of one picture, a row, sum to 1: use `dim=1`.": (
            (scores.softmax(dim=0) - due) / len(labels)
        ),
        "Those are the probabilities alone. Take off what was due: 1 for the truth, 0 for the others.": (
            given / len(labels)
        ),
        "You divided by the number of scores. The mean is over the pictures.": (given - due) / scores.numel(),
    }
    if torch.allclose(result, right, atol=1e-5):
        return None
    for hint, value in mistakes.items():
        if torch.allclose(result, value, atol=1e-5):
            return hint
    return f"For the check's first picture the gradients are {_listed(right[0])}, yours {_listed(result[0])}."


def _listed(values: Tensor) -> str:
    return ", ".join(f"{value:.3f}" for value in values.tolist())


@exercise(
    "05.3",
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

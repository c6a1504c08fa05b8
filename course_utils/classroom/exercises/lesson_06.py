"""The exercises of lesson 06, the training loop."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from course_utils.classroom.exercises import exercise


def _weights_after(step: Callable[..., Any], *, order: tuple[str, ...]) -> tuple[torch.Tensor, list[Any]]:
    """Run `step` once per batch named in `order` on a fresh linear student; return its weights and the results."""
    generator = torch.Generator().manual_seed(0)
    batches = {
        name: (torch.randn(8, 4, generator=generator), torch.randint(3, (8,), generator=generator))
        for name in ("first", "second")
    }
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    results = [step(model, *batches[name], nn.CrossEntropyLoss(), optimizer) for name in order]
    return model.weight.detach(), results


def _right_step(model: Any, images: Any, labels: Any, criterion: Any, optimizer: Any) -> Any:
    optimizer.zero_grad()
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def _forgetful_step(model: Any, images: Any, labels: Any, criterion: Any, optimizer: Any) -> Any:
    """What happens without `zero_grad`."""
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


@exercise(
    "06.1",
    "Write the five lines: forget, answer, mark, trace back, correct; return the loss as a number.",
    kind="function",
    solved="These five lines are every training loop.",
)
def training_step(answer: Callable[..., Any]) -> str | None:
    """`answer(model, images, labels, criterion, optimizer)` trains on one batch and returns the loss."""
    untouched, _ = _weights_after(lambda *_: 0.0, order=("first",))
    weights, results = _weights_after(answer, order=("first", "second"))
    right, right_results = _weights_after(_right_step, order=("first", "second"))
    forgetful, _ = _weights_after(_forgetful_step, order=("first", "second"))
    if torch.equal(weights, untouched):
        return (
            "The weights have not moved. Is `optimizer.step()` there, after `loss.backward()`? A `zero_grad()` between "
            "the two erases the gradients before the coach has read them."
        )
    if torch.allclose(weights, forgetful, atol=1e-6):
        return "The second correction followed the gradients of both batches. What makes the coach forget the first?"
    if not torch.allclose(weights, right, atol=1e-6):
        return "The weights move, but not as they should: forget, answer, mark, trace back, correct, each once."
    if not all(isinstance(result, float) for result in results):
        return "The weights are right. Return the loss as a Python number: `loss.item()`, which drops the notes."
    if any(abs(got - due) > 1e-5 for got, due in zip(results, right_results, strict=True)):
        return "The weights are right, the number returned is not this batch's loss before the correction."
    return None


@exercise(
    "06.2",
    "Replace the dots by the loss per picture over all three batches.",
    kind="number",
    solved="The small batch counts for its eight pictures, not for a third of the term.",
)
def loss_per_picture(answer: float) -> str | None:
    """`answer` is (1.0 * 32 + 2.0 * 32 + 5.0 * 8) / 72."""
    if abs(answer - 136 / 72) < 0.005:
        return None
    if abs(answer - 8 / 3) < 0.005:
        return "That is the mean of the three means: the batch of 8 counts as much as the batches of 32."
    if abs(answer - 136 / 96) < 0.005:
        return "The sum is right, but there are 72 pictures: the last batch holds 8."
    if abs(answer - 136) < 0.005:
        return "That is the sum over all pictures. Divide by their number."
    return "Multiply each mean by its number of pictures, add up, divide by the number of all pictures."


@exercise(
    "06.3",
    "Replace the dots by the number of times `optimizer.step()` runs.",
    kind="number",
    solved="32 batches a term, four to a correction, nothing left over.",
)
def num_corrections(answer: float) -> str | None:
    """`answer` is ceil(ceil(1000 / 32) / 4) * 10."""
    if answer == 80:
        return None
    if answer in (320, 310):
        return "That would be a correction after every batch. Here four batches share one."
    if answer == 8:
        return "That is one term. There are ten."
    if answer in (70, 77.5, 78, 78.125, 79):
        return "1,000 / 32 is 31.25: the last, short batch is a batch too, and makes 32."
    return "How many batches are there in a term, counting the short one? How many corrections is that?"


@exercise(
    "06.4",
    "Replace the dots by one of the four diagnoses, as a string.",
    kind="text",
    solved="Practice goes on improving while the mock exam turns back: stop at the third term, or get more pictures.",
)
def diagnosis(answer: str) -> str | None:
    """`answer` is one of four diagnoses."""
    word = answer.strip().lower()
    if word in ("learning by heart", "overfitting"):
        return None
    if word == "healthy":
        return "Only the practice loss looks healthy. Follow the mock exam's loss to the end."
    if word == "too few terms":
        return "More terms would not help: since the third term the mock exam gets worse."
    if word == "does not learn":
        return "The practice loss falls from 2.1 to 0.01: it learns something. But what?"
    return "Choose one of: 'too few terms', 'healthy', 'learning by heart', 'does not learn'."

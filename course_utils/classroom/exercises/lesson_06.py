"""The exercises of lesson 06, the training loop."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.classroom.exercises import exercise, hint_for_names


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


SYMPTOMS = {
    "no zero_grad": "the loss climbs out of the panel, in practice too",
    "no step": "the mock exam is a level line, and practice only wobbles",
    "no eval": "practice is the healthy run's, and only the mock exam lies higher and is jagged",
    "softmax twice": "both losses come down early and stop far too high, though the student does learn",
    "labels shuffled": "practice creeps down, and the mock exam stays where guessing is",
    "no train": "practice runs well below the healthy one's, and the mock exam hardly tells",
}


@exercise(
    "06.2",
    'Replace the dots by what was broken in each run: {"A": "no step", ...}.',
    solved="You have found faults by looking at curves. That is how it is done where nobody says what was broken.",
)
def which_line(answer: Any, *, truth: Mapping[str, str]) -> str | None:
    """`answer` names for each letter of `truth` what was broken."""
    return hint_for_names(answer, truth, SYMPTOMS, example="no step")


@exercise(
    "06.3",
    "Correct once for every group of batches, the left-over ones included; return the number of corrections.",
    kind="function",
    solved="Batches of any size, in any memory. The batches left over count as well.",
)
def accumulate(answer: Callable[..., Any]) -> str | None:
    """`answer(model, loader, criterion, optimizer, every)` practises for a term, a correction for `every` batches."""
    got, num_steps, returned = _weights_after_term(answer)
    if num_steps == 0:
        return "The coach never corrects: where is `optimizer.step()`?"
    mistakes: dict[str, dict[str, Any]] = {
        "": {},
        "The coach corrects after every batch. It is to wait until the gradients of a group have added up.": {
            "every": 1
        },
        "The batches left over at the end of the term are lost: they need a correction of their own.": {"rest": False},
        "Each loss counts in full, so that the gradient of a group is a sum. Divide by the number of its batches.": {
            "divide": "not at all"
        },
        "The group left over is smaller: divide by the number of *its* batches, `len(group)`.": {"divide": "by every"},
        "The old gradients are still there when the next group begins: `zero_grad()`, once a group.": {"forget": 0},
        "Only the last batch of a group counts: `zero_grad()` belongs before the group, not before each batch.": {
            "forget": 2
        },
    }
    for hint, mistake in mistakes.items():
        if torch.allclose(got, _weights_after_term(_accumulating(**mistake))[0], atol=1e-6):
            if hint or returned == num_steps:
                return hint or None
            return f"The weights are right. There were {num_steps} corrections; the function returned {returned!r}."
    return "The weights are not those of correct groups. Forget, add up the gradients of the group, correct."


def _accumulating(
    *, every: int | None = None, rest: bool = True, divide: str = "by the group", forget: int = 1
) -> Callable[..., None]:
    """Return the right function, or one with a mistake. `forget`: 0 never, 1 before each group, 2 before each batch."""

    def practise(model: Any, loader: Any, criterion: Any, optimizer: Any, asked: int) -> None:
        batches, size = list(loader), every or asked
        for start in range(0, len(batches), size):
            group = batches[start : start + size]
            if len(group) < size and not rest:
                break
            parts = {"by the group": len(group), "by every": size, "not at all": 1}[divide]
            if forget == 1:
                optimizer.zero_grad()
            for inputs, labels in group:
                if forget == 2:
                    optimizer.zero_grad()
                (criterion(model(inputs), labels) / parts).backward()
            optimizer.step()

    return practise


class _CountingSGD(torch.optim.SGD):
    num_steps = 0

    def step(self, *arguments: Any, **options: Any) -> Any:
        self.num_steps += 1
        return super().step(*arguments, **options)


def _weights_after_term(practise: Callable[..., Any]) -> tuple[torch.Tensor, int, Any]:
    """Practise for a term on eight batches of four, a correction for every three; two are left over. Return the
    weights, how often the coach corrected, and what `practise` returned.
    """
    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(32, 5, generator=generator), torch.randint(3, (32,), generator=generator)
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=4)
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    optimizer = _CountingSGD(model.parameters(), lr=0.1)
    returned = practise(model, loader, nn.CrossEntropyLoss(), optimizer, 3)
    return model.weight.detach(), optimizer.num_steps, returned

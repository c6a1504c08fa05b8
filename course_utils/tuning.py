"""Choosing a learning rate, or any other setting, with open eyes (lesson 07).

One run proves little: every setting is tried with several seeds, and what the mock exam cannot tell apart is said to
be so.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import SequentialSampler

from course_utils.checkpoints import preserved_randomness
from course_utils.report.errors import explained
from course_utils.report.sweeps import Run, SweepResult
from course_utils.runtime import evaluating, preserved_modes, progress_bar, say, set_seed
from course_utils.training import train_model

__all__ = ["RangeTest", "Run", "SweepResult", "learning_rate_range_test", "sweep", "sweep_learning_rates"]


def sweep_learning_rates(
    make_model: Callable[..., tuple[nn.Module, torch.optim.Optimizer]],
    train_loader: Iterable[Any],
    val_loader: Iterable[Any],
    *,
    learning_rates: Iterable[float] = (0.0001, 0.001, 0.01, 0.1),
    **options: Any,
) -> SweepResult:
    """Train with each learning rate and each seed, and compare the mock exams: `sweep` over `learning_rate`.

    `make_model(learning_rate=...)` returns a fresh model, on the device, and its optimizer.
    """
    return sweep(make_model, train_loader, val_loader, parameter="learning_rate", values=learning_rates, **options)


def sweep(
    make_model: Callable[..., tuple[nn.Module, torch.optim.Optimizer]],
    train_loader: Iterable[Any],
    val_loader: Iterable[Any],
    *,
    parameter: str,
    values: Iterable[Any],
    seeds: Iterable[int] = (0, 1, 2),
    num_epochs: int = 10,
    criterion: Callable[..., Tensor],
    device: torch.device | str,
    monitor: str = "val_accuracy",
    progress: bool = True,
) -> SweepResult:
    """Train with each of `values`, given to `make_model` as `parameter`, once for each of `seeds`.

    `values` may hold anything: numbers, a NumPy array of them, names, tuples. `monitor="val_loss"` compares losses,
    for regression. A seed decides the initial weights, the dropout and the order of the samples, so that every value
    meets the same chances. An interrupt from the keyboard returns the runs that are finished. Random generators, the
    loaders' own included, are afterwards as they were before, also after an exception.
    Raises ValueError where there is nothing to compare, and for a value or a seed given twice.
    """
    values, seeds = [_plain(value) for value in values], [int(seed) for seed in seeds]
    _refuse_what_proves_nothing(values, seeds)
    loaders = (train_loader, val_loader)
    result = SweepResult(parameter, num_planned=len(values) * len(seeds))
    options: dict[str, Any] = {"criterion": criterion, "num_epochs": num_epochs, "device": device, "monitor": monitor}
    jobs = [(value, seed) for value in values for seed in seeds]
    with preserved_randomness(loaders) as generators:
        try:
            for value, seed in progress_bar(jobs, description=f"{parameter} sweep", show=progress, unit=" runs"):
                set_seed(seed)
                for generator in generators:
                    generator.manual_seed(seed)
                model, optimizer = make_model(**{parameter: value})
                card = train_model(
                    model, *loaders, optimizer=optimizer, **options, progress=False, catch_interrupt=False
                )
                result.runs.append(Run(value, seed, card, _right_answers(model, val_loader, device)))
        except KeyboardInterrupt:
            say(f"Interrupted: the result holds the {len(result.runs)} of {len(jobs)} runs that are finished.")
    return result


def _plain(value: Any) -> Any:
    """A single number of NumPy or PyTorch as Python's own; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _refuse_what_proves_nothing(values: list[Any], seeds: list[int]) -> None:
    if not values or not seeds:
        raise ValueError("A sweep needs at least one value and one seed.")
    for name, given in (("value", list(map(repr, values))), ("seed", list(map(repr, seeds)))):
        twice = next((one for one in given if given.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"The {name} {twice} is given twice: the same run again is no further evidence.")


def _right_answers(model: nn.Module, loader: Any, device: torch.device | str) -> Tensor | None:
    """Return for each sample of the exam whether the student is right, bool (N,), to compare students sample by sample.

    None where that cannot be: an exam in another order each time, no class numbers, several answers a sample.
    """
    if not isinstance(getattr(loader, "sampler", None), SequentialSampler):
        return None
    right = []
    with evaluating(model):
        for inputs, targets in loader:
            outputs = model(inputs.to(device))
            if outputs.ndim != 2 or targets.ndim != 1 or targets.is_floating_point():
                return None
            right.append(outputs.argmax(1).cpu() == targets)
    return torch.cat(right)


EXPLOSION = 3  # a range test ends where the smoothed loss is this many times its lowest above it


@dataclass
class RangeTest:
    """What a range test saw: at each of the rising `learning_rates` the loss of one batch, in `smoothed` averaged.

    `suggestion` is the rate where the loss falls fastest, None where it never fell; `reason` says why.
    """

    learning_rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    reason: str


def learning_rate_range_test(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    criterion: Callable[..., Tensor],
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
    min_lr: float = 1e-6,
    max_lr: float = 1.0,
    num_steps: int = 100,
    progress: bool = True,
) -> RangeTest:
    """Practise for `num_steps` batches while the learning rate rises from `min_lr` to `max_lr` (Smith 2015,
    https://arxiv.org/abs/1506.01186), until the loss explodes; a short loader begins anew.

    An interrupt from the keyboard returns what was seen so far, without a suggestion. Model, buffers, modes, optimizer
    and random generators are afterwards as they were before, also after an exception.
    Raises ValueError for a range that does not rise, fewer than 10 steps, or an empty loader.
    """
    if not 0 < min_lr < max_lr or num_steps < 10:
        raise ValueError(f"The rate must rise, over 10 steps or more: not {min_lr} to {max_lr} over {num_steps}.")
    factor = (max_lr / min_lr) ** (1 / (num_steps - 1))
    seen: list[tuple[float, float, float]] = []  # rate, loss, smoothed loss
    average, lowest, reason = 0.0, math.inf, None
    with explained(), preserved_randomness((loader,)), _preserved(model, optimizer):
        model.train()
        steps = progress_bar(range(num_steps), description="range test", show=progress, unit=" batches")
        try:
            for step, (inputs, targets) in zip(steps, _endless(loader), strict=False):
                rate = float(min_lr * factor**step)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.zero_grad()
                loss = criterion(model(inputs.to(device)), targets.to(device))
                loss.backward()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
                optimizer.step()
                average = 0.9 * average + 0.1 * loss.item()
                smoothed = average / (1 - 0.9 ** (step + 1))
                seen.append((rate, loss.item(), smoothed))
                lowest = min(smoothed, lowest)
                if not math.isfinite(smoothed) or smoothed - lowest > EXPLOSION * abs(lowest):
                    break
        except KeyboardInterrupt:
            if not seen:
                raise
            reason = (
                f"Interrupted after {len(seen)} of {num_steps} steps: no rate is suggested from a part of the curve."
            )
    rates, losses, averages = ([row[column] for row in seen] for column in range(3))
    return RangeTest(rates, losses, averages, *((None, reason) if reason else _suggest(rates, averages)))


def _endless(loader: Iterable[Any]) -> Iterator[Any]:
    """Give the loader's batches again and again."""
    while True:
        batch = None
        for batch in loader:
            yield batch
        if batch is None:
            raise ValueError("The loader gave no batch: is its data set empty?")


def _suggest(rates: list[float], smoothed: list[float]) -> tuple[float | None, str]:
    """The rate at the steepest fall of the smoothed loss over the logarithm of the rate, up to its lowest point.

    The first tenth is left out: there the average covers few batches, and its falls are chance.
    """
    first = max(1, len(rates) // 10)
    finite = [loss for loss in smoothed if math.isfinite(loss)]
    lowest = min(range(len(finite)), key=finite.__getitem__, default=0)
    if lowest <= first or finite[0] - finite[lowest] < 0.05 * abs(finite[0]):
        return None, (
            f"The loss never fell by 5 % between the rates {rates[0]:.2g} and {rates[-1]:.2g}, so none is suggested: "
            "widen the range, take more steps, and check that the optimizer holds the right parameters."
        )
    falls = [finite[step - 1] - finite[step + 1] for step in range(first, lowest)]
    best = rates[first + max(range(len(falls)), key=falls.__getitem__)]
    return best, f"The loss falls fastest near {best:.2g}, from {finite[0]:.3f} to {finite[lowest]:.3f} at its lowest."


@contextmanager
def _preserved(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Afterwards weights, buffers, gradients, modes and optimizer are as before, whatever happens inside."""
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    gradients = {parameter: parameter.grad for parameter in model.parameters()}
    try:
        with preserved_modes(model):
            yield
    finally:
        model.load_state_dict(weights)
        optimizer.load_state_dict(state)
        for parameter, gradient in gradients.items():
            parameter.grad = gradient

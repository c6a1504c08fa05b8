"""Choosing a learning rate, or any other setting, with open eyes (lesson 07).

One run proves little: every setting is tried with several seeds, and what the mock exam cannot tell apart is said to
be so.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean, variance

import torch
from torch import nn

from course_utils.checkpoints import preserved_randomness
from course_utils.report.history import History
from course_utils.report.metrics import standard_error
from course_utils.report.tables import html_table, text_table
from course_utils.runtime import preserved_modes, progress_bar, set_seed
from course_utils.training import train_model


@dataclass(repr=False)
class SweepResult:
    """What a sweep over `parameter` found: `histories[value]` holds the report cards, one a seed."""

    parameter: str
    histories: dict[float, list[History]]

    @property
    def values(self) -> list[float]:
        """The settings that were tried, in order."""
        return list(self.histories)

    @property
    def scores(self) -> list[list[float]]:
        """A row for each value: each run's accuracy in [0, 1] in its best epoch, one a seed; NaN where it diverged."""
        return [[_best_accuracy(run) for run in runs] for runs in self.histories.values()]

    @property
    def means(self) -> list[float]:
        """The mean accuracy over the seeds for each value; NaN where a run diverged."""
        return [fmean(marks) for marks in self.scores]

    @property
    def errors(self) -> list[float]:
        """The standard error of each mean: chance of the seeds, and of the pictures that happen to be in the exam."""
        num_val = next(iter(self.histories.values()))[0].num_val
        return [_error_of_mean(marks, num_val) for marks in self.scores]

    @property
    def best(self) -> float:
        """The value with the highest mean. Raises ValueError where every value diverged."""
        means = dict(zip(self.values, self.means, strict=True))
        finite = {value: mean for value, mean in means.items() if math.isfinite(mean)}
        if not finite:
            raise ValueError(f"No {self.parameter} gave finite losses with every seed: try much smaller ones.")
        return max(finite, key=finite.get)

    @property
    def indistinguishable(self) -> list[float]:
        """The values, the best included, whose means lie within two standard errors of the difference from the best."""
        best = self.values.index(self.best)
        means, errors = self.means, self.errors
        return [
            value
            for value, mean, error in zip(self.values, means, errors, strict=True)
            if math.isfinite(mean) and means[best] - mean <= 2 * math.hypot(error, errors[best])
        ]

    def explain(self) -> str:
        """Say in plain sentences what the sweep allows to choose."""
        best, same = self.best, self.indistinguishable
        place = self.values.index(best)
        text = (
            f"{self.parameter} {best:g} has the best mean accuracy, {self.means[place]:.1%} ± {self.errors[place]:.1%}"
        )
        text += f" over {len(self.histories[best])} seeds. "
        if len(same) > 1:
            text += (
                f"These {len(same)} cannot be told apart ({', '.join(f'{value:g}' for value in same)}): they differ by "
                "at most two standard errors of the difference, so any of them would do."
            )
        else:
            text += "All others are worse by more than two standard errors of the difference."
        at_the_edge = best in (min(self.values), max(self.values)) and len(self.values) > 1
        if at_the_edge and best != 0:  # below no dropout, or no inner layer, there is nothing to try
            text += " The best lies at the edge of what was tried: try values beyond it."
        return text

    def rows(self) -> list[list[str]]:
        """Return the table, headings first."""
        rows = [[self.parameter, "mock exam accuracy", "standard error", "seeds", "overfit gap", ""]]
        for value, mean, error in zip(self.values, self.means, self.errors, strict=True):
            runs = self.histories[value]
            if math.isfinite(mean):
                gap = fmean(run.train_accuracy[run.best_epoch - 1] - _best_accuracy(run) for run in runs)
                cells = [f"{mean:.1%}", f"{error:.1%}", str(len(runs)), f"{gap:+.1%}"]
            else:
                cells = ["diverged", "", str(len(runs)), ""]
            rows.append([f"{value:g}", *cells, "best" if cells[0] != "diverged" and value == self.best else ""])
        return rows

    def __repr__(self) -> str:
        return text_table(self.rows())

    def _repr_html_(self) -> str:
        rows = self.rows()
        best = [number for number, row in enumerate(rows[1:]) if row[-1]]
        return html_table(rows, caption=f"Sweep over {self.parameter}", bold=best)


def _best_accuracy(run: History) -> float:
    """The accuracy of the run's best epoch; NaN where the run diverged."""
    return math.nan if run.best_epoch is None or not run.is_finite else run.val_accuracy[run.best_epoch - 1]


def _error_of_mean(marks: list[float], num_val: int | None) -> float:
    """The seeds' chance shrinks with their number; the exam's does not, for all runs sit the same exam."""
    if not all(map(math.isfinite, marks)):
        return math.nan
    seeds = variance(marks) / len(marks) if len(marks) > 1 else 0.0
    return math.sqrt(seeds + (standard_error(fmean(marks), num_val) ** 2 if num_val else 0.0))


def sweep_learning_rates(
    make_model: Callable[..., tuple[nn.Module, torch.optim.Optimizer]],
    train_loader: Iterable,
    val_loader: Iterable,
    *,
    learning_rates: Sequence[float] = (0.0001, 0.001, 0.01, 0.1),
    **options,
) -> SweepResult:
    """Train with each learning rate and each seed, and compare the mock exams: `sweep` over `learning_rate`.

    `make_model(learning_rate=...)` returns a fresh model, on the device, and its optimizer.
    """
    return sweep(make_model, train_loader, val_loader, parameter="learning_rate", values=learning_rates, **options)


def sweep(
    make_model: Callable[..., tuple[nn.Module, torch.optim.Optimizer]],
    train_loader: Iterable,
    val_loader: Iterable,
    *,
    parameter: str,
    values: Sequence[float],
    seeds: Sequence[int] = (0, 1, 2),
    num_epochs: int = 10,
    criterion: Callable,
    device: torch.device | str,
    progress: bool = True,
) -> SweepResult:
    """Train with each of `values`, given to `make_model` as `parameter`, once for each of `seeds`.

    A seed decides the initial weights, the dropout and the order of the samples, so that every value meets the same
    chances. Random generators, the loaders' own included, are afterwards as they were before, also after an exception.
    Raises ValueError where there is nothing to compare.
    """
    if not values or not seeds:
        raise ValueError("A sweep needs at least one value and one seed.")
    loaders = (train_loader, val_loader)
    histories: dict[float, list[History]] = {value: [] for value in values}
    jobs = [(value, seed) for value in values for seed in seeds]
    with preserved_randomness(loaders) as generators:
        for value, seed in progress_bar(jobs, description=f"{parameter} sweep", show=progress, unit=" runs"):
            set_seed(seed)
            for generator in generators:
                generator.manual_seed(seed)
            model, optimizer = make_model(**{parameter: value})
            options = {"criterion": criterion, "optimizer": optimizer, "num_epochs": num_epochs, "device": device}
            histories[value].append(train_model(model, *loaders, **options, progress=False))
    return SweepResult(parameter, histories)


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
    loader: Iterable,
    *,
    criterion: Callable,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
    min_lr: float = 1e-6,
    max_lr: float = 1.0,
    num_steps: int = 100,
    progress: bool = True,
) -> RangeTest:
    """Practise for `num_steps` batches while the learning rate rises from `min_lr` to `max_lr` (Smith 2015,
    https://arxiv.org/abs/1506.01186), until the loss explodes; a short loader begins anew.

    Model, buffers, modes, optimizer and random generators are afterwards as they were before, also after an exception.
    Raises ValueError for a range that does not rise, fewer than 10 steps, or an empty loader.
    """
    if not 0 < min_lr < max_lr or num_steps < 10:
        raise ValueError(f"The rate must rise, over 10 steps or more: not {min_lr} to {max_lr} over {num_steps}.")
    factor = (max_lr / min_lr) ** (1 / (num_steps - 1))
    rates, losses, smoothed, average = [], [], [], 0.0
    with preserved_randomness((loader,)), _preserved(model, optimizer):
        model.train()
        steps = progress_bar(range(num_steps), description="range test", show=progress, unit=" batches")
        for step, (inputs, targets) in zip(steps, _endless(loader), strict=False):
            for group in optimizer.param_groups:
                group["lr"] = min_lr * factor**step
            optimizer.zero_grad()
            loss = criterion(model(inputs.to(device)), targets.to(device))
            loss.backward()
            optimizer.step()
            average = 0.9 * average + 0.1 * loss.item()
            rates.append(min_lr * factor**step)
            losses.append(loss.item())
            smoothed.append(average / (1 - 0.9 ** (step + 1)))
            if not math.isfinite(smoothed[-1]) or smoothed[-1] > 4 * min(smoothed):
                break
    return RangeTest(rates, losses, smoothed, *_suggest(rates, smoothed))


def _endless(loader: Iterable) -> Iterator:
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
    if lowest <= first or finite[lowest] > 0.95 * finite[0]:
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

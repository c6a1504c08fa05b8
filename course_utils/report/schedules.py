"""How far a scheduler plans, held against how often a run will step it (lesson 07).

A OneCycleLR or a CyclicLR is stepped after each batch, all others after each epoch. So is a OneCycleLR inside another.
"""

from collections.abc import Iterator
from typing import Any

from torch.optim import lr_scheduler

# These schedulers move the learning rate after every batch; all others after every epoch.
BATCH_SCHEDULERS = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)

# The argument that says how many steps a scheduler plans.
PLANS = {
    lr_scheduler.OneCycleLR: "total_steps",
    lr_scheduler.CyclicLR: "total_size",
    lr_scheduler.CosineAnnealingLR: "T_max",
    lr_scheduler.CosineAnnealingWarmRestarts: "T_0",
    lr_scheduler.PolynomialLR: "total_iters",
    lr_scheduler.LinearLR: "total_iters",
    lr_scheduler.ConstantLR: "total_iters",
    lr_scheduler.StepLR: "step_size",
    lr_scheduler.MultiStepLR: "milestones",
}


def describe_plans(scheduler: Any, *, num_epochs: int, num_batches: int | None, continuing: bool = False) -> list[str]:
    """Return a sentence for each plan that is longer than the run, and so never comes to its end; often it counts
    batches where epochs are due. The schedulers inside a SequentialLR or a ChainedScheduler are looked at too.

    `num_batches` an epoch, None where unknown. The run follows the steps taken before, unless it is `continuing` from a
    checkpoint, where `num_epochs` counts them.
    """
    if not isinstance(scheduler, BATCH_SCHEDULERS):
        unit, units, due = "epoch", "epochs", num_epochs
    elif num_batches is not None:
        unit, units, due = "batch", "batches", num_epochs * num_batches
    else:
        return []
    end = due if continuing else due + getattr(scheduler, "last_epoch", 0)
    return [
        f"The {name} plans {planned} steps ({argument}), but takes one after each {unit}, and {steps} at most in this "
        f"run: the plan is never carried out. Count it in {units}, {steps} at most."
        for name, argument, planned, steps in _stretches(scheduler, end)
        if planned > steps
    ]


def check_scheduler(
    scheduler: Any, *, monitor: str, num_epochs: int, num_batches: int | None, continuing: bool = False
) -> None:
    """Raise ValueError for a scheduler that would fail in the middle of the run, or follow the wrong figure.

    That is a OneCycleLR made for another number of steps or used before, and a ReduceLROnPlateau that waits for what is
    monitored to move the wrong way.
    """
    if isinstance(scheduler, lr_scheduler.OneCycleLR):
        _check_one_cycle(scheduler, num_epochs, num_batches, continuing)
    elif isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        _check_plateau(scheduler, monitor)
    else:
        _check_inner_one_cycles(scheduler, num_epochs)


def _check_one_cycle(
    scheduler: lr_scheduler.OneCycleLR, num_epochs: int, num_batches: int | None, continuing: bool
) -> None:
    planned, due = scheduler.total_steps, None if num_batches is None else num_epochs * num_batches
    remake = f"make a new one with epochs={num_epochs}, steps_per_epoch=len(train_loader)"
    if due is not None and planned != due:
        raise ValueError(
            f"This OneCycleLR is planned for {planned} steps, but {num_epochs} epochs of {num_batches} batches take "
            f"{due}, because it takes one step after every batch (not after every epoch): {remake}."
        )
    if scheduler.last_epoch > 0 and not continuing:
        raise ValueError(f"This OneCycleLR has taken {scheduler.last_epoch} of its {planned} steps already: {remake}.")


def _check_plateau(scheduler: lr_scheduler.ReduceLROnPlateau, monitor: str) -> None:
    due = {"val_loss": "min", "val_accuracy": "max"}.get(monitor, scheduler.mode)
    if scheduler.mode != due:
        raise ValueError(
            f"This ReduceLROnPlateau has mode={scheduler.mode!r}, but it is shown what is monitored, {monitor}, which "
            f"is best where it is {'lowest' if due == 'min' else 'highest'}: make it with mode={due!r}, or train with "
            f"monitor={'val_accuracy' if due == 'min' else 'val_loss'!r}."
        )


def _check_inner_one_cycles(scheduler: Any, num_epochs: int) -> None:
    for name, _, planned, steps in _stretches(scheduler, num_epochs):
        if name == lr_scheduler.OneCycleLR.__name__ and planned < steps:
            raise ValueError(
                f"The OneCycleLR inside the {type(scheduler).__name__} plans {planned} steps, but is stepped after "
                f"each epoch, {steps} times: make it with total_steps={steps}."
            )


def _stretches(scheduler: Any, steps: int) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, argument, planned steps and steps due of `scheduler`, or of those inside it, in a run of `steps`."""
    inner = getattr(scheduler, "_schedulers", None)  # PyTorch has no public name for it
    if inner is None:
        for kind, argument in PLANS.items():
            if isinstance(scheduler, kind) and (planned := getattr(scheduler, argument, None)):
                longest = max(planned) if argument == "milestones" else planned
                yield type(scheduler).__name__, argument, int(longest), steps
        return
    milestones = list(getattr(scheduler, "_milestones", []))
    begins = [0, *milestones] if milestones else [0] * len(inner)
    ends = [*milestones, steps] if milestones else [steps] * len(inner)
    for part, begin, end in zip(inner, begins, ends, strict=True):
        if begin and begin >= steps:  # a part that is never reached
            yield type(scheduler).__name__, "milestones", begin, steps
            return
        yield from _stretches(part, min(end, steps) - begin)

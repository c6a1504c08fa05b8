"""A plan longer than its run is named with a figure that fits, and a plan that fits is left in peace."""

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from course_utils.report.schedules import check_scheduler, describe_plans

EPOCHS, BATCHES = 5, 20


def coach():
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)


def sequential(optimizer, *parts, milestones):
    return lr_scheduler.SequentialLR(optimizer, list(parts), milestones=list(milestones))


# What each scheduler makes of a number of steps.
MAKE = {
    "CosineAnnealingLR": lambda o, steps: lr_scheduler.CosineAnnealingLR(o, steps),
    "CosineAnnealingWarmRestarts": lambda o, steps: lr_scheduler.CosineAnnealingWarmRestarts(o, steps),
    "PolynomialLR": lambda o, steps: lr_scheduler.PolynomialLR(o, total_iters=steps),
    "LinearLR": lambda o, steps: lr_scheduler.LinearLR(o, total_iters=steps),
    "ConstantLR": lambda o, steps: lr_scheduler.ConstantLR(o, total_iters=steps),
    "StepLR": lambda o, steps: lr_scheduler.StepLR(o, step_size=steps),
    "MultiStepLR": lambda o, steps: lr_scheduler.MultiStepLR(o, milestones=[1, steps]),
    "OneCycleLR in a ChainedScheduler": lambda o, steps: lr_scheduler.ChainedScheduler(
        [lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=steps)], optimizer=o
    ),
    "CosineAnnealingLR second in a SequentialLR": lambda o, steps: sequential(
        o, lr_scheduler.ConstantLR(o, total_iters=2), lr_scheduler.CosineAnnealingLR(o, steps - 2), milestones=[2]
    ),
    "LinearLR first in a SequentialLR": lambda o, steps: sequential(
        o, lr_scheduler.LinearLR(o, total_iters=steps - 2), lr_scheduler.ExponentialLR(o, gamma=0.9), milestones=[3]
    ),
    "CosineAnnealingLR in a SequentialLR in a ChainedScheduler": lambda o, steps: lr_scheduler.ChainedScheduler(
        [MAKE["CosineAnnealingLR second in a SequentialLR"](o, steps)],
        optimizer=o,
    ),
}


def named(scheduler, num_epochs=EPOCHS, num_batches=BATCHES, **more):
    return describe_plans(scheduler, num_epochs=num_epochs, num_batches=num_batches, **more)


def checked(scheduler, monitor="val_loss", **more):
    check_scheduler(scheduler, monitor=monitor, num_epochs=EPOCHS, num_batches=BATCHES, **more)


@pytest.mark.parametrize("kind", MAKE)
def test_a_plan_in_batches_is_named_and_its_remedy_helps(kind):
    [sentence] = named(MAKE[kind](coach(), EPOCHS * BATCHES))
    assert f"The {kind.split()[0]} plans" in sentence
    assert "after each epoch" in sentence
    assert named(MAKE[kind](coach(), EPOCHS + 1)), "one step too many"
    assert named(MAKE[kind](coach(), EPOCHS)) == []


def test_the_sentence_quotes_the_plan_and_what_fits():
    [sentence] = named(lr_scheduler.CosineAnnealingLR(coach(), 100))
    assert "plans 100 steps (T_max)" in sentence
    assert "after each epoch, and 5 at most in this run" in sentence
    assert "Count it in epochs, 5 at most" in sentence


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_the_rate_ends_where_the_plan_ends_once_the_remedy_is_followed():
    rates = {}
    for planned in (EPOCHS * BATCHES, EPOCHS):
        optimizer = coach()
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, planned)
        for _ in range(EPOCHS):
            scheduler.step()
        rates[planned] = optimizer.param_groups[0]["lr"]
    assert rates[EPOCHS * BATCHES] == pytest.approx(0.0994, abs=1e-4)
    assert rates[EPOCHS] == pytest.approx(0)


def test_what_steps_after_each_batch_is_held_against_the_batches():
    def cycle(steps):
        return lr_scheduler.CyclicLR(coach(), 0.01, 0.1, step_size_up=steps // 2)

    assert named(cycle(EPOCHS * BATCHES)) == []
    [sentence] = named(cycle(EPOCHS * BATCHES + 2))
    assert "plans 102 steps" in sentence
    assert "after each batch, and 100 at most" in sentence
    assert "Count it in batches" in sentence
    assert named(cycle(10_000), num_batches=None) == []


def test_the_part_that_is_never_reached_is_named():
    optimizer = coach()
    parts = [lr_scheduler.LinearLR(optimizer, total_iters=5), lr_scheduler.CosineAnnealingLR(optimizer, 3)]
    [sentence] = named(sequential(optimizer, *parts, milestones=[EPOCHS + 1]))
    assert "SequentialLR plans 6 steps (milestones)" in sentence


@pytest.mark.parametrize(
    "make",
    [
        lambda _: None,
        lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1000),
        lambda o: lr_scheduler.MultiStepLR(o, milestones=[]),
        lambda _: object(),
    ],
)
def test_what_has_no_plan_is_left_in_peace(make):
    assert named(make(coach())) == []
    checked(make(coach()))


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_second_run_goes_on_with_the_plan_and_so_does_a_continued_one():
    scheduler = lr_scheduler.CosineAnnealingLR(coach(), 10)
    assert named(scheduler)
    for _ in range(5):
        scheduler.step()
    assert named(scheduler, 5) == [], "5 steps taken, 5 to come"
    assert named(scheduler, 4)
    assert named(scheduler, 10, continuing=True) == [], "10 in total"
    assert named(scheduler, 9, continuing=True)


def test_an_inner_one_cycle_that_ends_too_early_is_refused_and_its_remedy_helps():
    def inside(steps):
        optimizer = coach()
        part = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)
        return lr_scheduler.ChainedScheduler([part], optimizer=optimizer)

    with pytest.raises(ValueError, match=r"inside the ChainedScheduler plans 4 steps.*total_steps=5"):
        checked(inside(4))
    checked(inside(5))

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


class HalfMade(lr_scheduler.StepLR):
    """A learner's own kind of a scheduler that plans, which keeps no plan where PyTorch's does."""

    def __init__(self):
        pass


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


def test_a_part_that_would_begin_where_the_run_ends_is_left_in_peace():
    optimizer = coach()
    parts = [lr_scheduler.LinearLR(optimizer, total_iters=5), lr_scheduler.CosineAnnealingLR(optimizer, 3)]
    assert named(sequential(optimizer, *parts, milestones=[EPOCHS])) == []


def test_what_is_chained_runs_side_by_side_each_for_the_whole_run():
    optimizer = coach()
    parts = [lr_scheduler.ConstantLR(optimizer, total_iters=steps) for steps in (EPOCHS, EPOCHS + 1)]
    [sentence] = named(lr_scheduler.ChainedScheduler(parts, optimizer=optimizer))
    assert "plans 6 steps (total_iters)" in sentence
    assert "5 at most in this run" in sentence


@pytest.mark.parametrize(
    "make",
    [
        lambda _: None,
        lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1000),
        lambda o: lr_scheduler.MultiStepLR(o, milestones=[]),
        lambda _: object(),
        lambda _: HalfMade(),
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


def one_cycle(steps):
    return lr_scheduler.OneCycleLR(coach(), max_lr=0.1, total_steps=steps)


@pytest.mark.parametrize("planned", [EPOCHS, EPOCHS * BATCHES - 1, EPOCHS * BATCHES + 1])
def test_a_one_cycle_for_another_number_of_steps_is_refused_and_its_remedy_fits(planned):
    with pytest.raises(
        ValueError, match=rf"planned for {planned} steps, but 5 epochs of 20 batches take 100.*epochs=5"
    ):
        checked(one_cycle(planned))
    checked(one_cycle(EPOCHS * BATCHES))


def test_a_one_cycle_is_left_in_peace_where_nobody_knows_the_number_of_batches():
    check_scheduler(one_cycle(7), monitor="val_loss", num_epochs=EPOCHS, num_batches=None)


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_one_cycle_that_has_taken_steps_goes_on_from_a_checkpoint_only():
    scheduler = one_cycle(EPOCHS * BATCHES)
    scheduler.step()
    with pytest.raises(ValueError, match="has taken 1 of its 100 steps already: make a new one with epochs=5"):
        checked(scheduler)
    checked(scheduler, continuing=True)


@pytest.mark.parametrize(
    ("mode", "monitor", "told"),
    [
        ("max", "val_loss", "val_loss, which is best where it is lowest: .*mode='min', .*monitor='val_accuracy'"),
        ("min", "val_accuracy", "val_accuracy, which is best where it is highest: .*mode='max', .*monitor='val_loss'"),
    ],
)
def test_a_plateau_that_waits_for_the_wrong_direction_is_refused_and_both_remedies_help(mode, monitor, told):
    with pytest.raises(ValueError, match=f"has mode='{mode}', .*{told}"):
        checked(lr_scheduler.ReduceLROnPlateau(coach(), mode=mode), monitor)
    checked(lr_scheduler.ReduceLROnPlateau(coach(), mode="min" if mode == "max" else "max"), monitor)
    checked(lr_scheduler.ReduceLROnPlateau(coach(), mode=mode), "val_accuracy" if mode == "max" else "val_loss")


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_that_watches_another_figure_is_left_in_peace(mode):
    checked(lr_scheduler.ReduceLROnPlateau(coach(), mode=mode), "a figure of one's own")

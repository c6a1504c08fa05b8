"""Sweeps repeat, range tests leave no trace, and what cannot be told apart is said to be so."""

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.report.history import History
from course_utils.runtime import set_seed
from course_utils.training import train_model
from course_utils.tuning import SweepResult, _suggest, learning_rate_range_test, sweep, sweep_learning_rates


def loader(number=40, *, seed=0, shuffle=False, batch_size=8):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(number, 5, generator=generator)
    return DataLoader(
        TensorDataset(inputs, inputs[:, :3].argmax(1)), batch_size=batch_size, shuffle=shuffle, generator=generator
    )


def make_model(learning_rate=0.01, size_inner=7):
    model = nn.Sequential(nn.Linear(5, size_inner), nn.BatchNorm1d(size_inner), nn.ReLU(), nn.Linear(size_inner, 3))
    return model, torch.optim.Adam(model.parameters(), lr=learning_rate)


def randomness(*loaders):
    return (
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        torch.get_rng_state().tolist(),
        *(data.generator.get_state().tolist() for data in loaders),
    )


OPTIONS = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False, "num_epochs": 2}


def result(scores, num_val=100, values=(0.0001, 0.001, 0.01, 0.1)):
    """A sweep made up: a row of accuracies for each learning rate."""
    rates = values[: len(scores)]

    def card(accuracy):
        loss = math.nan if math.isnan(accuracy) else 1.0
        return History(
            train_loss=[1.0], train_accuracy=[0.9], val_loss=[loss], val_accuracy=[accuracy], num_val=num_val
        )

    return SweepResult(
        "learning_rate", {rate: [card(mark) for mark in row] for rate, row in zip(rates, scores, strict=True)}
    )


def test_each_run_equals_a_training_with_that_seed_alone():
    train, val = loader(shuffle=True), loader(seed=1)
    found = sweep_learning_rates(make_model, train, val, learning_rates=(0.001, 0.1), seeds=(0, 4), **OPTIONS)
    set_seed(4)
    train.generator.manual_seed(4)
    val.generator.manual_seed(4)
    model, optimizer = make_model(0.1)
    alone = train_model(model, train, val, optimizer=optimizer, **OPTIONS)
    assert found.histories[0.1][1].val_loss == alone.val_loss
    assert found.scores[1][1] == max(alone.val_accuracy)


def test_any_setting_can_be_swept():
    found = sweep(make_model, loader(), loader(seed=1), parameter="size_inner", values=(2, 9), seeds=(0,), **OPTIONS)
    assert found.values == [2, 9]
    assert "size_inner" in repr(found)
    assert "<table" in found._repr_html_()


def test_a_sweep_leaves_all_random_generators_as_they_were():
    train, val = loader(shuffle=True), loader(seed=1)
    before = randomness(train, val)
    sweep_learning_rates(make_model, train, val, learning_rates=(0.01,), **OPTIONS)
    assert randomness(train, val) == before

    def broken(**_):
        torch.rand(3)
        raise RuntimeError("no model today")

    with pytest.raises(RuntimeError, match="no model today"):
        sweep_learning_rates(broken, train, val, **OPTIONS)
    assert randomness(train, val) == before


def test_a_sweep_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        sweep_learning_rates(make_model, loader(), loader(), learning_rates=(), **OPTIONS)


def test_the_error_bar_holds_the_chance_of_seeds_and_exam():
    found = result([[0.70, 0.80, 0.75]])
    of_seeds = np.std([0.70, 0.80, 0.75], ddof=1) / math.sqrt(3)
    of_exam = math.sqrt(0.75 * 0.25 / 100)
    assert found.means == pytest.approx([0.75])
    assert found.errors == pytest.approx([math.hypot(of_seeds, of_exam)])


@pytest.mark.parametrize(("second", "same"), [(0.70, [0.0001, 0.001]), (0.50, [0.0001])])
def test_what_cannot_be_told_apart_is_said_to_be_so(second, same):
    found = result([[0.75] * 3, [second] * 3])  # standard error of the difference about 0.06
    assert found.best == 0.0001
    assert found.indistinguishable == same
    assert ("2 cannot be told apart (0.0001, 0.001)" in found.explain()) == (len(same) > 1)


def test_a_best_at_the_edge_asks_for_more_values():
    assert "try values beyond" in result([[0.9], [0.5], [0.5]]).explain()
    assert "try values beyond" not in result([[0.5], [0.9], [0.5]]).explain()


def test_nothing_lies_beyond_no_dropout_at_all():
    assert "try values beyond" not in result([[0.9], [0.5]], values=(0.0, 0.5)).explain()
    assert "try values beyond" in result([[0.5], [0.9]], values=(0.0, 0.5)).explain()


def test_a_diverged_run_is_never_best():
    found = result([[0.6, 0.6], [0.9, math.nan]])
    assert found.best == 0.0001
    assert "diverged" in repr(found)
    with pytest.raises(ValueError, match="much smaller"):
        _ = result([[math.nan]]).best


def run_range_test(model, optimizer, data, **options):
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False} | options
    return learning_rate_range_test(model, data, optimizer=optimizer, **options)


def test_the_range_test_leaves_no_trace():
    model, optimizer = make_model(0.01)
    data = loader(shuffle=True)
    train_model(model, data, data, optimizer=optimizer, **OPTIONS)  # so that Adam has a state
    model.train()
    model[1].eval()
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    before = randomness(data)
    calls = []

    def criterion(outputs, targets):
        calls.append(1)
        if len(calls) == 130:
            raise RuntimeError("the teacher is ill")
        return nn.functional.cross_entropy(outputs, targets)

    def assert_no_trace():
        assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
        assert str(optimizer.state_dict()) == str(state)
        assert [module.training for module in model] == [True, False, True, True]
        assert all(torch.equal(p.grad, gradient) for p, gradient in zip(model.parameters(), gradients, strict=True))
        assert randomness(data) == before

    found = run_range_test(model, optimizer, data, criterion=criterion, max_lr=0.1)
    assert len(found.losses) == 100, "five batches only: the loader begins anew"
    assert_no_trace()
    with pytest.raises(RuntimeError, match="ill"):
        run_range_test(model, optimizer, data, criterion=criterion)
    assert_no_trace()


def test_the_range_test_equals_steps_by_hand():
    model, optimizer = make_model(0.01)
    reference, by_hand = copy.deepcopy(model), []
    data = loader()
    found = run_range_test(model, optimizer, data, min_lr=1e-4, max_lr=1e-2, num_steps=10)
    optimizer = torch.optim.Adam(reference.parameters())
    batches = [*data, *data]
    for rate, (inputs, targets) in zip(np.geomspace(1e-4, 1e-2, 10), batches, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(reference(inputs), targets)
        loss.backward()
        optimizer.step()
        by_hand.append(loss.item())
    assert found.learning_rates == pytest.approx(np.geomspace(1e-4, 1e-2, 10).tolist())
    assert found.losses == pytest.approx(by_hand, rel=1e-5)


def test_a_chance_fall_at_the_start_is_no_suggestion():
    rates = [10.0 ** (step / 4 - 6) for step in range(21)]
    smoothed = [3.0, 2.0, *(2.0 - 0.02 * step for step in range(19))]  # one lucky first batch, then a steady fall
    best, _ = _suggest(rates, smoothed)
    assert best > rates[1]


def test_the_range_test_suggests_a_rate_that_learns_and_stops_when_the_loss_explodes():
    model = nn.Linear(5, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = run_range_test(model, optimizer, loader(200), max_lr=1e4)
    assert len(found.losses) < 100
    assert 1e-3 < found.suggestion < 100
    assert f"{found.suggestion:.2g}" in found.reason


def test_a_range_test_without_a_fall_says_why():
    model = nn.Linear(5, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = run_range_test(model, optimizer, loader(), min_lr=1e-9, max_lr=1e-8)
    assert found.suggestion is None
    assert "widen the range" in found.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [({"min_lr": 1.0, "max_lr": 0.1}, "must rise"), ({"num_steps": 3}, "10 steps"), ({}, "no batch")],
)
def test_a_range_test_that_cannot_be_run_is_refused(options, message):
    model, optimizer = make_model()
    with pytest.raises(ValueError, match=message):
        run_range_test(model, optimizer, [] if not options else loader(), **options)

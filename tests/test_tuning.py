"""Sweeps repeat, range tests leave no trace, and what cannot be told apart is said to be so."""

import copy
import math
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.runtime import set_seed
from course_utils.training import train_model
from course_utils.tuning import _right_answers, _suggest, learning_rate_range_test, sweep, sweep_learning_rates


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": ()}, "at least one"),
        ({"values": np.array([])}, "at least one"),
        ({"seeds": ()}, "at least one"),
        ({"values": (0.1, np.float64(0.1))}, "value 0.1 is given twice"),
        ({"seeds": (0, 1, 0)}, "seed 0 is given twice"),
    ],
)
def test_a_sweep_that_proves_nothing_is_refused(given, message):
    given = {"parameter": "learning_rate", "values": (0.1,)} | given
    with pytest.raises(ValueError, match=message):
        sweep(make_model, loader(), loader(), **given, **OPTIONS)


def adam_or_sgd(optimizer):
    model = nn.Linear(5, 3)
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    return model, kinds.get(optimizer, optimizer)(model.parameters(), lr=0.1)


def layered(sizes):
    model = nn.Sequential(nn.Linear(5, sizes[0]), *(nn.Linear(a, b) for a, b in pairwise([*sizes, 3])))
    return model, torch.optim.Adam(model.parameters())


def weighted(weights):
    model = nn.Linear(5, 3)
    with torch.no_grad():
        model.weight.mul_(weights[:, None])
    return model, torch.optim.Adam(model.parameters())


WHATEVER = {
    "logspace": (lambda rate: make_model(rate), np.logspace(-3, -1, 3), ["0.001", "0.01", "0.1"]),
    "a tensor": (lambda rate: make_model(rate), torch.tensor([0.5, 0.25]), ["0.5", "0.25"]),
    "a generator": (lambda rate: make_model(rate), [0.1, 0.01], ["0.1", "0.01"]),
    "numpy integers": (lambda size: make_model(size_inner=size), np.arange(2, 4), ["2", "3"]),
    "names": (adam_or_sgd, ["adam", "sgd"], ["adam", "sgd"]),
    "classes": (adam_or_sgd, [torch.optim.Adam, torch.optim.SGD], ["Adam", "SGD"]),
    "tuples": (layered, [(4, 5), (6,)], ["(4, 5)", "(6,)"]),
    "lists": (layered, [[4, 5], [6]], ["[4, 5]", "[6]"]),
    "tensors": (weighted, [torch.ones(3), torch.zeros(3)], ["tensor([1., 1., 1.])", "tensor([0., 0., 0.])"]),
    "None and numbers": (lambda size: make_model(size_inner=size or 4), [None, 2], ["None", "2"]),
    "switches": (lambda wide: make_model(size_inner=9 if wide else 2), [True, False], ["True", "False"]),
}


@pytest.mark.parametrize("kind", WHATEVER)
def test_whatever_prints_can_be_swept_and_shown(kind):
    make, values, labels = WHATEVER[kind]
    options = OPTIONS | {"num_epochs": 1, "seeds": (0, 1)}
    given = (value for value in values) if kind == "a generator" else values
    found = sweep(lambda setting: make(setting), loader(), loader(), parameter="setting", values=given, **options)
    assert found.labels == labels
    assert [len(runs) for runs in found.histories.values()] == [2, 2, 2][: len(labels)]
    assert "setting" in repr(found)
    assert "<table" in found._repr_html_()
    assert found.labels[[value is found.best for value in found.values].index(True)] in found.explain()


def test_a_learning_rate_of_numpy_arrives_as_pythons_number():
    seen = []

    def remember(learning_rate):
        seen.append(type(learning_rate))
        return make_model(learning_rate)

    options = OPTIONS | {"num_epochs": 1, "seeds": np.arange(1)}
    found = sweep_learning_rates(remember, loader(), loader(), learning_rates=np.logspace(-3, -1, 3), **options)
    assert seen == [float] * 3
    assert [type(run.seed) for run in found.runs] == [int] * 3


def test_regression_is_swept_by_its_loss():
    inputs = torch.randn(40, 5)
    data = DataLoader(TensorDataset(inputs, inputs[:, :1] * 2), batch_size=8)

    def make(learning_rate):
        model = nn.Linear(5, 1)
        return model, torch.optim.SGD(model.parameters(), lr=learning_rate)

    options = OPTIONS | {"criterion": nn.MSELoss(), "learning_rates": (1e-6, 0.1)}
    with pytest.raises(ValueError, match="monitor='val_loss'"):
        sweep_learning_rates(make, data, data, **options)
    found = sweep_learning_rates(make, data, data, monitor="val_loss", **options)
    assert found.best == 0.1
    assert found.means[1] == pytest.approx(np.mean([min(card.val_loss) for card in found.histories[0.1]]))
    assert found.runs[0].right is None
    assert "best mean loss" in found.explain()
    assert "mock exam loss" in repr(found)


def test_the_answers_kept_are_those_of_the_best_term():
    found = sweep(make_model, loader(), loader(33, seed=1), parameter="size_inner", values=(2, 9), **OPTIONS)
    for run in found.runs:
        assert run.right.shape == (33,)
        assert run.right.float().mean().item() == pytest.approx(max(run.history.val_accuracy))


def test_answers_are_given_as_in_an_exam_whatever_the_mode():
    model = nn.Sequential(nn.Linear(5, 7), nn.Dropout(0.5), nn.Linear(7, 3))
    asked = []
    model.register_forward_hook(lambda module, *_: asked.append((module.training, torch.is_grad_enabled())))
    exam = loader(33, batch_size=8)
    inputs, targets = exam.dataset.tensors
    expected = model.eval()(inputs).argmax(1) == targets
    asked.clear()
    model.train()
    assert torch.equal(_right_answers(model, exam, "cpu"), expected)
    assert asked == [(False, False)] * 5
    assert all(module.training for module in model)


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (torch.zeros(4, 3, 2), torch.zeros(4, dtype=torch.int64)),
        (torch.zeros(4, 3), torch.zeros(4, 2, dtype=torch.int64)),
        (torch.zeros(4, 3), torch.zeros(4)),
    ],
    ids=["a map of scores", "several labels", "measurements"],
)
def test_answers_are_not_kept_where_a_sample_has_no_one_class_number(outputs, targets):
    exam = DataLoader(TensorDataset(outputs, targets), batch_size=2)
    assert _right_answers(nn.Identity(), exam, "cpu") is None


def test_answers_are_not_kept_where_the_exam_has_another_order_each_time():
    exam = loader(33, seed=1, shuffle=True)
    found = sweep(make_model, loader(), exam, parameter="size_inner", values=(2,), seeds=(0,), **OPTIONS)
    assert found.runs[0].right is None
    batches = list(loader())
    found = sweep(make_model, batches, batches, parameter="size_inner", values=(2,), seeds=(0,), **OPTIONS)
    assert found.runs[0].right is None
    assert "best" in repr(found)


@pytest.mark.parametrize("progress", [{}, {"progress": False}], ids=["by default", "quiet"])
def test_one_bar_shows_how_far_a_sweep_or_a_range_test_is_and_its_runs_are_silent(progress, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu"} | progress
    sweep_learning_rates(make_model, loader(), loader(), learning_rates=(0.01,), seeds=(0,), num_epochs=1, **options)
    out = capsys.readouterr().out
    assert ("learning_rate sweep:   0%" in out) == ("? runs/s" in out) == (not progress)
    assert "practice" not in out
    assert "Epoch" not in out
    model, optimizer = make_model()
    learning_rate_range_test(model, loader(), optimizer=optimizer, num_steps=10, **options)
    out = capsys.readouterr().out
    assert ("range test:   0%" in out) == ("? batches/s" in out) == (not progress)


def test_unless_asked_otherwise_a_run_has_ten_epochs_and_three_seeds_and_a_range_ends_at_1():
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False}
    found = sweep(make_model, loader(8), loader(8), parameter="learning_rate", values=(0.01,), **options)
    assert [(run.seed, len(run.history)) for run in found.runs] == [(0, 10), (1, 10), (2, 10)]
    model, optimizer = make_model()
    found = learning_rate_range_test(model, loader(), optimizer=optimizer, **options)
    assert len(found.learning_rates) == 100
    assert (found.learning_rates[0], found.learning_rates[-1]) == (1e-6, pytest.approx(1.0))


def test_an_interrupt_ends_the_sweep_and_keeps_what_is_finished(capsys):
    train, val = loader(shuffle=True), loader(seed=1)
    before, steps = randomness(train, val), []

    def criterion(outputs, targets):
        steps.append(1)
        if len(steps) == 4 * 20 + 3:  # 20 batches a run: in the middle of the fifth
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(outputs, targets)

    options = OPTIONS | {"criterion": criterion, "seeds": (0, 1, 2)}
    found = sweep_learning_rates(make_model, train, val, learning_rates=(0.01, 0.1), **options)
    assert [(run.value, run.seed) for run in found.runs] == [(0.01, 0), (0.01, 1), (0.01, 2), (0.1, 0)]
    assert len(steps) == 83, "nothing is trained afterwards"
    assert all(len(run.history) == 2 for run in found.runs)
    assert not found.is_complete
    assert "Stopped after 4 of 6 runs" in found.explain()
    assert "4 of 6 runs that are finished" in capsys.readouterr().out
    assert randomness(train, val) == before


def test_an_interrupt_while_a_model_is_made_or_examined_ends_the_sweep_too():
    def make(learning_rate):
        if learning_rate == 0.1:
            raise KeyboardInterrupt
        return make_model(learning_rate)

    found = sweep_learning_rates(make, loader(), loader(), learning_rates=(0.1, 0.01), **OPTIONS)
    assert found.runs == []
    assert "Stopped after 0 of 6 runs" in repr(found)
    assert "Stopped after 0 of 6 runs" in found._repr_html_()


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
    averages = [0.0]
    for step, loss in enumerate(by_hand, start=1):
        averages.append(0.9 * averages[-1] + 0.1 * loss)
        assert found.smoothed[step - 1] == pytest.approx(averages[-1] / (1 - 0.9**step), rel=1e-5)


def test_the_range_test_explains_a_mistake():
    model, optimizer = make_model()
    with pytest.raises(ValueError, match="label is 7, which is no class"):
        run_range_test(model, optimizer, [(torch.zeros(2, 5), torch.tensor([0, 7]))])


def exploding(losses):
    """A model whose batches have the losses given, one after the other, whatever it learns."""
    model = nn.Linear(5, 3)
    made_up = iter(losses)
    return model, torch.optim.SGD(model.parameters(), lr=0.1), lambda outputs, _: 0 * outputs.sum() + next(made_up)


@pytest.mark.parametrize(
    ("last", "ends"),
    [(31.1, True), (30.9, False), (math.nan, True), (math.inf, True)],
    ids=["four times the lowest", "just below", "not a number", "infinite"],
)
@pytest.mark.parametrize("steady", [1.0, 5.0])
def test_a_range_test_ends_at_four_times_its_lowest_loss(last, ends, steady):
    """19 losses alike, then one that lifts their running average to just four times the lowest, or not."""
    share = 0.1 / (1 - 0.9**20)  # of the last loss in the average
    last = steady * (1 + (last - 1) * 0.1 / share) if math.isfinite(last) else last
    model, optimizer, criterion = exploding([steady] * 19 + [last] + [steady] * 10)
    found = run_range_test(model, optimizer, loader(), criterion=criterion, num_steps=30)
    assert len(found.losses) == (20 if ends else 30)


def test_a_range_test_takes_negative_losses():
    model, optimizer, criterion = exploding([-1.0 - 0.01 * step for step in range(30)])
    found = run_range_test(model, optimizer, loader(), criterion=criterion, num_steps=30)
    assert len(found.losses) == 30
    assert found.suggestion is not None


def test_an_interrupted_range_test_returns_what_it_saw_and_suggests_nothing():
    model, optimizer = make_model(0.01)
    weights, steps = copy.deepcopy(model.state_dict()), []

    def criterion(outputs, targets):
        steps.append(1)
        if len(steps) == 8:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(outputs, targets)

    found = run_range_test(model, optimizer, loader(), criterion=criterion)
    assert len(found.losses) == len(found.learning_rates) == len(found.smoothed) == 7
    assert found.suggestion is None
    assert "Interrupted after 7 of 100 steps" in found.reason
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_a_range_test_interrupted_before_its_first_batch_is_no_result():
    def criterion(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_range_test(*make_model(0.01), loader(), criterion=criterion)


def test_a_range_of_numpy_gives_pythons_numbers():
    found = run_range_test(*make_model(0.01), loader(), min_lr=np.float32(1e-4), max_lr=np.float64(0.1), num_steps=10)
    assert {type(rate) for rate in found.learning_rates} == {float}


def test_a_chance_fall_at_the_start_is_no_suggestion():
    rates = [10.0 ** (step / 4 - 6) for step in range(21)]
    smoothed = [3.0, 2.0, *(2.0 - 0.02 * step for step in range(19))]  # one lucky first batch, then a steady fall
    best, _ = _suggest(rates, smoothed)
    assert best > rates[1]


@pytest.mark.parametrize(("lowest", "suggested"), [(0.9501, False), (0.95, True), (0.5, True), (-1.0, True)], ids=str)
@pytest.mark.parametrize("start", [2.0, 128.0])
def test_a_rate_is_suggested_where_the_loss_falls_by_5_percent(lowest, suggested, start):
    rates = [10.0 ** (step / 4 - 6) for step in range(21)]
    smoothed = [start * (1 - (1 - lowest) * step / 20) for step in range(21)]
    best, reason = _suggest(rates, smoothed)
    assert (best is not None) == suggested
    assert ("never fell by 5 % between the rates 1e-06 and 0.1" in reason) == (not suggested)


def test_the_rate_of_the_steepest_fall_is_suggested():
    rates = [10.0 ** (step / 4 - 6) for step in range(21)]
    smoothed = [3.5] + [3.0] * 7 + [2.9, 2.5, 1.5, 1.3, 1.2, 1.0, 1.1, 3.0, 9.0, math.nan, math.inf, math.nan, math.inf]
    best, reason = _suggest(rates, smoothed)
    assert best == rates[9], "from 2.9 to 1.5"
    assert reason == "The loss falls fastest near 0.00018, from 3.500 to 1.000 at its lowest."


def test_a_loss_that_is_lowest_where_averages_cover_few_batches_suggests_nothing():
    rates = [10.0 ** (step / 4 - 6) for step in range(21)]
    assert _suggest(rates, [3.0, 2.0, 1.0, *[2.0] * 18])[0] is None, "lowest within the first tenth"
    assert _suggest(rates, [3.0, 2.9, 2.0, 1.0, *[2.0] * 17])[0] == rates[2]
    assert _suggest(rates[:10], [3.0, 2.0, 1.0, *[2.0] * 7])[0] == rates[1]
    assert _suggest(rates, [math.nan] * 21)[0] is None


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
    assert found.reason == (
        "The loss never fell by 5 % between the rates 1e-09 and 1e-08, so none is suggested: widen the range, take "
        "more steps, and check that the optimizer holds the right parameters."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_lr": 1.0, "max_lr": 0.1}, "must rise"),
        ({"min_lr": 0.1, "max_lr": 0.1}, "must rise"),
        ({"min_lr": 0.0}, "must rise"),
        ({"num_steps": 9}, r"over 10 steps or more: not 1e-06 to 1\.0 over 9\.$"),
        ({}, r"^The loader gave no batch: is its data set empty\?$"),
    ],
)
def test_a_range_test_that_cannot_be_run_is_refused(options, message):
    model, optimizer = make_model()
    with pytest.raises(ValueError, match=message):
        run_range_test(model, optimizer, [] if not options else loader(), **options)

"""The attendant sees each fault of a loop once, changes nothing, and says nothing of a healthy loop."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from course_utils.watching import watch


def student(*extra):
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.5), *extra, nn.Linear(12, 3))


def batches(number=4):
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randn(8, 6, generator=generator), torch.randint(3, (8,), generator=generator)) for _ in range(number)
    ]


def run(
    *,
    model=None,
    forget=True,
    correct=True,
    trace=True,
    train=True,
    exam=True,
    item=True,
    num_epochs=2,
    scheduled=None,
    deepcopy=True,
    attend=True,
    rate=0.05,
):
    """A loop with one thing left out. Return what the attendant found, by kind, and the model."""
    torch.manual_seed(0)
    model = model or student()
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=rate), nn.CrossEntropyLoss()
    scheduler = OneCycleLR(optimizer, 0.05, total_steps=len(batches()) * num_epochs) if scheduled else None
    attendant = watch(model, optimizer, criterion=criterion, scheduler=scheduler) if attend else None
    total, best = 0.0, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(num_epochs):
            if train:
                model.train()
            for inputs, labels in batches():
                if forget:
                    optimizer.zero_grad()
                loss = criterion(model(inputs), labels)
                if trace:
                    loss.backward()
                if correct:
                    optimizer.step()
                if scheduled == "batch":
                    scheduler.step()
                total = total + (loss.item() if item else loss)
            if scheduled == "epoch":
                scheduler.step()
            if exam:
                model.eval()
            with torch.no_grad():
                model(batches(1)[0][0])
            best = best or (copy.deepcopy(model.state_dict()) if deepcopy else model.state_dict())
        model.load_state_dict(best)
        findings = attendant.leave() if attend else []
    return [finding.kind for finding in findings], model


def test_a_healthy_loop_is_not_spoken_of():
    assert run(scheduled="batch")[0] == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"forget": False}, "not forgotten"),
        ({"correct": False}, "no step"),
        ({"trace": False}, "no backward"),
        ({"exam": False}, "exam in train()"),
        ({"train": False}, "practice in eval()"),
        ({"item": False}, "threads"),
        ({"scheduled": "epoch", "num_epochs": 6}, "scheduler"),
        ({"deepcopy": False}, "by reference"),
    ],
)
def test_each_fault_is_found_and_no_other(fault, kind):
    assert run(**fault)[0] == [kind]


def test_units_that_a_huge_rate_has_killed_are_found():
    model = student()
    nn.init.constant_(model[0].bias, -100.0)
    assert run(model=model, num_epochs=10, rate=1e-4)[0] == ["dead units"]


def test_a_frozen_batch_norm_in_train_is_found():
    model = student(nn.BatchNorm1d(12).requires_grad_(False))
    assert "drifts" in run(model=model)[0]


class Still(nn.BatchNorm1d):
    """Stays in eval(), whatever mode its model is in."""

    def train(self, _mode=True):
        return super().train(False)


def test_a_frozen_batch_norm_that_stays_in_eval_is_no_fault():
    assert run(model=student(Still(12).eval().requires_grad_(False)))[0] == []


class Odd(nn.Module):
    """One ReLU for two widths, and a state that is no tensor."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last, self.relu = nn.Linear(6, 12), nn.Linear(12, 5), nn.Linear(5, 3), nn.ReLU()

    def forward(self, inputs):
        return self.last(self.relu(self.second(self.relu(self.first(inputs)))))

    def get_extra_state(self):
        return {"version": 1}

    def set_extra_state(self, state):
        assert state == {"version": 1}


def test_an_unusual_model_is_watched_without_harm():
    assert run(model=Odd())[0] == []
    assert run(model=Odd(), deepcopy=False)[0] == ["by reference"]


def test_a_criterion_that_is_no_module_is_refused():
    model = student()
    with pytest.raises(TypeError, match=r"use one, such as nn\.CrossEntropyLoss"):
        watch(model, torch.optim.SGD(model.parameters(), lr=0.1), criterion=nn.functional.cross_entropy)


def test_gradients_added_up_on_purpose_are_no_fault():
    model = student()
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()
    with watch(model, optimizer, criterion=criterion) as attendant:
        for _ in range(2):
            optimizer.zero_grad()
            for inputs, labels in batches(3):
                criterion(model(inputs), labels).backward()
            optimizer.step()
    assert attendant.findings == []


def test_the_attendant_changes_nothing():
    watched, alone = run()[1], run(attend=False)[1]
    assert all(torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True))


def test_after_leaving_nothing_is_watched_any_more():
    model = student()
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()
    attendant = watch(model, optimizer, criterion=criterion)
    assert attendant.leave() == []
    with torch.no_grad():
        model(batches(1)[0][0])
    assert attendant.leave() == []
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert not criterion._forward_pre_hooks


def test_each_finding_is_warned_of_once_and_says_when():
    model = student()
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()
    seen = watch(model, optimizer, criterion=criterion)
    warned = []
    for inputs, labels in batches(4):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            criterion(model(inputs), labels).backward()
        warned.append([str(each.message) for each in heard])
        optimizer.step()
    assert [len(each) for each in warned] == [0, 1, 0, 0]
    assert [(finding.kind, finding.num_steps) for finding in seen.leave()] == [("not forgotten", 1)]
    assert warned[1] == [seen.findings[0].sentence]


def test_the_first_batch_is_looked_at():
    model = nn.Sequential(nn.Linear(6, 3), nn.Softmax(1))
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()
    inputs, labels = batches(1)[0]
    with pytest.warns(UserWarning, match="probabilities"), watch(model, optimizer, criterion=criterion) as attendant:
        criterion(model(inputs), labels)
    assert len(attendant.findings) == 1
    with watch(model, optimizer, criterion=criterion), pytest.raises(ValueError, match="float32"):
        criterion(model(inputs), labels.float())


def test_loaders_are_looked_at_before_the_run():
    data = torch.utils.data.TensorDataset(torch.randn(40, 6), torch.arange(40) // 14)
    loaders = [torch.utils.data.DataLoader(data, batch_size=10) for _ in range(2)]
    model = student()
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()
    attendant = watch(model, optimizer, criterion=criterion)
    with pytest.warns(UserWarning, match="sorted by class"):
        attendant.look_at(*loaders, num_epochs=1)
    assert [finding.num_steps for finding in attendant.leave()] == [0]

"""A checkpoint holds plain types, comes back whole, and refuses what does not belong to it."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.checkpoints import (
    describe_run,
    load_checkpoint,
    preserved_randomness,
    refuse_surprise,
    save_checkpoint,
)

# PyTorch 2.6's own SequentialLR calls its schedulers in a way that it warns of.
pytestmark = pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")

SCHEDULERS = {
    "StepLR": lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=2),
    "MultiStepLR": lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3]),
    "CosineAnnealingLR": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5),
    "CosineAnnealingWarmRestarts": lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=3),
    "OneCycleLR": lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=9),
    "CyclicLR": lambda o: torch.optim.lr_scheduler.CyclicLR(o, 0.01, 0.1, cycle_momentum=False),
    "ReduceLROnPlateau": lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1),
    "LambdaLR": lambda optimizer: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.9**epoch),
    "SequentialLR": lambda o: torch.optim.lr_scheduler.SequentialLR(
        o,
        [torch.optim.lr_scheduler.LinearLR(o, total_iters=2), torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.5)],
        milestones=[2],
    ),
}


def loaders(batch_size=4):
    generator = torch.Generator().manual_seed(1)
    dataset = TensorDataset(torch.randn(12, 3, generator=generator), torch.arange(12) % 2)
    return (
        DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator),
        DataLoader(dataset, batch_size=batch_size),
    )


def run(kind=None, *, lr=0.1, hidden=5, batch_size=4, **others):
    model = nn.Sequential(nn.Linear(3, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    scheduler = SCHEDULERS[kind](optimizer) if kind else None
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "loaders": loaders(batch_size)}
    return parts | {"settings": describe_run(**parts, **{"criterion": nn.CrossEntropyLoss(), "patience": 3} | others)}


def practise(parts, epochs=2):
    for _ in range(epochs):
        for inputs, targets in parts["loaders"][0]:
            parts["optimizer"].zero_grad()
            nn.functional.cross_entropy(parts["model"](inputs), targets).backward()
            parts["optimizer"].step()
        if isinstance(parts["scheduler"], torch.optim.lr_scheduler.ReduceLROnPlateau):
            parts["scheduler"].step(1.0)
        elif parts["scheduler"]:
            parts["scheduler"].step()


@pytest.mark.parametrize("kind", [None, *SCHEDULERS])
def test_everything_comes_back(tmp_path, kind):
    path = tmp_path / "mein Läufer" / "run.pt"
    parts = run(kind)
    practise(parts)
    best = {name: tensor + 1 for name, tensor in parts["model"].state_dict().items()}
    save_checkpoint(path, history={"train_loss": [1.0]}, best_weights=best, **parts)
    practise(parts)  # what an uninterrupted run does next
    drawn = (random.random(), np.random.rand(), torch.rand(1))  # noqa: NPY002

    torch.manual_seed(99)
    fresh = run(kind)
    history, best_again = load_checkpoint(path, **fresh)
    practise(fresh)
    assert history == {"train_loss": [1.0]}
    assert all(torch.equal(tensor, best[name]) for name, tensor in best_again.items())
    expected = parts["model"].state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in fresh["model"].state_dict().items())
    assert fresh["optimizer"].param_groups[0]["lr"] == parts["optimizer"].param_groups[0]["lr"]
    assert (random.random(), np.random.rand(), torch.rand(1)) == drawn  # noqa: NPY002


@pytest.mark.parametrize("kind", [None, *SCHEDULERS])
def test_settings_do_not_move_while_training(kind):
    parts = run(kind)
    settings = parts.pop("settings")
    practise(parts)
    assert describe_run(**parts, criterion=nn.CrossEntropyLoss(), patience=3) == settings


CHANGES = {
    "learning rates": {"lr": 0.2},
    "batch size": {"batch_size": 3},
    "patience": {"patience": 4},
    "criterion": {"criterion": nn.CrossEntropyLoss(label_smoothing=0.1)},
    "scheduler": {"kind": "StepLR"},
    "model: 0.weight": {"hidden": 6},
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_settings_are_refused_by_name_and_nothing_is_touched(tmp_path, name):
    path = tmp_path / "run.pt"
    parts = run()
    practise(parts)
    save_checkpoint(path, history={}, best_weights={}, **parts)
    changed = run(**CHANGES[name])
    before = {key: tensor.clone() for key, tensor in changed["model"].state_dict().items()}
    random_state = torch.get_rng_state()
    with pytest.raises(ValueError, match=rf"run.pt belongs to a run with other settings.*{name} .*was .*, is now"):
        load_checkpoint(path, **changed)
    assert all(torch.equal(tensor, before[key]) for key, tensor in changed["model"].state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)


def test_class_weights_are_part_of_the_settings():
    parts = run()
    settings = parts.pop("settings")
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))
    assert describe_run(**parts, criterion=weighted, patience=3)["criterion"] != settings["criterion"]
    assert "[1.0, 2.0]" in describe_run(**parts, criterion=weighted)["criterion"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a file"])
def test_a_damaged_file_is_refused_with_a_way_out(tmp_path, content):
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run.pt cannot be read as a checkpoint.*start afresh"):
        load_checkpoint(path, **run())


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="no checkpoint of train_model"):
        load_checkpoint(path, **run())


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path):
    path = tmp_path / "run.pt"
    parts = run()
    save_checkpoint(path, history={"seconds": [1.0]}, best_weights={}, **parts)
    with pytest.raises(AttributeError):
        save_checkpoint(path, history={"seconds": lambda: 0}, best_weights={}, **parts)  # cannot be written
    assert load_checkpoint(path, **parts)[0] == {"seconds": [1.0]}
    assert list(tmp_path.iterdir()) == [path]


def test_surprises(tmp_path):
    path = tmp_path / "run.pt"
    assert refuse_surprise(path, resume=True) is False
    assert refuse_surprise(path, resume=False) is False
    assert refuse_surprise(None, resume=False) is False
    with pytest.raises(ValueError, match="checkpoint_path"):
        refuse_surprise(None, resume=True)
    path.touch()
    assert refuse_surprise(path, resume=True) is True
    with pytest.raises(FileExistsError, match=r"resume=True.*delete that file"):
        refuse_surprise(path, resume=False)


def test_randomness_is_preserved_after_an_error():
    data = loaders()
    before = (random.getstate(), torch.get_rng_state().tolist(), data[0].generator.get_state().tolist())
    with pytest.raises(RuntimeError), preserved_randomness(data) as generators:  # noqa: PT012 - the block fails
        assert generators == [data[0].generator]
        list(data[0])
        random.random()
        torch.rand(1)
        raise RuntimeError
    assert (random.getstate(), torch.get_rng_state().tolist(), data[0].generator.get_state().tolist()) == before

"""A checkpoint holds plain types, comes back whole, and refuses what does not belong to it."""

import errno
import operator
import random
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from course_utils import checkpoints
from course_utils.checkpoints import (
    MovingParts,
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


def run(kind=None, *, lr=0.1, hidden=5, batch_size=4, data=None, scaler=None, **others):
    model = nn.Sequential(nn.Linear(3, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, **others)
    scheduler = SCHEDULERS[kind](optimizer) if kind else None
    return MovingParts(
        model, optimizer, scheduler, scaler or torch.amp.GradScaler(enabled=False), data or loaders(batch_size)
    )


def settings_of(parts, **others):
    return describe_run(parts, **{"criterion": nn.CrossEntropyLoss(), "patience": 3} | others)


def save(path, parts, *, settings=None, history=None, best_weights=None):
    save_checkpoint(
        path,
        parts,
        settings=settings or settings_of(parts),
        history=history or {},
        best_weights=best_weights or parts.model.state_dict(),
    )


def load(path, parts, *, settings=None):
    return load_checkpoint(path, parts, settings=settings or settings_of(parts))


def practise(parts, epochs=2):
    for _ in range(epochs):
        for inputs, targets in parts.loaders[0]:
            parts.optimizer.zero_grad()
            nn.functional.cross_entropy(parts.model(inputs), targets).backward()
            parts.optimizer.step()
        if isinstance(parts.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            parts.scheduler.step(1.0)
        elif parts.scheduler:
            parts.scheduler.step()


def everything(parts):
    """All that a checkpoint holds, as one text, to see whether any of it has moved."""
    generators = [loader.generator.get_state().tolist() for loader in parts.loaders if loader.generator]
    moving = [
        {name: tensor.tolist() for name, tensor in parts.model.state_dict().items()},
        parts.optimizer.state_dict(),
        parts.scheduler and parts.scheduler.state_dict(),
        parts.scaler.state_dict(),
        generators,
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        torch.get_rng_state().tolist(),
    ]
    return repr(moving)


@pytest.mark.parametrize("kind", [None, *SCHEDULERS])
def test_everything_comes_back(tmp_path, kind):
    path = tmp_path / "mein Läufer" / "run.pt"
    parts = run(kind)
    practise(parts)
    best = {name: tensor + 1 for name, tensor in parts.model.state_dict().items()}
    save(path, parts, history={"train_loss": [1.0]}, best_weights=best)
    practise(parts)  # what an uninterrupted run does next
    drawn = (random.random(), np.random.rand(), torch.rand(1))  # noqa: NPY002

    torch.manual_seed(99)
    fresh = run(kind)
    history, best_again = load(path, fresh)
    practise(fresh)
    assert history == {"train_loss": [1.0]}
    assert all(torch.equal(tensor, best[name]) for name, tensor in best_again.items())
    expected = parts.model.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in fresh.model.state_dict().items())
    assert fresh.optimizer.param_groups[0]["lr"] == parts.optimizer.param_groups[0]["lr"]
    assert (random.random(), np.random.rand(), torch.rand(1)) == drawn  # noqa: NPY002


def test_the_scale_of_float16_comes_back(tmp_path):
    parts = run(scaler=torch.amp.GradScaler("cpu", init_scale=4.0))
    loss = parts.model(torch.randn(4, 3)).sum()
    parts.scaler.scale(loss).backward()
    parts.scaler.step(parts.optimizer)
    parts.scaler.update(8.0)
    save(tmp_path / "run.pt", parts)
    fresh = run(scaler=torch.amp.GradScaler("cpu", init_scale=4.0))
    load(tmp_path / "run.pt", fresh)
    assert fresh.scaler.get_scale() == 8.0


def test_a_run_goes_on_where_float16_is_no_longer_needed_or_newly_needed(tmp_path):
    """A GPU that computes in bfloat16 scales nothing."""
    scalers = [torch.amp.GradScaler("cpu", init_scale=4.0), torch.amp.GradScaler(enabled=False)]
    for number, (before, now) in enumerate((scalers, scalers[::-1])):
        path = tmp_path / f"{number}.pt"
        parts = run(scaler=before)
        save(path, parts, history={"seconds": [1.0]})
        assert load(path, run(scaler=now))[0] == {"seconds": [1.0]}


@pytest.mark.parametrize("kind", [None, *SCHEDULERS])
def test_settings_do_not_move_while_training(kind):
    parts = run(kind)
    settings = settings_of(parts)
    practise(parts)
    assert settings_of(parts) == settings


def test_a_run_is_described_in_words_that_a_refusal_can_quote():
    parts = run("StepLR")
    parts.model[0].weight.requires_grad_(False)
    described = settings_of(parts, monitor="val_loss")
    assert described.pop("optimizer").startswith("AdamW(amsgrad=False, betas=[0.9, 0.999], ")
    assert described == {
        "criterion": "CrossEntropyLoss(ignore_index=-100, label_smoothing=0.0, reduction=mean, weight=None)",
        "learning rates": "[0.1]",
        "parameters in the optimizer": "[42]",
        "scheduler": "StepLR(gamma=0.1, step_size=2)",
        "trainable parameters": "27",
        "samples": "[12, 12]",
        "batch size": "[4, 4]",
        "patience": "3",
        "monitor": "val_loss",
    }


def test_each_group_has_its_own_rate_and_lists_of_batches_no_batch_size():
    parts = run()
    layers = [{"params": parts.model[0].parameters(), "lr": 0.1}, {"params": parts.model[2].parameters(), "lr": 0.2}]
    parts = parts._replace(optimizer=torch.optim.SGD(layers), loaders=([], []))
    described = settings_of(parts)
    assert described["learning rates"] == "[0.1, 0.2]"
    assert described["parameters in the optimizer"] == "[20, 12]"
    assert described["samples"] == described["batch size"] == "[None, None]"


def test_a_rate_that_a_scheduler_lowers_without_noting_where_it_began_is_left_out():
    parts = run("ReduceLROnPlateau")
    practise(parts, epochs=4)
    assert parts.optimizer.param_groups[0]["lr"] < 0.1
    assert settings_of(parts)["learning rates"] == "[None]"


# What is named in the refusal, what is changed in the parts, what in the settings.
CHANGES = {
    "learning rates": ({"lr": 0.2}, {}),
    r"optimizer was AdamW\(.*weight_decay=0.01": ({"weight_decay": 0.5}, {}),
    "batch size": ({"batch_size": 3}, {}),
    "patience": ({}, {"patience": 4}),
    "criterion": ({}, {"criterion": nn.CrossEntropyLoss(label_smoothing=0.1)}),
    "scheduler": ({"kind": "StepLR"}, {}),
    "model: 0.weight": ({"hidden": 6}, {}),
    "best weights: 0.weight": ({}, {}),
    "parameter tensors in the optimizer": ({}, {}),
    "random generators of the loaders was 1": ({}, {}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_run_is_refused_by_name_and_nothing_is_touched(tmp_path, name):
    path = tmp_path / "run.pt"
    others, settings = CHANGES[name]
    parts = run()
    practise(parts)
    best = {"0.weight": torch.zeros(1)} if name.startswith("best") else None
    save(path, parts, best_weights=best)
    changed = run(**others)
    described = settings_of(changed, **settings)
    if name.startswith("random"):
        dataset = changed.loaders[0].dataset
        changed = changed._replace(
            loaders=[DataLoader(dataset, batch_size=4, generator=torch.Generator()) for _ in range(2)]
        )
    if "parameter tensors" in name:  # as many numbers in one tensor as before in several
        number = sum(parameter.numel() for parameter in changed.model.parameters())
        changed = changed._replace(optimizer=torch.optim.AdamW([nn.Parameter(torch.zeros(number))], lr=0.1))
        described = settings_of(parts)
    before = everything(changed)
    with pytest.raises(ValueError, match=rf"run.pt belongs to a run with other settings: (.*; )?{name}.*is now"):
        load(path, changed, settings=described)
    assert everything(changed) == before


def test_a_refusal_names_each_setting_and_the_first_three_tensors_of_each_kind(tmp_path):
    path = tmp_path / "run.pt"
    save(path, run(), settings={"patience": "3", "monitor": "val_loss"})
    with pytest.raises(ValueError, match="belongs to a run") as refused:
        load(path, run(hidden=6), settings={"patience": "4", "amp": "False"})
    assert str(refused.value) == (
        f"{path} belongs to a run with other settings: amp was None, is now False; monitor was val_loss, is now None; "
        "patience was 3, is now 4; model: 0.bias was (5,), is now (6,); model: 0.weight was (5, 3), is now (6, 3); "
        "model: 1.bias was (5,), is now (6,); best weights: 0.bias was (5,), is now (6,); best weights: 0.weight was "
        "(5, 3), is now (6, 3); best weights: 1.bias was (5,), is now (6,). Restore them to continue, or train with "
        "another checkpoint_path."
    )


class Tally(nn.Linear):
    """A layer that keeps more than tensors."""

    seen = 0

    def get_extra_state(self):
        return {"seen": self.seen}

    def set_extra_state(self, state):
        self.seen = state["seen"]


def test_what_a_model_keeps_beside_its_tensors_comes_back(tmp_path):
    parts = [run()._replace(model=Tally(3, 2)) for _ in range(2)]
    parts = [each._replace(optimizer=torch.optim.SGD(each.model.parameters(), lr=0.1)) for each in parts]
    parts[0].model.seen = 7
    save(tmp_path / "run.pt", parts[0])
    load(tmp_path / "run.pt", parts[1])
    assert parts[1].model.seen == 7


CRITERIA = {
    "weights": (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])), "CrossEntropyLoss(", "weight=[1.0, 2.0]"),
    "weights of another loss": (nn.NLLLoss(weight=torch.tensor([1.0, 2.0])), "NLLLoss(", "weight=[1.0, 2.0]"),
    "a function": (nn.functional.cross_entropy, "cross_entropy", ""),
    "a function with options": (
        partial(nn.functional.cross_entropy, weight=torch.tensor([1.0, 2.0]), label_smoothing=0.1),
        "cross_entropy(",
        "label_smoothing=0.1, weight=[1.0, 2.0]",
    ),
    "a function with options by place": (
        partial(nn.functional.mse_loss, 1.5, reduction="sum"),
        "mse_loss(",
        "(0=1.5, red",
    ),
    "written in C": (operator.itemgetter(0), "itemgetter(", ")"),
}


@pytest.mark.parametrize("case", CRITERIA)
def test_every_criterion_is_described_with_what_it_was_made_with(case):
    criterion, name, options = CRITERIA[case]
    described = settings_of(run(), criterion=criterion)["criterion"]
    assert described.startswith(name)
    assert options in described


class Around(nn.Module):
    """A criterion around another, with an object that has no name of its own."""

    def __init__(self, inner, helper):
        super().__init__()
        self.inner, self.helper = inner, helper


def test_settings_are_the_same_in_another_process():
    """No addresses of objects, which differ from one start of Python to the next."""
    helpers = [object(), object()]  # both alive, so that their addresses differ
    first, second = (settings_of(run(), criterion=Around(nn.MSELoss(), helper)) for helper in helpers)
    assert first == second
    assert "inner=MSELoss(" in first["criterion"]
    other = settings_of(run(), criterion=Around(nn.MSELoss(reduction="sum"), object()))
    assert other != first


@pytest.mark.parametrize("address", ["0x7f3a90", "0x000001D2A0F"], ids=["Linux", "Windows"])
def test_only_the_address_is_left_out(address):
    class Helper:
        def __repr__(self):
            return f"<Helper at {address}>"

    described = settings_of(run(), criterion=Around(nn.MSELoss(reduction="sum"), Helper()))["criterion"]
    assert described == "Around(helper=<Helper>, inner=MSELoss(reduction=sum))"


@pytest.mark.parametrize("rate", [np.float64(0.1), torch.tensor(0.1, dtype=torch.float64)], ids=["NumPy", "tensor"])
def test_a_learning_rate_may_come_from_anywhere(tmp_path, rate):
    """Saved, read back into fresh parts, and into the same ones, as after an interrupt in a notebook."""
    path = tmp_path / "run.pt"
    parts = run(lr=rate)
    practise(parts)
    save(path, parts, history={"seconds": [1.0]})
    for again in (run(lr=rate), run(lr=0.1), parts, parts):
        assert load(path, again)[0] == {"seconds": [1.0]}
        assert float(again.optimizer.param_groups[0]["lr"]) == 0.1


def test_what_could_not_be_read_back_is_refused_at_the_first_save(tmp_path):
    parts = run()
    parts.optimizer.param_groups[0]["note"] = object()
    with pytest.raises(ValueError, match=r"optimizer\['param_groups'\]\[0\]\['note'\] is of the kind object"):
        save(tmp_path / "run.pt", parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("before", "now"), [(2, 1), (2, 0), (0, 2)])
def test_another_number_of_graphics_processors_is_told_and_no_obstacle(tmp_path, monkeypatch, before, now):
    parts = run()
    monkeypatch.setattr(checkpoints, "_num_graphics_processors", lambda: before)
    save(tmp_path / "run.pt", parts, history={"seconds": [1.0]})
    load(tmp_path / "run.pt", run())
    monkeypatch.setattr(checkpoints, "_num_graphics_processors", lambda: now)
    with pytest.warns(UserWarning, match=rf"{before} graphics processors, this one has {now}"):
        assert load(tmp_path / "run.pt", run())[0] == {"seconds": [1.0]}


class Processors:
    """Stands for torch.cuda or torch.mps, with a random state for each of its processors."""

    def __init__(self, number):
        self.states = [torch.tensor([place]) for place in range(number)]
        self.device_count = lambda: len(self.states)
        self.is_available = lambda: bool(self.states)

    def get_rng_state_all(self):
        assert self.states, "there is none to ask"
        return list(self.states)

    def set_rng_state_all(self, states):
        self.states = list(states)

    def get_rng_state(self):
        return self.states[0]

    def set_rng_state(self, state):
        assert self.states, "there is none to tell"
        self.states = [state]


@pytest.mark.parametrize(("num_cuda", "num_mps"), [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)])
def test_graphics_processors_draw_on_as_before(monkeypatch, num_cuda, num_mps):
    cuda, mps = Processors(num_cuda), Processors(num_mps)
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.setattr(torch, "mps", mps)
    monkeypatch.setattr(torch.backends.mps, "is_available", mps.is_available)
    assert checkpoints._num_graphics_processors() == num_cuda + num_mps
    before = [*cuda.states, *mps.states]
    with preserved_randomness([]):
        for processors in (cuda, mps):
            processors.states = [state + 7 for state in processors.states]
    assert [*cuda.states, *mps.states] == before


def test_states_of_processors_that_are_gone_are_left_alone(monkeypatch):
    states = checkpoints._random_states() | {"cuda": [torch.tensor([1])] * 2, "mps": torch.tensor([1])}
    cuda, mps = Processors(1), Processors(0)
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.setattr(torch, "mps", mps)
    monkeypatch.setattr(checkpoints, "_num_graphics_processors", lambda: states["num_graphics_processors"])
    checkpoints._restore_random_states(states)
    assert cuda.states == [torch.tensor([0])]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a file"])
def test_a_damaged_file_is_refused_with_a_way_out(tmp_path, content):
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"run.pt cannot be read: it is damaged.*another checkpoint_path; run.pt is left"
    ):
        load(path, run())
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [{"weight": torch.zeros(3)}, {"format": 2}, {"format": 1, "settings": {}}])
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"no checkpoint of train_model.*another checkpoint_path"):
        load(path, run())


def test_a_whole_file_is_not_called_damaged(tmp_path):
    path = tmp_path / "run.pt"
    torch.save({"format": 2, "lr": np.float64(1)}, path)
    with pytest.raises(ValueError, match=r"run.pt is whole, but holds numpy.*another checkpoint_path"):
        load(path, run())


def test_a_missing_file_is_missed_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*run.pt"):
        load(tmp_path / "run.pt", run())


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    parts = run()
    save(path, parts, history={"seconds": [1.0]})

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"The disk is full.*run.pt"):  # noqa: PT012
        patch.setattr(type(path), "write_bytes", full)
        save(path, parts, history={"seconds": [1.0, 2.0]})
    assert load(path, parts)[0] == {"seconds": [1.0]}
    assert list(tmp_path.iterdir()) == [path]


def test_surprises(tmp_path):
    path = tmp_path / "run.pt"
    assert refuse_surprise(path, resume=True) is False
    assert refuse_surprise(path, resume=False) is False
    assert refuse_surprise(None, resume=False) is False
    with pytest.raises(ValueError, match=r"^resume=True needs a checkpoint_path to continue from\.$"):
        refuse_surprise(None, resume=True)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        refuse_surprise(tmp_path, resume=False)
    path.touch()
    assert refuse_surprise(path, resume=True) is True
    with pytest.raises(
        FileExistsError, match=r"resume=True, or start afresh with another checkpoint_path \(or delete that file\)\.$"
    ):
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


def test_a_generator_is_found_in_the_loader_and_in_its_sampler_and_counts_once():
    dataset = loaders()[0].dataset
    of_loader, of_sampler = torch.Generator(), torch.Generator()
    both = DataLoader(dataset, sampler=RandomSampler(dataset, generator=of_sampler), generator=of_loader)
    shared = DataLoader(dataset, shuffle=True, generator=of_loader)
    with preserved_randomness([both, shared, [], None]) as generators:
        assert generators == [of_loader, of_sampler]

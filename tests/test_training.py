"""The loop is held against loops written by hand, killed, interrupted and fed with infinities."""

import copy
import errno
import io
import math
import random
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_utils import checkpoints, training
from course_utils.report.history import History
from course_utils.report.metrics import Metrics
from course_utils.training import evaluate, to_device, train_model, train_one_epoch

CPU = torch.device("cpu")


def samples(number=53, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(number, 6, generator=generator)
    labels = (inputs[:, :3] + 0.5 * torch.randn(number, 3, generator=generator)).argmax(1)
    return TensorDataset(inputs, labels)


def loader(dataset=None, *, batch_size=8, shuffle=False, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(dataset or samples(), batch_size=batch_size, shuffle=shuffle, generator=generator)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))


def ingredients(learning_rate=0.05, **options):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    return model, {
        "criterion": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "device": CPU,
        "progress": False,
        **options,
    }


def train(model, options, *, num_epochs=3, **more):
    return train_model(model, loader(shuffle=True), loader(samples(seed=1)), num_epochs=num_epochs, **options, **more)


def assert_same_weights(first, second):
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def without_times(history):
    return {name: value for name, value in history.to_dict().items() if name != "seconds"}


# The marks


def test_train_one_epoch_equals_a_loop_written_by_hand():
    model, options = ingredients()
    reference = network()
    optimizer = torch.optim.Adam(reference.parameters(), lr=0.05)
    torch.manual_seed(1)
    reference.train()
    loss_sum = correct = 0
    for inputs, targets in loader(shuffle=True):
        optimizer.zero_grad()
        outputs = reference(inputs)
        loss = nn.functional.cross_entropy(outputs, targets)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(targets)
        correct += (outputs.argmax(1) == targets).sum().item()
    torch.manual_seed(1)
    metrics = train_one_epoch(model, loader(shuffle=True), **options)
    assert_same_weights(reference.state_dict(), model.state_dict())
    assert metrics.loss == pytest.approx(loss_sum / 53, rel=1e-6)
    assert metrics.accuracy == correct / 53


@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.1])),
        nn.CrossEntropyLoss(ignore_index=1),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.1]), ignore_index=2, label_smoothing=0.1),
    ],
    ids=["plain", "smoothed", "weighted", "ignoring", "all three"],
)
def test_evaluate_depends_neither_on_batch_size_nor_on_order(criterion):
    model, dataset = network(), samples()
    with torch.no_grad():
        whole = criterion(model.eval()(dataset.tensors[0]), dataset.tensors[1]).item()
    for data in (loader(dataset), loader(dataset, batch_size=53), loader(dataset, batch_size=5, shuffle=True)):
        metrics = evaluate(model, data, criterion=criterion, device=CPU, progress=False)
        assert metrics.loss == pytest.approx(whole, rel=1e-5)


def test_a_criterion_that_sums_is_reported_per_sample():
    model, dataset = network(), samples()
    marks = [
        evaluate(model, loader(dataset), criterion=nn.CrossEntropyLoss(reduction=kind), device=CPU, progress=False)
        for kind in ("sum", "mean")
    ]
    assert marks[0].loss == pytest.approx(marks[1].loss, rel=1e-6)


def test_accuracy_is_an_exact_count():
    model, dataset = network(), samples()
    metrics = evaluate(model, loader(dataset), criterion=nn.CrossEntropyLoss(), device=CPU, progress=False)
    correct = (model.eval()(dataset.tensors[0]).argmax(1) == dataset.tensors[1]).sum().item()
    assert metrics.accuracy == correct / 53


def test_ignored_labels_do_not_count_for_accuracy():
    model, dataset = network(), samples()
    kept = dataset.tensors[1] != 1
    answers = model.eval()(dataset.tensors[0]).argmax(1)
    expected = (answers[kept] == dataset.tensors[1][kept]).sum().item() / kept.sum().item()
    criterion = nn.CrossEntropyLoss(ignore_index=1)
    assert evaluate(model, loader(dataset), criterion=criterion, device=CPU, progress=False).accuracy == expected


def test_evaluate_changes_nothing_and_gives_each_part_its_mode_back():
    model = network()
    model[1].eval()
    before = copy.deepcopy(model.state_dict())
    evaluate(model, loader(), criterion=nn.CrossEntropyLoss(), device=CPU, progress=False)
    assert_same_weights(before, model.state_dict())
    assert [part.training for part in (model, *model)] == [True, True, False, True, True, True]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_regression_has_no_accuracy():
    inputs = torch.randn(20, 2)
    data = loader(TensorDataset(inputs, inputs.sum(1, keepdim=True)))
    model = nn.Linear(2, 1)
    options = {
        "criterion": nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "device": CPU,
        "progress": False,
        "num_epochs": 2,
    }
    history = train_model(model, data, data, monitor="val_loss", **options)
    assert history.val_accuracy == [None, None]
    assert history.val_loss[1] < history.val_loss[0]
    with pytest.raises(ValueError, match="monitor='val_loss'"):
        train_model(model, data, data, **options)


def test_no_read_back_per_batch(monkeypatch):
    """A read-back makes a GPU wait, so the loop reads at the end of a phase and when the bar is redrawn."""
    reads = []

    def noted(name, original):
        return lambda self, *arguments: (reads.append(name), original(self, *arguments))[1]

    for name in ("item", "__float__", "__int__", "__bool__", "tolist"):
        monkeypatch.setattr(torch.Tensor, name, noted(name, getattr(torch.Tensor, name)))
    model = nn.Linear(6, 3)
    options = {"criterion": nn.CrossEntropyLoss(), "device": CPU, "progress": False, "check": False}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    counts = []
    for batch_size in (53, 1):
        reads.clear()
        train_one_epoch(model, list(loader(batch_size=batch_size)), optimizer=optimizer, **options)
        counts.append(len(reads))
    assert counts[0] == counts[1] <= 6


def test_the_bar_shows_loss_accuracy_and_speed_and_leaves_no_trace(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")

    class Slow(TensorDataset):
        def __getitem__(self, index):
            time.sleep(0.03)
            return super().__getitem__(index)

    slow = Slow(*samples().tensors)
    evaluate(network(), loader(slow, batch_size=4), criterion=nn.CrossEntropyLoss(), device=CPU)
    out = capsys.readouterr().out
    redraws = out.count("accuracy ")
    assert "samples/s" in out
    assert "loss " in out
    assert 1 <= redraws <= 2 * (53 * 0.03 / 0.5) + 2  # tqdm draws once for the bar, once for the new figures
    assert out.endswith("\r")
    assert not out.split("\r")[-2].strip()


# The story


def test_train_model_equals_a_loop_written_by_hand_and_restores_the_best_weights():
    model, options = ingredients(learning_rate=0.3)
    torch.manual_seed(7)
    history = train(model, options, num_epochs=6)

    reference = network()
    optimizer = torch.optim.Adam(reference.parameters(), lr=0.3)
    practice, exam = loader(shuffle=True), loader(samples(seed=1))
    torch.manual_seed(7)
    best, best_weights, accuracies = -1, None, []
    for _ in range(6):
        reference.train()
        for inputs, targets in practice:
            optimizer.zero_grad()
            nn.functional.cross_entropy(reference(inputs), targets).backward()
            optimizer.step()
        reference.eval()
        with torch.no_grad():
            correct = sum((reference(x).argmax(1) == y).sum().item() for x, y in exam)
        accuracies.append(correct / 53)
        if correct > best:
            best, best_weights = correct, copy.deepcopy(reference.state_dict())
    assert history.val_accuracy == accuracies
    assert history.best_epoch == accuracies.index(max(accuracies)) + 1
    assert history.best_epoch != 6, "choose a case where the last epoch is not the best"
    assert_same_weights(best_weights, model.state_dict())
    assert not model.training
    assert (history.num_train, history.num_val) == (53, 53)


def test_monitoring_the_loss_keeps_the_weights_of_the_lowest_loss():
    model, options = ingredients(learning_rate=0.3)
    history = train(model, options, num_epochs=6, monitor="val_loss")
    assert history.best_epoch == history.val_loss.index(min(history.val_loss)) + 1
    again = evaluate(model, loader(samples(seed=1)), criterion=nn.CrossEntropyLoss(), device=CPU, progress=False)
    assert again.loss == pytest.approx(min(history.val_loss))


def test_it_tells_the_story_and_is_quiet_on_request(capsys):
    model, options = ingredients()
    train(model, options, num_epochs=2)
    assert capsys.readouterr().out == ""
    train(model, options | {"progress": True}, num_epochs=2)
    out = capsys.readouterr().out
    assert "Epoch 1/2" in out
    assert "Epoch 2/2" in out
    assert "the best so far" in out.splitlines()[1]
    assert "Trained for 2 epochs" in out


def test_the_story_is_that_of_the_report_card(capsys, tmp_path):
    model, options = ingredients(learning_rate=0.1, checkpoint_path=tmp_path / "run.pt")
    train(model, options, num_epochs=1)
    capsys.readouterr()
    history = train(model, options | {"progress": True}, num_epochs=7, resume=True)
    expected = [f"Continuing after epoch 1 of {tmp_path / 'run.pt'}."]
    best = history.val_accuracy[0]
    for epoch in range(1, 7):
        practice = Metrics(history.train_loss[epoch], history.train_accuracy[epoch])
        exam = Metrics(history.val_loss[epoch], history.val_accuracy[epoch])
        is_best, best = exam.accuracy > best, max(exam.accuracy, best)
        told = f"  practice: {practice} · mock exam: {exam}" + (" · the best so far" if is_best else "")
        expected += [f"Epoch {epoch + 1}/7", told]
    assert any("so far" in line for line in expected)
    assert not all("so far" in line for line in expected[2::2])
    assert capsys.readouterr().out.splitlines() == expected + history.summary()


@pytest.mark.parametrize("quiet", [{}, {"progress": False}], ids=["by default", "quiet"])
def test_story_and_bars_are_shown_unless_it_is_to_be_quiet(quiet, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    model, options = ingredients()
    del options["progress"]
    train(model, options | quiet, num_epochs=1)
    out = capsys.readouterr().out
    assert ("Epoch 1/1" in out) == ("practice:   0%" in out) == ("exam:   0%" in out) == (not quiet)
    train_one_epoch(model, loader(), **options | quiet)
    assert ("practice:   0%" in capsys.readouterr().out) == (not quiet)
    evaluate(model, loader(), criterion=options["criterion"], device=CPU, **quiet)
    assert ("exam:   0%" in capsys.readouterr().out) == (not quiet)


def test_whatever_is_asked_of_a_run_reaches_practice_and_exam(monkeypatch):
    asked = {}

    def practise(*given, **options):
        asked["practice"] = (given, options)
        return Metrics(1.0, 0.5)

    def examine(*given, **options):
        asked["exam"] = (given, options)
        return Metrics(1.0, 0.5)

    monkeypatch.setattr(training, "train_one_epoch", practise)
    monkeypatch.setattr(training, "evaluate", examine)
    monkeypatch.setattr(training, "_half_precision", lambda _: torch.bfloat16)
    model, options = ingredients()
    scheduler = torch.optim.lr_scheduler.StepLR(options["optimizer"], 1)
    options["optimizer"].step()
    train_loader, val_loader = loader(), loader()
    train_model(
        model, train_loader, val_loader, num_epochs=1, scheduler=scheduler, max_grad_norm=0.5, amp=True, **options
    )
    in_both = {"criterion": options["criterion"], "device": CPU, "amp": True, "progress": False, "check": True}
    given, in_practice = asked["practice"]
    assert given == (model, train_loader)
    assert isinstance(in_practice.pop("scaler"), torch.amp.GradScaler)
    own = {"optimizer": options["optimizer"], "scheduler": scheduler, "max_grad_norm": 0.5}
    assert in_practice == in_both | own
    assert asked["exam"] == ((model, val_loader), in_both)


def test_the_names_of_the_datas_classes_are_held_against_the_model():
    dataset = samples()
    dataset.classes = ["cat", "dog"]
    model, options = ingredients()
    with pytest.raises(ValueError, match=r"2 classes \(cat, dog\), the model's head gives 3"):
        train_one_epoch(model, loader(dataset), **options)
    with pytest.raises(ValueError, match=r"2 classes \(cat, dog\), the model's head gives 3"):
        evaluate(model, loader(dataset), criterion=options["criterion"], device=CPU, progress=False)


def test_patience_stops_early():
    model, options = ingredients(learning_rate=0.0)
    history = train(model, options, num_epochs=9, patience=2, monitor="val_loss")
    # BatchNorm's statistics settle, so the loss may still fall for a while; then it stops two terms after the best.
    assert len(history) < 9
    assert len(history) == history.best_epoch + 2


def test_gradients_are_clipped():
    model, options = ingredients()
    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    before = copy.deepcopy(model.state_dict())
    train_one_epoch(model, [next(iter(loader()))], **options | {"optimizer": sgd}, max_grad_norm=0.01)
    moved = sum((p.detach() - before[name]).pow(2).sum() for name, p in model.named_parameters()).sqrt()
    assert moved.item() == pytest.approx(0.01, rel=1e-3)


def test_mixed_precision_needs_cuda():
    model, options = ingredients()
    with pytest.raises(ValueError, match="CUDA"):
        train(model, options, amp=True)
    with pytest.raises(ValueError, match="CUDA"):
        train_one_epoch(model, loader(), amp=True, **options)
    with pytest.raises(ValueError, match="CUDA"):
        evaluate(model, loader(), criterion=options["criterion"], device=CPU, amp=True, progress=False)


def test_on_epoch_end_sees_the_history_grow():
    model, options = ingredients()
    lengths = []
    train(model, options, on_epoch_end=lambda history: lengths.append(len(history)))
    assert lengths == [1, 2, 3]


# Schedulers


def rates(scheduler_of, num_epochs=3, **more):
    model, options = ingredients(learning_rate=0.1)
    scheduler = scheduler_of(options["optimizer"])
    history = train(model, options, num_epochs=num_epochs, scheduler=scheduler, **more)
    return history, scheduler


def test_a_scheduler_steps_once_an_epoch():
    history, _ = rates(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5))
    assert history.learning_rate == pytest.approx([0.1, 0.05, 0.025])


def test_one_cycle_steps_after_every_batch():
    batches = len(loader())
    make = torch.optim.lr_scheduler.OneCycleLR
    history, scheduler = rates(lambda optimizer: make(optimizer, max_lr=0.1, epochs=3, steps_per_epoch=batches))
    assert scheduler.last_epoch == 3 * batches
    assert history.learning_rate[1] > history.learning_rate[0]


@pytest.mark.parametrize("total", [3, 100])
def test_a_one_cycle_that_does_not_fit_is_refused(total):
    with pytest.raises(ValueError, match=rf"planned for {total} steps.*3 epochs of 7 batches take 21"):
        rates(lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=total))


def test_a_used_up_one_cycle_is_refused():
    model, options = ingredients()
    scheduler = torch.optim.lr_scheduler.OneCycleLR(options["optimizer"], max_lr=0.1, total_steps=21)
    train(model, options, scheduler=scheduler)
    with pytest.raises(ValueError, match="has taken 21 of its 21 steps"):
        train(model, options, scheduler=scheduler)


@pytest.mark.parametrize(("mode", "seen"), [("min", "val_loss"), ("max", "val_accuracy")])
def test_reduce_on_plateau_sees_the_figure_that_is_monitored(mode, seen):
    make = torch.optim.lr_scheduler.ReduceLROnPlateau
    history, scheduler = rates(lambda optimizer: make(optimizer, mode=mode, threshold=0), monitor=seen)
    figures = getattr(history, seen)
    assert scheduler.best == (min(figures) if mode == "min" else max(figures))


@pytest.mark.parametrize(("mode", "monitor"), [("min", "val_accuracy"), ("max", "val_loss")])
def test_reduce_on_plateau_that_waits_for_the_other_direction_is_refused(mode, monitor):
    make = torch.optim.lr_scheduler.ReduceLROnPlateau
    other = "max" if mode == "min" else "min"
    with pytest.raises(ValueError, match=rf"mode='{mode}'.*{monitor}.*make it with mode='{other}'"):
        rates(lambda optimizer: make(optimizer, mode=mode), monitor=monitor)


# What goes wrong


class Trap(TensorDataset):
    """Raises `error` when its samples have been read often enough."""

    left, error = math.inf, KeyboardInterrupt()

    def __getitem__(self, index):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().__getitem__(index)


def test_an_interrupt_returns_what_was_learned(capsys):
    model, options = ingredients()
    trap = Trap(*samples().tensors)
    trap.left = 2 * 53 + 20  # in the third practice
    history = train_model(model, loader(trap, shuffle=True), loader(samples(seed=1)), num_epochs=9, **options)
    assert len(history) == 2
    told = "Interrupted in epoch 3: the report card holds the 2 epochs before it.\n"
    assert capsys.readouterr().out == told
    marks = evaluate(model, loader(samples(seed=1)), criterion=nn.CrossEntropyLoss(), device=CPU, progress=False)
    assert marks.accuracy == max(history.val_accuracy)


def test_an_interrupt_is_raised_where_the_caller_wants_to_stop_too():
    model, options = ingredients()
    trap = Trap(*samples().tensors)
    trap.left = 53 + 20
    with pytest.raises(KeyboardInterrupt):
        train_model(model, loader(trap), loader(), num_epochs=9, catch_interrupt=False, **options)


def test_an_interrupt_in_the_first_practice_keeps_the_weights_learned_so_far():
    model, options = ingredients()
    before = copy.deepcopy(model.state_dict())
    trap = Trap(*samples().tensors)
    trap.left = 20
    history = train_model(model, loader(trap), loader(samples(seed=1)), num_epochs=9, **options)
    assert len(history) == 0
    assert not torch.equal(before["0.weight"], model.state_dict()["0.weight"])
    assert not model.training


def test_a_non_finite_loss_stops_and_never_becomes_best(tmp_path, capsys):
    path = tmp_path / "run.pt"
    model, options = ingredients(progress=True)
    dataset = samples()
    poison = {"at": math.inf}

    def criterion(outputs, targets):
        poison["at"] -= 1
        return nn.functional.cross_entropy(outputs, targets) * (math.inf if poison["at"] < 0 else 1)

    poison["at"] = 2 * (7 + 7) + 3  # in the third practice
    options["criterion"] = criterion
    history = train_model(
        model, loader(dataset, shuffle=True), loader(samples(seed=1)), num_epochs=9, checkpoint_path=path, **options
    )
    assert len(history) == 3
    assert not math.isfinite(history.train_loss[2])
    assert history.best_epoch in (1, 2)
    assert len(torch.load(path, weights_only=True)["history"]["train_loss"]) == 2
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    out = capsys.readouterr().out
    for word in ("term 3", "learning rate", "labels", "not numbers"):
        assert word in out


def test_a_loss_that_is_not_finite_from_the_start_gives_the_first_weights_back():
    model, options = ingredients()
    before = copy.deepcopy(model.state_dict())
    options["criterion"] = lambda outputs, targets: nn.functional.cross_entropy(outputs, targets) * math.nan
    history = train(model, options)
    assert len(history) == 1
    assert history.best_epoch is None
    assert_same_weights(before, model.state_dict())


ENDS = {
    "a loader": RuntimeError("DataLoader worker (pid 7) exited unexpectedly"),
    "the GPU's memory": torch.OutOfMemoryError("CUDA out of memory."),
    "a file": FileNotFoundError("cat.jpg"),
    "memory": MemoryError(),
}


@pytest.mark.parametrize("end", ENDS)
def test_whatever_ends_a_run_report_card_and_best_weights_are_there(end, tmp_path):
    model, options = ingredients(learning_rate=0.3)
    path = tmp_path / "run.pt"
    trap = Trap(*samples().tensors)
    trap.left, trap.error = 4 * 53 + 20, copy.copy(ENDS[end])
    practice, exam = loader(trap, shuffle=True), loader(samples(seed=1))
    with pytest.raises(type(ENDS[end])) as caught:
        train_model(model, practice, exam, num_epochs=9, checkpoint_path=path, **options)
    history = caught.value.history
    assert len(history) == 4
    assert history.best_epoch != 4, "choose a case where the last epoch is not the best"
    assert caught.value.__notes__ == [
        "Training ended after 4 finished epochs. The model holds its best weights so far, and the report card is this "
        "error's attribute `history` (in a notebook: import sys; sys.last_value.history)."
    ]
    marks = evaluate(model, exam, criterion=nn.CrossEntropyLoss(), device=CPU, progress=False)
    assert marks.accuracy == max(history.val_accuracy)
    assert not model.training
    assert len(torch.load(path, weights_only=True)["history"]["seconds"]) == 4


def test_a_full_disk_leaves_everything_but_that_one_write(tmp_path, monkeypatch):
    path, write = tmp_path / "run.pt", Path.write_bytes

    def full(self, data):
        if path.exists():  # from the second epoch on
            write(self, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    model, options = ingredients()
    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"The disk is full.*run.pt") as caught:  # noqa: PT012
        patch.setattr(Path, "write_bytes", full)
        train(model, options, checkpoint_path=path)
    assert len(caught.value.history) == 2
    whole_model, options = ingredients()
    whole = train(whole_model, options)
    model, options = ingredients()
    resumed = train(model, options, checkpoint_path=path, resume=True)  # there is room again
    assert without_times(resumed) == without_times(whole)
    assert_same_weights(model.state_dict(), whole_model.state_dict())


def test_a_beginners_mistake_stays_one_sentence():
    model, options = ingredients()
    with pytest.raises(ValueError, match="labels lie between") as caught:
        train_model(
            model, loader(TensorDataset(torch.randn(9, 6), torch.full((9,), 3))), loader(), num_epochs=1, **options
        )
    assert not hasattr(caught.value, "history")
    assert not hasattr(caught.value, "__notes__")


def test_a_batch_with_no_label_to_learn_from_ends_the_run_before_it_spoils_the_weights():
    model, options = ingredients()
    options["criterion"] = nn.CrossEntropyLoss(ignore_index=2)
    labels = torch.tensor([0, 1] * 4 + [2] * 8)
    with pytest.raises(ValueError, match="no label to learn from"):
        train_model(model, loader(TensorDataset(torch.randn(16, 6), labels)), loader(), num_epochs=2, **options)
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_what_the_console_cannot_write_ends_no_run(encoding, tmp_path, monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", console)
    model, options = ingredients(progress=True)
    history = train(model, options, checkpoint_path=tmp_path / "run.pt")
    assert len(history) == 3
    console.flush()
    assert b"Trained for 3 epochs" in console.buffer.getvalue()


def test_an_epoch_is_saved_before_it_is_told(tmp_path, monkeypatch):
    path, saved = tmp_path / "run.pt", []

    def listen(text):
        if "practice:" in text:
            saved.append(len(torch.load(path, weights_only=True)["history"]["seconds"]))

    monkeypatch.setattr(training, "say", listen)
    model, options = ingredients(progress=True)
    train(model, options, checkpoint_path=path)
    assert saved == [1, 2, 3]


class Stream(IterableDataset):
    """Samples of which nobody knows how many there are."""

    def __iter__(self):
        yield from samples()


def test_a_stream_of_unknown_length_is_learned_from(tmp_path):
    model, options = ingredients()
    scheduler = torch.optim.lr_scheduler.OneCycleLR(options["optimizer"], max_lr=0.1, total_steps=21)
    options |= {"scheduler": scheduler, "checkpoint_path": tmp_path / "run.pt"}
    stream = DataLoader(Stream(), batch_size=8)
    history = train_model(model, stream, stream, num_epochs=3, **options)
    assert (len(history), history.num_train, history.num_val, history.majority) == (3, None, None, None)
    assert train_model(model, stream, stream, num_epochs=3, resume=True, **options).to_dict() == history.to_dict()


CRITERIA = {
    "a partial function": partial(nn.functional.cross_entropy, label_smoothing=0.1),
    "a function": nn.functional.cross_entropy,
    "a lambda": lambda outputs, targets: nn.functional.cross_entropy(outputs, targets),
}


@pytest.mark.parametrize("case", CRITERIA)
def test_any_criterion_that_can_be_called_can_be_resumed(case, tmp_path):
    model, options = ingredients()
    options |= {"criterion": CRITERIA[case], "checkpoint_path": tmp_path / "run.pt"}
    train(model, options, num_epochs=1)
    assert len(train(model, options, resume=True)) == 3


@pytest.mark.parametrize("rate", [np.geomspace(1e-3, 1e-1, 3)[1], torch.tensor(0.01)], ids=["NumPy's", "a tensor"])
def test_a_rate_of_any_kind_is_resumed(rate, tmp_path):
    model, options = ingredients(learning_rate=rate)
    path = tmp_path / "run.pt"
    train(model, options, num_epochs=1, checkpoint_path=path)
    history = train(model, options, checkpoint_path=path, resume=True)
    assert history.learning_rate == pytest.approx([0.01] * 3)
    assert {type(value) for value in history.learning_rate} == {float}


def test_a_rate_that_moves_in_place_is_recorded_as_it_was_at_the_start_of_the_epoch():
    histories = []
    for rate in (0.1, torch.tensor(0.1)):
        model, options = ingredients(learning_rate=rate)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(options["optimizer"], max_lr=0.1, total_steps=21)
        histories.append(train(model, options, scheduler=scheduler))
    assert histories[1].learning_rate == pytest.approx(histories[0].learning_rate)


def test_only_the_first_epoch_of_a_run_and_of_its_continuation_is_checked(monkeypatch, tmp_path):
    checked = []
    monkeypatch.setattr(training, "check_batch", lambda *_, **options: checked.append("optimizer" in options))
    model, options = ingredients(checkpoint_path=tmp_path / "run.pt")
    train(model, options, num_epochs=2)
    assert checked == [True, False], "one look in practice, one in the exam"
    train(model, options, num_epochs=4, resume=True)
    assert checked == [True, False] * 2


def test_a_batch_scheduler_is_not_stepped_after_the_epoch_too():
    _, scheduler = rates(lambda optimizer: torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, 5))
    assert scheduler.last_epoch == 3 * len(loader())


def test_an_exam_alone_is_checked_unless_it_is_told_not_to():
    wrong = loader(TensorDataset(torch.randn(8, 6), torch.full((8,), 3)))
    options = {"criterion": lambda outputs, _: outputs.sum(), "device": CPU, "progress": False}
    evaluate(network(), wrong, **options)  # a criterion that knows what it does
    options["criterion"] = nn.CrossEntropyLoss()
    with pytest.raises(ValueError, match="labels lie between 3 and 3"):
        evaluate(network(), wrong, **options)
    with pytest.raises(ValueError, match="PyTorch's words"):
        evaluate(network(), wrong, check=False, **options)


# Mixed precision, as far as a CPU can tell


class Batch:
    """Stands for a tensor, and tells how it is copied."""

    def __init__(self, is_pinned):
        self.is_pinned = lambda: is_pinned

    def to(self, device, *, non_blocking):
        return str(device), non_blocking


@pytest.mark.parametrize(
    ("device", "is_pinned", "in_background"),
    [("cuda", True, True), ("cuda:1", True, True), ("cuda", False, False), ("mps", True, False), ("cpu", True, False)],
)
def test_a_copy_goes_on_in_the_background_only_where_that_is_safe(device, is_pinned, in_background):
    assert to_device(Batch(is_pinned), device) == (device, in_background)
    assert to_device(Batch(is_pinned), torch.device(device)) == (device, in_background)


@pytest.mark.parametrize(("has_bfloat16", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_computes_in_bfloat16_where_it_can_and_else_scales_float16(has_bfloat16, dtype, monkeypatch):
    def supported(*, including_emulation):
        assert not including_emulation, "an emulation is slower than full precision"
        return has_bfloat16

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *, enabled: enabled)
    assert training.make_scaler("cuda:0", amp=True) == (dtype == torch.float16)
    assert training.make_scaler("cuda:0", amp=False) is False
    assert training.make_scaler("cpu", amp=False) is False
    monkeypatch.setattr(torch, "autocast", lambda kind, **options: (kind, options))
    assert training.autocast("cuda:1", amp=True) == ("cuda", {"dtype": dtype, "enabled": True})
    assert training.autocast("cpu", amp=False) == ("cpu", {"dtype": torch.float32, "enabled": False})
    with pytest.raises(ValueError, match=r"needs a CUDA GPU, not mps: use amp=device\.type == 'cuda'\.$"):
        training.autocast("mps", amp=True)


def test_a_batch_scheduler_steps_after_real_corrections_only():
    model, options = ingredients()
    options["criterion"] = lambda outputs, targets: 16 * nn.functional.cross_entropy(outputs, targets)
    optimizer, steps = options["optimizer"], []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=21)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)  # overflows until it has been halved a few times
    train_one_epoch(model, loader(), scheduler=scheduler, scaler=scaler, **options)
    assert 0 < len(steps) < len(loader())
    assert scheduler.last_epoch == len(steps)


def test_gradients_are_clipped_at_their_true_length():
    model, options = ingredients()
    options["optimizer"] = torch.optim.SGD(model.parameters(), lr=1.0)
    before = copy.deepcopy(model.state_dict())
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    train_one_epoch(model, [next(iter(loader()))], scaler=scaler, max_grad_norm=0.01, **options)
    moved = sum((p.detach() - before[name]).pow(2).sum() for name, p in model.named_parameters()).sqrt()
    assert moved.item() == pytest.approx(0.01, rel=1e-3)


def test_one_scaler_serves_a_run_and_its_continuation(tmp_path, monkeypatch):
    made = []

    def make(device, *, amp):
        assert (device, amp) == (CPU, False)
        made.append(torch.amp.GradScaler("cpu", init_scale=2.0, growth_interval=7))  # doubles once an epoch
        return made[-1]

    monkeypatch.setattr(training, "make_scaler", make)
    model, options = ingredients()
    train(model, options, num_epochs=2, checkpoint_path=tmp_path / "run.pt")
    train(model, options, num_epochs=3, checkpoint_path=tmp_path / "run.pt", resume=True)
    assert [scaler.get_scale() for scaler in made] == [8.0, 16.0]


def test_a_practice_alone_makes_its_own_scaler(monkeypatch):
    monkeypatch.setattr(training, "_half_precision", lambda _: torch.bfloat16)
    asked = []

    def make(device, *, amp):
        asked.append((device, amp))
        return torch.amp.GradScaler(enabled=False)

    monkeypatch.setattr(training, "make_scaler", make)
    model, options = ingredients()
    train_one_epoch(model, loader(), amp=True, **options)
    assert asked == [(CPU, True)]


def test_practice_and_exam_compute_in_the_same_precision(monkeypatch):
    """On the CPU's own bfloat16, since there may be no GPU."""
    monkeypatch.setattr(training, "_half_precision", lambda _: torch.bfloat16)
    types = []
    model, options = ingredients()
    model.register_forward_hook(lambda *arguments: types.append(arguments[-1].dtype))
    for amp in (True, False):
        types.clear()
        train_one_epoch(model, loader(), amp=amp, check=False, **options)
        evaluate(model, loader(), criterion=options["criterion"], device=CPU, amp=amp, progress=False, check=False)
        assert set(types) == {torch.bfloat16 if amp else torch.float32}
        assert len(types) == 2 * len(loader())
    types.clear()
    train(model, options, num_epochs=1, amp=True)
    assert types.count(torch.bfloat16) == 2 * len(loader())


# Checkpoints in the loop


def test_an_existing_checkpoint_is_refused_with_both_ways_out(tmp_path):
    path = tmp_path / "mein Läufer.pt"
    model, options = ingredients()
    train(model, options, checkpoint_path=path)
    saved = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"resume=True.*another checkpoint_path"):
        train(model, options, checkpoint_path=path)
    assert path.read_bytes() == saved


@pytest.mark.parametrize("kind", ["none", "step", "cycle", "plateau"])
def test_resuming_ends_like_a_run_that_never_stopped(tmp_path, kind):
    schedulers = torch.optim.lr_scheduler
    make = {
        "none": lambda optimizer: None,  # noqa: ARG005
        "step": lambda optimizer: schedulers.MultiStepLR(optimizer, milestones=[1, 3]),
        "cycle": lambda optimizer: schedulers.OneCycleLR(optimizer, max_lr=0.1, epochs=5, steps_per_epoch=7),
        "plateau": lambda optimizer: schedulers.ReduceLROnPlateau(optimizer, patience=0, threshold=1.0),
    }[kind]

    def run(stop_after=None, **more):
        model, options = ingredients()
        random.seed(3)
        torch.manual_seed(3)

        def stop(history):
            if len(history) == stop_after:
                raise RuntimeError("killed")

        options |= {"scheduler": make(options["optimizer"]), "on_epoch_end": stop, "monitor": "val_loss"}
        return model, train(model, options, num_epochs=5, **more)

    model, history = run()
    path = tmp_path / "run.pt"
    with pytest.raises(RuntimeError, match="killed"):
        run(stop_after=2, checkpoint_path=path)
    torch.manual_seed(99)  # the state of a fresh process is another one
    resumed, again = run(checkpoint_path=path, resume=True)
    assert without_times(again) == without_times(history)
    assert_same_weights(model.state_dict(), resumed.state_dict())
    finished, once_more = run(checkpoint_path=path, resume=True)
    assert without_times(once_more) == without_times(history)
    assert_same_weights(model.state_dict(), finished.state_dict())


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("monitor", {"monitor": "val_loss"}),
        ("patience", {"patience": 5}),
        ("max_grad_norm", {"max_grad_norm": 1.0}),
        ("amp", {"amp": True}),
        ("criterion", {"criterion": nn.CrossEntropyLoss(label_smoothing=0.1)}),
    ],
)
def test_a_run_is_not_continued_with_another_setting(tmp_path, monkeypatch, name, changed):
    monkeypatch.setattr(training, "_half_precision", lambda _: torch.bfloat16)
    model, options = ingredients()
    train(model, options, num_epochs=1, checkpoint_path=tmp_path / "run.pt")
    with pytest.raises(ValueError, match=rf"other settings: {name} was .*, is now"):
        train(model, options | changed, checkpoint_path=tmp_path / "run.pt", resume=True)


def test_a_warning_of_another_machine_points_at_the_learners_line(tmp_path, monkeypatch):
    model, options = ingredients()
    train(model, options, num_epochs=1, checkpoint_path=tmp_path / "run.pt")
    monkeypatch.setattr(checkpoints, "_num_graphics_processors", lambda: 5)
    with pytest.warns(UserWarning, match="graphics processors, this one has 5") as caught:
        train(model, options, num_epochs=1, checkpoint_path=tmp_path / "run.pt", resume=True)
    assert caught[0].filename == __file__


def test_a_run_that_ran_out_of_patience_is_not_continued(tmp_path):
    model, options = ingredients(learning_rate=0.3)
    path = tmp_path / "run.pt"
    history = train(model, options, num_epochs=50, patience=2, checkpoint_path=path)
    assert len(history) < 50
    model, options = ingredients(learning_rate=0.3)
    again = train(model, options, num_epochs=50, patience=2, checkpoint_path=path, resume=True)
    assert again.to_dict() == history.to_dict()


def test_resuming_in_the_same_notebook_with_the_same_objects(tmp_path):
    """After an interrupt the learner runs the cell again: optimizer and scheduler have moved, the settings have not."""
    model, options = ingredients()
    scheduler = torch.optim.lr_scheduler.OneCycleLR(options["optimizer"], max_lr=0.1, epochs=4, steps_per_epoch=7)

    def interrupt(history):
        if len(history) == 2:
            raise KeyboardInterrupt

    path = tmp_path / "run.pt"
    options |= {"scheduler": scheduler, "checkpoint_path": path}
    assert len(train(model, options, num_epochs=4, on_epoch_end=interrupt)) == 2
    assert len(train(model, options, num_epochs=4, resume=True)) == 4


# Runs in a process of its own, which forks a run, lets it die at a known moment, and forks again.
CONTROLLER = """
    import os, signal, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started the tests behind it
    sys.path.insert(0, sys.argv[1])
    import test_training as t

    class Mine(t.TensorDataset):
        left, end = None, None

        def __getitem__(self, index):
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    os.kill(os.getpid(), self.end)
            return super().__getitem__(index)

    def dies_while_writing(which):
        write, count = Path.write_bytes, [0]
        def half(self, data):
            count[0] += 1
            if count[0] == which:
                write(self, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return write(self, data)
        Path.write_bytes = half

    def log(history):
        with open(sys.argv[3], "a") as file:
            print(len(history), file=file)

    def run(where, moment, end):
        practice = Mine(*t.samples().tensors)
        if where == "practice":
            practice.left, practice.end = moment, end
        elif where == "writing":
            dies_while_writing(moment)
        model, options = t.ingredients()
        torch.manual_seed(5)
        options |= {"num_epochs": 12, "checkpoint_path": sys.argv[2], "resume": True, "on_epoch_end": log}
        history = t.train_model(model, t.loader(practice, shuffle=True), t.loader(t.samples(seed=1)), **options)
        return 0 if len(history) == 12 else 3

    deaths = [
        ("practice", 20, signal.SIGKILL),
        ("practice", 53 + 30, signal.SIGKILL),
        ("practice", 2 * 53 + 5, signal.SIGINT),
        ("writing", 1, signal.SIGKILL),
        ("practice", 2 * 53 + 52, signal.SIGKILL),
        ("writing", 2, signal.SIGKILL),
        ("nowhere", 0, 0),
    ]
    for death in deaths:
        child = os.fork()
        if child == 0:
            try:
                os._exit(run(*death))
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
        print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def one_thread():
    """Sums of another number of threads are rounded differently; the controller below computes with one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform == "win32", reason="forks, and ends the runs by Unix signals")
@pytest.mark.usefixtures("one_thread")
def test_a_killed_run_resumes_where_it_was_and_comes_to_the_same_end(tmp_path):
    model, options = ingredients()
    torch.manual_seed(5)
    history = train(model, options, num_epochs=12)
    path, epochs = tmp_path / "run.pt", tmp_path / "epochs.txt"
    command = [sys.executable, "-c", textwrap.dedent(CONTROLLER), str(Path(__file__).parent), str(path), str(epochs)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    ends = [line.split()[1] for line in outcome.stdout.splitlines() if line.startswith("ended")]
    assert ends == ["-9", "-9", "3", "-9", "-9", "-9", "0"], outcome.stdout
    assert epochs.read_text().split() == [str(epoch) for epoch in range(1, 13)], "a finished epoch was learned again"
    state = torch.load(path, weights_only=True)
    assert without_times(History.from_dict(state["history"])) == without_times(history)
    assert_same_weights(model.state_dict(), state["best_weights"])

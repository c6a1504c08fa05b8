"""The loop is held against loops written by hand, killed, interrupted and fed with infinities."""

import copy
import math
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.report.history import History
from course_utils.training import evaluate, train_model, train_one_epoch

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
    """Raises KeyboardInterrupt when its samples have been read often enough."""

    left = math.inf

    def __getitem__(self, index):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_an_interrupt_returns_what_was_learned(capsys):
    model, options = ingredients()
    trap = Trap(*samples().tensors)
    trap.left = 2 * 53 + 20  # in the third practice
    history = train_model(model, loader(trap, shuffle=True), loader(samples(seed=1)), num_epochs=9, **options)
    assert len(history) == 2
    assert "Interrupted in epoch 3" in capsys.readouterr().out
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
    for word in ("term 3", "learning rate", "labels", "normalisation"):
        assert word in out


def test_a_loss_that_is_not_finite_from_the_start_gives_the_first_weights_back():
    model, options = ingredients()
    before = copy.deepcopy(model.state_dict())
    options["criterion"] = lambda outputs, targets: nn.functional.cross_entropy(outputs, targets) * math.nan
    history = train(model, options)
    assert len(history) == 1
    assert history.best_epoch is None
    assert_same_weights(before, model.state_dict())


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


# Runs in a process of its own, which forks a run, ends it at a random moment, and forks again until one comes through.
CONTROLLER = """
    import os, random, signal, sys, time
    import torch
    torch.set_num_threads(1)
    sys.path.insert(0, sys.argv[1])
    import test_training as t

    def run():
        model, options = t.ingredients()
        torch.manual_seed(5)
        history = t.train(model, options, num_epochs=60, checkpoint_path=sys.argv[2], resume=True)
        if len(history) < 60 and history.best_epoch:  # interrupted from the keyboard: the best weights are in place
            data = t.loader(t.samples(seed=1))
            marks = t.evaluate(model, data, criterion=options["criterion"], device="cpu", progress=False)
            assert marks.accuracy >= max(history.val_accuracy), (marks, history)
        return 0 if len(history) == 60 else 3

    chance, ended = random.Random(0), []
    while not ended or ended[-1] != 0:
        child = os.fork()
        if child == 0:
            try:
                os._exit(run())
            except KeyboardInterrupt:  # outside the loop, where train_model does not catch it
                os._exit(3)
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
        if len(ended) < 10:
            time.sleep(chance.uniform(0.02, 0.3))
            os.kill(child, chance.choice([signal.SIGKILL, signal.SIGINT]))
        ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert ended[-1] in (0, 3, -signal.SIGKILL), ended
    print("ended", ended)
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
def test_a_run_ended_at_random_moments_continues_to_the_same_end(tmp_path):
    model, options = ingredients()
    torch.manual_seed(5)
    history = train(model, options, num_epochs=60)
    path = tmp_path / "run.pt"
    command = [sys.executable, "-c", textwrap.dedent(CONTROLLER), str(Path(__file__).parent), str(path)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "-9" in outcome.stdout, "no run was killed"
    state = torch.load(path, weights_only=True)
    assert without_times(History.from_dict(state["history"])) == without_times(history)
    assert_same_weights(model.state_dict(), state["best_weights"])

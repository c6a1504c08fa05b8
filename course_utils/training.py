"""The whole story of lesson 06. Practice, mock exam, report card, term after term.

The student is the `model`, the teacher the `criterion`, the coach the `optimizer`, the assistant the `scheduler`.
Read `train_one_epoch` first, then `evaluate`, then `train_model`.
"""

import copy
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import nn

from course_utils.checkpoints import describe_run, load_checkpoint, refuse_surprise, save_checkpoint
from course_utils.checks import check_batch, check_run
from course_utils.report.history import History
from course_utils.report.metrics import Metrics, Phase, describe_samples
from course_utils.report.samples import class_names

# These schedulers move the learning rate after every batch; all others after every epoch.
BATCH_SCHEDULERS = (torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CyclicLR)


def train_one_epoch(
    model: nn.Module,
    loader: Iterable,
    *,
    criterion: Callable,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
    scheduler=None,
    max_grad_norm: float | None = None,
    amp: bool = False,
    progress: bool = True,
    check: bool = True,
) -> Metrics:
    """One practice: the student answers every batch once, and the coach corrects it after each.

    `loader` gives inputs `(N, ...)` and targets, class numbers `(N,)` or floating-point values; `model` is on `device`
    already. Only a OneCycleLR or CyclicLR is stepped here, after each batch. `max_grad_norm` clips gradients to
    that length; `amp` computes in mixed precision (CUDA only); `check` looks for beginner's mistakes in the first
    batch.
    The marks are taken while the student still learns. Raises ValueError, with the way out, for each mistake found.
    """
    autocast, scaler = _precision(torch.device(device), amp)
    model.train()
    with Phase("practice", loader, criterion=criterion, progress=progress) as phase:
        for inputs, targets in phase:
            if check and phase.is_first_batch:
                check_batch(
                    model,
                    inputs,
                    targets,
                    criterion=criterion,
                    optimizer=optimizer,
                    device=device,
                    classes=class_names(loader),
                )
            inputs, targets = inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            optimizer.zero_grad()
            with autocast:
                outputs = model(inputs)
                loss = criterion(outputs, targets)
            scaler.scale(loss).backward()  # without mixed precision the scaler changes nothing
            if max_grad_norm is not None:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
            scaler.step(optimizer)
            scaler.update()
            if isinstance(scheduler, BATCH_SCHEDULERS):
                scheduler.step()
            phase.count(loss, outputs, targets)
    return phase.metrics()


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loader: Iterable,
    *,
    criterion: Callable,
    device: torch.device | str,
    progress: bool = True,
    check: bool = True,
) -> Metrics:
    """One exam: the student answers every batch, nobody corrects it. The model is left in `eval()` mode.

    The result does not depend on the batch size or the order of the samples.
    """
    model.eval()
    with Phase("exam", loader, criterion=criterion, progress=progress) as phase:
        for inputs, targets in phase:
            if check and phase.is_first_batch:
                check_batch(model, inputs, targets, criterion=criterion, device=device, classes=class_names(loader))
            inputs, targets = inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            outputs = model(inputs)
            phase.count(criterion(outputs, targets), outputs, targets)
    return phase.metrics()


def train_model(
    model: nn.Module,
    train_loader: Iterable,
    val_loader: Iterable,
    *,
    criterion: Callable,
    optimizer: torch.optim.Optimizer,
    num_epochs: int,
    device: torch.device | str,
    scheduler=None,
    monitor: str = "val_accuracy",
    patience: int | None = None,
    max_grad_norm: float | None = None,
    amp: bool = False,
    checkpoint_path: str | Path | None = None,
    resume: bool = False,
    on_epoch_end: Callable[[History], object] | None = None,
    progress: bool = True,
    catch_interrupt: bool = True,
) -> History:
    """The whole schooling: `num_epochs` terms of practice and mock exam. Returns the report card.

    At the end the model holds the weights of its best term, by `monitor` ("val_accuracy" or "val_loss"), in `eval()`
    mode. `scheduler` is stepped as its kind asks: after each batch, each epoch, or with the monitored figure
    (ReduceLROnPlateau). Training stops after `patience` epochs without a new best, and with an explanation where a loss
    is not finite. An interrupt from the keyboard returns what was learned so far; with `catch_interrupt=False` it is
    raised, so that what calls this function, such as a sweep, can stop as well.

    With `checkpoint_path`, everything is written there after each epoch. `resume=True` continues from that file to
    `num_epochs` in total (or starts, where there is none) and ends as if it had never stopped; `resume=False` refuses
    an existing file. `on_epoch_end` is called with the history, for example `plotting.LiveCurves()`. `progress=False`
    is quiet; `COURSE_PROGRESS=0` hides the bars only.

    Raises ValueError for a beginner's mistake (`course_utils.checks`), FileExistsError for an unexpected checkpoint.
    """
    say = print if progress else (lambda *_: None)
    limits = {"max_grad_norm": max_grad_norm, "amp": amp}
    run = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "loaders": (train_loader, val_loader)}
    continuing = refuse_surprise(checkpoint_path, resume=resume)
    check_run(**run, num_epochs=num_epochs, monitor=monitor, patience=patience, continuing=continuing)
    run["settings"] = describe_run(**run, criterion=criterion, monitor=monitor, patience=patience, **limits)
    history = History(monitor=monitor, **describe_samples(train_loader, val_loader))
    best_weights = copy.deepcopy(model.state_dict())  # a copy, because state_dict() refers to weights that will change
    if continuing:
        saved_history, best_weights = load_checkpoint(checkpoint_path, **run)
        history = History.from_dict(saved_history)
        say(f"Continuing after epoch {len(history)} of {checkpoint_path}.")
    first_epoch = len(history) + 1
    try:
        while len(history) < num_epochs and not history.is_out_of_patience(patience):
            epoch, started = len(history) + 1, time.perf_counter()
            learning_rate = optimizer.param_groups[0]["lr"]
            shared = {"criterion": criterion, "device": device, "progress": progress, "check": epoch == first_epoch}
            say(f"Epoch {epoch}/{num_epochs}")
            train = train_one_epoch(model, train_loader, optimizer=optimizer, scheduler=scheduler, **limits, **shared)
            val = evaluate(model, val_loader, **shared)
            is_best = history.is_new_best(train, val)
            if is_best:
                best_weights = copy.deepcopy(model.state_dict())
            history.append(train, val, learning_rate=learning_rate, seconds=time.perf_counter() - started)
            say(f"  practice: {train} · mock exam: {val}" + " · New best model found!" * is_best)
            if not history.is_finite:
                break  # before the checkpoint, which keeps the last good epoch
            _step_scheduler(scheduler, history)
            save_checkpoint(checkpoint_path, history=history.to_dict(), best_weights=best_weights, **run)
            if on_epoch_end is not None:
                on_epoch_end(history)
    except KeyboardInterrupt:
        if not catch_interrupt:
            raise
        print(f"Interrupted in epoch {len(history) + 1}: the report card holds the {len(history)} epochs before it.")
        if history.best_epoch is None:
            best_weights = model.state_dict()  # no mock exam yet: keep what was learned so far
    model.load_state_dict(best_weights)
    model.eval()
    say("\n".join(history.summary()))
    return history


def _step_scheduler(scheduler, history: History) -> None:
    """Step what moves after an epoch; ReduceLROnPlateau looks at the loss (mode "min") or the accuracy ("max")."""
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        scheduler.step((history.val_loss if scheduler.mode == "min" else history.val_accuracy)[-1])
    elif scheduler is not None and not isinstance(scheduler, BATCH_SCHEDULERS):
        scheduler.step()


def _precision(device: torch.device, amp: bool):
    """Mixed precision: bfloat16 where the GPU computes in it, else float16, whose small gradients must be scaled up."""
    if amp and device.type != "cuda":
        raise ValueError(f"Mixed precision needs a CUDA GPU, not {device}: use amp=device.type == 'cuda'.")
    dtype = torch.bfloat16 if amp and torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    scaler = torch.amp.GradScaler(enabled=amp and dtype == torch.float16)
    return torch.autocast(device.type, dtype=dtype, enabled=amp), scaler

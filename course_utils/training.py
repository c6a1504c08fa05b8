"""The whole story of lesson 06. Practice, mock exam, report card, term after term.

The student is the `model`, the teacher the `criterion`, the coach the `optimizer`, the assistant the `scheduler`.
Read `train_one_epoch` first, then `evaluate`, then `train_model`.
"""

import copy
import time
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from course_utils.checkpoints import MovingParts, describe_run, load_checkpoint, refuse_surprise, save_checkpoint
from course_utils.checks import check_batch, check_run
from course_utils.report.history import History
from course_utils.report.metrics import Metrics, Phase, describe_samples
from course_utils.report.samples import class_names
from course_utils.report.schedules import BATCH_SCHEDULERS
from course_utils.runtime import evaluating, say


def train_one_epoch(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    criterion: Callable[..., Tensor],
    optimizer: Optimizer,
    device: torch.device | str,
    scheduler: LRScheduler | None = None,
    scaler: torch.amp.GradScaler | None = None,
    max_grad_norm: float | None = None,
    amp: bool = False,
    progress: bool = True,
    check: bool = True,
) -> Metrics:
    """One practice: the student answers every batch once, and the coach corrects it after each.

    `loader` gives inputs `(N, ...)` and targets, class numbers `(N,)` or floating-point values; `model` is on `device`
    already, and is left in `train()` mode. Only a OneCycleLR or CyclicLR is stepped here, after each correction.
    `max_grad_norm` clips gradients to that length; `amp` computes in mixed precision (CUDA only), and `scaler`, from
    `make_scaler`, remembers from one epoch to the next how far float16's gradients can be scaled up; `check` looks for
    beginner's mistakes in the first batch.
    The marks are taken while the student still learns. Raises ValueError, with the way out, for each mistake found, and
    for a batch whose labels the criterion ignores one and all.
    """
    scaler = scaler or make_scaler(device, amp=amp)
    precision = autocast(device, amp=amp)
    model.train()
    with Phase("practice", loader, criterion=criterion, progress=progress) as phase:
        for inputs, targets in phase:
            if check and phase.is_first_batch:
                names = class_names(loader)
                check_batch(
                    model, inputs, targets, criterion=criterion, optimizer=optimizer, device=device, classes=names
                )
            phase.require_labels(targets)
            inputs, targets = to_device(inputs, device), to_device(targets, device)
            optimizer.zero_grad()
            with precision:
                outputs = model(inputs)
                loss = criterion(outputs, targets)
            # Without float16 the scaler changes nothing.
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # PyTorch's own
            if max_grad_norm is not None:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
            has_corrected = _step_optimizer(optimizer, scaler)
            if has_corrected and isinstance(scheduler, BATCH_SCHEDULERS):
                scheduler.step()
            phase.count(loss, outputs, targets)
    return phase.metrics()


def evaluate(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    criterion: Callable[..., Tensor],
    device: torch.device | str,
    amp: bool = False,
    progress: bool = True,
    check: bool = True,
) -> Metrics:
    """One exam: the student answers every batch in `eval()` mode, nobody corrects it, and its mode is then as before.

    The result does not depend on the batch size or the order of the samples. `amp` computes in mixed precision.
    """
    precision = autocast(device, amp=amp)
    with evaluating(model), Phase("exam", loader, criterion=criterion, progress=progress) as phase:
        for inputs, targets in phase:
            if check and phase.is_first_batch:
                check_batch(model, inputs, targets, criterion=criterion, device=device, classes=class_names(loader))
            inputs, targets = to_device(inputs, device), to_device(targets, device)
            with precision:
                outputs = model(inputs)
                loss = criterion(outputs, targets)
            phase.count(loss, outputs, targets)
    return phase.metrics()


def train_model(
    model: nn.Module,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any],
    *,
    criterion: Callable[..., Tensor],
    optimizer: Optimizer,
    num_epochs: int,
    device: torch.device | str,
    scheduler: LRScheduler | None = None,
    monitor: str = "val_accuracy",
    patience: int | None = None,
    max_grad_norm: float | None = None,
    amp: bool = False,
    checkpoint_path: str | PathLike[str] | None = None,
    resume: bool = False,
    on_epoch_end: Callable[[History], object] | None = None,
    progress: bool = True,
    catch_interrupt: bool = True,
) -> History:
    """The whole schooling: `num_epochs` terms of practice and mock exam. Returns the report card.

    At the end, however it comes, the model holds the weights of its best term, by `monitor` ("val_accuracy" or
    "val_loss"), in `eval()` mode. `scheduler` is stepped as its kind asks: after each batch, each epoch, or with the
    monitored figure (ReduceLROnPlateau). Training stops after `patience` epochs without a new best, and with an
    explanation where a loss is not finite.

    An interrupt from the keyboard returns what was learned so far; with `catch_interrupt=False` it is raised, so that
    what calls this function, such as a sweep, can stop as well. Any other error is raised; the report card of the
    epochs before it is then its attribute `history`, and a note under the error says so.

    With `checkpoint_path`, everything is written there after each epoch. `resume=True` continues from that file to
    `num_epochs` in total (or starts, where there is none) and ends as if it had never stopped; `resume=False` refuses
    an existing file. `on_epoch_end` is called with the history, for example `plotting.LiveCurves()`. `progress=False`
    is quiet; `COURSE_PROGRESS=0` hides the bars only.

    Raises ValueError for a beginner's mistake (`course_utils.checks`), FileExistsError for an unexpected checkpoint.
    """
    tell = say if progress else _keep_quiet
    loaders = (train_loader, val_loader)
    continuing = refuse_surprise(checkpoint_path, resume=resume)
    check_run(
        model=model,
        optimizer=optimizer,
        loaders=loaders,
        num_epochs=num_epochs,
        scheduler=scheduler,
        monitor=monitor,
        patience=patience,
        continuing=continuing,
    )
    parts = MovingParts(model, optimizer, scheduler, make_scaler(device, amp=amp), loaders)
    settings = describe_run(
        parts, criterion=criterion, monitor=monitor, patience=patience, max_grad_norm=max_grad_norm, amp=amp
    )
    history = History(monitor=monitor, **describe_samples(train_loader, val_loader))
    best_weights = copy.deepcopy(model.state_dict())  # a copy, because state_dict() refers to weights that will change
    if checkpoint_path is not None and continuing:
        saved_history, best_weights = load_checkpoint(checkpoint_path, parts, settings=settings)
        history = History.from_dict(saved_history)
        tell(f"Continuing after epoch {len(history)} of {checkpoint_path}.")
    first_epoch = len(history) + 1

    try:
        while len(history) < num_epochs and history.is_finite and not history.is_out_of_patience(patience):
            epoch, started = len(history) + 1, time.perf_counter()
            learning_rate = float(optimizer.param_groups[0]["lr"])
            tell(f"Epoch {epoch}/{num_epochs}")
            check = epoch == first_epoch
            train = train_one_epoch(
                model,
                train_loader,
                criterion=criterion,
                optimizer=optimizer,
                device=device,
                scheduler=scheduler,
                scaler=parts.scaler,
                max_grad_norm=max_grad_norm,
                amp=amp,
                progress=progress,
                check=check,
            )
            val = evaluate(
                model, val_loader, criterion=criterion, device=device, amp=amp, progress=progress, check=check
            )
            is_best = history.is_new_best(train, val)
            if is_best:
                best_weights = copy.deepcopy(model.state_dict())
            history.append(train, val, learning_rate=learning_rate, seconds=time.perf_counter() - started)
            if history.is_finite:  # else the checkpoint keeps the last good epoch
                _step_scheduler(scheduler, history)
                save_checkpoint(
                    checkpoint_path, parts, settings=settings, history=history.to_dict(), best_weights=best_weights
                )
            tell(f"  practice: {train} · mock exam: {val}" + " · the best so far" * is_best)
            if on_epoch_end is not None:
                on_epoch_end(history)
    except KeyboardInterrupt:
        if not catch_interrupt:
            raise
        say(f"Interrupted in epoch {len(history) + 1}: the report card holds the {len(history)} epochs before it.")
    except Exception as error:
        _hand_over(error, history)
        raise
    finally:
        if len(history):  # else no mock exam yet: keep what was learned so far
            model.load_state_dict(best_weights)
        model.eval()
    tell("\n".join(history.summary()))
    return history


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Copy `tensor` to `device`, without waiting where that is safe: from pinned memory to CUDA. Any other copy may
    still be under way when the numbers are used.
    """
    is_cuda = torch.device(device).type == "cuda"
    return tensor.to(device, non_blocking=is_cuda and tensor.is_pinned())


def make_scaler(device: torch.device | str, *, amp: bool) -> torch.amp.GradScaler:
    """Return what scales small gradients up, so that float16 can hold them; one for a whole run, since it learns by how
    much. It changes nothing where there is no float16. Raises ValueError for mixed precision without CUDA.
    """
    return torch.amp.GradScaler(enabled=amp and _half_precision(device) == torch.float16)


def autocast(device: torch.device | str, *, amp: bool) -> torch.autocast:
    """Return the context in which layers compute in half precision where that does no harm, with `amp`."""
    dtype = _half_precision(device) if amp else torch.float32
    return torch.autocast(torch.device(device).type, dtype=dtype, enabled=amp)


def _half_precision(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the GPU computes in it, else float16, whose small gradients must be scaled up."""
    if torch.device(device).type != "cuda":
        raise ValueError(f"Mixed precision needs a CUDA GPU, not {device}: use amp=device.type == 'cuda'.")
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _step_optimizer(optimizer: Optimizer, scaler: torch.amp.GradScaler) -> bool:
    """Correct the weights; False where float16's gradients overflowed, so that the scaler left the step out."""
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return scaler.get_scale() >= scale  # lowered after an overflow only


def _step_scheduler(scheduler: LRScheduler | None, history: History) -> None:
    """Step what moves after an epoch; ReduceLROnPlateau looks at the monitored figure."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(getattr(history, history.monitor)[-1])
    elif scheduler is not None and not isinstance(scheduler, BATCH_SCHEDULERS):
        scheduler.step()


def _hand_over(error: Exception, history: History) -> None:
    """Give the report card to whoever catches `error`, and tell whoever reads it."""
    if not len(history):
        return
    error.history = history  # type: ignore[attr-defined]  # no exception declares it
    error.add_note(
        f"Training ended after {len(history)} finished epochs. The model holds its best weights so far, and the report "
        "card is this error's attribute `history` (in a notebook: import sys; sys.last_value.history)."
    )


def _keep_quiet(*_: object) -> None:
    """What `progress=False` says."""

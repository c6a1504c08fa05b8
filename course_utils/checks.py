"""Beginner's mistakes, found before they cost an hour and explained (lesson 11).

`check_run` looks once at the ingredients of a training run, `check_batch` at one batch. Mistakes that make a result
worthless raise ValueError; what is only suspicious warns.
"""

import math
import warnings
from collections.abc import Iterable, Sequence, Sized
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.report.errors import explained
from course_utils.report.metrics import NO_ACCURACY, num_batches
from course_utils.report.partition import describe_shared, describe_sorted
from course_utils.report.samples import class_names, dataset_targets, names_of
from course_utils.report.schedules import check_scheduler, describe_plans
from course_utils.report.symptoms import Batch, find_in_answers, find_in_batch
from course_utils.runtime import evaluating
from course_utils.transforms import IMAGENET_MEAN, IMAGENET_STD, InputSpec


def check_run(
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loaders: tuple[Iterable[Any], Iterable[Any]],
    num_epochs: int,
    scheduler: Any = None,
    monitor: str = "val_accuracy",
    patience: int | None = None,
    continuing: bool = False,
) -> None:
    """Look at the ingredients of a training run before it starts. `loaders`: training and validation.

    Raises ValueError for an empty loader, `dataset.classes` that are not the model's, joined data sets that number
    their classes differently, an optimizer that holds none of the trainable parameters, a scheduler that would fail or
    follow the wrong figure (`check_scheduler`), and accuracy to be monitored where the targets are floating-point
    numbers. Warns where the optimizer lacks some of the trainable parameters, where practice comes sorted by class,
    where the exam holds samples that are practised on, and where a scheduler's plan is longer than the run.
    """
    if num_epochs < 1 or (patience is not None and patience < 1):
        raise ValueError(f"num_epochs and patience count epochs, from 1: not {num_epochs} and {patience}.")
    for name, loader in zip(("train_loader", "val_loader"), loaders, strict=True):
        check_loader(name, loader)
        _check_class_names(model, loader)
    check_optimizer(model, optimizer)
    batches = num_batches(loaders[0])
    check_scheduler(scheduler, monitor=monitor, num_epochs=num_epochs, num_batches=batches, continuing=continuing)
    for suspicion in filter(None, (describe_sorted(loaders[0]), describe_shared(*loaders))):
        warnings.warn(suspicion, stacklevel=3)
    for plan in describe_plans(scheduler, num_epochs=num_epochs, num_batches=batches, continuing=continuing):
        warnings.warn(plan, stacklevel=3)
    targets = dataset_targets(getattr(loaders[1], "dataset", None))
    if monitor == "val_accuracy" and targets is not None and targets.is_floating_point():
        raise ValueError(NO_ACCURACY)


def check_loader(name: str, loader: Iterable[Any]) -> None:
    """Raise ValueError where `loader` gives no batch."""
    if num_batches(loader) == 0:
        dataset = getattr(loader, "dataset", None)
        held = f"its data set holds {len(dataset)} samples, which make" if isinstance(dataset, Sized) else "it gives"
        raise ValueError(
            f"{name} is empty: {held} no batch. Look at the folder it reads, and leave drop_last=False for small data "
            "sets."
        )


def _check_class_names(model: nn.Module, loader: Iterable[Any]) -> None:
    of_data, of_model = class_names(loader), list(names_of(model))
    if not of_data or not of_model or of_model == [f"class {index}" for index in range(len(of_data))]:
        return  # nothing to compare: build_classifier's names where none were given
    if of_data != of_model:
        raise ValueError(
            f"The data's classes are {', '.join(of_data)}, the model's {', '.join(of_model)}: a label would mean "
            "another thing to each. Build both from one list: build_classifier(..., classes=dataset.classes)."
        )


def check_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError where `optimizer` holds none of the model's trainable parameters; warn where it lacks some."""
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    trainable = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    missing = [name for name, parameter in trainable.items() if id(parameter) not in held]
    if not trainable:
        raise ValueError(
            "Every parameter of the model is frozen: there is nothing to train. Unfreeze the head at least."
        )
    if not missing:
        return
    learning_rate = optimizer.param_groups[0]["lr"]
    remake = f"torch.optim.{type(optimizer).__name__}([p for p in model.parameters() if p.requires_grad], lr=...)"
    if len(missing) == len(trainable):
        raise ValueError(
            f"The optimizer holds none of the {len(trainable)} trainable parameter tensors of this model, so nothing "
            f"would be learned. Was it made for another model? Make a new one: optimizer = {remake}"
        )
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    warnings.warn(
        f"The optimizer lacks {len(missing)} of {len(trainable)} trainable parameter tensors ({shown}): they "
        f"will not learn. Were they unfrozen after it was made? Make a new one: optimizer = {remake}, with a learning "
        f"rate well below {learning_rate:g} for them.",
        stacklevel=4,
    )


def check_batch(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    criterion: Any,
    device: torch.device | str = "cpu",
    optimizer: torch.optim.Optimizer | None = None,
    classes: Sequence[str] | None = None,
) -> None:
    """Look at one batch, and at the model's answer to its first two samples (in `eval()` mode, without gradients).

    Raises ValueError for every symptom listed in `course_utils.report.symptoms`, such as labels outside `[0, C)`,
    pictures as `(N, H, W, C)`, or class weights in float64, and for what PyTorch refuses in the model. Under
    cross-entropy it warns of probabilities where logits are due, of scores that a ReLU has cut, and of pixels that look
    unnormalised.
    """
    batch = Batch(inputs, targets, model, criterion, torch.device(device), classes or ())
    _refuse(find_in_batch(batch))
    if optimizer is not None:
        check_optimizer(model, optimizer)
    with explained():
        batch.answers = _answers(model, inputs.to(device))
    _refuse(find_in_answers(batch))
    if batch.is_cross_entropy:
        suspicions = [describe_probabilities(batch.answers) or describe_clipped(batch.answers)]
        if inputs.ndim == 4 and inputs.shape[1] in (1, 3) and inputs.is_floating_point():
            suspicions.append(describe_odd_pixels(inputs, getattr(model, "spec", None)))
        for suspicion in filter(None, suspicions):
            warnings.warn(suspicion, stacklevel=3)


def _refuse(sentence: str | None) -> None:
    if sentence is not None:
        raise ValueError(sentence)


def _answers(model: nn.Module, inputs: Tensor) -> Any:
    """The model's answers to two samples; to all, where it takes batches of one size only."""
    with evaluating(model):
        try:
            answers = model(inputs[:2])
        except (RuntimeError, ValueError, AssertionError):
            answers = model(inputs)
    return answers.cpu() if isinstance(answers, Tensor) else answers


def describe_probabilities(outputs: Any) -> str | None:
    """Return a warning where `outputs` (N, C), which should be logits, are probabilities; else None.

    For C classes the second softmax gives no class more than e / (e + C − 1), however sure the first one is.
    """
    if not isinstance(outputs, Tensor) or outputs.ndim < 2 or outputs.shape[1] < 2:
        return None
    sums = outputs.float().sum(1)
    if outputs.min() < 0 or not torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        return None
    highest = math.e / (math.e + outputs.shape[1] - 1)
    return (
        "The model's answers are probabilities (none negative, each row sums to 1), but the softmax is applied to them "
        f"again, by cross-entropy as by a prediction: of {outputs.shape[1]} classes none can then get more than "
        f"{highest:.1%}, and the loss cannot fall below {-math.log(highest):.2f}, however much is learned. Remove the "
        "Softmax from the model."
    )


def describe_clipped(outputs: Any) -> str | None:
    """Return a warning where scores (N, C) are never negative and some exactly 0, as a ReLU leaves them; else None."""
    if not isinstance(outputs, Tensor) or outputs.ndim < 2 or outputs.shape[1] < 2:
        return None
    if outputs.min() < 0 or not (outputs == 0).any() or not outputs.any():
        return None
    return (
        f"No score is negative, and {(outputs == 0).float().mean():.0%} of them are exactly 0: is there a ReLU after "
        "the last layer? A class whose scores it keeps at 0 gets no gradient, and is never answered. Remove it."
    )


def describe_odd_pixels(images: Tensor, spec: InputSpec | None) -> str | None:
    """Return a warning where `images` (N, C, H, W) do not look normalised as `spec` says; else None.

    Their range is compared with what black (0) and white (1) become under the model's normalisation.
    """
    low, high, spread = images.min().item(), images.max().item(), images.std().item()
    mean, std = getattr(spec, "mean", IMAGENET_MEAN), getattr(spec, "std", IMAGENET_STD)
    lowest = min(-m / s for m, s in zip(mean, std, strict=True))
    highest = max((1 - m) / s for m, s in zip(mean, std, strict=True))
    # One bright picture may have no pixel below 0, but then it has one above 1.
    looks_raw = low >= 0 > lowest and (high <= 1 or len(images) > 1)
    if not (looks_raw or low < 2 * lowest - 1 or high > 2 * highest + 1 or spread < 0.01):
        return None
    return (
        f"The pixels look unnormalised: they lie in {low:.3g} … {high:.3g} (standard deviation {spread:.3g}), "
        f"expected is {lowest:.2f} … {highest:.2f}. Scale to [0, 1], then Normalize(mean={list(mean)}, "
        f"std={list(std)}): build_eval_transform(model.spec) does both."
    )

"""Beginner's mistakes, found before they cost an hour and explained (lesson 10).

`check_run` looks once at the ingredients of a training run, `check_batch` at one batch. Mistakes that make a result
worthless raise ValueError; what is only suspicious warns.
"""

import warnings
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.report.metrics import CLASS_LOSSES, num_batches
from course_utils.report.samples import class_names, dataset_targets
from course_utils.runtime import evaluating
from course_utils.transforms import IMAGENET_MEAN, IMAGENET_STD, InputSpec

CROSS_ENTROPIES = (nn.CrossEntropyLoss, functional.cross_entropy)
ELEMENTWISE_LOSSES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss)


def check_run(
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loaders: tuple[Iterable, Iterable],
    num_epochs: int,
    scheduler=None,
    monitor: str = "val_accuracy",
    patience: int | None = None,
    continuing: bool = False,
) -> None:
    """Look at the ingredients of a training run before it starts. `loaders`: training and validation.

    Raises ValueError for an empty loader, `dataset.classes` that are not the model's, an optimizer that holds none of
    the trainable parameters, a OneCycleLR made for another number of batches, a ReduceLROnPlateau that waits for what
    is monitored to move the wrong way, and accuracy to be monitored where the targets are floating-point numbers.
    Warns where the optimizer lacks some of the trainable parameters.
    """
    if num_epochs < 1 or (patience is not None and patience < 1):
        raise ValueError(f"num_epochs and patience count epochs, from 1: not {num_epochs} and {patience}.")
    for name, loader in zip(("train_loader", "val_loader"), loaders, strict=True):
        check_loader(name, loader)
        _check_class_names(model, loader)
    check_optimizer(model, optimizer)
    if isinstance(scheduler, torch.optim.lr_scheduler.OneCycleLR):
        _check_one_cycle(scheduler, num_epochs, num_batches(loaders[0]), continuing)
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        _check_plateau(scheduler, monitor)
    targets = dataset_targets(getattr(loaders[1], "dataset", None))
    if monitor == "val_accuracy" and targets is not None and targets.is_floating_point():
        raise ValueError("Floating-point targets (regression) have no accuracy to monitor: use monitor='val_loss'.")


def check_loader(name: str, loader: Iterable) -> None:
    """Raise ValueError where `loader` gives no batch."""
    if num_batches(loader) == 0:
        raise ValueError(
            f"{name} is empty: its data set holds {len(getattr(loader, 'dataset', ()))} samples, which make no batch. "
            "Look at the folder it reads, and leave drop_last=False for small data sets."
        )


def _check_class_names(model: nn.Module, loader: Iterable) -> None:
    of_data, of_model = class_names(loader), getattr(model, "classes", None)
    if not of_data or not of_model or list(of_model) == [f"class {index}" for index in range(len(of_data))]:
        return  # nothing to compare: build_classifier's names where none were given
    if list(of_data) != list(of_model):
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


def _check_one_cycle(scheduler, num_epochs: int, batches: int | None, continuing: bool) -> None:
    planned, due = scheduler.total_steps, None if batches is None else num_epochs * batches
    remake = f"make a new one with epochs={num_epochs}, steps_per_epoch=len(train_loader)"
    if due is not None and planned != due:
        raise ValueError(
            f"This OneCycleLR is planned for {planned} steps, but {num_epochs} epochs of {batches} batches take "
            f"{due}, because it takes one step after every batch (not after every epoch): {remake}."
        )
    if scheduler.last_epoch > 0 and not continuing:
        raise ValueError(f"This OneCycleLR has taken {scheduler.last_epoch} of its {planned} steps already: {remake}.")


def _check_plateau(scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau, monitor: str) -> None:
    due = {"val_loss": "min", "val_accuracy": "max"}.get(monitor, scheduler.mode)
    if scheduler.mode != due:
        raise ValueError(
            f"This ReduceLROnPlateau has mode={scheduler.mode!r}, but it is shown {monitor}, which is monitored and "
            f"best where {'lowest' if due == 'min' else 'highest'}: make it with mode={due!r}, or train with "
            f"monitor={'val_accuracy' if due == 'min' else 'val_loss'!r}."
        )


def check_batch(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    criterion,
    device: torch.device | str = "cpu",
    optimizer: torch.optim.Optimizer | None = None,
    classes: list[str] | None = None,
) -> None:
    """Look at one batch, and at the model's answer to its first two samples (in `eval()` mode, without gradients).

    Raises ValueError for a missing batch dimension, pictures as `(N, H, W, C)` or bytes, a model on another device,
    labels outside `[0, C)` or of the wrong type or shape, `classes` (names) that are not C. Warns of probabilities
    where logits are due and of pixels that look unnormalised (both under cross-entropy only).
    """
    _check_inputs(model, inputs, targets)
    device = torch.device(device)
    home = next((parameter.device for parameter in model.parameters()), device)
    if home.type != device.type or (device.index is not None and home.index != device.index):
        raise ValueError(f"The model is on {home}, the batch goes to {device}: call model.to({str(device)!r}) first.")
    if optimizer is not None:
        check_optimizer(model, optimizer)
    with evaluating(model):
        outputs = model(inputs[:2].to(device)).cpu()
    _check_targets(outputs, targets, criterion, classes)
    if _is_cross_entropy(criterion):
        suspicions = [describe_probabilities(outputs)]
        if _are_pictures(inputs):
            suspicions.append(describe_odd_pixels(inputs, getattr(model, "spec", None)))
        for suspicion in filter(None, suspicions):
            warnings.warn(suspicion, stacklevel=3)


def _is_cross_entropy(criterion) -> bool:
    return isinstance(criterion, nn.CrossEntropyLoss) or criterion is functional.cross_entropy


def _are_pictures(inputs: Tensor) -> bool:
    return inputs.ndim == 4 and inputs.shape[1] in (1, 3)


def _check_inputs(model: nn.Module, inputs: Tensor, targets: Tensor) -> None:
    if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor):
        raise ValueError(
            f"A batch is a pair of tensors, not {type(inputs).__name__} and {type(targets).__name__}: "
            "pass a DataLoader, not the data set itself, and end the transform with a conversion to a tensor."
        )
    shape = tuple(inputs.shape)
    sees_pictures = any(isinstance(module, nn.Conv2d) for module in model.modules())
    if targets.ndim == 0 or (sees_pictures and inputs.ndim == 3):
        raise ValueError(
            f"The batch dimension is missing: inputs {shape}, targets {tuple(targets.shape)}. A batch of pictures is "
            "(N, C, H, W): give one picture as picture.unsqueeze(0), or let a DataLoader make the batches."
        )
    if sees_pictures and inputs.ndim == 4 and shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4):
        raise ValueError(
            f"The pictures have the shape {shape}, which looks like (N, H, W, C); PyTorch wants (N, C, H, W). Use "
            "v2.ToImage() in the transform, or images.permute(0, 3, 1, 2)."
        )
    if sees_pictures and not inputs.is_floating_point():
        raise ValueError(
            f"The pictures are {inputs.dtype} (bytes from 0 to 255?), the model computes in floating point. Put "
            "v2.ToDtype(torch.float32, scale=True) and Normalize into the transform."
        )
    if len(inputs) != len(targets):
        raise ValueError(f"The batch holds {len(inputs)} inputs but {len(targets)} targets.")


def _check_targets(outputs: Tensor, targets: Tensor, criterion, classes: list[str] | None) -> None:
    if getattr(criterion, "reduction", "mean") == "none":
        raise ValueError("The criterion gives one loss per sample; training needs one number: leave reduction='mean'.")
    if isinstance(criterion, CLASS_LOSSES) or _is_cross_entropy(criterion):
        if classes and len(classes) != outputs.shape[1]:
            raise ValueError(
                f"The data has {len(classes)} classes ({', '.join(classes)}), the model's head gives "
                f"{outputs.shape[1]} scores. Build the head for all of them: num_classes=len(dataset.classes)."
            )
        _check_labels(outputs, targets, getattr(criterion, "ignore_index", -100))
    elif isinstance(criterion, ELEMENTWISE_LOSSES):
        _check_values(outputs, targets, type(criterion).__name__)


def _check_labels(outputs: Tensor, targets: Tensor, ignore_index: int) -> None:
    """Hold labels, or probabilities of the classes, against the model's scores `(2, C, ...)`."""
    num_classes, per_sample = outputs.shape[1], tuple(outputs.shape[2:])
    probabilities_given = targets.is_floating_point() and targets.shape[1:] == outputs.shape[1:]
    if probabilities_given:
        return
    if targets.dtype != torch.int64:
        raise ValueError(
            f"The labels are {targets.dtype}; cross-entropy takes class numbers as torch.int64: labels.long(). "
            "If they are measurements rather than classes, use nn.MSELoss()."
        )
    if tuple(targets.shape[1:]) != per_sample:
        raise ValueError(
            f"The labels have the shape {tuple(targets.shape)}, due is {(len(targets), *per_sample)}: one class number "
            "per sample. Use labels.squeeze(1) for a column, labels.argmax(1) for one-hot rows."
        )
    counted = targets[targets != ignore_index]
    if len(counted) and (counted.min() < 0 or counted.max() >= num_classes):
        raise ValueError(
            f"The labels lie between {counted.min()} and {counted.max()}, but the model's head gives {num_classes} "
            f"scores, for the labels 0 to {num_classes - 1}. Count classes from 0, and build the head for all of them "
            "(num_classes=len(dataset.classes))."
        )


def _check_values(outputs: Tensor, targets: Tensor, criterion: str) -> None:
    """Hold measurements `(N, ...)` against the model's answers, which broadcasting would silently pair wrongly."""
    if not targets.is_floating_point():
        raise ValueError(
            f"The targets are {targets.dtype}, {criterion} compares floating-point numbers: targets.float(). "
            "If they are class numbers, use nn.CrossEntropyLoss()."
        )
    if targets.shape[1:] != outputs.shape[1:]:
        raise ValueError(
            f"The targets have the shape {tuple(targets.shape)}, the answers {(len(targets), *outputs.shape[1:])}: "
            f"{criterion} would pair every target with every answer. Use targets.unsqueeze(1) or outputs.squeeze(1)."
        )


def describe_probabilities(outputs: Tensor) -> str | None:
    """Return a warning where `outputs` (N, C), which should be logits, are probabilities; else None."""
    if outputs.ndim < 2 or outputs.shape[1] < 2:
        return None
    sums = outputs.float().sum(1)
    if outputs.min() < 0 or not torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        return None
    return (
        "The model's answers are probabilities (none negative, each row sums to 1), but the softmax is applied to them "
        "again, by cross-entropy as by a prediction: done twice, it flattens them, and learning is slow. Remove the "
        "Softmax from the model."
    )


def describe_odd_pixels(images: Tensor, spec: InputSpec | None) -> str | None:
    """Return a warning where `images` (N, C, H, W) do not look normalised as `spec` says; else None.

    Their range is compared with what black (0) and white (1) become under the model's normalisation.
    """
    low, high, spread = images.min().item(), images.max().item(), images.std().item()
    mean, std = (spec.mean, spec.std) if spec is not None else (IMAGENET_MEAN, IMAGENET_STD)
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

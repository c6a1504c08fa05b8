"""Revision notes. A frozen backbone sees each picture once, the head learns from its notes (lesson 07).

A frozen backbone in `eval()` mode says the same about a picture in every epoch, so ask it once. Two things make that
pass faster without changing its answers: memory in `channels_last` order, and each BatchNorm, which in `eval()` only
scales and shifts, folded into the convolution before it (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, 3.2).
Both are tried on the first batch beside the backbone as it stands, and left out where the answers differ.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset

from course_utils.checks import check_loader
from course_utils.report.errors import explained
from course_utils.runtime import progress_bar

NUM_COMPARED = 16  # samples read twice to find augmentation; a flip of every second one escapes with chance 2 ** -16
ROUNDING = 1e-4  # as a share of the largest feature: how far the fast way may be off; on a CPU it is off by 1e-6


def extract_features(
    backbone: nn.Module, loader: DataLoader[Any], *, device: torch.device | str, progress: bool = True
) -> TensorDataset:
    """Return what a frozen `backbone` says about every sample: features `(N, D)` and targets `(N,)`, on the CPU.

    `backbone` maps `(N, 3, H, W)` to `(N, D)` and stays as it is, on its device. `loader` gives the samples in order,
    all of them and without augmentation: `make_dataloaders(...).train_eval`, `.val` or `.test`. The features are
    ordinary tensors, equal to `backbone(images)` up to rounding (1e-4 of the largest); a head trains on them as on any
    data set:

        notes = extract_features(model.backbone, data.train_eval, device=device)
        train_model(model.head, DataLoader(notes, batch_size=32, shuffle=True), ...)

    Raises ValueError, with the way out, for a backbone that is not frozen or not in `eval()` mode, for a loader that
    is empty, shuffles or drops samples, and for a data set that reads differently twice.
    """
    _check_backbone(backbone)
    check_loader("The loader", loader)
    num_samples = _check_order(loader)
    _check_reads_the_same(loader.dataset, num_samples)
    home = next((tensor.device for tensor in backbone.state_dict().values()), torch.device("cpu"))
    plain = backbone if home == torch.device(device) else copy.deepcopy(backbone).to(device)
    fast = _make_fast(plain)
    trusted: dict[torch.Size, Callable[[Tensor], Tensor]] = {}  # by shape: the last batch may be smaller
    features, targets = [], []
    bar = progress_bar(total=num_samples, description="revision notes", show=progress, unit=" samples")
    with explained(), bar, torch.inference_mode():
        for inputs, labels in loader:
            inputs = inputs.to(device)
            if inputs.shape not in trusted:
                trusted[inputs.shape] = fast if _agree(fast, plain, inputs) else plain
            features.append(trusted[inputs.shape](inputs).cpu())
            targets.append(labels)
            bar.update(len(labels))
    # Outside inference_mode: what is made inside it can never take part in training, not even as a slice or a clone.
    return TensorDataset(torch.cat(features), torch.cat(targets))


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return a copy of `network`, in `eval()` mode, with every BatchNorm folded into the layer before it.

    For that its code is traced, which may raise anything.
    """
    from torch.fx.experimental.optimization import fuse  # here, because what is experimental may move

    folded: nn.Module = fuse(network)
    return folded


def _make_fast(plain: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a faster function that should answer as `plain` does, or `plain` itself where there is none."""
    try:
        folded = fold_batch_norm(plain).to(memory_format=torch.channels_last)
    except Exception:  # tracing runs the learner's code on stand-ins for tensors: there is no error it could not raise
        return plain

    def fast(inputs: Tensor) -> Tensor:
        layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
        answers: Tensor = folded(inputs.contiguous(memory_format=layout))
        return answers

    return fast


def _agree(fast: Callable[[Tensor], Tensor], plain: nn.Module, inputs: Tensor) -> bool:
    due = plain(inputs)
    try:
        answers = fast(inputs)
    except Exception:  # code that no longer fits the memory's order, such as x.view(len(x), -1)
        return False
    # False as well where there are numbers that are none.
    return answers.shape == due.shape and bool((answers - due).abs().max() <= ROUNDING * due.abs().max())


def _check_backbone(backbone: nn.Module) -> None:
    learning = [name for name, parameter in backbone.named_parameters() if parameter.requires_grad]
    if learning:
        raise ValueError(
            f"{len(learning)} parameter tensors of the backbone can still learn ({', '.join(learning[:3])}, ...), so "
            "notes taken now would soon be out of date. Call freeze(model.backbone), and pass model.backbone rather "
            "than the whole model; to train the backbone, train on the pictures."
        )
    training = [name or "the backbone" for name, module in backbone.named_modules() if module.training]
    if training:
        raise ValueError(
            f"The backbone is in train() mode ({training[0]}): its BatchNorm would make a picture's features depend on "
            "the others in its batch, and its dropout on chance. Call model.backbone.eval() first."
        )


def _check_order(loader: DataLoader[Any]) -> int:
    """Return how many samples `loader` gives, in order and all of them."""
    sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
    if not isinstance(sampler, SequentialSampler):
        raise ValueError(
            f"This loader does not give the samples in order ({type(sampler).__name__}). Features are taken "
            "once and shuffled later: use make_dataloaders(...).train_eval, or DataLoader(..., shuffle=False)."
        )
    left_out = len(sampler) % loader.batch_size if loader.batch_size else 0
    if loader.drop_last and left_out:
        raise ValueError(
            f"This loader drops the last {left_out} of {len(sampler)} samples (drop_last=True), which would be "
            "missing from the notes: use make_dataloaders(...).train_eval, or DataLoader(..., drop_last=False)."
        )
    return len(sampler)


def _check_reads_the_same(dataset: Any, num_samples: int) -> None:
    """Read a few samples, spread over the data set, twice."""
    step = max(1, num_samples // NUM_COMPARED)
    for index in range(0, num_samples, step)[:NUM_COMPARED]:
        if not all(map(_same, dataset[index], dataset[index])):
            raise ValueError(
                f"Sample {index} is different each time it is read: the data set augments. The notes would hold one "
                "random version of each picture. Use the evaluation transform: make_dataloaders(...).train_eval."
            )


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.equal(first.nan_to_num(), second.nan_to_num())
    return bool(np.array_equal(first, second))

"""Revision notes. A frozen backbone sees each picture once, the head learns from its notes (lesson 07).

A frozen backbone in `eval()` mode says the same about a picture in every epoch, so ask it once. Two things make that
pass faster without changing its answers: memory in `channels_last` order, and each BatchNorm, which in `eval()` only
scales and shifts, folded into the convolution before it (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, 3.2).
"""

import copy

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.fx.proxy import TraceError
from torch.utils.data import DataLoader, Dataset, SequentialSampler, TensorDataset

from course_utils.runtime import progress_bar

NUM_COMPARED = 16  # samples read twice to find augmentation; a flip of every second one escapes with chance 2 ** -16


def extract_features(
    backbone: nn.Module, loader: DataLoader, *, device: torch.device | str, progress: bool = True
) -> TensorDataset:
    """Return what a frozen `backbone` says about every sample: features `(N, D)` and targets `(N,)`, on the CPU.

    `backbone` maps `(N, 3, H, W)` to `(N, D)` and stays as it is, on its device. `loader` gives the samples in order,
    all of them and without augmentation: `make_dataloaders(...).train_eval`, `.val` or `.test`. The features are
    ordinary tensors, equal to `backbone(images)` up to rounding (1e-4), on which a head trains as on any data set:

        notes = extract_features(model.backbone, data.train_eval, device=device)
        train_model(model.head, DataLoader(notes, batch_size=32, shuffle=True), ...)

    Raises ValueError, with the way out, for a backbone that is not frozen or not in `eval()` mode, for a loader that
    shuffles or drops samples, and for a data set that reads differently twice.
    """
    _check_backbone(backbone)
    _check_order(loader)
    _check_reads_the_same(loader.dataset)
    fast = _fold_batch_norm(backbone).to(device, memory_format=torch.channels_last)
    features, targets = [], []
    bar = progress_bar(total=len(loader.dataset), description="revision notes", show=progress, unit=" samples")
    with bar, torch.inference_mode():
        for inputs, labels in loader:
            layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
            features.append(fast(inputs.to(device).contiguous(memory_format=layout)).cpu())
            targets.append(labels)
            bar.update(len(labels))
    # Outside inference_mode: what is made inside it can never take part in training, not even as a slice or a clone.
    return TensorDataset(torch.cat(features), torch.cat(targets))


def _fold_batch_norm(backbone: nn.Module) -> nn.Module:
    """Return a copy of `backbone` with every BatchNorm folded into the layer before it, where its code allows that."""
    try:
        return fuse(backbone)
    except TraceError:  # its forward() branches on values: as correct unfolded, only slower
        return copy.deepcopy(backbone)


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


def _check_order(loader: DataLoader) -> None:
    if not isinstance(loader.sampler, SequentialSampler):
        raise ValueError(
            f"This loader does not give the samples in order ({type(loader.sampler).__name__}). Features are taken "
            "once and shuffled later: use make_dataloaders(...).train_eval, or DataLoader(..., shuffle=False)."
        )
    left_out = len(loader.dataset) % loader.batch_size if loader.batch_size else 0
    if loader.drop_last and left_out:
        raise ValueError(
            f"This loader drops the last {left_out} of {len(loader.dataset)} samples (drop_last=True), which would be "
            "missing from the notes: use make_dataloaders(...).train_eval, or DataLoader(..., drop_last=False)."
        )


def _check_reads_the_same(dataset: Dataset) -> None:
    """Read a few samples, spread over the data set, twice."""
    step = max(1, len(dataset) // NUM_COMPARED)
    for index in range(0, len(dataset), step)[:NUM_COMPARED]:
        (first, label), (second, label_again) = dataset[index], dataset[index]
        if not torch.equal(torch.as_tensor(first), torch.as_tensor(second)) or label != label_again:
            raise ValueError(
                f"Sample {index} is different each time it is read: the data set augments. The notes would hold one "
                "random version of each picture. Use the evaluation transform: make_dataloaders(...).train_eval."
            )

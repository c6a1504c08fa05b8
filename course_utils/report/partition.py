"""What is suspicious in how practice and exam are handed out (lesson 11): sorted batches, samples on both sides."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, SequentialSampler, Subset, TensorDataset

from course_utils.report.samples import dataset_targets

FEW = 20  # samples, below which nothing is suspected: trials and drills are small
MANY = 0.05  # of the exam's samples: chance makes a few alike, above all short texts
NUM_LOOKED_AT = 64  # numbers of a sample, spread over it, by which it is known again


def describe_sorted(train_loader: Any) -> str | None:
    """Return a warning where practice comes in order, and the order is that of the classes; else None."""
    targets = dataset_targets(getattr(train_loader, "dataset", None))
    if not isinstance(getattr(train_loader, "sampler", None), SequentialSampler) or targets is None:
        return None
    if targets.ndim != 1 or targets.is_floating_point() or len(targets) < FEW or targets.min() == targets.max():
        return None
    if (targets.diff() < 0).any() or len(targets) <= (train_loader.batch_size or 1):
        return None
    return (
        "The practice samples come sorted by class, one class after the other: each batch teaches one answer and lets "
        "the others be forgotten. Use DataLoader(..., shuffle=True)."
    )


def describe_shared(train_loader: Any, val_loader: Any) -> str | None:
    """Return a warning where samples of the exam are practised on; None where there are none, or where only opening
    the samples would tell. The same samples on both sides, and no others, are meant so: it is tried whether they can be
    learned at all.
    """
    train, val = (getattr(loader, "dataset", None) for loader in (train_loader, val_loader))
    if train is None or train is val:
        return None
    practised, asked = identities(train), identities(val)
    if practised is None or asked is None or len(asked) < FEW:
        return None
    known = set(practised)
    shared = sum(map(known.__contains__, asked))
    if shared <= MANY * len(asked) or known == set(asked):
        return None
    return (
        f"{shared} of the {len(asked)} samples of the mock exam are practised on as well: its mark says what is known "
        "by heart. Split once, before anything else, and let no sample stand on both sides."
    )


def identities(dataset: Any) -> list[Any] | None:
    """Return for each sample something by which it is known again: its file's path, or some of its numbers.

    None where only opening the samples would tell.
    """
    if hasattr(dataset, "samples") and all(isinstance(sample, tuple) for sample in dataset.samples):
        return [str(sample[0]) for sample in dataset.samples]
    if isinstance(dataset, TensorDataset):
        return _rows(dataset.tensors[0])
    if isinstance(dataset, Subset):
        inside = identities(dataset.dataset)
        return None if inside is None else [inside[int(index)] for index in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [identities(part) for part in dataset.datasets]
        return None if None in parts else [each for part in parts if part is not None for each in part]
    return None


def _rows(inputs: Tensor) -> list[Any]:
    flat = inputs.flatten(1) if inputs.ndim > 1 else inputs[:, None]
    step = max(1, flat.shape[1] // NUM_LOOKED_AT)
    return list(map(tuple, flat[:, ::step].detach().to("cpu", torch.float32).tolist()))

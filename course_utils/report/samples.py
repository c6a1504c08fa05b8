"""What a data set says of itself without opening a sample, however it is wrapped: its class names and its targets.

A `Subset` (also of `random_split`), a `ConcatDataset`, a `ChainDataset` or a `StackDataset` says nothing of itself, so
what it wraps is asked, as deep as it goes. None means that only opening the samples would tell.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ChainDataset, ConcatDataset, StackDataset, Subset, TensorDataset


def class_names(loader: Any) -> list[str] | None:
    """Return the class names of the data set behind `loader`, in the order of their numbers, or None without any.

    Raises ValueError where several data sets are joined that number their classes differently.
    """
    found = list(dict.fromkeys(_name_lists(getattr(loader, "dataset", None))))  # equal lists count once
    if len(found) > 1:
        together = sorted({name for names in found for name in names})
        raise ValueError(
            f"The data sets joined here number their classes differently: {'; '.join(map(', '.join, found))}. The same "
            f"label would mean one thing in one and another in the next. Build all of them from one list: "
            f"classes={together}."
        )
    return list(found[0]) if found else None


def dataset_targets(dataset: Any) -> Tensor | None:
    """Return the targets of all samples in order: `(N, ...)`, or None where only opening the samples would tell.

    Read from `dataset.targets`, or from the last tensor of a `TensorDataset`.
    """
    if _relabels(dataset):
        return None
    if hasattr(dataset, "targets"):
        return _as_tensor(dataset.targets)
    if isinstance(dataset, TensorDataset):
        return dataset.tensors[-1]
    if isinstance(dataset, Subset):
        targets = dataset_targets(dataset.dataset)
        return None if targets is None else targets[[int(index) for index in dataset.indices]]
    if isinstance(dataset, ConcatDataset):
        return _joined([dataset_targets(part) for part in dataset.datasets])
    if isinstance(dataset, StackDataset) and isinstance(dataset.datasets, tuple):
        return _as_tensor(dataset.datasets[-1])  # the second half of each sample, where it is a plain sequence
    return None


def names_of(owner: Any) -> tuple[str, ...]:
    """Return `owner.classes`, of a data set or a model, where that is a list of names; else an empty tuple."""
    names = getattr(owner, "classes", None)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)


def _name_lists(dataset: Any) -> Iterator[tuple[str, ...]]:
    """Yield the list of names of each data set inside; a wrapper's own list stands for all that it wraps."""
    if _relabels(dataset):
        return
    names = names_of(dataset)
    if names:
        yield names
        return
    for part in _parts(dataset):
        yield from _name_lists(part)


def _parts(dataset: Any) -> list[Any]:
    if isinstance(dataset, Subset):
        return [dataset.dataset]
    if isinstance(dataset, ConcatDataset | ChainDataset):
        return list(dataset.datasets)
    if isinstance(dataset, StackDataset):
        return list(dataset.datasets.values() if isinstance(dataset.datasets, dict) else dataset.datasets)
    return []


def _relabels(dataset: Any) -> bool:
    """True where the data set hands out other labels than it lists (an argument of torchvision's data sets)."""
    return getattr(dataset, "target_transform", None) is not None


def _as_tensor(targets: Any) -> Tensor | None:
    try:
        return torch.as_tensor(targets)
    except (TypeError, ValueError, RuntimeError):  # names, dictionaries of boxes, lists of different lengths
        return None


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    shapes = {part.shape[1:] for part in known}
    return torch.cat(known) if len(known) == len(parts) and len(shapes) == 1 else None

"""Revision notes. What is frozen sees each picture once, and what learns practises on its notes (lessons 07 and 08).

A frozen network in `eval()` mode says the same about a picture in every epoch, so ask it once. Notes of the whole
backbone are 1,280 numbers a picture: a head learns from them. Notes of the trunk, the part below the blocks that
learn, are small maps: the rest of the network is fine-tuned on them. Augmentation is a choice of views, each noted
down, one of them drawn each time a picture is practised.
"""

import copy
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import psutil  # type: ignore[import-untyped]  # psutil ships no types
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset

from course_utils.checks import check_loader, describe_odd_pixels
from course_utils.folding import make_fast
from course_utils.kept_notes import kept_notes, notes_key
from course_utils.report.errors import explained
from course_utils.runtime import progress_bar, say
from course_utils.transforms import InputSpec

NUM_COMPARED = 16  # samples read twice to find augmentation; a flip of every second one escapes with chance 2 ** -16


def _plain(images: Tensor) -> Tensor:
    return images


def _mirrored(images: Tensor) -> Tensor:
    return images.flip(-1)


def _closer(images: Tensor) -> Tensor:
    """The middle of the pictures, enlarged: seven eighths of their width and height."""
    height, width = images.shape[-2:]
    rows, columns = round(height / 16), round(width / 16)
    middle = images[..., rows : height - rows, columns : width - columns]
    return F.interpolate(middle, size=(height, width), mode="bilinear", antialias=True)


# The ways to look at pictures (N, 3, H, W) that `extract_features` knows, by name. Each keeps their shape.
VIEWS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "plain": _plain,
    "mirrored": _mirrored,
    "closer": _closer,
    "closer mirrored": lambda images: _mirrored(_closer(images)),
}


class Notes(TensorDataset):
    """Notes of several views: `.tensors` are the notes `(N, V, ...)`, mostly float16, and the targets `(N,)`.

    A sample is one of the V views, drawn at random with PyTorch's generator each time it is read, as float32: what
    augmentation does for pictures. `notes.of_view("plain")` has that view only, for an exam.
    """

    def __init__(self, notes: Tensor, targets: Tensor, *, views: Sequence[str]):
        if notes.ndim < 2 or notes.shape[1] != len(views):
            raise ValueError(f"Notes of {len(views)} views are (N, {len(views)}, ...), not {tuple(notes.shape)}.")
        super().__init__(notes, targets)
        self.views = tuple(views)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        view = int(torch.randint(len(self.views), ())) if len(self.views) > 1 else 0
        notes, targets = self.tensors
        return notes[index, view].float(), targets[index]

    def of_view(self, view: str) -> "Notes":
        """Return the notes of one view, in the same memory. Raises ValueError for a view that was not taken."""
        if view not in self.views:
            raise ValueError(f"There are no notes of the view {view!r}, only of {', '.join(self.views)}.")
        place = self.views.index(view)
        return Notes(self.tensors[0][:, place : place + 1], self.tensors[1], views=[view])


def extract_features(
    backbone: nn.Module,
    loader: DataLoader[Any],
    *,
    device: torch.device | str,
    views: Sequence[str] | None = None,
    keep: bool = False,
    on_batch: Callable[[int], object] | None = None,
    progress: bool = True,
) -> TensorDataset:
    """Return what a frozen network says about every sample: notes and targets `(N,)`, on the CPU.

    Without `views`, the notes are float32, `(N, D)` for a backbone that maps `(N, 3, H, W)` to `(N, D)`. `loader` gives
    the samples in order, all of them and without augmentation: `make_dataloaders(...).train_eval`, `.val` or `.test`.
    A head trains on them as on any data set:

        notes = extract_features(model.backbone, data.train_eval, device=device)
        train_model(model.head, DataLoader(notes, batch_size=32, shuffle=True), ...)

    With `views`, some of "plain", "mirrored", "closer" and "closer mirrored", the result is `Notes` `(N, V, ...)` in
    float16, one for each view, and reading a sample draws one. So a trunk's maps fit into memory:

        trunk, part = split_for_fine_tuning(model, num_blocks=3)
        notes = extract_features(trunk, data.train_eval, device=device, views=("plain", "mirrored"))

    The network stays as it is, on its device; notes equal its answers up to rounding (1e-4 of the largest; float16:
    1e-3 of each). `keep=True` writes them into the data folder's `notes/` and finds them there again as long as
    weights, files, transform and views are the same. `on_batch` is called with the number of samples of each batch,
    for a progress bar of your own.

    Raises ValueError, with the way out, for a network that is not frozen or not in `eval()` mode, for a loader that is
    empty, shuffles or drops samples, for a data set that reads differently twice, for an unknown view, and with `keep`
    for a data set that names no files; MemoryError where the notes would not fit into the free memory.
    """
    num_samples = check_notes(backbone, loader)
    names = _check_views(views)
    task = _Task(backbone, loader, num_samples, names, torch.float32 if views is None else torch.float16)
    if keep:
        key = notes_key(backbone, loader.dataset, [*names, str(task.dtype)])
        notes, targets = kept_notes(key, lambda: _take_notes(task, device=device, on_batch=on_batch, progress=progress))
    else:
        notes, targets = _take_notes(task, device=device, on_batch=on_batch, progress=progress)
    return TensorDataset(notes[:, 0], targets) if views is None else Notes(notes, targets, views=names)


def check_notes(backbone: nn.Module, loader: DataLoader[Any], *, spec: InputSpec | None = None) -> int:
    """Look at a network and a loader before notes are taken, and return how many samples there will be.

    Raises ValueError as `extract_features` does. With `spec`, what the network was schooled on, it warns of pixels that
    are not normalised accordingly.
    """
    _check_backbone(backbone)
    check_loader("The loader", loader)
    num_samples = _check_order(loader)
    _check_reads_the_same(loader.dataset, num_samples)
    if spec is not None and (odd := describe_odd_pixels(next(iter(loader))[0], spec)):
        warnings.warn(odd, stacklevel=2)
    return num_samples


class _Task(NamedTuple):
    network: nn.Module
    loader: DataLoader[Any]
    num_samples: int
    views: Sequence[str]
    dtype: torch.dtype


def _take_notes(
    task: _Task, *, device: torch.device | str, on_batch: Callable[[int], object] | None, progress: bool
) -> tuple[Tensor, Tensor]:
    """Return the notes `(N, V, ...)` and the targets `(N,)`."""
    home = next((tensor.device for tensor in task.network.state_dict().values()), torch.device("cpu"))
    plain = task.network if home == torch.device(device) else copy.deepcopy(task.network).to(device)
    network = make_fast(plain)
    # Made outside inference_mode: what is made inside can never take part in training, not even as a slice or a clone.
    notes, targets, done = torch.empty(0, dtype=task.dtype), [], 0
    bar = progress_bar(total=task.num_samples, description="revision notes", show=progress, unit=" samples")
    with explained(), bar:
        for inputs, labels in task.loader:
            inputs = inputs.to(device)
            with torch.inference_mode():
                answers = torch.stack([network(VIEWS[view](inputs)) for view in task.views], dim=1)
            if not done:
                notes = _make_room(task, answers.shape[1:], tell=say if progress and len(task.views) > 1 else None)
            notes[done : done + len(labels)] = answers.cpu()
            targets.append(labels)
            done += len(labels)
            bar.update(len(labels))
            if on_batch is not None:
                on_batch(len(labels))
    if task.dtype == torch.float16 and not notes.isfinite().all():
        raise ValueError("Some notes are not finite in float16, which ends at 65,504: train on the pictures instead.")
    return notes, torch.cat(targets)


def _make_room(task: _Task, shape: Sequence[int], *, tell: Callable[[str], None] | None) -> Tensor:
    """Return an empty tensor for the notes, `shape` for each sample, after saying how large it is."""
    size = task.num_samples * math.prod(shape) * task.dtype.itemsize
    described = f"notes of {task.num_samples:,} samples in {len(task.views)} views: {size / 1e6:,.0f} MB"
    free = psutil.virtual_memory().available
    if size > 0.8 * free:
        raise MemoryError(
            f"There is no room for {described}, and {free / 1e6:,.0f} MB of memory are free. Let fewer blocks learn "
            "(the maps are smaller nearer the head), take fewer views or fewer samples, or train on the pictures."
        )
    if tell is not None:
        tell(described)
    return torch.empty((task.num_samples, *shape), dtype=task.dtype)


def _check_views(views: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the views to take, the pictures as they are by default."""
    if views is None:
        return ("plain",)
    names = (views,) if isinstance(views, str) else tuple(views)
    unknown = [name for name in names if name not in VIEWS]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(f"views={list(names)}: name one or more of {', '.join(map(repr, VIEWS))}, each once.")
    return names


def _check_backbone(backbone: nn.Module) -> None:
    learning = [name for name, parameter in backbone.named_parameters() if parameter.requires_grad]
    if learning:
        raise ValueError(
            f"{len(learning)} parameter tensors of the network can still learn ({', '.join(learning[:3])}, ...), so "
            "notes taken now would soon be out of date. Call freeze(model.backbone), and pass model.backbone rather "
            "than the whole model; to fine-tune its last blocks, split_for_fine_tuning gives the trunk below them."
        )
    training = [name or "the network" for name, module in backbone.named_modules() if module.training]
    if training:
        raise ValueError(
            f"The network is in train() mode ({training[0]}): its BatchNorm would make a picture's features depend on "
            "the others in its batch, and its dropout on chance. Call its eval() first, such as model.backbone.eval()."
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

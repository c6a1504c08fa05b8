"""How pictures in folders become samples, and samples batches (lessons 02 and 03).

root/train/dress/1.jpg   root/validation/dress/7.jpg   root/test/dress/9.jpg      a folder per split, then per class
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler

from course_utils.pictures.folders import (
    IMAGE_EXTENSIONS,
    LAYOUT,
    check_class_names,
    compare_classes,
    describe_missing_split,
    entries,
    find_splits,
    is_hidden,
    shown,
    walk,
    why_no_picture,
)
from course_utils.pictures.selection import one_position, positions
from course_utils.runtime import given_path, say
from course_utils.transforms import load_image
from course_utils.workers import check_workers


class Skipped(NamedTuple):
    """An entry that `ImageFolderDataset` leaves out, and why."""

    path: Path
    reason: str


class ImageFolderDataset(Dataset[tuple[Any, int]]):
    """Pictures in `root`, one folder a class: `dataset[i]` is `(picture, target)`.

    Agrees with torchvision's `ImageFolder` on a clean folder: classes sorted by name and numbered from 0, files sorted,
    folders inside a class folder included. Besides, it skips hidden entries and files that are no pictures and says so
    (`.skipped`, and in the repr), and every picture arrives upright and as RGB (`transforms.load_image`).

    root        the folder of one split, such as `data/clothing/train`
    transform   called with each Pillow picture; without one, `dataset[i]` gives the picture itself
    classes     the class names in the order of their numbers, for instance those of the training set, so that all
                splits count alike. Some of them may have no pictures in `root`; pictures of other classes are refused

    .classes        list of names               .samples    list of (path, target)
    .class_to_idx   name -> target              .targets    list of targets, one a sample
    .skipped        list of (path, reason)

    Only names are read here; a picture is opened when `dataset[i]` asks for it. Warns of class folders that are called
    like splits, or alike. Raises FileNotFoundError for a missing root, for no class folders and for class folders
    without pictures (with `classes`: for no pictures at all), ValueError for pictures of no class in `classes` and for
    a folder of splits, PermissionError for a folder that may not be read; and from `dataset[i]`, OSError that names the
    file which cannot be read, TypeError and IndexError for what is no number of a sample. Lesson 02.
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[[Any], Any] | None = None,
        classes: Sequence[str] | None = None,
    ):
        self.root = given_path(root, kind="folder")
        self.transform = transform
        self.skipped: list[Skipped] = []
        folders = self._find_class_folders()
        if classes is None:
            check_class_names(list(folders), self.root)
        self.classes = sorted(folders) if classes is None else list(classes)
        self.class_to_idx = {name: target for target, name in enumerate(self.classes)}
        pictures = {name: self._find_pictures(folder) for name, folder in folders.items()}
        if classes is not None:
            compare_classes(self.classes, [name for name in folders if pictures[name]], self.root)
        self.samples: list[tuple[str, int]] = [
            (str(path), target) for name, target in self.class_to_idx.items() for path in pictures.get(name, [])
        ]
        self.targets = [target for _, target in self.samples]
        if classes is None:
            self._refuse_empty(self.empty_classes)
        elif not self.samples:
            self._refuse_empty(self.classes)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, target = self.samples[one_position(index, len(self.samples))]
        try:
            image = load_image(path)
        except OSError as error:
            raise OSError(f"{error} scan_images({str(self.root)!r}) lists every bad file of the data set.") from error
        if self.transform is None:
            return image, target
        try:
            return self.transform(image), target
        except Exception as error:
            error.add_note(f"The transform was given the picture {path}.")
            raise

    def select(self, indices: Iterable[Any]) -> "ImageFolderDataset":
        """Return a data set of some samples only; classes, numbers and transform stay the same.

        `indices` holds whole numbers from 0 to `len(self) - 1`, whose order is kept, or one True or False for each
        sample (`torch.tensor(dataset.targets) == 1`): a list, an array, a tensor. Raises TypeError for anything else,
        IndexError for a number out of range, negative ones included, ValueError for a mask of another length.
        """
        chosen = copy.copy(self)
        chosen.samples = [self.samples[position] for position in positions(indices, len(self.samples))]
        chosen.targets = [target for _, target in chosen.samples]
        return chosen

    @property
    def empty_classes(self) -> list[str]:
        """The names of the classes without a sample."""
        filled = set(self.targets)
        return [name for name, target in self.class_to_idx.items() if target not in filled]

    def __repr__(self) -> str:
        counts = Counter(self.targets)
        names = [shown(name) for name in self.classes]
        width = max(map(len, names))
        lines = [f"{index:4d}  {name:<{width}}  {counts[index]:6,d}" for index, name in enumerate(names)]
        if len(lines) > 20:
            lines[10:] = [f"      ... {len(lines) - 10} more classes"]
        head = f"ImageFolderDataset: {len(self):,} pictures in {len(self.classes)} classes, from {self.root}"
        return "\n".join([head, *lines, *([self._describe(self.skipped)] if self.skipped else [])])

    def describe_gaps(self) -> str:
        """Return what is left out, hidden files aside, and which classes are empty, a line each; "" for nothing."""
        left_out = [skipped for skipped in self.skipped if skipped.reason != "hidden"]
        lines = [self._describe(left_out)] if left_out else []
        if self.empty_classes:
            lines.append(f"no pictures of {', '.join(map(shown, self.empty_classes))}")
        return "\n".join(f"{self.root.name}: {line}" for line in lines)

    def _describe(self, skipped: Sequence[Skipped]) -> str:
        told = [f"{path.relative_to(self.root).as_posix()} ({reason})" for path, reason in skipped[:5]]
        more = [f"and {len(skipped) - 5} more, see .skipped"] if len(skipped) > 5 else []
        return f"skipped {len(skipped)}: " + ", ".join(told + more)

    def _find_class_folders(self) -> dict[str, Path]:
        folders = {}
        for entry in entries(self.root):
            if is_hidden(entry):
                self.skipped.append(Skipped(entry, "hidden"))
            elif entry.is_dir():
                folders[entry.name] = entry
            else:
                reason = "a link to nowhere" if entry.is_symlink() else "in no class folder"
                self.skipped.append(Skipped(entry, reason))
        if not folders:
            raise FileNotFoundError(f"No class folders in {self.root}: {LAYOUT}.")
        return folders

    def _find_pictures(self, folder: Path) -> list[Path]:
        pictures = []
        for path in walk(folder):
            reason = why_no_picture(path)
            if reason is None:
                pictures.append(path)
            else:
                self.skipped.append(Skipped(path, reason))
        return pictures

    def _refuse_empty(self, classes: Sequence[str]) -> None:
        if classes:
            places = ", ".join(str(self.root / name) for name in classes)
            raise FileNotFoundError(
                f"No pictures in {places}: add some ({', '.join(IMAGE_EXTENSIONS)}) or remove the folder."
                + (f" ({self._describe(self.skipped)})" if self.skipped else "")
            )


class DataLoaders(NamedTuple):
    """The loaders of one data set. Each yields `(images, targets)`: (N, 3, H, W) float32 and (N,) int64."""

    train: DataLoader[Any]  # practice: shuffled anew each epoch, augmented
    train_eval: DataLoader[Any]  # the same pictures in order, with the evaluation transform
    val: DataLoader[Any]  # the mock exam: in order, never augmented
    test: DataLoader[Any] | None  # the final exam; None where the data set has none


def make_dataloaders(
    root: str | Path,
    *,
    train_transform: Callable[[Any], Any],
    eval_transform: Callable[[Any], Any],
    batch_size: int = 32,
    num_workers: int = 0,
    seed: int = 0,
    limit: int | None = None,
) -> DataLoaders:
    """Return the loaders of the data set in `root`, which holds the folders train, validation (or val), perhaps test.

    Every split counts its classes as the training set does; a class may be absent outside the training set. Files that
    are left out and classes without pictures are printed. `seed` fixes the order of the training pictures, epoch by
    epoch, with any number of workers; random transforms follow `set_seed` (in worker processes, `seed`). Workers start
    anew at every pass. With `limit`, at most so many training pictures are used: drawn at random with `seed`, as
    equally many of each class as there are. Memory is pinned only where there is a GPU.

    Raises FileNotFoundError where train or validation is missing, ValueError where another split holds pictures of a
    class that the training set lacks, and RuntimeError where `num_workers` > 0 and a transform defined in a notebook
    cannot reach the workers. Lesson 03.
    """
    folders = find_splits(root)
    for split in ("train", "val"):
        if split not in folders:
            raise FileNotFoundError(describe_missing_split(root, split))
    train = ImageFolderDataset(folders["train"], train_transform)
    if limit is not None:
        train = train.select(_balanced_indices(train.targets, limit, seed))
    # A data set of its own, not a view: setting its transform must leave the augmented one as it is.
    train_eval = copy.copy(train)
    train_eval.transform = eval_transform
    exams = {
        split: ImageFolderDataset(folders[split], eval_transform, train.classes)
        for split in ("val", "test")
        if split in folders
    }
    for dataset in (train, *exams.values()):
        if gaps := dataset.describe_gaps():
            say(gaps)

    def loader(dataset: ImageFolderDataset, *, shuffle: bool = False) -> DataLoader[Any]:
        if num_workers > 0:
            check_workers(dataset)
        # The order has a generator of its own, so that it is the same however many workers there are.
        order = RandomSampler(dataset, generator=torch.Generator().manual_seed(seed)) if shuffle else None
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=order,
            num_workers=num_workers,
            # Workers that live on remember how far they have drawn: no seed repeats that, and no checkpoint holds it.
            persistent_workers=False,
            pin_memory=torch.cuda.is_available(),
            # For the workers' seeds. One each, for those in order too: a loader without draws from the global generator
            # at every pass, and an evaluation in between would change the training that follows.
            generator=torch.Generator().manual_seed(seed),
        )

    return DataLoaders(
        loader(train, shuffle=True),
        loader(train_eval),
        loader(exams["val"]),
        loader(exams["test"]) if "test" in exams else None,
    )


def _balanced_indices(targets: Sequence[int], limit: int, seed: int) -> list[int]:
    """Pick at most `limit` samples, one of each class in turn, at random with `seed`; in ascending order."""
    if not isinstance(limit, int | np.integer) or isinstance(limit, bool):
        raise TypeError(f"limit={limit!r}: it is a whole number of training pictures, or None for all.")
    if limit < 1:
        raise ValueError(f"limit={limit}: at least one training picture is needed.")
    turns: list[tuple[int, int]] = []
    seen: Counter[int] = Counter()
    for index in torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed)).tolist():
        turns.append((seen[targets[index]], index))
        seen[targets[index]] += 1
    first_turns = sorted(turns, key=lambda turn: turn[0])[:limit]
    return sorted(index for _, index in first_turns)

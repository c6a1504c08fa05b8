"""How pictures in folders become samples, and samples batches (lessons 02 and 03).

root/train/dress/1.jpg   root/validation/dress/7.jpg   root/test/dress/9.jpg      a folder per split, then per class
"""

import copy
import io
import multiprocessing
import pickle
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler

from course_utils.pictures.folders import (
    IMAGE_EXTENSIONS,
    LAYOUT,
    SPLIT_NAMES,
    SPLIT_OF,
    entries,
    find_splits,
    is_hidden,
    is_image_name,
    walk,
)
from course_utils.transforms import load_image


class Skipped(NamedTuple):
    """An entry that `ImageFolderDataset` leaves out, and why."""

    path: Path
    reason: str


class ImageFolderDataset(Dataset):
    """Pictures in `root`, one folder a class: `dataset[i]` is `(picture, target)`.

    Agrees with torchvision's `ImageFolder` on a clean folder: classes sorted by name and numbered from 0, files sorted,
    folders inside a class folder included. Besides, it skips hidden entries and files that are no pictures and says so
    (`.skipped`, and in the repr), and every picture arrives upright and as RGB (`transforms.load_image`).

    root        the folder of one split, such as `data/clothing/train`
    transform   called with each Pillow picture; without one, `dataset[i]` gives the picture itself
    classes     the class names in the order of their numbers, for instance those of the training set, so that all
                splits count alike; checked against the folders

    .classes        list of names               .samples    list of (path, target)
    .class_to_idx   name -> target              .targets    list of targets, one a sample
    .skipped        list of (path, reason)

    Only names are read here; a picture is opened when `dataset[i]` asks for it. Raises FileNotFoundError for a missing
    root, for no class folders and for class folders without pictures, ValueError where `classes` and folders differ,
    and, from `dataset[i]`, OSError that names the file which cannot be read. Lesson 02.
    """

    def __init__(self, root: str | Path, transform: Callable | None = None, classes: Sequence[str] | None = None):
        self.root = Path(root)
        self.transform = transform
        self.skipped: list[Skipped] = []
        folders = self._find_class_folders(expected=classes)
        self.classes = list(classes) if classes is not None else sorted(folders)
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        self.samples: list[tuple[str, int]] = [
            (str(path), target)
            for name, target in self.class_to_idx.items()
            for path in self._find_pictures(folders[name])
        ]
        self.targets = [target for _, target in self.samples]
        self._refuse_empty_classes()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, target = self.samples[index]
        try:
            image = load_image(path)
        except OSError as error:
            raise OSError(f"{error} scan_images({str(self.root)!r}) lists every bad file of the data set.") from error
        return (image if self.transform is None else self.transform(image)), target

    def select(self, indices: Iterable[int]) -> "ImageFolderDataset":
        """Return a data set of these samples only, in this order; classes, numbers and transform stay the same."""
        chosen = copy.copy(self)
        chosen.samples = [self.samples[index] for index in indices]
        chosen.targets = [target for _, target in chosen.samples]
        return chosen

    def __repr__(self) -> str:
        counts = Counter(self.targets)
        width = max(map(len, self.classes))
        lines = [f"{index:4d}  {name:<{width}}  {counts[index]:6,d}" for index, name in enumerate(self.classes)]
        if len(lines) > 20:
            lines[10:] = [f"      ... {len(lines) - 10} more classes"]
        head = f"ImageFolderDataset: {len(self):,} pictures in {len(self.classes)} classes, from {self.root}"
        return "\n".join([head, *lines, *([self._describe_skipped()] if self.skipped else [])])

    def _describe_skipped(self) -> str:
        shown = [f"{path.relative_to(self.root).as_posix()} ({reason})" for path, reason in self.skipped[:5]]
        more = [f"and {len(self.skipped) - 5} more, see .skipped"] if len(self.skipped) > 5 else []
        return f"skipped {len(self.skipped)}: " + ", ".join(shown + more)

    def _find_class_folders(self, *, expected: Sequence[str] | None) -> dict[str, Path]:
        folders = {}
        for entry in entries(self.root):
            if is_hidden(entry):
                self.skipped.append(Skipped(entry, "hidden"))
            elif entry.is_dir():
                folders[entry.name] = entry
            else:
                self.skipped.append(Skipped(entry, "in no class folder"))
        if not folders:
            raise FileNotFoundError(f"No class folders in {self.root}: {LAYOUT}.")
        if expected is None and "train" in folders and set(folders) <= set(SPLIT_OF):
            raise ValueError(
                f"{self.root} holds splits ({', '.join(folders)}), not classes: "
                f"pass {self.root / 'train'}, or use make_dataloaders."
            )
        if expected is not None:
            _compare_classes(expected, folders, self.root)
        return folders

    def _find_pictures(self, folder: Path) -> Iterator[Path]:
        for path in walk(folder):
            if is_hidden(path):
                self.skipped.append(Skipped(path, "hidden"))
            elif not is_image_name(path):
                self.skipped.append(Skipped(path, f"not a picture's ending: {path.suffix!r}"))
            else:
                yield path

    def _refuse_empty_classes(self) -> None:
        filled = set(self.targets)
        empty = [str(self.root / name) for name, target in self.class_to_idx.items() if target not in filled]
        if empty:
            raise FileNotFoundError(
                f"No pictures in {', '.join(empty)}: add some ({', '.join(IMAGE_EXTENSIONS)}) or remove the folder."
                + (f" ({self._describe_skipped()})" if self.skipped else "")
            )


def _compare_classes(expected: Sequence[str], folders: Iterable[str], root: Path) -> None:
    missing, extra = sorted(set(expected) - set(folders)), sorted(set(folders) - set(expected))
    if len(set(expected)) < len(expected):
        raise ValueError(f"A class is named twice: {', '.join(expected)}.")
    if missing or extra:
        raise ValueError(
            f"The folders in {root} are not the expected classes ({', '.join(expected)}):"
            + (f" no folder for {', '.join(missing)}." if missing else "")
            + (f" No such class: {', '.join(extra)}." if extra else "")
        )


class DataLoaders(NamedTuple):
    """The loaders of one data set. Each yields `(images, targets)`: (N, 3, H, W) float32 and (N,) int64."""

    train: DataLoader  # practice: shuffled anew each epoch, augmented
    train_eval: DataLoader  # the same pictures in order, with the evaluation transform
    val: DataLoader  # the mock exam: in order, never augmented
    test: DataLoader | None  # the final exam; None where the data set has none


def make_dataloaders(
    root: str | Path,
    *,
    train_transform: Callable,
    eval_transform: Callable,
    batch_size: int = 32,
    num_workers: int = 0,
    seed: int = 0,
    limit: int | None = None,
) -> DataLoaders:
    """Return the loaders of the data set in `root`, which holds the folders train, validation (or val), perhaps test.

    Every split counts its classes as the training set does. `seed` fixes the order of the training pictures, epoch by
    epoch, with any number of workers; random transforms follow `set_seed` (in worker processes, `seed`). Workers start
    anew at every pass. With `limit`, at most so many training
    pictures are used: drawn at random with `seed`, as equally many of each class as there are. Memory is pinned only
    where there is a GPU.

    Raises FileNotFoundError where train or validation is missing, ValueError where the classes of two splits differ,
    and RuntimeError where `num_workers` > 0 and a transform defined in a notebook cannot reach the workers. Lesson 03.
    """
    folders = find_splits(root)
    for split in ("train", "val"):
        if split not in folders:
            raise FileNotFoundError(f"{root} has no folder named {' or '.join(SPLIT_NAMES[split])}: {LAYOUT}.")
    train = ImageFolderDataset(folders["train"], train_transform)
    if limit is not None:
        train = train.select(_balanced_indices(train.targets, limit, seed))
    # A data set of its own, not a view: setting its transform must leave the augmented one as it is.
    train_eval = copy.copy(train)
    train_eval.transform = eval_transform
    val, test = (
        ImageFolderDataset(folders[split], eval_transform, train.classes) if split in folders else None
        for split in ("val", "test")
    )

    def loader(dataset: ImageFolderDataset, *, shuffle: bool = False) -> DataLoader:
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
        loader(train, shuffle=True), loader(train_eval), loader(val), None if test is None else loader(test)
    )


def _balanced_indices(targets: Sequence[int], limit: int, seed: int) -> list[int]:
    """Pick at most `limit` samples, one of each class in turn, at random with `seed`; in ascending order."""
    if limit < 1:
        raise ValueError(f"limit={limit}: at least one training picture is needed.")
    turns, seen = [], Counter()
    for index in torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed)).tolist():
        turns.append((seen[targets[index]], index))
        seen[targets[index]] += 1
    first_turns = sorted(turns, key=lambda turn: turn[0])[:limit]
    return sorted(index for _, index in first_turns)


def check_workers(dataset: Dataset) -> None:
    """Raise RuntimeError where `dataset` cannot be sent to the worker processes of a DataLoader.

    Where a worker starts as a fresh Python (Windows, macOS, and everywhere from Python 3.14), it cannot see a class or
    function that was defined in a notebook: the DataLoader would hang or die with an obscure message.
    """
    method = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
    if method == "fork":
        return
    try:
        _NotebookFinder(io.BytesIO()).dump(dataset)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RuntimeError(
            f"num_workers > 0 cannot work here: {error}. Worker processes start as a fresh Python ({method!r}) and can "
            "only use what they can import: use num_workers=0, or move the definition into a .py file and import it."
        ) from error


class _NotebookFinder(pickle.Pickler):
    """Pickles like any other, but refuses what only this notebook knows."""

    def persistent_id(self, obj: Any) -> None:
        is_definition = isinstance(obj, type | types.FunctionType)
        # A script's own definitions are found again (workers import the script), a notebook has no file to import.
        if is_definition and obj.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
            raise pickle.PicklingError(f"{obj.__qualname__!r} is defined in this notebook")

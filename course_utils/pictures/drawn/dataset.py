"""Whole data sets of drawings: which pictures they hold, and drawing them, on all cores where that pays."""

import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from PIL import Image

from ...runtime import num_processors, progress_bar
from .garments import CLASSES, draw_garment
from .instruments import INSTRUMENT_CLASSES, draw_instrument

# Pictures of each class in the training set of clothing-dataset-small, whose class balance the drawn set copies.
_PHOTOS_PER_CLASS = {
    "dress": 241,
    "hat": 123,
    "longsleeve": 455,
    "outwear": 184,
    "pants": 468,
    "shirt": 290,
    "shoes": 198,
    "shorts": 202,
    "skirt": 112,
    "t-shirt": 795,
}
PROPORTIONS = {kind: count / sum(_PHOTOS_PER_CLASS.values()) for kind, count in _PHOTOS_PER_CLASS.items()}
SPLIT_SIZES = {"train": 1000, "validation": 300, "test": 300}
_WORTH_WORKERS = 200  # pictures: fewer are drawn sooner than processes start
NUM_INSTRUMENTS, NUM_VIEWS = 12, 6  # instruments of each kind, pictures of each instrument
_Drawing = tuple[Callable[..., Image.Image], str, dict[str, object]]  # what draws, the kind, its numbers
_Job = tuple[_Drawing, Path]


def class_counts(size: int) -> dict[str, int]:
    """Return how many of `size` pictures each class gets: `PROPORTIONS`, rounded so that they add up to `size`."""
    if size < len(CLASSES):
        raise ValueError(f"{size} pictures cannot show {len(CLASSES)} classes: give each split {len(CLASSES)} or more.")
    shares = {kind: max(1.0, share * size) for kind, share in PROPORTIONS.items()}
    counts = {kind: int(share) for kind, share in shares.items()}
    by_remainder = sorted(CLASSES, key=lambda kind: counts[kind] - shares[kind])
    for kind in by_remainder[: max(0, size - sum(counts.values()))]:
        counts[kind] += 1
    while sum(counts.values()) > size:  # very small splits, where some class was raised to one
        counts[max(counts, key=counts.__getitem__)] -= 1
    return counts


def planned_files(sizes: Mapping[str, int] | None = None) -> dict[Path, tuple[str, tuple[int, int]]]:
    """Return the files of a data set below its folder, `train/dress/0000.jpg`, each with its kind and its numbers.

    The numbers, of the split and of the picture among its kind, follow the data set's seed. `sizes` is the number of
    pictures of each split (default `SPLIT_SIZES`). Raises ValueError for a split too small to hold every class.
    """
    counts = {split: class_counts(size) for split, size in (SPLIT_SIZES if sizes is None else sizes).items()}
    return {
        Path(split, kind, f"{number:04d}.jpg"): (kind, (split_number, number))
        for split_number, split in enumerate(counts)
        for kind, count in counts[split].items()
        for number in range(count)
    }


def draw_dataset(
    root: str | Path,
    *,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    num_workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Draw the whole data set into the new folder `root` and return it: `root/<split>/<class>/0000.jpg`, ...

    `sizes` is the number of pictures of each split (default `SPLIT_SIZES`); every split has the class proportions
    `PROPORTIONS`, and at least one picture of each class. The folder appears only when all of it is drawn.
    `num_workers` processes share the drawing (0: this one does it alone); the pictures are the same. By default a
    notebook uses one for each core, and a script none: there they need `if __name__ == "__main__":`.
    Raises FileExistsError where `root` is already there, ValueError for a split too small to hold every class.
    """
    files: dict[Path, _Drawing] = {
        path: (draw_garment, kind, {"seed": (seed, *numbers)}) for path, (kind, numbers) in planned_files(sizes).items()
    }
    return _draw_folder(Path(root), files, num_workers=num_workers, progress=progress)


def planned_instruments(
    num_instruments: int = NUM_INSTRUMENTS, num_views: int = NUM_VIEWS
) -> dict[Path, tuple[str, tuple[int, int]]]:
    """Return the files of the instruments below their folder, `violin/violin_07_3.jpg`, each with kind and numbers.

    The numbers, of the instrument among its kind and of the picture among its instrument's, count from 1.
    """
    return {
        Path(kind, f"{kind}_{instrument:02d}_{view}.jpg"): (kind, (instrument, view))
        for kind in INSTRUMENT_CLASSES
        for instrument in range(1, num_instruments + 1)
        for view in range(1, num_views + 1)
    }


def draw_instruments(
    root: str | Path,
    *,
    seed: int = 0,
    num_instruments: int = NUM_INSTRUMENTS,
    num_views: int = NUM_VIEWS,
    num_workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Draw the instruments into the new folder `root` and return it: a folder for each kind, no splits.

    `root/violin/violin_07_3.jpg` is the third picture of the seventh violin. The rest is as in `draw_dataset`.
    """
    files: dict[Path, _Drawing] = {
        path: (draw_instrument, kind, {"instrument": instrument, "view": view, "seed": seed})
        for path, (kind, (instrument, view)) in planned_instruments(num_instruments, num_views).items()
    }
    return _draw_folder(Path(root), files, num_workers=num_workers, progress=progress)


def _draw_folder(root: Path, files: Mapping[Path, _Drawing], *, num_workers: int | None, progress: bool) -> Path:
    """Draw all `files` into the new folder `root`, which appears when it is whole."""
    if root.exists():
        raise FileExistsError(f"{root} is already there: give it another name to draw it afresh, or use it as it is.")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.", suffix=".tmp") as temporary:
        whole = Path(temporary) / "whole"
        jobs = [(drawing, whole / path) for path, drawing in files.items()]
        for folder in {path.parent for _, path in jobs}:
            folder.mkdir(parents=True)
        drawings = _draw_files(jobs, _default_workers(len(jobs)) if num_workers is None else num_workers)
        with closing(drawings):  # no worker may go on writing while the temporary folder is removed
            for _ in progress_bar(drawings, total=len(jobs), description="drawing", show=progress, unit="picture"):
                pass
        try:
            whole.rename(root)
        except OSError:
            if not root.is_dir():  # else another process has finished the same set meanwhile: keep it
                raise
    return root


def _draw_file(job: _Job) -> None:
    (draw, kind, numbers), path = job
    draw(kind, **numbers).save(path, quality=90)


def _draw_files(jobs: Sequence[_Job], num_workers: int) -> Generator[None, None, None]:
    """Draw file after file: here (0 workers), or in so many fresh processes, which end with the iterator."""
    if num_workers == 0:
        yield from map(_draw_file, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(num_workers) as pool:
        yield from pool.imap_unordered(_draw_file, jobs, chunksize=16)


def worker_per_core() -> int:
    """Return how many processes draw where all cores are to be used: one for each, at most eight."""
    return min(num_processors(), 8)


def _default_workers(num_pictures: int) -> int:
    """A worker for each core; none for a handful of pictures, or where workers would run the caller's script again."""
    is_script = hasattr(sys.modules["__main__"], "__file__")
    num_workers = worker_per_core()
    return 0 if is_script or num_workers == 1 or num_pictures < _WORTH_WORKERS else num_workers

"""What is to be learned: the pictures of a folder, looked at by the data doctor, each in its split."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch.utils.data import Dataset

from course_utils.classroom.commands import command
from course_utils.pictures.folders import (
    check_class_names,
    compare_classes,
    describe_missing_split,
    find_splits,
    is_hidden,
    is_image_name,
    shown,
    walk,
)
from course_utils.pictures.scan import scan_images
from course_utils.pictures.scan_report import ScanReport
from course_utils.pictures.split_report import SPLIT_FILE, SPLITS, Placed, Split, count_placed, read_split, write_split
from course_utils.pictures.splitting import DEFAULT_SHARES, Group, left_out_of, plan_split
from course_utils.runtime import given_path, may_write
from course_utils.transforms import load_image

_LISTED = 20  # pairs of a leakage that are named


class Subject(NamedTuple):
    """The pictures of a folder, each in its split; `classes` are those of the practice pictures, sorted."""

    split: Split
    classes: list[str]
    split_file: Path | None  # where the split stands; None where the folders are the split

    def pictures(self, split: str, transform: Callable[[Any], Any] | None) -> "ListedPictures":
        """Return the pictures of "train", "validation" or "test" as a data set; it may be empty."""
        placed = [picture for picture in self.split.placed if picture.split == split]
        return ListedPictures(self.split.source, placed, self.classes, transform)


class ListedPictures(Dataset[tuple[Any, int]]):
    """Pictures named one by one, as a data set: `dataset[i]` is `(picture, target)`.

    `.samples` (path, target), `.targets` and `.classes` are those of `ImageFolderDataset`.
    """

    def __init__(
        self, root: Path, placed: Sequence[Placed], classes: Sequence[str], transform: Callable[[Any], Any] | None
    ):
        self.classes, self.transform = list(classes), transform
        numbers = {name: number for number, name in enumerate(classes)}
        self.samples = [(str(root / picture.file), numbers[picture.class_name]) for picture in placed]
        self.targets = [target for _, target in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, target = self.samples[index]
        try:
            image = load_image(path)
        except OSError as error:
            raise OSError(f"{error} It was readable when the run began: put it back, and use --resume.") from error
        return (image if self.transform is None else self.transform(image)), target


def find_subject(
    folder: str | Path,
    *,
    shares: Sequence[float] = DEFAULT_SHARES,
    group: Group | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Subject:
    """Return the pictures of `folder`, after the data doctor has looked at each.

    Where it holds train and validation folders, they are the split. Else it holds a folder a class, and the split is
    the one in its file `split.csv`; where there is none, it is made by `plan_split` and written there, so that it
    stays. What cannot be read, or stands there twice, is left out.

    Raises FileNotFoundError where folders or pictures are missing, ValueError where an exam holds pictures that were
    practised (with the list), where fewer than two classes are left, and what `plan_split` raises.
    """
    root = given_path(folder, kind="folder")
    splits = find_splits(root)
    if "train" in splits and "val" not in splits:
        raise FileNotFoundError(describe_missing_split(root, "val"))
    split_file = None if "train" in splits else root / SPLIT_FILE
    if split_file and not split_file.exists() and not may_write(root):
        raise PermissionError(
            f"{root} may not be written to, and the split is to stay there, as {SPLIT_FILE}: copy the folder to a "
            f"place of your own; `{command('course', 'split', str(root), 'TARGET')}` copies and divides it."
        )
    report = scan_images(root, progress=progress)
    if split_file is None:
        split = _split_of_folders(root, splits, report)
    else:
        if split_file.exists():
            split = _split_of_file(root, split_file, report)
        else:
            split = plan_split(root, shares=shares, group=group, seed=seed, report=report)
            write_split(split_file, split.placed)
    classes = sorted({picture.class_name for picture in split.placed if picture.split == "train"})
    _check(split, classes)
    split.remarks.extend(_remarks(split, report))
    return Subject(split, classes, split_file)


def _split_of_folders(root: Path, splits: dict[str, Path], report: ScanReport) -> Split:
    _refuse_leakage(root, report)
    left_out = left_out_of(report)
    broken = {finding.path for finding in left_out}
    placed = []
    for split, folder in zip(SPLITS, (splits.get(name) for name in ("train", "val", "test")), strict=True):
        for path in walk(folder, on_error=lambda _: None) if folder else ():
            file, parts = path.relative_to(root).as_posix(), path.relative_to(root).parts
            if len(parts) > 2 and is_image_name(path) and not is_hidden(path) and file not in broken:
                placed.append(Placed(file, parts[1], "", split))
    check_class_names(sorted({picture.class_name for picture in placed}), splits["train"])
    return Split(root, placed, left_out)


def _refuse_leakage(root: Path, report: ScanReport) -> None:
    leaked = report.of_kind("leakage")
    if not leaked:
        return
    pairs = [f"  {shown(path)}: {detail}" for path, _, detail in leaked[:_LISTED]]
    if len(leaked) > _LISTED:
        pairs.append(
            f"  and {len(leaked) - _LISTED:,} more, which scan_images({str(root)!r}).of_kind('leakage') lists."
        )
    raise ValueError(
        f"An exam of {root} holds {len(leaked):,} pictures that stand in an earlier split too, so its mark would "
        "flatter: keep each in one split.\n" + "\n".join(pairs)
    )


def _split_of_file(root: Path, split_file: Path, report: ScanReport) -> Split:
    """The split that was made before: what is broken or gone by now is left out, and so is what came since."""
    left_out = left_out_of(report)
    broken = {finding.path for finding in left_out}
    listed = read_split(split_file)
    placed = [picture for picture in listed if picture.file not in broken and (root / picture.file).is_file()]
    known = {picture.file for picture in listed} | broken
    new = [
        path
        for path in walk(root, on_error=lambda _: None)
        if is_image_name(path) and not is_hidden(path) and path.relative_to(root).as_posix() not in known
    ]
    remarks = [
        f"The split is that of {split_file}, whatever --shares, --group and --seed say: remove that file for a new one."
    ]
    if gone := len(listed) - len(placed):
        remarks.append(f"{gone:,} of its pictures are gone, or cannot be used any more.")
    if new:
        remarks.append(
            f"{len(new):,} pictures came after the split was made, and are not used (such as {new[0].name}): add lines "
            f"for them to {split_file.name}, or make a new split."
        )
    return Split(root, placed, left_out, remarks)


def _check(split: Split, classes: Sequence[str]) -> None:
    counts = count_placed(split.placed)
    for name in ("train", "validation"):
        if not counts.get(name):
            raise FileNotFoundError(f"{split.source} has no readable picture in its {name} part.")
    if len(classes) < 2:
        raise ValueError(f"{split.source} holds pictures of {classes[0]} only: a student needs two classes or more.")
    compare_classes(classes, sorted({picture.class_name for picture in split.placed}), split.source)


def _remarks(split: Split, report: ScanReport) -> list[str]:
    """What somebody should know, and perhaps look at."""
    remarks = []
    used = {picture.class_name for picture in split.placed}
    empty = {Path(finding.path).name for finding in report.of_kind("empty class")} - used
    if empty:
        remarks.append(f"No readable picture of {', '.join(map(shown, sorted(empty)))}: the student will not know it.")
    place = {picture.file: picture.split for picture in split.placed}
    torn = [family for family in report.near if len({place[file] for file in family if file in place}) > 1]
    if torn:
        example = [file for file in torn[0] if file in place][:2]
        remarks.append(
            f"{len(torn):,} {'family' if len(torn) == 1 else 'families'} of near copies in several splits, such as "
            f"{' and '.join(map(shown, example))}: if they show the same, the exam flatters."
        )
    lacking = [
        f"{shown(name)} ({part})"
        for part, counts in split.counts.items()
        for name, number in counts.items()
        if not number
    ]
    if lacking:
        remarks.append(f"No picture of {', '.join(lacking)}.")
    return remarks

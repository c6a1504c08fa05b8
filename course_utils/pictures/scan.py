"""The data doctor (lesson 02): decode every file of a data set once, compare all pictures, and report."""

import re
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from course_utils.pictures.families import Families
from course_utils.pictures.folders import (
    READ_ON_SOME_MACHINES,
    entries,
    find_splits,
    is_hidden,
    is_image_name,
    shown,
    split_of,
    walk,
)
from course_utils.pictures.near import near_copies, num_pairs, shrink
from course_utils.pictures.scan_report import KINDS, ScanFinding, ScanReport
from course_utils.pictures.unreadable import explain
from course_utils.runtime import given_path, progress_bar
from course_utils.transforms import orientation_of, to_rgb

# How file managers name a second copy: "hat copy", "hat - Kopie", "hat_copy2", "hat (1)".
_COPY_NAME = re.compile(r"(?<![a-z])(copy|kopie|copie|copia|cópia|kopia|kopi)(?![a-z])|\(\d+\)$", re.IGNORECASE)


class _Trouble(NamedTuple):
    path: Path
    kind: str
    detail: str = ""


class _Place(NamedTuple):
    split: str  # the name of its folder; "" outside all of them
    class_name: str | None  # None outside every class folder


class _Picture(NamedTuple):
    """A readable picture: where it is, a digest of its pixels, and the small picture that near copies are found by."""

    path: Path
    place: _Place
    digest: bytes
    small: Image.Image


def scan_images(root: str | Path, *, min_size: int = 32, progress: bool = True) -> ScanReport:
    """Decode every picture below `root` and report what is wrong, strange or unevenly distributed. Changes nothing.

    `root` holds train, validation and test folders, or just one folder a class. Two pictures are duplicates when their
    decoded pixels are equal, whatever their files are called or look like; between two splits that is leakage. Near
    copies (saved again, resized, brightened, mirrored, cut a little: `near`) are listed for you to look at. A picture
    is tiny when a side has fewer than `min_size` pixels. Of an animation, the first frame is decoded. A few
    milliseconds a photo; `progress` shows a bar.

    Raises FileNotFoundError for a missing `root`, ValueError for two folders of one split. Lesson 02.
    """
    root = given_path(root, kind="folder")
    splits = find_splits(root)
    folders = list(splits.values()) if "train" in splits else [root]
    troubles: list[_Trouble] = []

    def closed(error: OSError) -> None:
        troubles.append(_Trouble(Path(error.filename), "no access", f"the folder: {error.strerror}"))

    paths = walk(root, on_error=closed)
    files = [path for path in paths if not is_hidden(path)]
    pictures = []
    for path in progress_bar(files, description="Reading pictures", unit="file", show=progress):
        found, picture = _examine(path, _place(path, folders), min_size)
        troubles += found
        if picture is not None:
            pictures.append(picture)
    pictures.sort(key=lambda picture: _rank(picture, folders))
    counts = _tally(pictures, folders)
    troubles += [_Trouble(path, "hidden") for path in paths if is_hidden(path)]
    troubles += [_Trouble(picture.path, "misplaced") for picture in pictures if picture.place.class_name is None]
    copies, near = Families[Path](), Families[Path]()
    troubles += [*_compare(pictures, root, copies, near, progress=progress), *_find_empty_classes(counts, folders)]
    troubles += _find_split_names(files, counts, folders, root)
    findings = [ScanFinding(path.relative_to(root).as_posix(), kind, detail) for path, kind, detail in troubles]
    worst_first = {kind: number for number, kind in enumerate(KINDS)}
    findings.sort(key=lambda finding: (worst_first[finding.kind], finding.path))
    families = (
        [sorted(path.relative_to(root).as_posix() for path in family) for family in kind.listed()]
        for kind in (copies, near)
    )
    return ScanReport(root, len(files), findings, counts, *families)


def _examine(path: Path, place: _Place, min_size: int) -> tuple[list[_Trouble], _Picture | None]:
    """Decode one file; return its troubles, and the picture where there is one."""
    if not is_image_name(path):
        return [_Trouble(path, *_judge_by_name(path))], None
    # Given damaged bytes, Pillow's many decoders raise nearly every type of error there is; each becomes a finding.
    try:
        with Image.open(path) as image:
            image.load()
            peculiarities = list(_peculiarities(image, min_size))
            rgb = to_rgb(image)
    except Exception as error:
        return [_Trouble(path, *explain(path, error))], None
    digest = blake2b(repr(rgb.size).encode() + rgb.tobytes(), digest_size=16).digest()
    troubles = [_Trouble(path, kind, detail) for kind, detail in peculiarities]
    return troubles, _Picture(path, place, digest, shrink(rgb))


def _judge_by_name(path: Path) -> tuple[str, str]:
    if path.is_symlink() and not path.exists():
        return "broken link", "there is no such file"
    if path.suffix.lower() in READ_ON_SOME_MACHINES:
        return "unsupported", f"a {path.suffix} photo"
    return "not an image", f"ending {path.suffix!r}"


def _peculiarities(image: Image.Image, min_size: int) -> Iterator[tuple[str, str]]:
    if min(image.size) < min_size:
        yield "tiny", f"{image.width} x {image.height} pixels"
    if orientation_of(image) != 1:
        yield "rotated", f"EXIF orientation {orientation_of(image)}"
    if image.mode != "RGB" or image.has_transparency_data:
        yield "unusual mode", image.mode + (" with transparency" if image.has_transparency_data else "")
    num_frames = getattr(image, "n_frames", 1)
    # MPO is what some phones write: the photo, and small copies of it behind.
    if num_frames > 1 and image.format != "MPO":
        yield "animated", f"{num_frames} frames"


def _place(path: Path, folders: list[Path]) -> _Place:
    for folder in folders:
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).parts
            return _Place(folder.name, parts[0] if len(parts) > 1 else None)
    return _Place("", None)


def _rank(picture: _Picture, folders: list[Path]) -> tuple[int, bool, bool, Path]:
    """Of two alike, the later one is reported: practice comes before the exams, what lies in a class folder before what
    does not, and an original before its copy.
    """
    splits = [*(folder.name for folder in folders), ""]
    is_copy = _COPY_NAME.search(picture.path.stem) is not None
    return splits.index(picture.place.split), picture.place.class_name is None, is_copy, picture.path


def _compare(
    pictures: list[_Picture], root: Path, copies: Families[Path], near: Families[Path], *, progress: bool
) -> Iterator[_Trouble]:
    """Yield a trouble for each picture that equals an earlier one, or is nearly the same; fill the families of both."""
    seen: dict[bytes, dict[str, _Picture]] = defaultdict(dict)  # digest -> split -> the first picture there
    originals = []
    for picture in pictures:
        twins = seen[picture.digest]
        if twins:
            twin = twins.get(picture.place.split) or next(iter(twins.values()))
            copies.join(twin.path, picture.path)
            yield _Trouble(picture.path, _relation(twin, picture), f"same picture as {_name(twin, root)}")
        else:
            originals.append(picture)
        twins.setdefault(picture.place.split, picture)
    closest: dict[int, tuple[bool, float, _Picture]] = {}  # a copy in another split counts before one in the same
    total = num_pairs(len(originals))
    with progress_bar(
        total=total, description="Comparing pictures", unit="pair", unit_scale=True, show=progress
    ) as bar:
        for first, second, likeness in near_copies([picture.small for picture in originals], on_compared=bar.update):
            other = originals[first]
            near.join(other.path, originals[second].path)
            candidate = other.place.split != originals[second].place.split, likeness, other
            closest[second] = max(closest.get(second, candidate), candidate, key=lambda match: match[:2])
    for second, (_, likeness, other) in closest.items():
        detail = f"nearly the same as {_name(other, root)} ({likeness:.0%})"
        yield _Trouble(originals[second].path, f"near {_relation(other, originals[second])}", detail)


def _relation(earlier: _Picture, later: _Picture) -> str:
    one, other = earlier.place, later.place
    if one.class_name is None or other.class_name is None:
        return "duplicate"
    return "leakage" if one.split != other.split else "duplicate" if one == other else "contradiction"


def _name(picture: _Picture, root: Path) -> str:
    return shown(picture.path.relative_to(root).as_posix())


def _tally(pictures: list[_Picture], folders: list[Path]) -> dict[str, dict[str, int]]:
    """Count the pictures of each class in each split; a class that only one split knows counts as empty in others."""
    classes = {entry.name for folder in folders for entry in _subfolders(folder)}
    counts = {folder.name: dict.fromkeys(sorted(classes), 0) for folder in folders}
    for picture in pictures:
        split, class_name = picture.place
        if class_name is not None:
            counts[split][class_name] = counts[split].get(class_name, 0) + 1
    return counts


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [entry for entry in entries(folder) if entry.is_dir() and not is_hidden(entry)]
    except OSError:  # `walk` has reported it, or it vanished
        return []


def _find_empty_classes(counts: dict[str, dict[str, int]], folders: list[Path]) -> Iterator[_Trouble]:
    for folder in folders:
        for class_name, count in counts[folder.name].items():
            if count == 0:
                yield _Trouble(folder / class_name, "empty class")


def _find_split_names(
    files: list[Path], counts: dict[str, dict[str, int]], folders: list[Path], root: Path
) -> Iterator[_Trouble]:
    """Yield a trouble for each folder below `root` that is called like a split, and is none of those in `folders`."""
    innermost = {path.parent for path in files} | {path for folder in folders for path in _subfolders(folder)}
    below_root = {folder for deep in innermost for folder in (deep, *deep.parents) if root in folder.parents}
    for folder in sorted(below_root.difference(folders)):
        if split_of(folder.name):
            is_class = folder.parent in folders and folder.name in counts[folder.parent.name]
            yield _Trouble(folder, "split name", "taken for a class" if is_class else "lies too deep, or beside")

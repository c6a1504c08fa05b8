"""Folders of pictures: what counts as a picture, what is passed over, and which folder is which split.

`datasets` and `scan` both read this module, so that they mean the same by "a picture", "hidden" and "the training set".
"""

import difflib
import os
import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from course_utils.classroom.commands import command
from course_utils.runtime import given_path

# What torchvision's ImageFolder reads, GIF, and other names for JPEG.
IMAGE_EXTENSIONS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif",
)  # fmt: skip
# Photos that Pillow reads on some machines only: in its newer versions, or with a plug-in such as pillow-heif.
READ_ON_SOME_MACHINES = (".avif", ".heic", ".heif", ".jxl")
# What operating systems leave lying about, beside names that begin with a dot. Lower case.
_SYSTEM_NAMES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "$recycle.bin")
# The names that public data sets give the folders of their splits, in upper or lower case.
SPLIT_NAMES = {"train": ("train", "training"), "val": ("validation", "val", "valid"), "test": ("test", "testing")}
_SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
LAYOUT = "pictures belong in a folder per class (dress/1.jpg), these in a folder per split (train/dress/1.jpg)"


def is_hidden(path: str | Path) -> bool:
    """True for what systems and editors leave lying about: `.DS_Store`, `.ipynb_checkpoints`, `Thumbs.db`, ..."""
    name = Path(path).name
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def is_image_name(path: str | Path) -> bool:
    """True where the file's ending is that of a picture which Pillow reads here; says nothing about what is inside."""
    suffix = Path(path).suffix.lower()
    return suffix in IMAGE_EXTENSIONS or (
        suffix in READ_ON_SOME_MACHINES and Image.registered_extensions().get(suffix) in Image.OPEN
    )


def why_no_picture(path: Path) -> str | None:
    """Return why a data set leaves `path` out, judged by its name and kind; None for what it takes for a picture."""
    suffix = path.suffix.lower()
    if is_hidden(path):
        return "hidden"
    if is_image_name(path):
        return None
    if path.is_dir():  # `walk` gives such a link instead of following it
        return "a link to a folder that it lies in"
    if suffix in READ_ON_SOME_MACHINES:
        return f"Pillow does not read {suffix} here: save it as .jpg"
    return f"not a picture's ending: {path.suffix!r}"


def entries(folder: str | Path) -> list[Path]:
    """Return what lies directly in `folder`, sorted by name. Raises FileNotFoundError or NotADirectoryError."""
    folder = given_path(folder, kind="folder")
    if not folder.exists():
        what = "is a link to nowhere" if folder.is_symlink() else "is not there"
        raise FileNotFoundError(f"The folder {folder} {what} (looked from {Path.cwd()}).")
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except PermissionError as error:
        raise _closed(error) from error


def walk(folder: str | Path, *, on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """Return all files below `folder` in ImageFolder's order; a hidden folder stands for everything in it.

    Links are followed, except for those to a folder that they lie in: such a link stands there itself. A folder that
    may not be read raises PermissionError; with `on_error`, that is called with the error (`.filename` is the folder),
    and the rest is walked.
    """

    def fail(error: OSError) -> None:  # os.walk would pass over a folder that it may not read
        if on_error is not None:
            on_error(error)
        elif isinstance(error, PermissionError):
            raise _closed(error) from error
        else:
            raise error

    found = []
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=fail):
        apart = [name for name in folders if is_hidden(name) or _leads_back(parent, name)]
        found += [(parent, name) for name in [*files, *apart]]
        folders[:] = [name for name in folders if name not in apart]
    return [Path(parent, name) for parent, name in sorted(found)]


def _leads_back(parent: str, name: str) -> bool:
    """True for a link to a folder that was passed on the way to it: following it would never end."""
    link = Path(parent, name).absolute()
    return os.path.realpath(link) in map(os.path.realpath, link.parents)


def _closed(error: PermissionError) -> PermissionError:
    advice = "This folder may not be read: ask its owner for the right to, or move it out of the data set"
    return PermissionError(error.errno, advice, error.filename)


def split_of(name: str) -> str | None:
    """Return "train", "val" or "test" where folders of this name hold that split (`SPLIT_NAMES`), else None."""
    return _SPLIT_OF.get(name.strip().lower())


def find_splits(root: str | Path) -> dict[str, Path]:
    """Return the folders of the splits in `root`, as far as there are any: `{"train": ..., "val": ..., "test": ...}`.

    `SPLIT_NAMES` lists their names, of which upper and lower case count alike. Raises FileNotFoundError for a missing
    root and ValueError for two folders of one split.
    """
    splits: dict[str, Path] = {}
    for folder in entries(root):
        split = split_of(folder.name)
        if split is None or not folder.is_dir():
            continue
        if split in splits:
            raise ValueError(f"{root} holds two folders for {split}: {splits[split].name} and {folder.name}; keep one.")
        splits[split] = folder
    return {split: splits[split] for split in SPLIT_NAMES if split in splits}


def describe_missing_split(root: str | Path, split: str) -> str:
    """Return the sentence for a data set in `root` that lacks `split`, with what might be meant."""
    root = Path(root)
    hints = []
    if split_of(root.resolve().name):
        hints.append(f" {root} is itself a split: pass the folder that it lies in, {root.resolve().parent}.")
    for entry in entries(root):
        if split_of(entry.name) == split:
            what = "a link to nowhere" if entry.is_symlink() and not entry.exists() else "no folder"
            hints.append(f" {entry.name} is there, but it is {what}.")
        elif entry.is_dir() and not split_of(entry.name) and _resembles(entry.name, split):
            hints.append(f" Is it {shown(entry.name)}? Then call that folder {SPLIT_NAMES[split][0]}.")
    if not hints and not find_splits(root) and any(entry.is_dir() for entry in entries(root)):
        line = command("course", "split", str(root), "TARGET")
        hints.append(f" `{line}` makes such folders of class folders (in Python: split_folder).")
    return f"{root} has no folder named {' or '.join(SPLIT_NAMES[split])}: {LAYOUT}.{''.join(hints)}"


def _resembles(name: str, split: str) -> bool:
    """True for slips and compounds: `trian`, `Train_Images`, `my test set`."""
    words = re.findall("[a-z]+", name.lower())
    return any(difflib.get_close_matches(word, SPLIT_NAMES[split], n=1, cutoff=0.75) for word in words)


def shown(name: str) -> str:
    """Return `name` as a message can show it: letter for letter where a reader could not see what is in it."""
    is_plain = name.isprintable() and name == unicodedata.normalize("NFC", name).strip() and "  " not in name
    return name if is_plain else ascii(name)


# What can make two names look alike, each with the way to take it out of a name.
_HIDDEN_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "the Unicode form of their letters": lambda name: unicodedata.normalize("NFKC", name),
    "invisible characters": lambda name: "".join(letter for letter in name if unicodedata.category(letter) != "Cf"),
    "blanks": lambda name: " ".join(name.split()),
    "upper and lower case": str.casefold,
}


def hidden_difference(one: str, other: str) -> str | None:
    """Return in what two names that look alike differ, or None where they do not look alike."""
    for what, without in _HIDDEN_DIFFERENCES.items():
        one, other = without(one), without(other)
        if one == other:
            return what
    return None


def check_class_names(names: Sequence[str], root: Path) -> None:
    """Raise ValueError where all class folders are called like splits; warn where some are, or where two look alike."""
    splits = [name for name in names if split_of(name)]
    if len(splits) == len(names):
        first = next((name for name in splits if split_of(name) == "train"), splits[0])
        raise ValueError(
            f"{root} holds splits ({', '.join(splits)}), not classes: pass {root / first}, or use make_dataloaders. "
            f"Should they be classes all the same, say so: classes={splits!r}."
        )
    found = [f"{name} is taken for a class, and called like a split" for name in splits]
    by_look: dict[str, str] = {}
    for name in names:
        look = name
        for without in _HIDDEN_DIFFERENCES.values():
            look = without(look)
        twin = by_look.setdefault(look, name)
        if twin != name:
            what = hidden_difference(twin, name)
            found.append(f"{twin!a} and {name!a} are two classes, and differ in {what} only")
    for finding in found:
        warnings.warn(f"In {root}, {finding}: is that meant?", stacklevel=3)


def compare_classes(expected: Sequence[str], filled: Sequence[str], root: Path) -> None:
    """Raise ValueError unless all `filled` class folders are among the `expected` classes, each named once."""
    if len(set(expected)) < len(expected):
        raise ValueError(f"A class is named twice: {', '.join(expected)}.")
    missing, extra = sorted(set(expected) - set(filled)), sorted(set(filled) - set(expected))
    if not extra:
        return
    alike = [
        f" {name!a} and {wanted!a} differ in {what} only; to rename the folder: "
        f"Path({str(root / name)!a}).rename({str(root / wanted)!a})"
        for name in extra
        for wanted in missing
        if (what := hidden_difference(name, wanted))
    ]
    raise ValueError(
        f"The folders in {root} are not the expected classes ({', '.join(map(shown, expected))}):"
        + (f" no pictures of {', '.join(map(shown, missing))}." if missing else "")
        + f" No such class: {', '.join(map(shown, extra))}. Rename, move or remove what does not belong there."
        + "".join(alike)
    )

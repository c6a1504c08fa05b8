"""Folders of pictures: what counts as a picture, what is passed over, and which folder is which split.

`datasets` and `scan` both read this module, so that they mean the same by "a picture", "hidden" and "the training set".
"""

import os
from pathlib import Path

# What torchvision's ImageFolder reads, and GIF.
IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
# What operating systems leave lying about, beside names that begin with a dot. Lower case.
_SYSTEM_NAMES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "$recycle.bin")
# The names that public data sets give the folders of their splits.
SPLIT_NAMES = {"train": ("train",), "val": ("validation", "val", "valid"), "test": ("test",)}
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
LAYOUT = "pictures belong in a folder per class (dress/1.jpg), these in a folder per split (train/dress/1.jpg)"


def is_hidden(path: str | Path) -> bool:
    """True for what systems and editors leave lying about: `.DS_Store`, `.ipynb_checkpoints`, `Thumbs.db`, ..."""
    name = Path(path).name
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def is_image_name(path: str | Path) -> bool:
    """True where the file's ending is one of `IMAGE_EXTENSIONS`; says nothing about what is inside."""
    return Path(path).suffix.lower() in IMAGE_EXTENSIONS


def entries(folder: Path) -> list[Path]:
    """Return what lies directly in `folder`, sorted by name. Raises FileNotFoundError or NotADirectoryError."""
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder} (looked from {Path.cwd()}).")
    return sorted(folder.iterdir(), key=lambda path: path.name)


def walk(folder: Path) -> list[Path]:
    """Return all files below `folder` in ImageFolder's order; a hidden folder stands for everything in it."""

    def fail(error: OSError) -> None:  # os.walk would pass over a folder that it may not read
        raise error

    found = []
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=fail):
        found += [(parent, name) for name in [*files, *filter(is_hidden, folders)]]
        folders[:] = [name for name in folders if not is_hidden(name)]
    return [Path(parent, name) for parent, name in sorted(found)]


def find_splits(root: str | Path) -> dict[str, Path]:
    """Return the folders of the splits in `root`, as far as there are any: `{"train": ..., "val": ..., "test": ...}`.

    The validation folder may be called validation, val or valid. Raises FileNotFoundError for a missing root and
    ValueError for two validation folders.
    """
    splits: dict[str, Path] = {}
    for folder in entries(Path(root)):
        split = SPLIT_OF.get(folder.name)
        if split is None or not folder.is_dir():
            continue
        if split in splits:
            raise ValueError(f"{root} holds two folders for {split}: {splits[split].name} and {folder.name}; keep one.")
        splits[split] = folder
    return {split: splits[split] for split in ("train", "val", "test") if split in splits}

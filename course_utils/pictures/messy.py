"""A deliberately messy data set for lesson 02: a few clean pictures, and the troubles that real folders have."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw

from course_utils.pictures.folders import LAYOUT, entries, find_splits, is_hidden, is_image_name, walk
from course_utils.runtime import atomic_write
from course_utils.transforms import load_image

_NUM_CLASSES = 3
_NUM_CLEAN = {"train": 5, "val": 2}  # pictures a class that are copied as they are
_NUM_SPARE = 5  # further training pictures a class, to plant troubles with


def make_messy_folder(root: str | Path, source: str | Path) -> list[tuple[str, str]]:
    """Fill `root` with a small messy data set and return the answer key: `(path below root, kind of trouble)`.

    A few pictures of the first three classes are copied from the training and validation folders of `source`, a clean
    data set; then troubles are planted: those of `scan_report.KINDS` that a small file can hold and any system can
    store. Nothing is drawn by lot: the same source gives the same files, and a second call puts back what was deleted
    or mended meanwhile. Other files in `root` are left alone.

    `scan_images(root)` finds exactly what the answer key says. Raises FileNotFoundError where `source` has too few
    pictures.
    """
    root, splits = Path(root), find_splits(source)
    if not {"train", "val"} <= set(splits):
        raise FileNotFoundError(f"{source} needs a training and a validation folder: {LAYOUT}.")
    classes = [entry.name for entry in entries(splits["train"]) if entry.is_dir() and not is_hidden(entry)]
    if len(classes) < _NUM_CLASSES:
        raise FileNotFoundError(f"{splits['train']} needs at least {_NUM_CLASSES} classes, it has {len(classes)}.")
    spares = []
    for name in classes[:_NUM_CLASSES]:
        train = _pictures(splits["train"] / name, _NUM_CLEAN["train"] + _NUM_SPARE)
        val = _pictures(splits["val"] / name, _NUM_CLEAN["val"])
        for split, pictures in (("train", train[: _NUM_CLEAN["train"]]), ("validation", val)):
            for number, picture in enumerate(pictures):
                _write(root / split / name / f"{name}_{number}.jpg", _encode(load_image(picture), "JPEG", quality=92))
        spares.append([load_image(path) for path in train[_NUM_CLEAN["train"] :]])
    backup = "train/.ipynb_checkpoints"  # what Jupyter leaves beside every opened notebook; found as one entry
    _write(root / backup / "look-checkpoint.ipynb", b"{}\n")
    key = [(backup, "hidden")]
    for place, kinds, content in _troubles(root, classes, spares):
        _write(root / place, content)
        key += [(place, kind) for kind in kinds]
    return sorted(key)


def _troubles(
    root: Path, classes: list[str], spares: list[list[Image.Image]]
) -> Iterator[tuple[str, list[str], bytes]]:
    """Yield `(path, kinds of trouble, content)` of every planted file.

    Each picture among `spares`, a list for each class, is used at most once, and in its own class's folder: a wrong
    label would be a trouble that no check-up finds.
    """
    first, second, third = (f"train/{name}/{name}" for name in classes[:_NUM_CLASSES])
    of_first, of_second, of_third = map(iter, spares)

    def clean(path: str) -> bytes:
        return (root / path).read_bytes()

    jpeg = _encode(next(of_first), "JPEG")
    yield f"{first}_half_downloaded.jpg", ["truncated"], jpeg[: len(jpeg) // 2]
    yield f"{first}_web_page.jpg", ["unreadable"], b"<!DOCTYPE html><title>404: not found</title>\n"
    yield f"{second}_empty.png", ["unreadable"], b""
    yield f"{second}_0_copy.jpg", ["duplicate"], clean(f"{second}_0.jpg")
    yield f"{third}_like_{classes[0]}.jpg", ["contradiction"], clean(f"{first}_1.jpg")
    yield f"validation/{classes[1]}/{classes[1]}_practised.jpg", ["leakage"], clean(f"{second}_2.jpg")
    smaller = load_image(root / f"{first}_3.jpg")
    smaller = smaller.resize((round(0.6 * smaller.width), round(0.6 * smaller.height)))
    yield f"validation/{classes[0]}/{classes[0]}_smaller.jpg", ["near leakage"], _encode(smaller, "JPEG", quality=70)
    yield f"{second}_telephone.heic", ["unsupported"], b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
    yield "train/to_sort.jpg", ["misplaced"], _encode(next(of_first), "JPEG")
    yield f"{third}_thumbnail.jpg", ["tiny"], _encode(next(of_third).resize((16, 16)), "JPEG")

    yield f"{third}_notes.txt", ["not an image"], b"Ask Mia for the missing pictures.\n"
    yield "train/.DS_Store", ["hidden"], b"\x00\x00\x00\x01Bud1"
    yield f"train/{classes[1]}/Thumbs.db", ["hidden"], b"\xd0\xcf\x11\xe0"

    # Held sideways: the file lies on its side, and the camera's note says how to turn it back.
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    lying = next(of_first).transpose(Image.Transpose.ROTATE_90)
    yield f"{first}_sideways.jpg", ["rotated"], _encode(lying, "JPEG", exif=exif)

    yield f"{first}_grey.jpg", ["unusual mode"], _encode(next(of_first).convert("L"), "JPEG")
    yield f"{first}_print.jpg", ["unusual mode"], _encode(next(of_first).convert("CMYK"), "JPEG")
    yield f"{second}_cut_out.png", ["unusual mode"], _encode(_cut_out(next(of_second)), "PNG")
    yield f"{second}_grey_cut_out.png", ["unusual mode"], _encode(_cut_out(next(of_second)).convert("LA"), "PNG")
    palette = next(of_third).quantize(32)
    yield f"{third}_palette.png", ["unusual mode"], _encode(palette, "PNG", transparency=0)
    scan = Image.fromarray(np.asarray(next(of_third).convert("L")).astype(np.uint16) * 257)
    yield f"{third}_scanner.png", ["unusual mode"], _encode(scan, "PNG")
    frames = [next(of_third).resize((96, 96)), next(of_third).resize((96, 96))]
    film = _encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield f"{third}_film.gif", ["unusual mode", "animated"], film


def _cut_out(image: Image.Image) -> Image.Image:
    """Make everything outside an ellipse transparent."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((0, 0, image.width - 1, image.height - 1), fill=255)
    image = image.copy()
    image.putalpha(mask)
    return image


def _pictures(folder: Path, count: int) -> list[Path]:
    found = [path for path in walk(folder) if is_image_name(path) and not is_hidden(path)][:count]
    if len(found) < count:
        raise FileNotFoundError(f"{folder} holds {len(found)} pictures; a messy folder is made from at least {count}.")
    return found


def _encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)

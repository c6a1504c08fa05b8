"""Draw the contact sheets: `python tools/draw_sheet.py` writes docs/garments.jpg and docs/instruments.jpg.

A sheet is also what this version of the drawing looks like: it carries `DRAWING_VERSION` or `INSTRUMENTS_VERSION`, and
a test compares it with what is drawn now.
"""

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.pictures.drawn import (
    CLASSES,
    DRAWING_VERSION,
    INSTRUMENT_CLASSES,
    INSTRUMENTS_VERSION,
    draw_garment,
    draw_instrument,
)

SIZE, ROWS, GAP = 160, 5, 6  # side of a picture, pictures of each kind, pixels between two
SHEET = Path(__file__).resolve().parent.parent / "docs" / "garments.jpg"
INSTRUMENTS_SHEET = SHEET.with_name("instruments.jpg")
_BLOCK, _TOLERANCE = 8, 4  # pixels, grey levels: another machine may round a pixel at an edge the other way


def draw_sheet() -> bytes:
    """Return the contact sheet of garments as a JPEG file, a column for each kind; its comment is the version."""
    return _sheet(CLASSES, lambda column, row: draw_garment(CLASSES[column], seed=(7, column, row)), DRAWING_VERSION)


def draw_instruments_sheet() -> bytes:
    """Return the contact sheet of instruments, each row another instrument, as `draw_sheet` does."""

    def draw(column: int, row: int) -> Image.Image:
        return draw_instrument(INSTRUMENT_CLASSES[column], instrument=row + 1, view=row + 1, seed=7)

    return _sheet(INSTRUMENT_CLASSES, draw, INSTRUMENTS_VERSION)


def _sheet(kinds: Sequence[str], draw: Callable[[int, int], Image.Image], version: int) -> bytes:
    step = SIZE + GAP
    sheet = Image.new("RGB", (len(kinds) * step - GAP, ROWS * step - GAP), "white")
    for column in range(len(kinds)):
        for row in range(ROWS):
            sheet.paste(draw(column, row), (column * step, row * step))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=85, comment=str(version))
    return file.getvalue()


def version_of(sheet: bytes) -> int:
    """Return the version of the drawing that a contact sheet was made with."""
    with Image.open(io.BytesIO(sheet)) as picture:
        return int(picture.info.get("comment", 0))


def looks_alike(one: bytes, other: bytes) -> bool:
    """True where two contact sheets show the same drawings."""
    blocks = []
    for sheet in (one, other):
        with Image.open(io.BytesIO(sheet)) as picture:
            blocks.append(np.asarray(picture.reduce(_BLOCK), dtype=int))
    return blocks[0].shape == blocks[1].shape and bool(np.abs(blocks[0] - blocks[1]).max() <= _TOLERANCE)


def main() -> None:
    _renew(SHEET, draw_sheet(), DRAWING_VERSION, "DRAWING_VERSION")
    _renew(INSTRUMENTS_SHEET, draw_instruments_sheet(), INSTRUMENTS_VERSION, "INSTRUMENTS_VERSION")


def _renew(path: Path, new: bytes, version: int, name: str) -> None:
    if path.exists() and version_of(path.read_bytes()) == version:
        if not looks_alike(path.read_bytes(), new):
            sys.exit(f"The drawings have changed: count {name} up in course_utils/pictures/drawn, then try again.")
        return
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(new)


if __name__ == "__main__":
    main()

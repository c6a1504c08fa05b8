"""Draw the contact sheet of garments that README.md shows: `python tools/draw_sheet.py` writes docs/garments.jpg.

The sheet is also what this version of the drawing looks like: it carries `DRAWING_VERSION`, and a test compares it with
what is drawn now.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.pictures.drawn import CLASSES, DRAWING_VERSION, draw_garment

SIZE, ROWS, GAP = 160, 5, 6  # side of a picture, pictures of each kind, pixels between two
SHEET = Path(__file__).resolve().parent.parent / "docs" / "garments.jpg"
_BLOCK, _TOLERANCE = 8, 4  # pixels, grey levels: another machine may round a pixel at an edge the other way


def draw_sheet() -> bytes:
    """Return the contact sheet as a JPEG file, a column for each kind; its comment is the version of the drawing."""
    step = SIZE + GAP
    sheet = Image.new("RGB", (len(CLASSES) * step - GAP, ROWS * step - GAP), "white")
    for column, kind in enumerate(CLASSES):
        for row in range(ROWS):
            sheet.paste(draw_garment(kind, seed=(7, column, row)), (column * step, row * step))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=85, comment=str(DRAWING_VERSION))
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
    new = draw_sheet()
    if SHEET.exists() and version_of(SHEET.read_bytes()) == DRAWING_VERSION:
        if not looks_alike(SHEET.read_bytes(), new):
            sys.exit(
                "The drawings have changed: count DRAWING_VERSION up in course_utils/pictures/drawn, then try again."
            )
        return
    SHEET.parent.mkdir(exist_ok=True)
    SHEET.write_bytes(new)


if __name__ == "__main__":
    main()

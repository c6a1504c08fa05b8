"""Draw the contact sheet of garments that README.md shows: `python tools/draw_sheet.py` writes docs/garments.jpg."""

from pathlib import Path

from PIL import Image

from course_utils.pictures.drawn import CLASSES, draw_garment

SIZE, ROWS, GAP = 160, 5, 6  # side of a picture, pictures of each kind, pixels between two
SHEET = Path(__file__).resolve().parent.parent / "docs" / "garments.jpg"


def main() -> None:
    step = SIZE + GAP
    sheet = Image.new("RGB", (len(CLASSES) * step - GAP, ROWS * step - GAP), "white")
    for column, kind in enumerate(CLASSES):
        for row in range(ROWS):
            sheet.paste(draw_garment(kind, seed=(7, column, row)), (column * step, row * step))
    SHEET.parent.mkdir(exist_ok=True)
    sheet.save(SHEET, quality=85)


if __name__ == "__main__":
    main()

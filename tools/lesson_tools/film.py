"""The film of a student who learns, taken from lesson 00 for the README's first screen: docs/learning.png."""

import base64
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.runtime import atomic_write
from lesson_tools.source import REPOSITORY

FILM = REPOSITORY / "docs" / "learning.png"
MOVES = b"acTL"  # the part of a PNG that says how many frames there are


def first_film(notebook: NotebookNode) -> bytes:
    """Return the first animated PNG among the notebook's outputs. Raises ValueError where nothing in it moves."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html", "")
            for found in re.finditer(r'src="data:image/png;base64,([^"]+)"', html):
                picture = base64.b64decode(found[1])
                if MOVES in picture:
                    return picture
    raise ValueError("Nothing moves in this notebook: no output holds an animated PNG.")


def renew_film(lesson: Path, film: Path = FILM) -> None:
    """Write the first film of a built lesson to `film`, where it differs from what is there."""
    picture = first_film(nbformat.read(lesson, as_version=4))
    if not film.exists() or film.read_bytes() != picture:
        with atomic_write(film) as temporary:
            temporary.write_bytes(picture)

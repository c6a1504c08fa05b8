"""The README's film is the one of lesson 00, and it moves."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from lesson_tools.film import FILM, first_film, renew_film
from lesson_tools.source import REPOSITORY

from course_utils import plotting

LESSON = REPOSITORY / "notebooks" / "00_start_here.ipynb"


def lesson(*shown):
    outputs = [new_output("display_data", data={"text/html": each.html()}) for each in shown]
    return new_notebook(cells=[new_code_cell("...", outputs=outputs)])


def frames(colour):
    return [Image.new("RGB", (30, 20), each) for each in ("white", colour)]


def test_the_first_picture_that_moves_is_taken():
    still = plotting.draw_images(frames("red")[:1], alt="nothing moves", photo=False)
    film, later = (plotting.animate(frames(colour), alt="it turns") for colour in ("red", "blue"))
    assert first_film(lesson(still, film, later)) == film.content
    with pytest.raises(ValueError, match="Nothing moves"):
        first_film(lesson(still))


def test_the_film_is_written_where_it_changed(tmp_path):
    film = plotting.animate(frames("red"), alt="it turns")
    nbformat.write(lesson(film), tmp_path / "00.ipynb")
    for _ in range(2):
        renew_film(tmp_path / "00.ipynb", tmp_path / "film.png")
        assert (tmp_path / "film.png").read_bytes() == film.content
    written = (tmp_path / "film.png").stat().st_mtime_ns
    renew_film(tmp_path / "00.ipynb", tmp_path / "film.png")
    assert (tmp_path / "film.png").stat().st_mtime_ns == written


def test_the_readme_shows_the_film_of_the_lesson_and_its_loop():
    built = nbformat.read(LESSON, as_version=4)
    assert FILM.read_bytes() == first_film(built)
    with Image.open(FILM) as film:
        assert film.n_frames > 10
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "](docs/learning.png)" in readme
    loop = readme.split("```python\n")[1].split("```")[0].splitlines()[1:]
    cells = "\n".join(cell.source for cell in built.cells if cell.cell_type == "code")
    assert len(loop) == 5
    assert all(line in cells for line in loop)

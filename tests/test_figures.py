"""The book of figures: taken from executed lessons, recorded, and complete."""

import json
import re
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from lesson_tools.figures import record_figures, take_figures
from lesson_tools.source import list_sources

from course_utils.classroom.book import BOOK_FILE, compare_with_book


def executed(*keys: str):
    """A notebook whose cells have compared figures of 0.81 ± 0.02."""
    bundles = [compare_with_book(key, 0.81, error=0.02)._repr_mimebundle_() for key in keys]
    outputs = [new_output("execute_result", data=bundle) for bundle in bundles]
    return new_notebook(cells=[new_code_cell("compare", outputs=[output]) for output in outputs])


def test_a_build_takes_the_figures_and_leaves_what_a_reader_reads():
    notebook = executed("07.best", "07.worst")
    figures = take_figures(notebook)
    assert list(figures) == ["07.best", "07.worst"]
    assert (figures["07.best"]["value"], figures["07.best"]["error"]) == (0.81, 0.02)
    assert notebook.cells[0].outputs[0].data["text/plain"] == "The book's number: 0.810 ± 0.020"
    assert sorted(notebook.cells[0].outputs[0].data) == ["text/html", "text/plain"]
    assert take_figures(notebook) == {}


def test_one_key_for_two_figures_is_refused():
    with pytest.raises(ValueError, match=r"two cells compare the figure 07\.best"):
        take_figures(executed("07.best", "07.best"))


def test_a_lesson_replaces_its_own_figures_only(tmp_path):
    book = tmp_path / "book.json"
    record_figures("06", take_figures(executed("06.healthy")), book=book)
    record_figures("07", take_figures(executed("07.best", "07.gone")), book=book)
    record_figures("07", take_figures(executed("07.best")), book=book)
    assert list(json.loads(book.read_text(encoding="utf-8"))) == ["06.healthy", "07.best"]


def test_the_book_holds_what_the_lessons_compare():
    compared = [
        key
        for path in list_sources()
        for key in re.findall(r'compare_with_book\(\s*"([^"]+)"', path.read_text(encoding="utf-8"))
    ]
    assert sorted(json.loads(BOOK_FILE.read_text(encoding="utf-8"))) == sorted(compared)
    assert len(set(compared)) == len(compared)

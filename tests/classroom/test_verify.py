"""A lesson's figures, held against the book's: which are judged, and what is said of those that differ."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.classroom import verify
from course_utils.classroom.book import Comparison, Figure, circumstances
from course_utils.classroom.lessons import read_lesson
from course_utils.classroom.verify import APART, ELSEWHERE, UNKNOWN, WITHIN, verdict, verify_lesson

COMPARE = "from course_utils.classroom.book import compare_with_book\ncompare_with_book({key!r}, {value}, error=0.02)"


def figure(value, **other):
    return Figure(value=value, error=0.02, circumstances=circumstances() | other)


def lesson(folder, *codes):
    notebook = new_notebook(cells=[new_code_cell(code) for code in codes])
    path = folder / "06_training_loop.ipynb"
    nbformat.write(notebook, path)
    return read_lesson(path)


@pytest.fixture
def book(monkeypatch):
    """A book of two figures for lesson 06, and one for another lesson."""
    recorded = {"06.healthy": figure(0.8), "06.last": figure(0.5), "07.best": figure(0.9)}
    monkeypatch.setattr(verify, "read_book", lambda: recorded)
    return recorded


@pytest.mark.parametrize(
    ("mine", "book", "said"),
    [
        (figure(0.81), figure(0.80), WITHIN),
        (figure(0.90), figure(0.80), APART),
        (figure(0.90), None, UNKNOWN),
        (figure(0.90, pictures="photos"), figure(0.80), ELSEWHERE),
        (figure(0.80, weights="imagenet"), figure(0.80), ELSEWHERE),
        (figure(0.90, torch="1.0"), figure(0.80), APART),
    ],
)
def test_only_what_has_the_books_pictures_and_weights_is_judged(mine, book, said):
    assert verdict(Comparison("06.healthy", mine, book)) == said


@pytest.mark.usefixtures("book")
def test_a_lesson_is_executed_and_its_figures_stand_beside_the_books(notebooks):
    own = lesson(
        notebooks, *(COMPARE.format(key=key, value=value) for key, value in [("06.healthy", 0.82), ("06.last", 0.51)])
    )
    before = own.path.read_bytes()
    found = verify_lesson(own)
    assert found.ok
    assert found.seconds > 0
    told = str(found).splitlines()
    assert [line.split() for line in told[1:]] == [
        ["06.healthy", "0.800", "±", "0.020", "0.820", "±", "0.020", "within", "chance"],
        ["06.last", "0.500", "±", "0.020", "0.510", "±", "0.020", "within", "chance"],
    ]
    assert own.path.read_bytes() == before


@pytest.mark.usefixtures("book")
def test_what_is_further_apart_never_reached_or_stopped_is_not_the_books(notebooks):
    found = verify_lesson(lesson(notebooks, COMPARE.format(key="06.healthy", value=0.5), "1 / 0"))
    assert not found.ok
    told = str(found)
    assert "FURTHER APART" in told
    assert "nothing that is known: has a cell been changed?" in told
    assert "not reached" in told
    assert "stopped: code cell 2 ('1 / 0'): ZeroDivisionError: division by zero" in told
    assert found.missing == ["06.last"]


def test_each_of_the_three_faults_alone_is_enough(notebooks, book):
    apart, fine, last = (
        COMPARE.format(key=key, value=value)
        for key, value in [("06.healthy", 0.5), ("06.healthy", 0.8), ("06.last", 0.5)]
    )
    assert not verify_lesson(lesson(notebooks, apart, last)).ok
    assert not verify_lesson(lesson(notebooks, fine)).ok
    assert not verify_lesson(lesson(notebooks, fine, last, "1 / 0")).ok
    book["06.healthy"]["circumstances"]["torch"] = "1.0"
    assert "06.healthy differs in torch: yours" in str(verify_lesson(lesson(notebooks, apart, last)))


def test_a_lesson_without_figures_says_so(notebooks, monkeypatch):
    monkeypatch.setattr(verify, "read_book", dict)
    found = verify_lesson(lesson(notebooks, "1 + 1"))
    assert found.ok
    assert str(found) == "It compares no figure with the book."

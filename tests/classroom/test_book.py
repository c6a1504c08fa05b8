"""A reader's figure beside the book's: within chance or not, and why not."""

import json

import pytest

from course_utils.classroom import book
from course_utils.classroom.book import FIGURE, compare_with_book, shown


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """A book that records one figure, made under the same circumstances as this test."""
    path = tmp_path / "book.json"
    figure = {"value": 0.81, "error": 0.02, "circumstances": book.circumstances()}
    path.write_text(json.dumps({"07.best": figure}), encoding="utf-8")
    monkeypatch.setattr(book, "BOOK_FILE", path)
    book.read_book.cache_clear()
    yield path
    book.read_book.cache_clear()


# Two standard errors of the difference of 0.02 and 0.02 are 0.0566.
@pytest.mark.parametrize(
    ("value", "expected"), [(0.81, True), (0.86, True), (0.755, True), (0.87, False), (0.75, False)]
)
def test_chance_reaches_as_far_as_two_standard_errors_of_the_difference(value, expected):
    assert compare_with_book("07.best", value, error=0.02).within_chance is expected


def test_one_line_names_both_figures():
    assert (
        repr(compare_with_book("07.best", 0.80, error=0.021))
        == "Within chance: book 0.810 ± 0.020, yours 0.800 ± 0.021"
    )


def test_other_settings_are_named_as_the_likely_cause(monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "photos")
    words = repr(compare_with_book("07.best", 0.5, error=0.02, weights="imagenet"))
    assert "Further apart than chance explains" in words
    assert "pictures: yours photos, the book's drawn" in words
    assert "weights: yours imagenet, the book's course" in words
    assert "device" not in words


def test_where_nothing_differs_it_says_so():
    assert "none of the settings differs" in repr(compare_with_book("07.best", 0.5, error=0.02))


def test_a_figure_that_the_book_lacks_is_shown_alone(recorded):
    assert compare_with_book("07.other", 0.5, error=0.02).within_chance is None
    recorded.unlink()
    book.read_book.cache_clear()
    assert "records no such figure" in repr(compare_with_book("07.best", 0.5, error=0.02))


def test_a_notebook_shows_a_bar_and_hands_the_figure_to_the_build():
    bundle = compare_with_book("07.best", 0.5, error=0.02)._repr_mimebundle_()
    assert "figure 07.best" in bundle["text/html"]
    assert bundle[FIGURE]["key"] == "07.best"
    assert bundle[FIGURE]["value"] == 0.5
    assert bundle[FIGURE]["circumstances"]["pictures"] == "drawn"
    json.dumps(bundle[FIGURE])


@pytest.mark.parametrize(("value", "error"), [(float("nan"), 0.1), (0.5, float("inf")), (0.5, -0.1)])
def test_what_is_no_measured_figure_is_refused(value, error):
    with pytest.raises(ValueError, match=r"07\.best"):
        compare_with_book("07.best", value, error=error)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.8123, 0.0213, "0.812 ± 0.021"),
        (12.3, 1.4, "12.3 ± 1.4"),
        (120.4, 23.0, "120 ± 23"),
        (0.5, 0.0, "0.500 ± 0.000"),
    ],
)
def test_as_many_digits_as_the_error_has_two_of(value, error, expected):
    assert shown({"value": value, "error": error, "circumstances": {}}) == expected

import sys

import nbformat
import pytest
from made_up import write_lesson

from course_utils.classroom import lessons
from course_utils.classroom.copies import copy_lesson


def test_all_lessons_are_sorted_and_know_their_time(notebooks):
    write_lesson(notebooks / "my", "02_mine", "1")
    found = lessons.all_lessons()
    assert [lesson.name for lesson in found] == ["00_start_here", "01_pretrained_inference", "06_training_loop"]
    assert {lesson[1:] for lesson in found} == {(30, 60, 20)}


def test_a_lesson_without_a_budget_is_refused_by_name(notebooks):
    path = notebooks / "07_no_head.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    assert lessons.read_lesson(path).budget_seconds is None  # of a learner's own notebook nothing is asked
    with pytest.raises(lessons.LessonError, match=r"07_no_head\.ipynb: no jupyter\.course\.budget_seconds"):
        lessons.all_lessons()


def test_without_lessons_the_way_out_is_named(notebooks, monkeypatch):
    for path in notebooks.glob("*.ipynb"):
        path.unlink()
    with pytest.raises(lessons.LessonError, match="make notebooks"):
        lessons.all_lessons()
    monkeypatch.setattr(lessons, "repository_root", lambda: None)
    with pytest.raises(lessons.LessonError, match="clone the repository"):
        lessons.all_lessons()


@pytest.mark.parametrize(
    "word", ["1", "01", "01_pre", "01_pretrained_inference", "notebooks/01_pretrained_inference.ipynb"]
)
def test_a_lesson_is_found_by_number_name_or_file(notebooks, word):
    assert lessons.find_lesson(word).path == notebooks / "01_pretrained_inference.ipynb"


@pytest.mark.usefixtures("notebooks")
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("01_pretraned", r"Did you mean 01_pretrained_inference\?"),
        ("training", r"Did you mean 06_training_loop\?"),
        ("17", "The lessons: 00_start_here, 01_pretrained_inference, 06_training_loop"),
    ],
)
def test_an_unknown_lesson_is_answered_with_the_closest_or_all(word, message):
    with pytest.raises(lessons.LessonError, match=message):
        lessons.find_lesson(word)


@pytest.mark.parametrize(
    ("word", "found"),
    [("1", "01_a"), ("010", "10_c"), ("02_a", "02_a"), ("02_ab", "02_abc"), ("01", "01_a"), ("src/10_c.py", "10_c")],
)
def test_course_run_and_make_notebooks_take_names_the_same_way(word, found):
    assert lessons.find_name(word, ["01_a", "02_a", "02_abc", "10_c"]) == found


@pytest.mark.parametrize("word", ["01_", "", "1"])
def test_a_name_that_fits_two_lessons_is_asked_back_or_refused(word):
    with pytest.raises(lessons.LessonError, match=r"'01_?' may be 01_a or 01_b|'1' may be|The lessons: 01_a, 01_b"):
        lessons.find_name(word, ["01_a", "01_b"])


@pytest.mark.usefixtures("notebooks")
@pytest.mark.parametrize("word", ["1", "01_pretrained_inference", "01_pretrained_inference.ipynb"])
def test_a_notebook_that_is_no_path_is_a_lesson(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lessons.find_notebook(word) == lessons.find_lesson("1")


@pytest.mark.usefixtures("notebooks")
def test_a_notebook_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    path = write_lesson(tmp_path / "at home", "notes", "1")
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))  # what Windows looks at
    assert lessons.find_notebook("~/notes.ipynb").path == path


def test_a_notebook_is_found_by_its_path_and_never_replaced_by_the_original(notebooks, monkeypatch):
    copy = copy_lesson(lessons.find_lesson("1"))
    monkeypatch.chdir(notebooks)
    assert lessons.find_notebook("my/01_pretrained_inference.ipynb").path == copy
    assert lessons.find_notebook(str(copy)).path == copy
    assert lessons.find_notebook("01_pretrained_inference.ipynb").path == notebooks / "01_pretrained_inference.ipynb"
    monkeypatch.chdir(copy.parent)
    assert lessons.find_notebook("01_pretrained_inference.ipynb").path == copy
    with pytest.raises(lessons.LessonError, match=r"There is no file .*other.01_pretrained_inference\.ipynb"):
        lessons.find_notebook("other/01_pretrained_inference.ipynb")


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"cells": []}', '{"cells": [], "metadata": 1}'])
def test_a_file_that_is_no_notebook_is_named(tmp_path, text):
    (tmp_path / "words.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(lessons.LessonError, match=r"words\.ipynb is no notebook"):
        lessons.read_lesson(tmp_path / "words.ipynb")


def test_a_notebook_that_was_cut_off_is_said_to_be_so(tmp_path, notebooks):
    whole = next(notebooks.glob("01_*.ipynb")).read_text(encoding="utf-8")
    (tmp_path / "half.ipynb").write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(lessons.LessonError, match=r"half\.ipynb is no notebook, or one that was cut off .* line \d+"):
        lessons.read_lesson(tmp_path / "half.ipynb")


def test_jupyterlab_opens_on_the_copy_with_the_repository_as_its_root(notebooks, monkeypatch):
    from jupyterlab.labapp import LabApp

    seen = []
    monkeypatch.setattr(LabApp, "launch_instance", seen.append)
    monkeypatch.setattr(sys, "argv", sys.argv)
    lessons.open_in_jupyterlab(notebooks / "my" / "00_start_here.ipynb", ["--no-browser"])
    assert seen == [
        [
            f"--ServerApp.root_dir={notebooks.parent}",
            "--LabApp.default_url=/lab/tree/notebooks/my/00_start_here.ipynb",
            "--no-browser",
        ]
    ]

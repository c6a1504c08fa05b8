"""The learner's copies: made once, renewed where nobody has worked in them, never overwritten."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from made_up import write_lesson

from course_utils.classroom import lessons
from course_utils.classroom.copies import copy_lesson, own_folder, renew_copies


def test_a_copy_has_no_outputs_and_is_a_valid_notebook(notebooks):
    copy = copy_lesson(lessons.find_lesson("1"))
    assert copy == notebooks / "my" / "01_pretrained_inference.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["# A lesson", "1 + 1"]
    assert notebook.cells[1].outputs == []
    assert notebook.cells[1].execution_count is None


def test_a_copy_links_to_what_is_copied_beside_it_and_back_to_what_is_not(notebooks):
    text = "[next](06_training_loop.ipynb) [word](glossary.md#epoch) [web](https://example.org/glossary.md)"
    path = write_lesson(notebooks, "02_links", "1", text=text)
    copy = nbformat.read(copy_lesson(lessons.read_lesson(path)), as_version=4)
    assert copy.cells[0].source == text.replace("(glossary.md", "(../glossary.md")


@pytest.mark.usefixtures("notebooks")
def test_the_learners_copy_is_never_overwritten():
    lesson = lessons.find_lesson("1")
    own = copy_lesson(lesson)
    own.write_text("my own notes", encoding="utf-8")
    assert copy_lesson(lesson) == own
    names = [copy_lesson(lesson, fresh=True).name for _ in range(3)]
    assert names == [f"01_pretrained_inference_fresh{suffix}.ipynb" for suffix in ("", "_2", "_3")]
    assert own.read_text(encoding="utf-8") == "my own notes"


@pytest.mark.usefixtures("notebooks")
def test_a_fresh_copy_takes_the_plain_name_where_it_is_free():
    assert copy_lesson(lessons.find_lesson("1"), fresh=True).name == "01_pretrained_inference.ipynb"


def edit(path: Path, change) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def update(path: Path) -> None:
    """Bring a new edition of a lesson, as an update of the repository does."""

    def change(notebook: dict) -> None:
        notebook["metadata"]["course"]["source_sha256"] = "newer"
        notebook["cells"][1]["source"] = "2 + 2"

    edit(path, change)


def ran(notebook: dict) -> None:
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "2"}]


def rewrote(notebook: dict) -> None:
    notebook["cells"][1]["source"] = "my = 1"


def test_the_first_time_every_lesson_is_copied(notebooks):
    made = renew_copies(lessons.all_lessons())
    assert [path.name for path in made.renewed] == [lesson.path.name for lesson in lessons.all_lessons()]
    assert all(path.parent == notebooks / "my" for path in made.renewed)
    assert renew_copies(lessons.all_lessons()) == ([], [])


def test_after_an_update_a_copy_that_nobody_touched_is_renewed(notebooks):
    lesson = lessons.find_lesson("1")
    own = copy_lesson(lesson)
    update(lesson.path)
    assert renew_copies([lesson]) == ([own], [])
    assert read_source(own) == "2 + 2"
    assert renew_copies([lesson]) == ([], [])
    assert notebooks / "my" == own.parent


@pytest.mark.usefixtures("notebooks")
@pytest.mark.parametrize("work", [ran, rewrote])
def test_after_an_update_a_copy_that_holds_work_is_left_and_named(work):
    lesson = lessons.find_lesson("1")
    own = copy_lesson(lesson)
    edit(own, work)
    assert renew_copies([lesson]) == ([], [])  # the lesson is as it was
    before = own.read_bytes()
    update(lesson.path)
    assert renew_copies([lesson]) == ([], [own])
    assert own.read_bytes() == before


@pytest.mark.usefixtures("notebooks")
def test_a_copy_of_an_older_course_that_does_not_know_its_state_counts_as_work():
    lesson = lessons.find_lesson("1")
    own = copy_lesson(lesson)
    edit(own, lambda notebook: notebook["metadata"]["course"].pop("copied"))
    update(lesson.path)
    assert renew_copies([lesson]).outdated == [own]


def test_where_the_repository_may_only_be_read_copies_go_home(notebooks, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(os, "access", lambda path, _mode: not Path(path).is_relative_to(notebooks))
    assert own_folder() == home / "student-goes-to-school"
    path = write_lesson(notebooks, "02_links", "1", text="[word](glossary.md#epoch) [next](06_training_loop.ipynb)")
    copy = nbformat.read(copy_lesson(lessons.read_lesson(path)), as_version=4)
    target = copy.cells[0].source.split("](")[1].split("#")[0]
    assert (own_folder() / target).resolve() == (notebooks / "glossary.md").resolve()


def test_the_folder_is_the_repositorys_own_where_it_may_be_written(notebooks):
    assert own_folder() == notebooks / "my"
    assert own_folder().is_dir()


def read_source(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[1].source

"""How far a learner is, read from notebooks that were run: never more than they keep, and no damaged file stops it."""

import json
import re
from pathlib import Path

import pytest
from made_up import refusing, write_lesson

from course_utils.__main__ import main
from course_utils.classroom import lessons, predictions
from course_utils.classroom.exercises import Verdict, exercises_of
from course_utils.classroom.predictions import Outcome
from course_utils.classroom.progress import (
    Progress,
    read_class,
    read_goals,
    read_progress,
    write_progress,
)

BOOK = Path(__file__).parents[2] / "notebooks"
ASKS = ('widgets.predict_first(\n    "01.1", "Which?", NAMES\n)', 'exercises.check("01.1", 1)', 'check("01.2", 2)')


@pytest.fixture
def goals(notebooks):
    write_lesson(notebooks, "01_pretrained_inference", *ASKS)
    return read_goals(lessons.all_lessons())


@pytest.fixture
def folder(tmp_path) -> Path:
    """A learner's folder."""
    (tmp_path / "learner").mkdir()
    return tmp_path / "learner"


def shown(thing: object) -> dict:
    """An output as a notebook keeps it."""
    data = {"text/plain": repr(thing).splitlines(keepends=True), "text/html": thing._repr_html_()}
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}


def kept(folder: Path, *outputs: object, name: str = "01_pretrained_inference", num_run: int = 3) -> Path:
    """A learner's notebook of three cells, of which the first `num_run` were run and the first show `outputs`."""
    path = write_lesson(folder, name, *ASKS)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells):
        cell["outputs"] = [shown(thing) for thing in outputs[number : number + 1]]
        cell["execution_count"] = number + 1 if number < num_run else None
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def solved(key: str) -> Verdict:
    return Verdict(key, "solved", "That is right.")


def second(progress: Progress):
    return progress.lessons[1]


def test_a_folder_without_notebooks_has_nothing_done_and_begins_with_the_first_lesson(goals, folder):
    progress = read_progress(folder, goals)
    assert [lesson.begun for lesson in progress.lessons] == [False] * 3
    assert progress.rows()[2] == ["01_pretrained_inference", "0 of 3", "0 of 1", "0 of 2"]
    assert progress.rows()[-1] == ["all", "0 of 5", "0 of 1", "0 of 2"]
    assert progress.next_step() == "Next: begin lesson 00_start_here (`course lab 00`)."
    assert progress.problems == []


def test_cells_verdicts_and_outcomes_of_a_run_notebook_are_counted(goals, folder):
    kept(folder, Outcome("01.1", "a boot", "a shirt"), solved("01.1"), num_run=2)
    lesson = second(read_progress(folder, goals))
    assert (lesson.run, lesson.cells, lesson.made, lesson.solved) == (2, 3, {"01.1"}, {"01.1"})
    assert lesson.marks == "✓·"
    assert not lesson.done


@pytest.mark.parametrize(("expected", "made"), [("a boot", {"01.1"}), ("a shirt", {"01.1"}), (None, set())])
def test_a_prediction_counts_where_it_was_made_right_or_wrong(goals, folder, expected, made):
    kept(folder, Outcome("01.1", "a boot", expected))
    assert second(read_progress(folder, goals)).made == made


def test_what_is_not_solved_does_not_count_as_solved(goals, folder):
    verdicts = (
        Verdict("01.1", "refused", "You wrote ✓ Solved (exercise 01.1)"),
        Verdict("01.2", "unanswered", "Replace the dots."),
    )
    kept(folder, *verdicts)
    lesson = second(read_progress(folder, goals))
    assert (lesson.solved, lesson.tried, lesson.marks) == (set(), {"01.1"}, "✗·")


def test_a_cell_that_was_interrupted_counts_as_run(goals, folder):
    kept(folder, solved("01.1"), solved("01.2"), num_run=1)  # the second has an output, and no number
    assert second(read_progress(folder, goals)).run == 2


def test_a_printed_verdict_counts_too(goals, folder):
    path = kept(folder)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    stream = {"output_type": "stream", "name": "stdout", "text": ["Look:\n", f"{solved('01.2')}\n"]}
    notebook["cells"][3]["outputs"] = [stream]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert second(read_progress(folder, goals)).solved == {"01.2"}


def test_the_predictions_file_counts_wherever_it_lies_in_the_folder(goals, folder, monkeypatch):
    (folder / "my").mkdir()
    monkeypatch.chdir(folder / "my")
    predictions.ask("01.1", "Which?", ["a", "b"])
    predictions.commit("01.1", "a")
    lesson = second(read_progress(folder, goals))
    assert (lesson.made, lesson.begun, lesson.run) == ({"01.1"}, True, 0)


def test_copies_of_a_lesson_count_together_under_any_name(goals, folder):
    kept(folder, solved("01.1"), num_run=1)
    kept(folder, solved("01.2"), Verdict("01.1", "refused", "No."), name="anna_01_old_name (1)")
    kept(folder, name="01_pretrained_inference_fresh", num_run=0)
    lesson = second(read_progress(folder, goals))
    assert (lesson.solved, lesson.tried, lesson.run, lesson.done) == ({"01.1", "01.2"}, set(), 3, True)


def test_what_an_update_took_out_of_a_lesson_is_not_counted(goals, folder):
    kept(folder, solved("01.3"), solved("99.1"), Outcome("01.7", "a", "a"))
    assert read_progress(folder, goals).totals() == ["3 of 5", "0 of 1", "0 of 2"]


def test_checkpoints_of_jupyterlab_are_not_looked_into(goals, folder):
    kept(folder / ".ipynb_checkpoints", solved("01.1"))
    assert not second(read_progress(folder, goals)).begun


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[" * 100_000,
        "\xff",
        '{"cells": [{}], "metadata": {}}',
        '{"cells": [3], "metadata": {}}',
        '{"cells": [{"cell_type": "code", "source": "1", "outputs": [3], "execution_count": 1}], "metadata": {}}',
        '{"cells": [{"cell_type": "code", "source": [1], "outputs": [], "execution_count": 1}], "metadata": {}}',
    ],
)
def test_a_damaged_file_is_named_passed_over_and_left_as_it_is(goals, folder, content):
    kept(folder, solved("01.1"))
    damaged = [folder / "00_start_here.ipynb", folder / "predictions.json"]
    for path in damaged:
        path.write_bytes(content.encode("latin-1"))
    progress = read_progress(folder, goals)
    assert second(progress).solved == {"01.1"}
    assert [str(path) in problem for path, problem in zip(damaged, progress.problems, strict=True)] == [True, True]
    assert [path.read_bytes() for path in damaged] == [content.encode("latin-1")] * 2
    assert len(list(folder.iterdir())) == 3


def test_a_file_that_may_not_be_read_is_named_and_passed_over(goals, folder, monkeypatch):
    closed = {kept(folder, name="00_start_here"), folder / "predictions.json"}
    (folder / "predictions.json").write_text("{}", encoding="utf-8")
    kept(folder, solved("01.1"))
    read_text = refusing(Path.read_text, closed.__contains__)
    monkeypatch.setattr(Path, "read_text", lambda path, **_: read_text(path))
    progress = read_progress(folder, goals)
    assert len(progress.problems) == 2
    assert second(progress).solved == {"01.1"}


def test_the_next_step_goes_on_then_forward_then_back_to_what_was_left(goals, folder):
    kept(folder, solved("01.1"), num_run=2)
    said = read_progress(folder, goals).next_step()
    assert said == (
        "Next: go on with lesson 01_pretrained_inference (`course lab 01`): 1 cell to run; exercise 01.2 to solve."
    )
    kept(folder, solved("01.1"), solved("01.2"))
    assert "begin lesson 06_training_loop" in read_progress(folder, goals).next_step()
    write_lesson(folder, "06_training_loop", "1 + 1")
    assert "begin lesson 00_start_here" in read_progress(folder, goals).next_step()
    write_lesson(folder, "00_start_here", "1 + 1")
    assert "Every exercise is solved" in read_progress(folder, goals).next_step()


def test_a_class_is_a_row_for_each_folder_and_names_who_handed_in_nothing(goals, tmp_path):
    collected = tmp_path / "collected"
    kept(collected / "anna", solved("01.1"), Verdict("01.2", "refused", "No."))
    kept(collected / "ben" / "notebooks" / "my", Verdict("01.2", "refused", "No."))
    (collected / "cem").mkdir()
    found = read_class([collected], goals)
    assert found.rows() == [
        ["student", "01", "cells run", "predictions", "exercises"],
        ["anna", "✓✗", "3 of 5", "0 of 1", "1 of 2"],
        ["ben", "·✗", "3 of 5", "0 of 1", "0 of 2"],
        ["cem", "-", "0 of 5", "0 of 1", "0 of 2"],
    ]
    assert found.remarks() == ["Tried and not solved: 01.2 by 2."]
    assert found.problems == [f"There is no notebook in {collected / 'cem'}."]
    each = read_class([collected / "anna", collected / "cem"], goals)
    assert [learner.name for learner in each.learners] == ["anna", "cem"]


def test_learners_whose_folders_have_one_name_are_told_apart(goals, tmp_path):
    for name in ("anna", "ben"):
        kept(tmp_path / "collected" / name / "my")
    folders = [tmp_path / "collected" / name / "my" for name in ("anna", "ben")]
    names = [learner.name for learner in read_class(folders, goals).learners]
    assert names == [str(Path("anna", "my")), str(Path("ben", "my"))]


def test_a_folder_that_is_not_there_is_named(goals, tmp_path):
    with pytest.raises(lessons.LessonError, match=r"no folder .*nobody"):
        read_class([tmp_path / "nobody"], goals)


def test_a_page_holds_the_table_and_takes_names_as_text(goals, tmp_path):
    kept(tmp_path / "collected" / "<b>anna", solved("01.1"))
    (tmp_path / "collected" / "<i>ben").mkdir()
    write_progress(read_class([tmp_path / "collected"], goals), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;anna</th>" in page
    assert "✓·</td>" in page
    assert "There is no notebook in" in page
    assert "<b>anna" not in page
    assert "<i>ben" not in page
    write_progress(read_progress(tmp_path / "none", goals, name="<b>anna"), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall(r'<th scope="row"[^>]*weight: bold[^>]*>(.+?)</th>', page) == ["all"]
    assert "begin lesson 00_start_here (<code>course lab 00</code>)" in page
    assert "<b>anna" not in page


def test_a_page_is_never_written_over_a_notebook(goals, folder):
    path = kept(folder)
    before = path.read_bytes()
    with pytest.raises(lessons.LessonError, match=r"ends in \.html"):
        write_progress(read_progress(folder, goals), path)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("goals")
def test_the_command_shows_ones_own_folder_a_class_and_a_page(notebooks, tmp_path, capsys):
    kept(notebooks / "my", solved("01.1"))
    assert main(["progress"]) == 0
    assert "01_pretrained_inference  3 of 3     0 of 1       1 of 2" in capsys.readouterr().out
    kept(tmp_path / "collected" / "anna", solved("01.1"))
    assert main(["progress", str(tmp_path / "collected")]) == 0
    assert "Next: go on" in capsys.readouterr().out  # one learner: as for oneself
    kept(tmp_path / "collected" / "ben").write_text("", encoding="utf-8")
    page = tmp_path / "page.html"
    assert main(["progress", str(tmp_path / "collected"), "--page", str(page)]) == 1
    seen = capsys.readouterr()
    assert "anna     ✓·" in seen.out
    assert "Passed over: " in seen.err
    assert page.exists()
    assert main(["progress", str(tmp_path / "nobody")]) == 2


@pytest.mark.parametrize("lesson", sorted(BOOK.glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.name[:2])
def test_every_exercise_and_prediction_of_the_lessons_is_found(lesson):
    [goal] = read_goals([lessons.read_lesson(lesson)])
    assert list(goal.exercises) == list(exercises_of(goal.name[:2]))
    code = "\n".join("".join(cell["source"]) for cell in lessons.read_notebook(lesson)["cells"])
    assert len(goal.predictions) == code.count("predict_first(")

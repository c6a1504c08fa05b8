"""Predictions: kept when chosen, held beside what happened, and never in the way of a run."""

import json

import pytest

from course_utils.classroom import predictions
from course_utils.classroom.predictions import ask, commit, load, what_happened

QUESTION, CHOICES = "Where does the loss go?", ["up", "down", "nowhere"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A learner's folder, and a session that has asked nothing yet."""
    monkeypatch.chdir(tmp_path)
    for name, empty in (("_asked", {}), ("_answered", {}), ("_known", set())):
        monkeypatch.setattr(predictions, name, empty)
    return tmp_path


def new_session(monkeypatch) -> None:
    for name, empty in (("_asked", {}), ("_answered", {}), ("_known", set())):
        monkeypatch.setattr(predictions, name, empty)


def test_a_question_alone_writes_nothing(folder):
    assert ask("06.1", QUESTION, CHOICES) is None
    assert what_happened("06.1", "up").expected is None
    assert list(folder.iterdir()) == []


def test_an_answer_is_kept_and_held_beside_what_happened(folder):
    ask("06.1", QUESTION, CHOICES)
    assert commit("06.1", "down") == "You expect: down. Now run on."
    outcome = what_happened("06.1", "up")
    assert (outcome.expected, outcome.happened) == ("down", "up")
    assert "You expected: down" in repr(outcome)
    assert "What happened: up" in repr(outcome)
    kept = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert kept == {"06.1": {"question": QUESTION, "choices": CHOICES, "expected": "down", "happened": "up"}}


def test_a_right_prediction_is_told_apart_from_a_wrong_one_and_from_none():
    ask("06.1", QUESTION, CHOICES)
    assert repr(what_happened("06.1", "up")) == "What happened: up"
    ask("06.1", QUESTION, CHOICES)
    commit("06.1", "up")
    right = what_happened("06.1", "up")
    assert repr(right) == "As you expected: up"
    assert "prediction 06.1" in right._repr_html_()
    assert repr(what_happened("06.1", "down")).startswith("Not as you expected.")


def test_the_last_choice_before_the_run_counts():
    ask("06.1", QUESTION, CHOICES)
    commit("06.1", "down")
    commit("06.1", "up")
    assert what_happened("06.1", "up").expected == "up"


def test_after_the_run_no_prediction_is_kept():
    ask("06.1", QUESTION, CHOICES)
    what_happened("06.1", "up")
    assert "not kept" in commit("06.1", "up")
    assert what_happened("06.1", "up").expected is None
    assert load() == {}


def test_another_session_finds_the_answer_and_keeps_the_other_lessons(monkeypatch):
    ask("06.1", QUESTION, CHOICES)
    commit("06.1", "down")
    ask("07.1", "Which rate?", ["0.1", "0.01"])
    commit("07.1", "0.1")
    new_session(monkeypatch)
    assert ask("06.1", QUESTION, CHOICES) == "down"
    assert what_happened("06.1", "up").expected == "down"
    assert load()["07.1"]["expected"] == "0.1"


def test_an_answer_to_a_question_that_was_reworded_is_none(monkeypatch):
    ask("06.1", QUESTION, CHOICES)
    commit("06.1", "down")
    new_session(monkeypatch)
    assert ask("06.1", "Where does the accuracy go?", CHOICES) is None
    assert what_happened("06.1", "up").expected is None


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"06.1": 3}', '{"06.1": {"expected": "up"}}', "\ufeff\x00", "[" * 100_000]
)
def test_a_damaged_file_is_put_aside_and_costs_nothing(folder, content, capsys):
    (folder / "predictions.json").write_text(content, encoding="utf-8")
    assert ask("06.1", QUESTION, CHOICES) is None
    assert "predictions.damaged.json" in capsys.readouterr().out
    assert (folder / "predictions.damaged.json").read_text(encoding="utf-8") == content
    commit("06.1", "up")
    assert load()["06.1"]["expected"] == "up"


def test_where_nothing_can_be_written_the_session_goes_on(monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(predictions, "atomic_write", refuse)
    ask("06.1", QUESTION, CHOICES)
    assert "kept for this session only" in commit("06.1", "up")
    assert what_happened("06.1", "up").expected == "up"


def test_a_folder_in_place_of_the_file_ends_nothing(folder, capsys):
    (folder / "predictions.json").mkdir()
    ask("06.1", QUESTION, CHOICES)
    assert "this session only" in commit("06.1", "up")
    assert "cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("choices", [[], ["up"], ["up", "up"], ["up", "down", "up"]])
def test_a_question_needs_choices_that_differ(choices):
    with pytest.raises(ValueError, match=r"06\.1 needs at least two different choices"):
        ask("06.1", QUESTION, choices)


def test_what_is_no_choice_is_refused():
    ask("06.1", QUESTION, CHOICES)
    for function in (commit, what_happened):
        with pytest.raises(ValueError, match="up, down, nowhere; not 'sideways'"):
            function("06.1", "sideways")


def test_an_outcome_without_its_question_says_which_cell_to_run():
    with pytest.raises(ValueError, match=r"predict_first\('06\.9', \.\.\.\)"):
        what_happened("06.9", "up")

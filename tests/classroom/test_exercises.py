"""The machinery of the exercises, on exercises made up here; each lesson's own are proved by its solved notebook."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.classroom import exercises
from course_utils.classroom.exercises import Verdict, check, exercise, exercises_of

LESSONS = sorted(path.stem.removeprefix("lesson_") for path in Path(exercises.__file__).parent.glob("lesson_*.py"))


@pytest.fixture(autouse=True)
def made_up_exercises():
    """Lesson 99 has three exercises while a test runs."""

    @exercise("99.1", "How many legs have three dogs?", kind="number", solved="Four legs each.")
    def legs(answer, *, legs_each=4):
        if answer == 3 * legs_each:
            return None
        return "That is one dog." if answer == legs_each else "Multiply `3` by the legs < of each > dog."

    @exercise("99.2", "Double the numbers.", kind="function")
    def doubled(answer):
        return None if torch.equal(answer(torch.ones(2)), 2 * torch.ones(2)) else "Multiply by two."

    @exercise("99.3", "Any thing with a length of 2.")
    def length(answer):
        return None if len(answer) == 2 else "Not two."

    yield
    # The real exercises stay: their modules register once, when they are first imported.
    for key, made_up in list(exercises._registry.items()):
        if not made_up.hint_for.__module__.startswith("course_utils.classroom.exercises."):
            del exercises._registry[key]


def test_a_right_answer_is_solved_and_says_what_it_taught():
    assert check("99.1", 12) == ("99.1", "solved", "Four legs each.")


def test_each_wrong_answer_gets_the_hint_about_that_mistake():
    assert check("99.1", 4) == ("99.1", "refused", "That is one dog.")
    assert check("99.1", 7).message.startswith("Multiply")


@pytest.mark.parametrize(
    ("answer", "told"), [(12.0, None), (12.04, None), (4, "One dog."), (4.06, "Count again."), (7, "Count again.")]
)
def test_a_known_number_gets_its_hint_the_right_one_none_and_any_other_what_is_said_otherwise(answer, told):
    hints = {12: None, 4: "One dog."}
    assert exercises.hint_for(answer, hints, otherwise="Count again.", abs_tol=0.05) == told
    assert exercises.hint_for(answer, hints, abs_tol=0.05) == (None if told == "Count again." else told)


@pytest.mark.parametrize("answer", [..., None, (12, ...), {"legs": ...}])
def test_dots_and_none_are_unanswered_and_told_what_is_asked(answer):
    assert check("99.1", answer) == ("99.1", "unanswered", "How many legs have three dogs?")


@pytest.mark.parametrize(("returned", "words"), [(..., "returns ..."), (None, "`return`")])
def test_a_function_that_is_not_written_yet_is_unanswered(returned, words):
    verdict = check("99.2", lambda numbers: returned)  # noqa: ARG005
    assert verdict.status == "unanswered"
    assert verdict.message.startswith("Double the numbers.")
    assert words in verdict.message


@pytest.mark.parametrize(
    "answer", [12, 12.0, torch.tensor(12), torch.tensor([12.0], requires_grad=True), np.int64(12), np.array([12])]
)
def test_a_number_may_come_as_any_kind_of_number(answer):
    assert check("99.1", answer).status == "solved"


@pytest.mark.parametrize(
    ("key", "answer", "words"),
    [
        ("99.1", "twelve", "a number"),
        ("99.1", torch.ones(3), "a number"),
        ("99.1", True, "`bool`"),
        ("99.2", 3, "`int`"),
    ],
)
def test_an_answer_of_another_kind_is_told_which_kind_is_wanted(key, answer, words):
    verdict = check(key, answer)
    assert verdict.status == "refused"
    assert words in verdict.message


def test_an_error_in_a_learners_function_becomes_a_hint_that_names_error_and_line():
    def double(numbers):
        return numbers + "two"

    verdict = check("99.2", double)
    assert verdict.status == "refused"
    assert verdict.message.startswith("Your function stopped with an error: `TypeError`")
    assert 'return numbers + "two"' in verdict.message


def test_a_wrong_number_of_arguments_becomes_a_hint():
    assert "`TypeError`" in check("99.2", lambda: 1).message


def test_an_answer_that_the_check_cannot_use_becomes_a_hint():
    verdict = check("99.3", 5)
    assert verdict.status == "refused"
    assert "of type `int`" in verdict.message
    assert "`TypeError`" in verdict.message
    assert "len(answer)" not in verdict.message  # a line of the check itself would help nobody


def test_what_the_answer_depends_on_can_be_handed_to_the_check():
    assert check("99.1", 18, legs_each=6).status == "solved"


def test_a_check_leaves_the_random_generator_as_it_was():
    before = torch.get_rng_state()
    check("99.2", lambda numbers: numbers + torch.rand(2))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_key_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'99.7'.*99.1, 99.2, 99.3"):
        check("99.7", 1)
    with pytest.raises(ValueError, match="has none"):
        check("98.1", 1)


@pytest.mark.parametrize("key", ["1.2", "99", "99.x"])
def test_a_badly_formed_key_cannot_be_registered(key):
    with pytest.raises(ValueError, match=r"form '01.2'"):
        exercise(key, "?")(print)


def test_a_key_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="twice"):
        exercise("99.1", "?")(print)


def test_a_verdict_says_in_words_what_its_colour_shows():
    shown = {status: Verdict("99.1", status, "text") for status in ("solved", "refused", "unanswered")}
    for verdict, words in zip(shown.values(), ("Solved", "Not yet", "Your turn"), strict=True):
        assert words in repr(verdict)
        assert words in verdict._repr_html_()


def test_a_verdicts_page_escapes_text_and_sets_code():
    page = check("99.1", 7)._repr_html_()
    assert "<code>3</code>" in page
    assert "legs &lt; of each &gt; dog" in page


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_exercise_of_a_lesson_counts_up_and_says_what_it_asks(lesson):
    found = exercises_of(lesson)
    assert list(found) == [f"{lesson}.{number}" for number in range(1, len(found) + 1)]
    for asked_for in found.values():
        assert asked_for.hint_for.__module__ == f"course_utils.classroom.exercises.lesson_{lesson}"
        assert check(asked_for.key, ...).message == asked_for.asked
        assert asked_for.asked.strip()
        assert asked_for.solved.strip()


def test_importing_the_exercises_imports_neither_matplotlib_nor_ipywidgets():
    code = (
        "import sys, course_utils.classroom.exercises as exercises\n"
        f"[exercises.exercises_of(lesson) for lesson in {LESSONS}]\n"
        "print([name for name in ('matplotlib', 'ipywidgets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Lesson 11: its exercises tell each mistake from the others."""

# ruff: noqa: ARG005 - a wrong answer is often one that does not look at its argument

from types import SimpleNamespace

import pytest

from course_utils.classroom.exercises import check, lesson_11
from course_utils.classroom.exhibits import EXHIBITS
from course_utils.classroom.museum import Points

SOLVED = None
TRUTH = {"A": "softmax twice", "B": "old optimizer"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (TRUTH, SOLVED),
        ({"A": "old optimizer", "B": "old optimizer"}, "1 of 2 are right. Look at A again. With 'old optimizer'"),
        ({"A": "it sleeps", "B": "old optimizer"}, "'it sleeps' is none of them. Choose from"),
        ({"A": "softmax twice"}, "with the letters A, B"),
        ("softmax twice", "with the letters A, B"),
    ],
)
def test_curves_without_names(answer, words):
    verdict = check("11.1", answer, truth=TRUTH)
    assert verdict.status == ("refused" if words else "solved")
    assert not words or words in verdict.message


def test_every_kind_of_the_quiz_hangs_in_the_museum():
    assert set(lesson_11.SYMPTOMS) <= {exhibit.name for exhibit in EXHIBITS}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda outputs, labels: (outputs.argmax(1) == labels.flatten()).sum().item(), SOLVED),
        (lambda outputs, labels: (outputs.argmax(1) == labels).sum().item(), "each answer meets every label"),
        (lambda outputs, labels: (outputs.argmax(1) == labels.flatten()).float().mean().item(), "a share"),
        (lambda outputs, labels: (outputs.argmax(1) == labels.flatten()).sum(), "a tensor"),
        (lambda outputs, labels: (outputs.argmax(1) == labels.flatten()).float().sum().item(), "a float"),
        (lambda outputs, labels: 5, "3 are right; the function gives 5"),
    ],
)
def test_count_whatever_comes(answer, words):
    verdict = check("11.2", answer)
    assert verdict.status == ("refused" if words else "solved")
    assert not words or words in verdict.message


def gallery(*, caught="nobody", lost=9.0, error=1.0, fails=None):
    """A museum that shows what is wanted here."""

    def show(_exhibit):
        if fails:
            raise fails
        return SimpleNamespace(caught=caught, sayings=["It drips."], student=Points(lost, error))

    return SimpleNamespace(show=show)


@pytest.mark.parametrize(
    ("answer", "museum", "words"),
    [
        ({"a": "b"}, gallery(), SOLVED),
        ({"model.eval()": ""}, gallery(), "hangs here already"),
        ({"a": "b"}, gallery(caught="attendant"), "was caught (attendant): It drips."),
        ({"a": "b"}, gallery(lost=4.0), "too cheap: the student lacks +4.0 ± 1.0 points"),
        ({"a": "b"}, gallery(lost=9.0, error=5.0), "too cheap"),
        ({"a": "b"}, gallery(fails=NameError("no b")), "does not run: NameError: no b"),
        ("a", gallery(), "Give a dictionary"),
        ({"a": 1}, gallery(), "Give a dictionary"),
        ({}, gallery(), "Give a dictionary"),
    ],
)
def test_a_mistake_of_your_own(answer, museum, words):
    verdict = check("11.3", answer, gallery=museum)
    assert verdict.status == ("refused" if words else "solved")
    assert not words or words in verdict.message

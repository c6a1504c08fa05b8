"""The question with its buttons: a click keeps the answer, and other front ends can read it."""

import ipywidgets
import pytest

from course_utils import widgets
from course_utils.classroom import predictions
from course_utils.widgets import questions as shown_by

CHOICES = ["up", "down <fast>", "nowhere"]


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask in a folder and session of one's own; returns the widget and the bundle that was displayed."""
    monkeypatch.chdir(tmp_path)
    for name, empty in (("_asked", {}), ("_answered", {}), ("_known", set())):
        monkeypatch.setattr(predictions, name, empty)
    displayed, boxes = [], []
    monkeypatch.setattr(shown_by, "display", lambda bundle, **_: displayed.append(bundle))
    make = ipywidgets.VBox
    monkeypatch.setattr(ipywidgets, "VBox", lambda children: boxes.append(make(children)) or boxes[-1])

    def asked(**options):
        assert widgets.predict_first("06.1", "Where does the loss go?", CHOICES, **options) is None
        return boxes[-1], displayed[-1]

    return asked


def test_a_click_keeps_the_answer_and_says_so(ask):
    box, bundle = ask()
    _, buttons, status = box.children
    assert bundle[shown_by.WIDGET]["model_id"] == box.model_id
    assert (buttons.value, status.value) == (None, "")
    buttons.value = "down <fast>"
    assert status.value == "You expect: down &lt;fast&gt;. Now run on."
    assert predictions.what_happened("06.1", "up").expected == "down <fast>"


def test_an_answer_from_before_is_chosen_already(ask):
    box, _ = ask()
    box.children[1].value = "up"
    box, bundle = ask()
    assert box.children[1].value == "up"
    assert "kept from before" in bundle["text/plain"]


def test_front_ends_without_widgets_read_question_and_choices(ask):
    _, bundle = ask()
    assert "<li>down &lt;fast&gt;</li>" in bundle["text/html"]
    lines = bundle["text/plain"].splitlines()
    assert lines == ["Predict first: Where does the loss go?", "  1. up", "  2. down <fast>", "  3. nowhere"]


def test_without_buttons_a_number_chooses(ask):
    _, bundle = ask(guess=3)
    assert "You expect: nowhere" in bundle["text/plain"]
    assert predictions.load()["06.1"]["expected"] == "nowhere"


@pytest.mark.parametrize("guess", [0, 4, -1])
def test_a_number_beyond_the_choices_is_refused(ask, guess):
    with pytest.raises(ValueError, match="counts the choices from 1"):
        ask(guess=guess)

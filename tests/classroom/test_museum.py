"""The museum: every exhibit changes the loop as its placard says, and is caught by whom it says; damage is counted in
pairs. That each still bites on real notes is claimed, figure by figure, in lesson 11, which `make test` executes.
"""

import statistics
from dataclasses import replace

import pytest
import torch
from made_up import museum_notes, noisy_folder
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.classroom import museum
from course_utils.classroom.exhibits import EXHIBITS, Exhibit
from course_utils.classroom.healthy_loop import PLACES, change_text
from course_utils.transforms import InputSpec

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}
# Made-up notes are too easy to kill a ReLU; tests/test_watching.py has one.
IN_THE_LOOP = [each.name for each in EXHIBITS if each.place == "school" and each.name != "dead ReLUs"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    notes = museum_notes()
    few = notes._replace(practice=TensorDataset(*notes.practice[torch.arange(0, 440, 8)]), num_epochs=15)
    return museum.Museum(notes, few, nn.Identity(), InputSpec(image_size=8), tmp_path_factory.mktemp("none"))


@pytest.mark.parametrize("name", IN_THE_LOOP)
def test_an_exhibit_is_caught_by_whom_its_placard_says(gallery, name):
    shown = gallery.show(BY_NAME[name])
    assert shown.caught == BY_NAME[name].caught
    assert bool(shown.sayings) == (shown.caught not in ("nobody", "data doctor"))


@pytest.mark.parametrize("name", ["old optimizer", "labels shuffled", "labels shifted"])
def test_what_bites_on_real_notes_bites_on_made_up_ones(gallery, name):
    damage = gallery.show(BY_NAME[name]).damage
    assert damage.is_clear
    assert damage.mean > 2


def test_damage_is_counted_in_pairs(gallery):
    shown = gallery.show(BY_NAME["softmax twice"])
    lost = [
        100 * (gallery.final(sound).accuracy - gallery.final(broken).accuracy)
        for sound, broken in zip(gallery.healthy, shown.visits, strict=True)
    ]
    assert shown.student.mean == pytest.approx(statistics.fmean(lost))
    assert shown.student.error == pytest.approx(statistics.stdev(lost) / 3**0.5)


def test_the_same_loop_costs_nothing(gallery):
    shown = gallery.show(Exhibit("none", "", {"seed: int": "seed: int "}, "", ""))
    assert (shown.student.mean, shown.loss.mean, shown.card.mean) == (0, 0, 0)
    assert shown.caught == "nobody"


def test_chance_in_a_look_is_the_same_whatever_was_shown_before(gallery, tmp_path):
    eye = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(3 * 8 * 8, 1280)).requires_grad_(False)
    spec = InputSpec(image_size=16, resize_size=20)
    with_pictures = replace(gallery, eye=eye, spec=spec, exam_folder=noisy_folder(tmp_path))
    first = with_pictures.show(BY_NAME["augmented exam"])
    torch.rand(1)
    again = with_pictures.show(BY_NAME["augmented exam"])
    assert torch.equal(first.notes.exam.tensors[0], again.notes.exam.tensors[0])
    assert first.caught == "first look"


def test_what_stands_on_the_placard_is_what_runs():
    for exhibit in EXHIBITS:
        changed = change_text(PLACES[exhibit.place], exhibit.changes)
        compile(changed, exhibit.name, "exec")
        shown = museum.show_changes(exhibit.room)
        assert f"{exhibit.name}:" in shown
        for new in filter(None, exhibit.changes.values()):
            assert new.strip().splitlines()[0] in shown
            assert new in changed


def test_a_line_that_only_moves_is_shown_where_it_goes():
    shown = museum.show_changes("student")
    assert "    -     scheduler.step()\n    + scheduler.step()" in shown


def test_names_are_different_and_every_room_has_its_exhibits():
    assert len(BY_NAME) == len(EXHIBITS) >= 23
    assert {exhibit.room for exhibit in EXHIBITS} == {"loop", "student", "labels", "splits", "eye"}


def test_a_room_shows_its_placards(gallery):
    shown = gallery.show(BY_NAME["labels as floats"])
    room = museum.Room({"labels as floats": shown})
    assert room.cards == {}
    assert room.sayings.startswith("labels as floats: The labels are torch.float32")
    assert room.rows()[1] == ["labels as floats", "–", "–", "–", "refused", "class numbers are int64: labels.long()"]
    assert "refused" in repr(room)
    assert "<table" in room._repr_html_()

"""The healthy loop learns, and nothing is said of it; notes are what the eye says; a changed text runs."""

import warnings

import pytest
import torch
from made_up import frozen_backbone, museum_notes, noisy_folder
from torch import nn

from course_utils.classroom import healthy_loop
from course_utils.classroom.healthy_loop import change_text, changed, overheard, school, take_notes
from course_utils.datasets import ImageFolderDataset
from course_utils.runtime import evaluating
from course_utils.transforms import InputSpec, build_eval_transform

SPEC = InputSpec(image_size=16, resize_size=20)


@pytest.fixture
def folder(tmp_path):
    return noisy_folder(tmp_path)


def test_the_healthy_loop_learns_and_nothing_is_said_of_it():
    notes = museum_notes()
    visit = school(notes, seed=0)
    pictures, labels = notes.final.tensors
    with evaluating(visit.model):
        right = (visit.model(pictures).argmax(1) == labels).float().mean()
    assert right > 0.5
    assert list(visit.findings) == []
    assert len(visit.card.val_loss) == notes.num_epochs


def test_what_is_handed_back_is_the_best_student_not_the_last():
    notes = museum_notes()._replace(num_epochs=12)
    visit = school(notes._replace(practice=notes.exam, exam=notes.practice), seed=0)
    pictures, labels = notes.practice.tensors
    with evaluating(visit.model):
        loss = nn.functional.cross_entropy(visit.model(pictures), labels).item()
    assert loss == pytest.approx(min(visit.card.val_loss), rel=1e-4)


def test_the_same_seed_gives_the_same_student():
    notes = museum_notes()
    first, again, other = (school(notes, seed).card.val_loss for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_notes_are_what_the_eye_says_in_the_folders_order(folder):
    eye, dataset = frozen_backbone(), ImageFolderDataset(folder, build_eval_transform(SPEC))
    notes, sayings = take_notes(eye, folder, SPEC)
    with torch.no_grad():
        due = eye(torch.stack([image for image, _ in dataset]))
    torch.testing.assert_close(notes.tensors[0], due, rtol=1e-4, atol=1e-4)
    assert notes.tensors[1].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert sayings == []


def test_an_eye_in_train_mode_is_heard_and_runs_on(folder):
    eye = frozen_backbone()
    healthy = take_notes(eye, folder, SPEC)[0].tensors[0]
    notes, sayings = changed(take_notes, {"eye.eval()": "eye.train()"})(eye, folder, SPEC)
    assert sayings[0].startswith("The network is in train() mode")
    assert (notes.tensors[0] - healthy).abs().max() > 0.1


def test_a_change_runs_and_leaves_the_healthy_loop_as_it_is():
    notes = museum_notes()._replace(num_epochs=1)
    broken = changed(school, {"max_lr=0.003": "max_lr=0.0"})
    assert broken(notes, 0).card.learning_rate == [0.0]
    assert healthy_loop.school is school
    assert school(notes, 0).card.learning_rate != [0.0]


def test_a_line_that_goes_is_gone_as_a_whole():
    text = change_text(school, {"model.eval()": ""})
    assert "model.eval()" not in text
    assert len(text.splitlines()) == len(change_text(school, {}).splitlines()) - 1


@pytest.mark.parametrize(("old", "count"), [("no such line", 0), ("best_loss", 3)])
def test_text_that_does_not_stand_there_once_is_refused(old, count):
    with pytest.raises(ValueError, match=f"stands {count} times in school, not once"):
        change_text(school, {old: "x"})


def test_warnings_and_refusals_are_overheard():
    def warn():
        warnings.warn("careful", stacklevel=1)

    def refuse():
        raise ValueError("no")

    assert overheard(warn) == ["careful"]
    assert overheard(refuse) == ["no"]
    assert overheard(len, []) == []


def test_a_stand_in_takes_the_place_of_a_name_in_the_text():
    seen = []

    def no_attendant(model, *_, **__):
        seen.append(model)
        raise LookupError("nobody watches")

    with pytest.raises(LookupError, match="nobody watches"):
        changed(school, {}, watch=no_attendant)(museum_notes(), 0)
    assert len(seen) == 1
    assert healthy_loop.watch is not no_attendant

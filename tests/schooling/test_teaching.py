"""Head, then eye: how long, on how many notes, and who of the two is kept."""

from types import SimpleNamespace

import pytest
import torch

from course_utils.report.history import History
from course_utils.runtime import set_seed
from course_utils.schooling import teaching
from course_utils.schooling.desk import Desk
from course_utils.schooling.run import school
from course_utils.schooling.teaching import Phase

from .conftest import Bar, unschooled

pytestmark = pytest.mark.usefixtures("small_school")


def schooled(zoo, output, **options):
    return school(zoo, output, progress=False, device="cpu", **options)


@pytest.mark.parametrize(("eye_loss", "chosen"), [(0.1, "eye"), (9.0, "head")])
def test_the_student_with_the_lower_loss_in_the_mock_exam_is_kept(zoo, tmp_path, monkeypatch, eye_loss, chosen):
    train = teaching.train_model

    def judged(model, *loaders, checkpoint_path, **options):
        card = train(model, *loaders, checkpoint_path=checkpoint_path, **options)
        if checkpoint_path.stem == "head":
            return card
        return History(**{**card.to_dict(), "val_loss": [eye_loss] * len(card)})

    monkeypatch.setattr(teaching, "train_model", judged)
    result = schooled(zoo, tmp_path / "student.pt")
    assert result.chosen == chosen
    set_seed(0)
    before = unschooled(3, weights="course", classes=result.model.classes).state_dict()
    after = result.model.state_dict()
    moved = {name.rpartition(".")[0] for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    # Only the last block's convolution, of the backbone: its BatchNorm stays, statistics and all.
    assert moved == {"head"} | ({"backbone.features.18.0"} if chosen == "eye" else set())


@pytest.mark.parametrize(("room", "num_views", "num_blocks"), [(26, 1, 1), (25, 2, 0)])
def test_where_memory_is_short_less_is_noted_and_said(zoo, tmp_path, monkeypatch, room, num_views, num_blocks):
    """The notes of 21 practice pictures in two views and of 5 mock exam pictures in one: 47, of 640 bytes each."""
    seen, take = {}, Desk.take_notes

    def recorded(desk, *words, name, views, **options):
        seen[name] = views
        return take(desk, *words, name=name, views=views, **options)

    monkeypatch.setattr(Desk, "take_notes", recorded)
    free = SimpleNamespace(available=640 * room / teaching._ROOM + 1)
    monkeypatch.setattr(teaching, "psutil", SimpleNamespace(virtual_memory=lambda: free))
    result = schooled(zoo, tmp_path / "student.pt")
    assert (len(seen["train"]), len(seen["validation"])) == (num_views, 1)
    assert ("eye" in result.cards) == (num_blocks == 1)
    assert any("would not fit into the memory" in remark for remark in result.remarks)


def test_few_pictures_get_enough_corrections_and_many_enough_terms():
    eye = Phase(least_epochs=8, most_epochs=30, corrections=250, patience=6)
    assert eye.num_epochs(21) == 30
    assert eye.num_epochs(393) == 20
    assert eye.num_epochs(3_000) == eye.num_epochs(21_000) == 8


def test_the_bar_moves_with_every_batch_and_a_resumed_one_begins_where_it_stood(zoo, tmp_path, monkeypatch):
    bars, train = [], teaching.train_model
    monkeypatch.setattr(teaching, "progress_bar", lambda **options: bars.append(Bar(**options)) or bars[-1])
    monkeypatch.setattr(teaching, "BATCH_SIZE", 8)

    def interrupted(model, *loaders, on_epoch_end, checkpoint_path, **options):
        def stop(history):
            on_epoch_end(history)
            if checkpoint_path.stem == "head" and len(history) == 2:
                raise KeyboardInterrupt

        return train(model, *loaders, on_epoch_end=stop, checkpoint_path=checkpoint_path, **options)

    monkeypatch.setattr(teaching, "train_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        schooled(zoo, tmp_path / "student.pt")
    (head,) = bars
    assert head.total == 3 * 21
    term = [(number, f"the head learns, term {number} of 3") for number in (1, 2)]
    assert head.seen == [(text, 21 * (number - 1) + n) for number, text in term for n in (8, 16, 21, 21)]
    assert head.postfix.startswith("mock exam ")

    monkeypatch.setattr(teaching, "train_model", train)
    schooled(zoo, tmp_path / "student.pt", resume=True)
    _, head, eye = bars
    assert [text for text, _ in head.seen] == ["the head goes on"] * 4
    assert (head.n, head.initial) == (3 * 21, 2 * 21)
    assert eye.n == eye.total == 2 * 21

"""The desk: an interrupt loses hardly anything, and another run is not taken for this one."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course_utils.parallel import Member
from course_utils.schooling import desk as desks
from course_utils.schooling.desk import Desk, picture_loader
from course_utils.schooling.subject import find_subject
from course_utils.transforms import InputSpec, build_eval_transform

SETTINGS = {"folder": "zoo", "seed": 0, "group": None, "shares": [0.7, 0.15, 0.15]}
CPU = torch.device("cpu")


@pytest.fixture
def trunk():
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4)).requires_grad_(False).eval()


def test_a_run_is_taken_up_as_it_was(zoo, tmp_path):
    desk, subject = Desk(tmp_path / "student.pt"), find_subject(zoo)
    assert desk.open(SETTINGS, resume=True) is None
    desk.keep(subject, SETTINGS)
    assert Desk(tmp_path / "student.pt").open(SETTINGS, resume=True) == subject


def test_a_run_that_nobody_asked_to_continue_or_with_other_settings_is_refused(zoo, tmp_path):
    desk = Desk(tmp_path / "student.pt")
    desk.keep(find_subject(zoo), SETTINGS)
    with pytest.raises(FileExistsError, match=r"student\.run.*--resume"):
        desk.open(SETTINGS, resume=False)
    with pytest.raises(ValueError, match="seed was 0, is now 1"):
        desk.open(SETTINGS | {"seed": 1}, resume=True)
    desk.clear()
    assert desk.open(SETTINGS, resume=False) is None


def test_a_disk_without_room_for_the_notes_is_refused_before_they_are_taken(zoo, tmp_path, monkeypatch):
    desk = Desk(tmp_path / "student.pt")
    desk.keep(find_subject(zoo), SETTINGS)
    monkeypatch.setattr(desks.shutil, "disk_usage", lambda _: SimpleNamespace(free=150_000_000))
    desk.check_room(50_000_000)
    with pytest.raises(OSError, match=r"151 MB.* 150 MB are free at .*student\.run: make room.*--resume.*--output"):
        desk.check_room(51_000_000)


def test_what_was_decided_stays_decided(tmp_path):
    desk = Desk(tmp_path / "student.pt")
    assert desk.settle("plan", lambda: {"views": 2}) == {"views": 2}
    assert desk.settle("plan", lambda: {"views": 1}) == {"views": 2}


def test_notes_taken_in_parts_equal_the_trunks_answers_in_both_views(zoo, tmp_path, trunk, monkeypatch):
    monkeypatch.setattr(desks, "CHUNK", 8)
    pictures = find_subject(zoo).pictures("train", build_eval_transform(InputSpec(image_size=16)))
    notes = Desk(tmp_path / "student.pt").take_notes(
        trunk, pictures, name="train", views=("plain", "mirrored"), device=CPU, progress=False
    )
    images = torch.stack([pictures[place][0] for place in range(len(pictures))])
    for view, looks in (("plain", images), ("mirrored", images.flip(-1))):
        torch.testing.assert_close(notes.of_view(view).tensors[0][:, 0].float(), trunk(looks), atol=2e-3, rtol=2e-3)
    assert notes.tensors[1].tolist() == pictures.targets


def test_after_an_interrupt_only_what_was_not_written_is_asked_again(zoo, tmp_path, trunk, monkeypatch):
    monkeypatch.setattr(desks, "CHUNK", 8)
    pictures = find_subject(zoo).pictures("train", build_eval_transform(InputSpec(image_size=16)))
    options = {"name": "train", "views": ("plain",), "device": CPU, "progress": False}
    whole = Desk(tmp_path / "whole.pt").take_notes(trunk, pictures, **options)
    extract, asked = desks.extract_features, []

    def interrupted(*words, **more):
        if len(asked) == 2:
            asked.append("interrupt")
            raise KeyboardInterrupt
        asked.append(len(words[1].dataset))
        return extract(*words, **more)

    monkeypatch.setattr(desks, "extract_features", interrupted)
    desk = Desk(tmp_path / "student.pt")
    with pytest.raises(KeyboardInterrupt):
        desk.take_notes(trunk, pictures, **options)
    notes = desk.take_notes(trunk, pictures, **options)
    assert asked == [8, 8, "interrupt", 5]
    assert torch.equal(notes.tensors[0], whole.tensors[0])


def test_several_processes_share_the_work_and_get_the_same_notes(zoo, tmp_path, trunk, monkeypatch):
    """Pretended: what the second of two processes has written is there when the first has done its own share."""
    monkeypatch.setattr(desks, "CHUNK", 4)
    pictures = find_subject(zoo).pictures("train", build_eval_transform(InputSpec(image_size=16)))
    options = {"name": "train", "views": ("plain",), "device": CPU, "progress": False}
    whole = Desk(tmp_path / "whole.pt").take_notes(trunk, pictures, **options)
    desk, written = Desk(tmp_path / "student.pt"), {}

    def wait_for(rank):
        def others(_):
            written[rank] = sorted(path.name for path in desk.folder.iterdir())
            if rank:
                raise InterruptedError
            return (0,)

        monkeypatch.setattr(desks, "this_process", lambda: Member(rank, 2))
        monkeypatch.setattr(desks, "sum_over_processes", others)

    wait_for(1)
    with pytest.raises(InterruptedError):
        desk.take_notes(trunk, pictures, **options)
    assert written[1] == ["notes_train_0000004.pt", "notes_train_0000012.pt", "notes_train_0000020.pt"]
    wait_for(0)
    notes = desk.take_notes(trunk, pictures, **options)
    assert len(written[0]) == 6
    assert torch.equal(notes.tensors[0], whole.tensors[0])


def test_further_processes_read_only_where_there_are_many_pictures_and_a_gpu(monkeypatch):
    monkeypatch.setattr(desks, "num_processors", lambda: 16)
    monkeypatch.setattr(desks, "DataLoader", lambda _, **options: options)
    gpu = torch.device("cuda")
    assert picture_loader([0], device=gpu, total=30_000) == {"batch_size": 32, "num_workers": 8, "pin_memory": True}
    assert picture_loader([0], device=gpu, total=30)["num_workers"] == 0
    assert picture_loader([0], device=CPU, total=30_000) == {"batch_size": 32, "num_workers": 0, "pin_memory": False}


def test_what_a_lost_power_has_damaged_is_named_with_the_way_out(zoo, tmp_path, trunk, monkeypatch):
    monkeypatch.setattr(desks, "CHUNK", 8)
    pictures = find_subject(zoo).pictures("train", build_eval_transform(InputSpec(image_size=16)))
    desk = Desk(tmp_path / "student.pt")
    options = {"name": "train", "views": ("plain",), "device": CPU, "progress": False}
    whole = desk.take_notes(trunk, pictures, **options)
    part = desk.folder / "notes_train_0000008.pt"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"notes_train_0000008\.pt .*Remove it, and go on with --resume"):
        desk.take_notes(trunk, pictures, **options)
    part.unlink()
    assert torch.equal(desk.take_notes(trunk, pictures, **options).tensors[0], whole.tensors[0])
    desk.keep(find_subject(zoo), SETTINGS)
    (desk.folder / "run.json").write_text('{"settings": ')
    with pytest.raises(ValueError, match=r"run\.json is damaged .*remove .*student\.run, and begin anew"):
        desk.open(SETTINGS, resume=True)
    (desk.folder / "plan.json").write_text("")
    with pytest.raises(ValueError, match=r"plan\.json is damaged"):
        desk.settle("plan", dict)

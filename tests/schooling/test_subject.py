"""What is to be learned: splits that stay, exams that do not leak, nothing broken."""

import shutil

import pytest
from PIL import Image

from course_utils import split_folder
from course_utils.datasets import ImageFolderDataset
from course_utils.pictures.split_report import read_split, write_split
from course_utils.schooling import subject as subjects
from course_utils.schooling.subject import find_subject

from .conftest import paint


def test_folders_of_splits_are_the_split_and_agree_with_the_loaders_data_sets(zoo, tmp_path):
    split_folder(zoo, tmp_path / "split")
    subject = find_subject(tmp_path / "split")
    assert subject.split_file is None
    for part in ("train", "validation", "test"):
        theirs = ImageFolderDataset(tmp_path / "split" / part, classes=subject.classes)
        ours = subject.pictures(part, None)
        assert sorted(ours.samples) == sorted(theirs.samples)
        assert ours[0][0].tobytes() == theirs[theirs.samples.index(ours.samples[0])][0].tobytes()


def test_class_folders_are_split_once_and_the_split_stays_in_a_file(zoo):
    subject = find_subject(zoo)
    assert subject.classes == ["blue", "green", "red"]
    assert [len(subject.pictures(part, None)) for part in ("train", "validation", "test")] == [21, 5, 4]
    assert read_split(zoo / "split.csv") == subject.split.placed
    again = find_subject(zoo, seed=5, shares=(0.5, 0.25, 0.25))
    assert again.split.placed == subject.split.placed
    assert again.split.remarks[0].endswith(
        "split.csv, whatever --shares, --group and --seed say: remove that file for a new one."
    )


def test_pictures_that_came_or_went_since_leave_the_others_where_they_are(zoo):
    before = {picture.file: picture.split for picture in find_subject(zoo).split.placed}
    (zoo / "red" / "3.png").unlink()
    (zoo / "red" / "4.png").write_bytes(b"")
    paint(zoo / "red" / "new.png", "red", 999)
    subject = find_subject(zoo)
    after = {picture.file: picture.split for picture in subject.split.placed}
    assert after == {file: split for file, split in before.items() if file not in ("red/3.png", "red/4.png")}
    told = " ".join(subject.split.remarks)
    assert "2 of its pictures are gone" in told
    assert "1 pictures came after" in told
    assert "new.png" in told


def test_leakage_is_refused_with_the_list(zoo, tmp_path):
    split_folder(zoo, root := tmp_path / "split")
    practised = sorted((root / "train" / "red").iterdir())[0]
    shutil.copy(practised, root / "test" / "red" / "seen before.png")
    with pytest.raises(ValueError, match=rf"holds 1 pictures.*\n  test/red/seen before\.png: same.*{practised.name}"):
        find_subject(root)
    (root / "test" / "red" / "seen before.png").unlink()
    assert find_subject(root).split.placed


def test_near_copies_in_two_splits_are_told_not_refused(zoo, tmp_path):
    split_folder(zoo, root := tmp_path / "split")
    practised = sorted((root / "train" / "red").iterdir())[0]
    with Image.open(practised) as image:
        image.resize((96, 80)).save(root / "test" / "red" / "larger.png")
    (remark,) = find_subject(root).split.remarks
    assert "1 family of near copies in several splits" in remark
    assert "larger.png" in remark


def test_broken_files_are_left_out_of_every_split(zoo, tmp_path):
    split_folder(zoo, root := tmp_path / "split")
    (root / "train" / "red" / "half.png").write_bytes(b"\x89PNG")
    (root / "test" / "red" / "page.jpg").write_bytes(b"<html>")
    subject = find_subject(root)
    assert {finding.path for finding in subject.split.left_out} == {"train/red/half.png", "test/red/page.jpg"}
    for part in ("train", "validation", "test"):
        pictures = subject.pictures(part, None)
        assert [pictures[place][1] for place in range(len(pictures))] == pictures.targets


def test_what_cannot_be_learned_is_refused(zoo, tmp_path):
    split_folder(zoo, root := tmp_path / "split")
    shutil.rmtree(root / "validation")
    with pytest.raises(FileNotFoundError, match="no folder named validation"):
        find_subject(root)
    for name in ("red", "blue"):
        shutil.rmtree(zoo / name)
    with pytest.raises(ValueError, match="green only: a student needs two classes"):
        find_subject(zoo)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_subject(tmp_path / "nowhere")


def test_an_exam_with_a_class_that_was_never_practised_is_refused(zoo, tmp_path):
    split_folder(zoo, root := tmp_path / "split")
    shutil.rmtree(root / "train" / "blue")
    with pytest.raises(ValueError, match="No such class: blue"):
        find_subject(root)


def test_a_class_without_a_readable_picture_is_told_and_not_learned(zoo, tmp_path):
    (zoo / "grey").mkdir()
    (zoo / "grey" / "1.png").touch()
    subject = find_subject(zoo)
    assert subject.classes == ["blue", "green", "red"]
    assert subject.split.remarks[0] == "No readable picture of grey: the student will not know it."
    split_folder(zoo, root := tmp_path / "split")
    (root / "train" / "grey").mkdir()
    (remark,) = find_subject(root).split.remarks
    assert "grey" in remark


def test_a_picture_that_vanishes_in_the_middle_of_a_run_is_named_with_the_way_out(zoo):
    pictures = find_subject(zoo).pictures("train", None)
    (zoo / pictures.samples[3][0]).unlink()
    with pytest.raises(OSError, match=r"png.*put it back, and use --resume"):
        pictures[3]


def test_a_folder_that_may_not_be_written_to_is_refused_before_it_is_read_unless_its_split_stands(zoo, monkeypatch):
    subject = find_subject(zoo)
    monkeypatch.setattr(subjects, "may_write", lambda folder: folder != zoo)
    assert find_subject(zoo).split.placed == subject.split.placed
    (zoo / "split.csv").unlink()
    monkeypatch.setattr(subjects, "scan_images", None)
    with pytest.raises(PermissionError, match=r"split\.csv: copy the folder.*course split .* TARGET"):
        find_subject(zoo)


def test_an_exam_that_lacks_a_class_is_told(zoo, tmp_path):
    split_folder(zoo, root := tmp_path / "split")
    shutil.rmtree(root / "test" / "blue")
    assert "No picture of blue (test)." in find_subject(root).split.remarks


def test_a_split_file_without_practice_is_refused(zoo):
    placed = [picture._replace(split="test") for picture in find_subject(zoo).split.placed]
    write_split(zoo / "split.csv", placed)
    with pytest.raises(FileNotFoundError, match="no readable picture in its train part"):
        find_subject(zoo)

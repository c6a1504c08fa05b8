"""A split is whole, even, the same everywhere, and keeps together what belongs together."""

import random
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from course_utils import make_dataloaders, split_folder
from course_utils.pictures import scan, splitting
from course_utils.pictures.scan import scan_images
from course_utils.pictures.split_report import read_split
from course_utils.pictures.splitting import deal, plan_split

EVEN = {"train": 0.7, "validation": 0.15, "test": 0.15}


def save(path, seed, size=(40, 36)):
    """A picture that resembles no other: coarse blocks, drawn by `seed`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (9, 10, 3), dtype=np.uint8)
    Image.fromarray(values).resize(size, Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture
def source(tmp_path):
    """20 cats and 10 dogs, in a folder whose name no shell likes."""
    root = tmp_path / "Mein Zoo, für alle"
    for number in range(20):
        save(root / "cat" / f"cät_{number:02d}.png", number)
    for number in range(10):
        save(root / "dog" / "old" / f"{number}.png", 100 + number)
    return root


def below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_picture_is_copied_once_and_each_class_is_divided_by_the_shares(source, tmp_path):
    target = tmp_path / "new" / "split"
    split = split_folder(source, target)
    assert split.counts == {
        "train": {"cat": 14, "dog": 7},
        "validation": {"cat": 3, "dog": 2},
        "test": {"cat": 3, "dog": 1},
    }
    copies = below(target) - {"split.csv"}
    assert copies == {f"{picture.split}/{picture.file}" for picture in split.placed}
    assert {name.partition("/")[2] for name in copies} == below(source)
    for name in copies:
        assert (target / name).read_bytes() == (source / name.partition("/")[2]).read_bytes()
    assert list(target.parent.iterdir()) == [target]
    loaders = make_dataloaders(target, train_transform=None, eval_transform=None)
    assert [len(loader.dataset) for loader in (loaders.train, loaders.val, loaders.test)] == [21, 5, 4]


def test_the_list_of_who_went_where_stays_beside_the_copies(source, tmp_path):
    split = split_folder(source, tmp_path / "split")
    assert read_split(tmp_path / "split" / "split.csv") == split.placed
    assert split.placed[0].file == "cat/cät_00.png"
    assert split.placed[-1][:3] == ("dog/old/9.png", "dog", "")


def test_a_split_is_the_same_every_time_and_another_with_another_seed(source):
    first = plan_split(source)
    assert plan_split(source).placed == first.placed
    other = plan_split(source, seed=1)
    assert other.placed != first.placed
    assert other.counts["train"] == first.counts["train"]


def test_a_split_is_the_same_on_every_machine():
    units = {f"{number}.jpg": Counter(cat=1) for number in range(12)}
    given = deal(units, EVEN, seed=0)
    # Written down once: whoever changes the order changes everybody's exams.
    exams = {split: sorted(unit for unit in given if given[unit] == split) for split in EVEN}
    assert exams["validation"] == ["0.jpg", "4.jpg"]
    assert exams["test"] == ["3.jpg", "7.jpg"]


@pytest.mark.parametrize("seed", range(5))
def test_single_pictures_are_divided_to_within_one_of_their_share(seed):
    draw = random.Random(seed)
    sizes = {f"kind {number}": draw.randint(3, 200) for number in range(8)}
    units = {f"{name}/{number}": Counter({name: 1}) for name, size in sizes.items() for number in range(size)}
    given = deal(units, EVEN, seed=seed)
    counts = Counter((unit.partition("/")[0], split) for unit, split in given.items())
    for name, size in sizes.items():
        for split, share in EVEN.items():
            assert counts[name, split] >= 1
            assert abs(counts[name, split] - share * size) <= 1 + (size < 12)


def test_thirty_pictures_of_three_classes_make_exams_of_about_equal_size():
    units = {f"{name}/{number}": Counter({name: 1}) for name in "abc" for number in range(10)}
    assert Counter(deal(units, EVEN, seed=0).values()) == {"train": 21, "validation": 5, "test": 4}


def test_a_class_of_three_is_in_every_split_and_a_class_of_two_is_refused():
    units = {f"{number}": Counter(cat=1) for number in range(3)}
    assert sorted(deal(units, EVEN, seed=0).values()) == ["test", "train", "validation"]
    del units["0"]
    with pytest.raises(ValueError, match=r"needs 3 pictures.*cat \(2\)"):
        deal(units, EVEN, seed=0)
    assert sorted(deal(units, {"train": 0.8, "validation": 0.2}, seed=0).values()) == ["train", "validation"]


def test_groups_are_never_torn_and_the_shares_are_kept_as_well_as_they_allow():
    draw = random.Random(3)
    units = {f"violin_{number}": Counter(violin=draw.randint(1, 9)) for number in range(60)}
    given = deal(units, EVEN, seed=0)
    sizes = Counter()
    for unit, split in given.items():
        sizes[split] += units[unit].total()
    for split, share in EVEN.items():
        assert sizes[split] == pytest.approx(share * sizes.total(), abs=2)


def test_groups_over_several_classes_leave_no_split_without_a_class():
    units = {f"patient {number}": Counter(ill=1 + number % 3, well=number % 2) for number in range(12)}
    given = deal({unit: +counts for unit, counts in units.items()}, EVEN, seed=0)
    for name in ("ill", "well"):
        assert {given[unit] for unit in units if units[unit][name]} == set(EVEN)


def test_groups_that_cannot_fill_every_split_are_refused():
    units = {"a": Counter(cat=1, dog=1), "b": Counter(cat=1, dog=1), "c": Counter(cat=1), "d": Counter(dog=1)}
    assert set(deal(units, EVEN, seed=0).values()) == set(EVEN)
    units = {"a": Counter(x=1, y=1, z=1), "b": Counter(x=1), "c": Counter(x=1), "d": Counter(y=1), "e": Counter(y=1)}
    with pytest.raises(ValueError, match=r"z \(1\)"):
        deal(units, EVEN, seed=0)


def test_pictures_of_a_group_stay_together_whether_named_by_a_pattern_or_a_function(tmp_path):
    for violin in range(8):
        for number in range(1 + violin % 3):
            save(tmp_path / "zoo" / "violin" / f"violin_{violin}_{number}.png", 10 * violin + number)
    split = plan_split(tmp_path / "zoo", group=r"(.+)_\d+\.")
    by_group = {picture.group: set() for picture in split.placed}
    for picture in split.placed:
        assert picture.file.startswith(f"violin/{picture.group}_")
        by_group[picture.group].add(picture.split)
    assert sorted(by_group) == [f"violin_{number}" for number in range(8)]
    assert all(len(splits) == 1 for splits in by_group.values())
    assert "8 groups, each in one split." in split.remarks
    assert plan_split(tmp_path / "zoo", group=lambda path: path.rpartition("_")[0]).placed == split.placed


def test_a_group_is_one_in_all_classes_and_is_read_below_the_class_folder(tmp_path):
    seen = []
    for patient in range(6):
        for number, name in enumerate(("ill", "well")):
            save(tmp_path / "zoo" / name / f"p{patient}" / "1.png", 10 * patient + number)
    split = plan_split(tmp_path / "zoo", group=lambda path: seen.append(path) or path.partition("/")[0])
    assert "p0/1.png" in seen
    where = {(picture.group, picture.split) for picture in split.placed}
    assert len(where) == 6
    assert plan_split(tmp_path / "zoo", group="(p.)/").placed == split.placed


def test_names_without_a_group_stand_alone_and_are_told(source):
    split = plan_split(source, group=r"(cät_0)")
    assert {picture.group for picture in split.placed} == {"cät_0", ""}
    assert len({picture.split for picture in split.placed if picture.group}) == 1
    assert any("20 names give no group" in remark for remark in split.remarks)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", "no regular expression"),
        ("cat", "0 pairs"),
        ("(c)(a)", "2 pairs"),
        ("(zebra)", "in no name, such as cat/"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_with_the_way_out(source, group, message):
    with pytest.raises(ValueError, match=message):
        plan_split(source, group=group)


def test_names_that_look_like_groups_are_mentioned_and_others_are_not(source, tmp_path):
    assert plan_split(source).remarks == []
    for number in range(24):
        save(tmp_path / "zoo" / "violin" / f"violin_{number // 3:02d}_{number % 3}.png", number)
    (remark,) = plan_split(tmp_path / "zoo").remarks
    assert "violin_00_0.png may tell which pictures show one thing" in remark
    assert plan_split(tmp_path / "zoo", group=r"(.+)[_ -]\d+\.").counts  # as the remark says


def test_what_is_broken_double_or_contradictory_is_left_out_and_listed(source, tmp_path):
    cat = source / "cat" / "cät_03.png"
    (source / "cat" / "half.png").write_bytes(cat.read_bytes()[:60])
    (source / "cat" / "page.jpg").write_bytes(b"<html>404")
    (source / "cat" / "cät_03 copy.png").write_bytes(cat.read_bytes())
    (source / "dog" / "cat.png").write_bytes((source / "cat" / "cät_05.png").read_bytes())
    (source / "loose.png").write_bytes((source / "cat" / "cät_07.png").read_bytes())
    (source / "cat" / "notes.txt").write_text("-")
    (source / ".DS_Store").write_bytes(b"-")
    split = split_folder(source, tmp_path / "split")
    assert {(path, kind) for path, kind, _ in split.left_out} == {
        ("cat/half.png", "truncated"),
        ("cat/page.jpg", "unreadable"),
        ("cat/cät_03 copy.png", "duplicate"),
        ("cat/cät_05.png", "contradiction"),
        ("dog/cat.png", "contradiction"),
        ("loose.png", "duplicate"),
        ("loose.png", "misplaced"),
    }
    placed = {picture.file for picture in split.placed}
    assert len(placed) == 29
    assert not placed & {path for path, _, _ in split.left_out}
    assert scan_images(tmp_path / "split").problems == []
    assert "cat/half.png" in repr(split)
    assert "cat/half.png" in split._repr_html_()


def test_near_copies_stay_together(tmp_path):
    root = tmp_path / "zoo"
    for number in range(6):
        save(root / "cat" / f"{number}.png", number, size=(300, 270))
        for width in (200, 150):
            with Image.open(root / "cat" / f"{number}.png") as image:
                image.resize((width, 140)).save(root / "cat" / f"{number} at {width}.jpg")
    split = plan_split(root)
    splits = {number: {p.split for p in split.placed if p.file.startswith(f"cat/{number}")} for number in range(6)}
    assert all(len(found) == 1 for found in splits.values())
    assert {picture.group for picture in split.placed} == {f"cat/{number} at 150.jpg" for number in range(6)}
    assert any("6 families of near copies kept" in remark for remark in split.remarks)


@pytest.mark.parametrize(
    "shares", [(0.7, 0.3), (0.7, 0.2, 0.2), (1, 0, 0), (0, 0.5, 0.5), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5)]
)
def test_shares_that_are_no_parts_of_one_are_refused(source, shares):
    with pytest.raises(ValueError, match=r"shares=\("):
        plan_split(source, shares=shares)


def test_without_a_share_for_the_final_exam_there_is_no_folder_for_it(source, tmp_path):
    split = split_folder(source, tmp_path / "split", shares=(0.8, 0.2, 0))
    assert split.counts == {"train": {"cat": 16, "dog": 8}, "validation": {"cat": 4, "dog": 2}}
    assert not (tmp_path / "split" / "test").exists()


def test_a_target_that_holds_something_or_lies_inside_the_source_is_refused_before_a_look(
    source, tmp_path, monkeypatch
):
    monkeypatch.setattr(splitting, "scan_images", None)
    with pytest.raises(FileExistsError, match="not empty"):
        split_folder(source, source.parent)
    with pytest.raises(ValueError, match="would be taken for a class"):
        split_folder(source, source / "split")
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(splitting, "scan_images", scan.scan_images)
    assert split_folder(source, tmp_path / "empty").placed


def test_an_interrupt_leaves_nothing(source, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(splitting, "write_split", interrupted)
    with pytest.raises(KeyboardInterrupt):
        split_folder(source, tmp_path / "split")
    assert list(tmp_path.iterdir()) == [source]


def test_what_is_split_already_or_holds_no_class_is_refused(source, tmp_path):
    split_folder(source, tmp_path / "split")
    with pytest.raises(ValueError, match=r"split already \(train, validation, test\)"):
        plan_split(tmp_path / "split")
    save(tmp_path / "flat" / "1.png", 1)
    with pytest.raises(ValueError, match="no readable picture in a class folder"):
        plan_split(tmp_path / "flat")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        plan_split(tmp_path / "nowhere")

"""What counts as a picture, as hidden and as a split, and walks through folders that come to an end."""

import os
import unicodedata
from pathlib import Path

import pytest
from made_up import refusing
from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

from course_utils.classroom.commands import command
from course_utils.pictures.folders import (
    IMAGE_EXTENSIONS,
    SPLIT_NAMES,
    check_class_names,
    compare_classes,
    describe_missing_split,
    entries,
    find_splits,
    hidden_difference,
    is_hidden,
    is_image_name,
    shown,
    split_of,
    walk,
    why_no_picture,
)

links = pytest.mark.skipif(os.name == "nt", reason="links need a right of their own on Windows")


def make(root: Path, *names: str) -> Path:
    """Make empty files below `root`, and folders for names that end in a slash."""
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.touch()
    return root


def walked(root: Path, **options) -> list[str]:
    return [path.relative_to(root).as_posix() for path in walk(root, **options)]


# Pictures and hidden files -------------------------------------------------------------------------------------------


def test_every_ending_that_torchvision_reads_is_a_picture_s_in_any_case():
    assert set(IMG_EXTENSIONS) <= set(IMAGE_EXTENSIONS)
    for suffix in IMAGE_EXTENSIONS:
        assert is_image_name(f"a{suffix}")
        assert is_image_name(Path("folder") / f"a{suffix.upper()}")


def test_pillow_reads_every_ending_that_is_a_picture_s():
    known = Image.registered_extensions()
    assert all(known[suffix] in Image.OPEN for suffix in IMAGE_EXTENSIONS)


@pytest.mark.parametrize("name", ["a.txt", "a", "jpg", "a.jpg.part", "a.pdf", "a.eps"])
def test_other_endings_are_no_picture_s(name):
    assert not is_image_name(name)
    assert why_no_picture(Path(name)) == f"not a picture's ending: {Path(name).suffix!r}"


@pytest.mark.parametrize("suffix", [".avif", ".heic", ".heif", ".jxl"])
def test_a_photo_s_ending_counts_where_a_plug_in_reads_it(suffix, monkeypatch):
    monkeypatch.setattr(Image, "registered_extensions", dict)
    assert not is_image_name(f"a{suffix}")
    assert why_no_picture(Path(f"a{suffix.upper()}")) == f"Pillow does not read {suffix} here: save it as .jpg"
    monkeypatch.setattr(Image, "registered_extensions", lambda: {suffix: "NEW"})
    assert not is_image_name(f"a{suffix}")  # known by name only, as formats that Pillow merely writes
    monkeypatch.setitem(Image.OPEN, "NEW", (None, None))
    assert is_image_name(f"a{suffix.upper()}")
    assert why_no_picture(Path(f"a{suffix}")) is None


@pytest.mark.parametrize("name", [".DS_Store", ".a.jpg", "Thumbs.db", "ehthumbs.db", "Desktop.ini", "__MACOSX"])
def test_what_systems_leave_lying_about_is_hidden(name):
    assert is_hidden(Path("folder") / name)
    assert is_hidden(name)
    assert why_no_picture(Path(name)) == "hidden"


@pytest.mark.parametrize("name", ["a.jpg", "_a.jpg", "thumbs.jpg", "folder/.hidden/a.jpg"])
def test_what_people_call_their_files_is_not_hidden(name):
    assert not is_hidden(name)


# Walking -------------------------------------------------------------------------------------------------------------


def test_entries_are_sorted_by_name(tmp_path, monkeypatch):
    make(tmp_path, "b", "a/", "C")
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(iterdir(path), reverse=True))
    assert [entry.name for entry in entries(tmp_path)] == ["C", "a", "b"]


def test_a_folder_that_is_not_there_is_named_with_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"folder photos is not there \(looked from .*{tmp_path.name}"):
        entries("photos")
    make(tmp_path, "file.jpg")
    with pytest.raises(NotADirectoryError, match=r"file\.jpg"):
        entries("file.jpg")


@links
def test_a_link_to_nowhere_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "photos").symlink_to(tmp_path / "unplugged")
    with pytest.raises(FileNotFoundError, match="photos is a link to nowhere"):
        entries(tmp_path / "photos")


def test_files_come_in_the_order_of_torchvisions_image_folder(tmp_path):
    make(tmp_path, "hat/b.jpg", "hat/10.jpg", "hat/2.jpg", "hat/more/a.jpg", "hat/More/z.jpg", "hat/a b/c.jpg")
    reference = [Path(path) for path, _ in make_dataset(str(tmp_path), {"hat": 0}, extensions=(".jpg",))]
    assert walk(tmp_path / "hat") == reference


def test_a_hidden_folder_stands_for_everything_in_it(tmp_path):
    make(tmp_path, "a.jpg", ".git/b.jpg", "hat/.ipynb_checkpoints/deep/c.jpg")
    assert walked(tmp_path) == [".git", "a.jpg", "hat/.ipynb_checkpoints"]


@links
def test_links_are_followed_unless_they_lead_back(tmp_path):
    make(tmp_path, "data/hat/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "data" / "hat" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "hat" / "self").symlink_to(tmp_path / "data" / "hat")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path)
    assert walked(tmp_path / "data") == ["hat/1.jpg", "hat/self", "hat/linked/2.jpg", "hat/linked/up"]
    assert why_no_picture(tmp_path / "data" / "hat" / "self") == "a link to a folder that it lies in"


@links
def test_two_folders_that_link_to_each_other_come_to_an_end(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    assert walked(tmp_path / "a") == ["1.jpg", "to_b/2.jpg", "to_b/to_a"]


@pytest.fixture
def closed(tmp_path, monkeypatch) -> Path:
    """A folder that may not be read, whoever runs the tests, beside one that may."""
    make(tmp_path, "closed/1.jpg", "open/2.jpg")
    for owner, name in ((os, "scandir"), (Path, "iterdir")):
        monkeypatch.setattr(owner, name, refusing(getattr(owner, name), lambda path: path.name == "closed"))
    return tmp_path / "closed"


@pytest.mark.parametrize("read", [lambda folder: walk(folder.parent), entries])
def test_a_folder_that_may_not_be_read_is_never_passed_over(closed, read):
    with pytest.raises(PermissionError, match=r"may not be read: ask its owner.*move it out") as caught:
        read(closed)
    assert (caught.value.errno, caught.value.filename) == (13, str(closed))


def test_whoever_asks_gets_the_error_and_the_rest(closed):
    errors = []
    assert walked(closed.parent, on_error=errors.append) == ["open/2.jpg"]
    assert [error.filename for error in errors] == [str(closed)]


def test_walking_a_folder_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        walk(tmp_path / "photos")


# Splits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, split) for split, names in SPLIT_NAMES.items() for name in names),
        ("TRAIN", "train"),
        ("Training", "train"),
        ("Valid", "val"),
        ("Testing ", "test"),
        ("trainer", None),
        ("tests", None),
        ("dress", None),
    ],
)
def test_splits_are_known_by_their_usual_names_in_any_case(name, split):
    assert split_of(name) == split


def test_splits_are_found_in_the_order_of_a_school_year(tmp_path):
    make(tmp_path, "Testing/", "Training/", "VAL/", "dress/", "README.md")
    found = find_splits(tmp_path)
    assert list(found) == ["train", "val", "test"]
    assert [folder.name for folder in found.values()] == ["Training", "VAL", "Testing"]


def test_a_file_called_like_a_split_is_none(tmp_path):
    make(tmp_path, "train/", "test")
    assert list(find_splits(tmp_path)) == ["train"]


@pytest.mark.parametrize("pair", [("val", "validation"), ("train", "Training"), ("test", "TESTING")])
def test_two_folders_of_one_split_are_refused_until_one_is_gone(tmp_path, pair):
    make(tmp_path, *(f"{name}/" for name in pair))
    one, other = sorted(pair)
    with pytest.raises(ValueError, match=rf"two folders for \w+: {one} and {other}; keep one"):
        find_splits(tmp_path)
    (tmp_path / one).rename(tmp_path / "spare")
    assert len(find_splits(tmp_path)) == 1


@pytest.mark.parametrize("name", ["trian", "Train_Images", "my train set", "trainset", "train2"])
def test_a_folder_that_nearly_has_the_name_is_named_and_found_once_it_is_renamed(tmp_path, name):
    make(tmp_path, f"{name}/", "test/", "pictures/")
    sentence = describe_missing_split(tmp_path, "train")
    assert "has no folder named train or training: pictures belong in a folder per class" in sentence
    assert sentence.endswith(f" Is it {name}? Then call that folder train.")
    (tmp_path / name).rename(tmp_path / "train")
    assert "train" in find_splits(tmp_path)


def test_a_folder_with_a_name_of_its_own_is_not_suggested(tmp_path):
    make(tmp_path, "dress/", "hat/", "validation/")
    assert "Is it" not in describe_missing_split(tmp_path, "train")


def test_for_a_folder_of_class_folders_the_command_that_splits_it_is_named(tmp_path):
    make(tmp_path, "my zoo/dress/", "my zoo/hat/", "half/hat/", "half/test/", "empty/")
    root = tmp_path / "my zoo"
    assert f"`{command('course', 'split', str(root), 'TARGET')}`" in describe_missing_split(root, "train")
    for other in ("half", "empty"):
        assert "course split" not in describe_missing_split(tmp_path / other, "train")


def test_a_file_and_a_link_in_place_of_a_split_are_told(tmp_path):
    make(tmp_path, "train")
    assert describe_missing_split(tmp_path, "train").endswith(" train is there, but it is no folder.")


@links
def test_a_link_to_a_file_is_no_link_to_nowhere(tmp_path):
    (make(tmp_path, "list.txt") / "train").symlink_to(tmp_path / "list.txt")
    assert describe_missing_split(tmp_path, "train").endswith(" train is there, but it is no folder.")


def test_all_that_might_be_meant_is_named(tmp_path):
    make(tmp_path, "train_1/", "train_2/")
    assert describe_missing_split(tmp_path, "train").endswith(
        " Is it train_1? Then call that folder train. Is it train_2? Then call that folder train."
    )


@links
def test_a_link_to_nowhere_in_place_of_a_split_is_told(tmp_path):
    (tmp_path / "Validation").symlink_to(tmp_path / "unplugged")
    sentence = describe_missing_split(tmp_path, "val")
    assert sentence.endswith(" Validation is there, but it is a link to nowhere.")


def test_a_split_given_in_place_of_the_data_set_is_told(tmp_path, monkeypatch):
    make(tmp_path, "data/train/hat/1.jpg")
    assert f"pass the folder that it lies in, {tmp_path / 'data'}." in describe_missing_split(
        tmp_path / "data" / "train", "train"
    )
    monkeypatch.chdir(tmp_path / "data" / "train")
    assert f"{tmp_path / 'data'}." in describe_missing_split(".", "train")


# Names that look alike -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dress", "t-shirt", "Äpfel", "裙子", "a b", "$5_$10"])
def test_a_plain_name_is_shown_as_it_is(name):
    assert shown(name) == name


@pytest.mark.parametrize("name", [unicodedata.normalize("NFD", "Äpfel"), "hat ", " hat", "h\u200bat", "a  b", "a\tb"])
def test_a_name_that_hides_something_is_shown_letter_for_letter(name):
    assert shown(name) == ascii(name)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("é", "e\u0301", "the Unicode form of their letters"),
        ("hat", "h\u00adat", "invisible characters"),
        ("hat", "hat ", "blanks"),
        ("a b", "a  b", "blanks"),
        ("hat", "HAT", "upper and lower case"),
        ("hat", " Hat", "upper and lower case"),
        ("hat", "cap", None),
        ("hat", "hats", None),
    ],
)
def test_what_hides_between_two_names_is_told_from_either_side(one, other, difference):
    assert hidden_difference(one, other) == hidden_difference(other, one) == difference


def test_a_thousand_class_names_are_checked_at_once(tmp_path):
    check_class_names([f"class {number}" for number in range(1000)], tmp_path)


def test_all_three_of_a_kind_are_told(tmp_path):
    with pytest.warns(UserWarning, match="upper and lower case") as caught:
        check_class_names(["HAT", "Hat", "dress", "hat"], tmp_path)
    told = [str(warning.message).split(" are two classes")[0].split(", ")[1] for warning in caught]
    assert told == ["'HAT' and 'Hat'", "'HAT' and 'hat'"]


def test_of_several_splits_the_training_set_is_the_one_to_pass(tmp_path):
    with pytest.raises(ValueError, match=r"holds splits \(TEST, Training\), not classes: pass .*Training, or use"):
        check_class_names(["TEST", "Training"], tmp_path)


def test_a_single_folder_called_like_a_split_is_refused_as_a_folder_of_classes(tmp_path):
    with pytest.raises(ValueError, match=r"holds splits \(Test\), not classes: pass .*Test"):
        check_class_names(["Test"], tmp_path)


def test_everything_that_tells_two_lists_of_classes_apart_is_told_in_one_message(tmp_path):
    with pytest.raises(ValueError, match="not the expected classes") as caught:
        compare_classes(["a", "B", "c"], ["A", "b", "x"], tmp_path)
    rename = [f"Path({str(tmp_path / old)!r}).rename({str(tmp_path / new)!r})" for old, new in ("Aa", "bB")]
    assert str(caught.value) == (
        f"The folders in {tmp_path} are not the expected classes (a, B, c): no pictures of B, a, c. No such class: "
        "A, b, x. Rename, move or remove what does not belong there."
        f" 'A' and 'a' differ in upper and lower case only; to rename the folder: {rename[0]}"
        f" 'b' and 'B' differ in upper and lower case only; to rename the folder: {rename[1]}"
    )
    with pytest.raises(ValueError, match=r"\(a\): No such class: b\."):
        compare_classes(["a"], ["a", "b"], tmp_path)


def test_classes_without_pictures_are_no_fault_and_strangers_are(tmp_path):
    compare_classes(["hat", "dress"], ["hat"], tmp_path)
    with pytest.raises(ValueError, match=r"\(hat, dress\): no pictures of dress\. No such class: cap\."):
        compare_classes(["hat", "dress"], ["cap", "hat"], tmp_path)
    with pytest.raises(ValueError, match="named twice: hat, hat"):
        compare_classes(["hat", "hat"], ["hat"], tmp_path)

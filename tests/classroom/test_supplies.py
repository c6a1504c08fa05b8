"""What a lesson would miss is missed by the doctor first."""

from types import SimpleNamespace

import pytest

from course_utils import pretrained
from course_utils.classroom import supplies
from course_utils.classroom.commands import install_course, quote, set_variable
from course_utils.pictures import catalog


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    """An empty data folder, and no weights in torchvision's cache."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(pretrained, "read_course_weights", lambda: SimpleNamespace(classes=["a", "b"]))
    return folder


def found(check, what):
    return {finding.what: finding for finding in check()}[what]


# Settings


def test_settings_are_listed_and_a_misspelt_one_is_found(monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "photos")
    monkeypatch.setenv("COURSE_WEIGTHS", "imagenet")
    assert found(supplies.check_settings, "COURSE_DATASET").found.startswith("photos - ")
    assert found(supplies.check_settings, "COURSE_MIRROR").found.startswith("not set - ")
    misspelt = found(supplies.check_settings, "COURSE_WEIGTHS")
    problem = "Nothing reads this variable. Did you mean COURSE_WEIGHTS?"
    assert misspelt == ("COURSE_WEIGTHS", "imagenet", problem, set_variable("COURSE_WEIGTHS"))


def test_a_variable_that_resembles_no_setting_is_found_too(monkeypatch):
    monkeypatch.setenv("COURSE_X", "1")
    assert found(supplies.check_settings, "COURSE_X").problem.startswith("Nothing reads this variable.")


@pytest.mark.parametrize(
    "name", ["COURSE_INSTALL_FROM", "COURSE_OPEN_THE_EXAM", "COURSE_TEST_MIRROR", "COURSE_TEST_BROWSER"]
)
def test_a_variable_that_others_read_is_not_called_misspelt(monkeypatch, name):
    monkeypatch.setenv(name, "/x")
    assert name not in {finding.what for finding in supplies.check_settings()}


@pytest.mark.parametrize("name", ["COURSE_DATASET", "COURSE_WEIGHTS", "COURSE_OFFLINE", "COURSE_PROGRESS"])
def test_a_word_that_a_setting_does_not_know_is_found(monkeypatch, name):
    assert not found(supplies.check_settings, name).problem
    monkeypatch.setenv(name, "perhaps")
    wrong = found(supplies.check_settings, name)
    assert f"{name} is 'perhaps'" in wrong.problem
    assert wrong.remedy == set_variable(name)


# The mirror


@pytest.mark.parametrize("kind", ["absent", "file"])
def test_a_mirror_folder_that_is_not_there_is_found(monkeypatch, tmp_path, kind):
    mirror = tmp_path / "stick"
    if kind == "file":
        mirror.touch()
    monkeypatch.setenv("COURSE_MIRROR", str(mirror))
    missing = found(supplies.check_mirror, "mirror")
    problem = f"COURSE_MIRROR names a folder that is not there: {mirror}."
    assert missing == ("mirror", "not there", problem, set_variable("COURSE_MIRROR"))


def test_a_mirror_that_is_there_is_named_and_none_is_not_missed(monkeypatch, tmp_path):
    assert list(supplies.check_mirror()) == []
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    assert found(supplies.check_mirror, "mirror") == ("mirror", str(tmp_path), "", "")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://127.0.0.1:9", "HTTP://127.0.0.1:9"])
def test_an_address_is_not_asked_and_offline_it_is_said_to_be_of_no_use(monkeypatch, address):
    monkeypatch.setenv("COURSE_MIRROR", address)
    online = ("mirror", f"{address}: asked when something is fetched", "", "")
    assert found(supplies.check_mirror, "mirror") == online
    monkeypatch.setenv("COURSE_OFFLINE", "on")
    offline = ("mirror", f"{address}: not asked, because COURSE_OFFLINE is on", "", "")
    assert found(supplies.check_mirror, "mirror") == offline


# Weights


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), ValueError("damaged"), PermissionError("locked")])
@pytest.mark.parametrize("is_clone", [True, False])
def test_unusable_course_weights_are_found(monkeypatch, error, is_clone):
    def fail():
        raise error

    monkeypatch.setattr(pretrained, "read_course_weights", fail)
    monkeypatch.setattr(supplies, "lessons_are_here", lambda: is_clone)
    weights = found(supplies.check_weights, "course weights")
    restore = f"git restore {quote(str(pretrained.COURSE_WEIGHTS_FILE))}"
    assert weights == ("course weights", "not usable", str(error), restore if is_clone else install_course())


def test_course_weights_are_named_with_the_number_of_their_classes():
    assert found(supplies.check_weights, "course weights").found == f"{pretrained.COURSE_WEIGHTS_FILE.name}, 2 classes"


def test_imagenet_weights_that_cannot_be_had_are_found(monkeypatch):
    assert [finding.what for finding in supplies.check_weights()] == ["course weights"]
    monkeypatch.setenv("COURSE_WEIGHTS", "imagenet")
    online = found(supplies.check_weights, "ImageNet weights")
    assert online == ("ImageNet weights", "chosen; torchvision fetches them at first use (14 MB)", "", "")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    offline = found(supplies.check_weights, "ImageNet weights")
    assert offline.found == "not usable"
    assert "COURSE_OFFLINE forbids downloads" in offline.problem
    assert offline.remedy == set_variable("COURSE_WEIGHTS", "course")


def test_a_damaged_file_in_the_cache_is_found(monkeypatch):
    monkeypatch.setenv("COURSE_WEIGHTS", "imagenet")
    file = pretrained.imagenet_weights_file()
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a file")
    assert str(file) in found(supplies.check_weights, "ImageNet weights").problem


def test_imagenet_weights_in_the_cache_are_named(monkeypatch, imagenet_weights):
    monkeypatch.setenv("TORCH_HOME", str(imagenet_weights))
    monkeypatch.setenv("COURSE_WEIGHTS", "imagenet")
    assert found(supplies.check_weights, "ImageNet weights").found.startswith("imagenet")


# Pictures


def test_pictures_that_are_prepared_are_named(monkeypatch, data):
    ahead = "none yet; drawn: drawn at first use, or ahead of class by `course data drawn`"
    assert found(supplies.check_pictures, "pictures") == ("pictures", ahead, "", "")
    for folder in (catalog.DRAWN_FOLDER, catalog.PHOTOS_FOLDER):
        (data / folder).mkdir()
    monkeypatch.setattr(catalog, "clothing", lambda *_, **__: data)
    assert found(supplies.check_pictures, "pictures") == ("pictures", "drawn, photos", "", "")


def test_a_folder_that_somebody_has_changed_is_found(data):
    (data / catalog.DRAWN_FOLDER / "train").mkdir(parents=True)
    (data / catalog.DRAWN_FOLDER / "train" / "mine.png").touch()
    changed = found(supplies.check_pictures, "pictures")
    assert "mine.png" in changed.problem or "is missing" in changed.problem
    assert (changed.found, changed.remedy) == ("drawn", "course data drawn")


def test_it_is_the_chosen_pictures_that_are_looked_at_and_no_bar_is_shown(monkeypatch, data):
    asked = []
    monkeypatch.setenv("COURSE_DATASET", "photos")
    monkeypatch.setattr(catalog, "clothing", lambda source, *, progress: asked.append((source, progress)))
    for folder in (catalog.DRAWN_FOLDER, catalog.PHOTOS_FOLDER):
        (data / folder).mkdir()
    assert not found(supplies.check_pictures, "pictures").problem
    assert asked == [("photos", False)]


def test_photos_chosen_offline_and_absent_are_found(monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "photos")
    online = found(supplies.check_pictures, "pictures")
    ahead = "none yet; photos: fetched at first use, or ahead of class by `course data photos`"
    assert online == ("pictures", ahead, "", "")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    problem = "The photos are chosen and not there, and COURSE_OFFLINE forbids to fetch them."
    offline = ("pictures", "none yet", problem, set_variable("COURSE_DATASET", "drawn"))
    assert found(supplies.check_pictures, "pictures") == offline


def test_an_archive_in_the_current_folder_is_not_at_hand_where_no_mirror_is_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / catalog.REMOTE_FILES["photos"].name).touch()
    monkeypatch.setenv("COURSE_DATASET", "photos")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert found(supplies.check_pictures, "pictures").problem


@pytest.mark.parametrize("place", ["data", "mirror"])
def test_an_archive_at_hand_needs_no_network(monkeypatch, data, tmp_path, place):
    monkeypatch.setenv("COURSE_DATASET", "photos")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    (data if place == "data" else tmp_path).joinpath(catalog.REMOTE_FILES["photos"].name).touch()
    assert not found(supplies.check_pictures, "pictures").problem


def test_a_data_folder_that_may_not_be_written_is_found_only_where_pictures_are_missing(monkeypatch, data):
    monkeypatch.setattr(supplies.os, "access", lambda *_: False)
    locked = found(supplies.check_pictures, "pictures")
    problem = f"The drawn pictures are not there yet, and {data} may not be written to."
    assert locked == ("pictures", "none yet", problem, set_variable("COURSE_DATA_DIR", "FOLDER_OF_YOUR_OWN"))
    (data / catalog.DRAWN_FOLDER).mkdir()
    monkeypatch.setattr(catalog, "clothing", lambda *_, **__: data)
    assert not found(supplies.check_pictures, "pictures").problem


def test_instruments_are_absent_whole_or_changed(monkeypatch, data):
    ahead = "none yet: drawn at first use, in lesson 13, or ahead of class by `course data instruments`"
    assert found(supplies.check_instruments, "instruments") == ("instruments", ahead, "", "")
    (data / catalog.INSTRUMENTS_FOLDER / "violin").mkdir(parents=True)
    changed = found(supplies.check_instruments, "instruments")
    assert str(data / catalog.INSTRUMENTS_FOLDER) in changed.problem
    assert (changed.found, changed.remedy) == ("drawn", "course data instruments")
    bars = []
    monkeypatch.setattr(catalog, "instruments", lambda *, progress: bars.append(progress))
    assert found(supplies.check_instruments, "instruments") == ("instruments", "drawn", "", "")
    assert bars == [False]

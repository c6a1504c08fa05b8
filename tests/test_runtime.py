"""What everything else stands on: seeds, devices, settings, paths, safe writing, safe printing."""

import errno
import io
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import runtime
from course_utils.runtime import (
    atomic_write,
    data_dir,
    evaluating,
    get_device,
    given_path,
    preserved_modes,
    progress_bar,
    say,
    seeded,
    set_seed,
    setting,
)

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="making a link needs rights on Windows")


# Seeds, devices and settings


def test_seeded_repeats_what_is_drawn_inside_and_leaves_all_generators_as_they_were(monkeypatch):
    def refuse(_seed):
        raise AssertionError("a GPU was reseeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with seeded(3):
            drawn.append(torch.rand(4))
    with pytest.raises(ZeroDivisionError), seeded(4):
        raise ZeroDivisionError
    assert torch.equal(*drawn)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_reaches_python_numpy_and_pytorch():
    draw = {"python": random.random, "numpy": np.random.rand, "torch": lambda: torch.rand(1).item()}
    set_seed(7)
    first = {name: drawn() for name, drawn in draw.items()}
    set_seed(7)
    assert {name: drawn() for name, drawn in draw.items()} == first
    set_seed(8)
    assert all(drawn() != first[name] for name, drawn in draw.items())


def test_a_name_that_is_no_setting_is_refused():
    with pytest.raises(KeyError, match="COURSE_DEVCE is no setting"):
        setting("COURSE_DEVCE")


def test_an_empty_setting_counts_as_unset(monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "")
    assert setting("COURSE_DATASET", "drawn") == "drawn"


@pytest.mark.parametrize("name", ["COURSE_OFFLINE", "COURSE_PROGRESS"])
def test_a_switch_is_read_in_the_usual_spellings(monkeypatch, name):
    assert runtime.switch(name) is (None if name == "COURSE_OFFLINE" else False)  # the tests hide bars
    for word, expected in {"1": True, "on": True, "TRUE": True, " Yes ": True, "": None}.items():
        monkeypatch.setenv(name, word)
        assert runtime.switch(name) is expected
    for word in ("0", "off", "Off", "FALSE", "no"):
        monkeypatch.setenv(name, word)
        assert runtime.switch(name) is False


@pytest.mark.parametrize(
    ("name", "word", "told"),
    [
        ("COURSE_OFFLINE", "nope", "1, on, true, yes, 0, off, false or no"),
        ("COURSE_PROGRESS", "2", "1, on, true, yes, 0, off, false or no"),
        ("COURSE_DATASET", "photo", "drawn or photos"),
        ("COURSE_WEIGHTS", "ImageNet", "course or imagenet"),
    ],
)
def test_a_setting_with_an_unknown_word_is_refused_by_its_name(monkeypatch, name, word, told):
    monkeypatch.setenv(name, word)
    with pytest.raises(ValueError, match=f"{name} is '{word}': it may be {told}"):
        setting(name)


def test_offline_is_off_unless_it_is_switched_on(monkeypatch):
    assert not runtime.is_offline()
    for word, expected in (("off", False), ("on", True)):
        monkeypatch.setenv("COURSE_OFFLINE", word)
        assert runtime.is_offline() is expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 6),
        ({"cpu.max": "max 100000"}, 6),
        ({"cpu.max": "250000 100000"}, 3),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "1600000 100000"}, 6),
        ({"cpu.max": "0 100000"}, 6),
        ({"cpu.max": "1 1"}, 1),
        ({"cpu.max": "100000 0"}, 6),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 6),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
    ],
)
def test_a_process_uses_no_more_processors_than_its_container_gives(monkeypatch, tmp_path, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n", encoding="utf-8")
    assert runtime.num_processors(tmp_path) == expected


def test_where_nothing_is_told_all_processors_of_the_machine_count(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS and Windows
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert runtime.num_processors(tmp_path) == 12


def test_where_the_number_of_processors_is_not_known_there_is_one(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert runtime.num_processors(tmp_path) == 1


def test_the_repository_is_the_folder_with_the_lessons_sources_or_none(tmp_path, monkeypatch):
    assert runtime.repository_root() == Path(__file__).resolve().parent.parent
    assert data_dir() == Path(__file__).resolve().parent.parent / "data"
    (tmp_path / "site-packages" / "course_utils").mkdir(parents=True)
    monkeypatch.setattr(runtime, "__file__", str(tmp_path / "site-packages" / "course_utils" / "runtime.py"))
    monkeypatch.chdir(tmp_path)
    assert runtime.repository_root() is None
    assert data_dir() == tmp_path / "data"
    (tmp_path / "site-packages" / "notebooks" / "src").mkdir(parents=True)
    assert runtime.repository_root() == tmp_path / "site-packages"


def test_a_data_folder_that_is_a_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "data").touch()
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(NotADirectoryError, match="is a file where a folder is meant"):
        data_dir()


def test_the_data_folder_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURSE_DATA_DIR", "~/data")
    assert data_dir() == (tmp_path / "data").resolve()


@pytest.mark.parametrize("prefer", ["cpu", torch.device("cpu")])
def test_a_device_is_asked_for_by_name_or_as_it_is(prefer, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cuda")  # what is asked for wins
    assert get_device(prefer) == torch.device("cpu")


def test_the_setting_chooses_the_device_and_is_read_where_all_settings_are(monkeypatch):
    monkeypatch.setattr(runtime, "setting", lambda name: {"COURSE_DEVICE": "cpu"}[name])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert get_device() == torch.device("cpu")


@pytest.mark.parametrize("available", [True, False])
def test_without_a_wish_cuda_is_taken_where_there_is_one(available, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert get_device() == torch.device("cuda" if available else "cpu")


def test_apples_processor_is_used_where_it_is_there_and_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for available in (True, False):
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda available=available: available)
        assert get_device() == torch.device("cpu")
        if available:
            assert get_device("mps") == torch.device("mps")
    with pytest.raises(RuntimeError, match="no 'mps' device"):
        get_device("mps")


@pytest.mark.parametrize("prefer", ["tpu", torch.device("meta")])
def test_a_kind_of_device_that_nobody_knows_is_refused(prefer):
    with pytest.raises(ValueError, match=f"Unknown device '{prefer}': use 'cpu', 'cuda' or 'mps'"):
        get_device(prefer)


@pytest.mark.parametrize("prefer", ["cuda:1", torch.device("cuda", 1)])
def test_an_absent_device_is_refused(prefer, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="no 'cuda' device"):
        get_device(prefer)


# Modes


def half_evaluating():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout())
    model[0].eval()
    return model


def modes(model):
    return [module.training for module in model.modules()]


@pytest.mark.parametrize("keep", [evaluating, preserved_modes])
def test_each_part_gets_its_own_mode_back_also_after_an_error(keep):
    model = half_evaluating()
    with pytest.raises(RuntimeError), keep(model):  # noqa: PT012 - the block fails
        model.eval()
        model[0].train()
        raise RuntimeError
    assert modes(model) == [True, False, True]


def test_an_evaluated_model_is_in_eval_mode_without_gradients():
    model = half_evaluating()
    with evaluating(model) as student:
        assert student is model
        assert modes(student) == [False, False, False]
        assert not student(torch.zeros(1, 4)).requires_grad


# Paths


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", ["~/run.pt", Path("~/run.pt")])
def test_a_tilde_is_the_home_folder_and_no_folder_of_that_name_appears(path, home):
    assert given_path(path, kind="file") == home / "run.pt"
    with atomic_write(path) as temporary:
        temporary.write_text("good")
    assert [entry.name for entry in home.iterdir()] == ["run.pt"]


WRONG = {
    "a web address": ("https://example.org/cat.jpg", "file", ValueError, "is an address"),
    "a web address as a Path": (Path("https://example.org/cat.jpg"), "file", ValueError, "is an address"),
    "an address in capitals": ("HTTPS://example.org/cat.jpg", "file", ValueError, "is an address"),
    "an address of a file": ("file:///tmp/cat.jpg", "folder", ValueError, "is an address"),
    "nothing": ("", "file", ValueError, "empty"),
    "spaces": ("  ", "folder", ValueError, "empty"),
    "a number": (3, "file", TypeError, "not 3"),
    "None": (None, "folder", TypeError, "path of a folder is a text or a Path, not None"),
    "a folder for a file": (".", "file", IsADirectoryError, "is a folder; give the path of a file, such as name"),
    "a file for a folder": ("taken", "folder", NotADirectoryError, "taken is a file where a folder is meant"),
    "a file on the way": ("taken/run.pt", "file", NotADirectoryError, "taken is a file where a folder is meant"),
    "a stranger's home": ("~nobody-of-that-name/run.pt", "file", ValueError, "home folder that is not known"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_meant_gets_its_own_sentence(case, home):
    path, kind, error, words = WRONG[case]
    (home / "taken").touch()
    with pytest.raises(error, match=words):
        given_path(path, kind=kind)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_must_exist_is_missed_by_its_name(kind, home):
    assert given_path("run", kind=kind) == Path("run")
    with pytest.raises(FileNotFoundError, match=f"There is no {kind} run"):
        given_path("run", kind=kind, must_exist=True)
    (home / "file").touch()
    (home / "folder").mkdir()
    assert given_path(kind, kind=kind, must_exist=True) == Path(kind)


@needs_links
def test_a_link_to_nowhere_is_called_so_where_something_must_exist(home):
    (home / "link.pt").symlink_to("gone.pt")
    with pytest.raises(FileNotFoundError, match=r"link.pt is a link to nowhere: there is no gone.pt"):
        given_path("link.pt", kind="file", must_exist=True)


# Safe writing


def test_a_write_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new folder" / "run.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:  # noqa: PT012 - the block fails
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_the_file_is_renamed_not_copied(tmp_path):
    """A copy could be read half written."""
    path = tmp_path / "run.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("good")
        written = temporary.stat().st_ino
    assert temporary.parent == path.parent, "a rename works on one disk only"
    assert path.stat().st_ino == written


def test_two_writers_never_share_a_temporary_file(tmp_path, monkeypatch):
    """Also where both have the same process number, as in containers, and drew the same seed."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    path = tmp_path / "run.txt"
    set_seed(0)
    with atomic_write(path) as first:
        set_seed(0)
        with atomic_write(path) as second:
            assert first != second
            first.write_text("first")
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_long_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 250)
    with atomic_write(path) as temporary:
        temporary.write_text("good")
    assert path.read_text() == "good"


@needs_links
@pytest.mark.parametrize("target_exists", [True, False])
def test_what_a_link_points_to_is_written(tmp_path, target_exists):
    target, link = tmp_path / "big disk" / "run.txt", tmp_path / "run.txt"
    target.parent.mkdir()
    if target_exists:
        target.write_text("old")
    link.symlink_to(target)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_so_and_the_old_file_stands(tmp_path, code):
    path = tmp_path / "run.txt"
    path.write_text("old")
    with pytest.raises(OSError, match=r"The disk is full.*run.txt'$") as caught, atomic_write(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise OSError(code, os.strerror(code))
    assert caught.value.errno == code
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_is_refused_names_the_file_that_the_caller_knows(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run.txt'$"), atomic_write(tmp_path / "run.txt"):
        pass  # nothing was written, so there is nothing to rename
    with pytest.raises(FileNotFoundError, match=r"other.txt"), atomic_write(tmp_path / "run.txt"):
        (tmp_path / "other.txt").read_text()


# Printing


class Console(io.TextIOWrapper):
    """Standard output in `encoding`, watched by somebody."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self):
        return True

    @property
    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "cp1252", "utf-8"])
def test_what_the_encoding_lacks_is_replaced(monkeypatch, encoding):
    console = Console(encoding)
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    say("practice · Läufer ✓", 3)
    for _ in progress_bar(range(2), description="✓ Läufer"):
        pass
    assert "practice " in console.text
    assert console.text.split("\n")[0].endswith(" 3")
    assert ("✓" in console.text) == (encoding == "utf-8")


def test_what_is_said_is_written_at_once(monkeypatch):
    console = Console("utf-8")
    monkeypatch.setattr(sys, "stdout", console)
    say("Epoch", 1)
    assert console.buffer.getvalue() == b"Epoch 1\n"


class Broken(io.StringIO):
    """A pipe whose reader has gone, or a log on a full disk."""

    def flush(self, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    write = flush


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Broken(), closed(), None], ids=["broken", "closed", "none"])
def test_where_nothing_can_be_written_nothing_is_and_the_run_goes_on(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    say("Epoch 1/3")
    assert runtime.OUTPUT.isatty() is False
    assert list(progress_bar(range(3), description="practice")) == [0, 1, 2]


@pytest.mark.parametrize(
    ("progress", "watched", "shown"),
    [("", True, True), ("", False, False), ("0", True, False), ("1", False, True)],
)
def test_a_bar_is_shown_where_somebody_watches_or_on_request(monkeypatch, progress, watched, shown):
    console = Console("utf-8")
    monkeypatch.setattr(Console, "isatty", lambda _: watched)
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setenv("COURSE_PROGRESS", progress)
    list(progress_bar(range(2), description="practice"))
    assert ("practice" in console.text) == shown
    assert console.text.endswith("\r") == shown, "wiped when it ends"


def test_a_bar_can_be_switched_off_by_the_call(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    list(progress_bar(range(2), show=False))
    assert capsys.readouterr().out == ""


def test_may_write_asks_the_nearest_folder_that_is_there(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    asked = []
    monkeypatch.setattr("os.access", lambda folder, mode: asked.append((folder, mode)) or len(asked) > 1)
    assert not runtime.may_write(tmp_path / "a")
    assert runtime.may_write(tmp_path / "a" / "b" / "c")
    assert asked == [(tmp_path / "a", os.W_OK)] * 2
    monkeypatch.chdir(tmp_path / "a")
    assert runtime.may_write(Path("b"))
    assert asked[2] == (tmp_path / "a", os.W_OK)

"""What every test stands on: one seed, no network, no settings inherited from the shell, and the optional real data."""

import importlib
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest
from made_up import write_lesson
from tqdm import tqdm

from course_utils.classroom import lessons
from course_utils.runtime import SETTINGS, set_seed

REPOSITORY = Path(__file__).resolve().parent.parent
# Real data that a maintainer may keep beside the clone (see CONTRIBUTING.md, "Mirror folder"). A stranger has none.
MIRROR = Path(os.environ.get("COURSE_TEST_MIRROR") or REPOSITORY.parent / "shared")


sys.path.append(str(REPOSITORY / "tools" / "offline_guard"))
offline_guard = importlib.import_module("offline_guard")
offline_guard.install()

# tqdm's own lock is one for all forked processes: where one is killed inside it, as tests and mutation runs do, the
# bars of all others would wait for ever.
tqdm.set_lock(threading.RLock())


@pytest.fixture(autouse=True)
def _no_network():
    """Any attempt to reach another machine fails the test, also one whose error the code has swallowed."""
    offline_guard.refused.clear()
    yield
    assert offline_guard.refused == [], "A test tried to reach the network."


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch):
    """Tests choose their own settings: none comes from the shell, and bars are hidden."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_PROGRESS", "0")


@pytest.fixture(autouse=True)
def _seeded():
    set_seed(0)


@pytest.fixture
def coarse_pictures(monkeypatch):
    """Coarse pictures are drawn faster; what they show is the same."""
    from course_utils.plotting import display

    monkeypatch.setattr(display, "DPI", 30)
    monkeypatch.setattr(display, "PHOTO_DPI", 30)


def _at_hand(path: Path, what: str) -> Path:
    if not path.exists():
        pytest.skip(f"{what} not at hand: {path.name} is not in the mirror folder")
    return path


@pytest.fixture
def datasets_mirror() -> Path:
    """The folder that holds the archives of the real data sets, as `COURSE_MIRROR` expects it."""
    return _at_hand(MIRROR / "datasets", "The real data sets are")


@pytest.fixture
def tiny_imagenet_zip(datasets_mirror) -> Path:
    return _at_hand(datasets_mirror / "tiny-imagenet-200-webp.zip", "Tiny ImageNet is")


@pytest.fixture
def imagenet_weights(monkeypatch) -> Path:
    """Point torchvision's cache at the ImageNet weights kept in the mirror folder."""
    home = _at_hand(MIRROR / "weights", "The ImageNet weights are")
    monkeypatch.setenv("TORCH_HOME", str(home))
    return home


@pytest.fixture
def notebooks(tmp_path, monkeypatch) -> Path:
    """A repository whose path holds a space and letters beyond ASCII, with three lessons and the real offline guard."""
    root = tmp_path / "Söphie's cöurse"
    folder = root / "notebooks"
    for name in ("00_start_here", "01_pretrained_inference", "06_training_loop"):
        write_lesson(folder, name, "1 + 1")
    (folder / "glossary.md").write_text("# Glossary\n", encoding="utf-8")
    shutil.copytree(REPOSITORY / "tools" / "offline_guard", root / "tools" / "offline_guard")
    monkeypatch.setattr(lessons, "repository_root", lambda: root)
    return folder

from pathlib import Path

import pytest
from made_up import write_lesson

from course_utils.classroom import lessons

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def notebooks(tmp_path, monkeypatch) -> Path:
    """A repository whose path holds a space and letters beyond ASCII, with three lessons and the real offline guard."""
    root = tmp_path / "Söphie's cöurse"
    folder = root / "notebooks"
    for name in ("00_start_here", "01_pretrained_inference", "06_training_loop"):
        write_lesson(folder, name, "1 + 1")
    guard = root / "tools" / "offline_guard" / "sitecustomize.py"
    guard.parent.mkdir(parents=True)
    guard.write_bytes((REPOSITORY / "tools" / "offline_guard" / "sitecustomize.py").read_bytes())
    monkeypatch.setattr(lessons, "repository_root", lambda: root)
    return folder

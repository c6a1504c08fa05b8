"""What Colab gets: the built wheel alone, without the repository around it."""

import email
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

IN_THE_WHEEL = """
import course_utils
from course_utils import clothing, load_pretrained
from course_utils.pictures.drawn import CLASSES, draw_dataset
from course_utils.classroom.exercises import exercises_of
from course_utils.runtime import repository_root

print(course_utils.__file__)
assert repository_root() is None, "outside a clone there is no repository"
model = load_pretrained("course")
assert len(model.classes) == 200 and "goldfish" in model.classes
assert exercises_of("01"), "the exercises are part of the package"
root = draw_dataset("pictures", sizes={"train": 10, "validation": 10, "test": 10}, progress=False)
assert sorted(folder.name for folder in (root / "train").iterdir()) == sorted(CLASSES)
"""


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_weights_exercises_and_pictures(unpacked_wheel, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(unpacked_wheel)}
    finished = subprocess.run(
        [sys.executable, "-c", IN_THE_WHEEL], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert Path(finished.stdout.strip()).is_relative_to(unpacked_wheel)


def test_the_wheel_holds_the_package_and_nothing_else(unpacked_wheel):
    names = {path.name for path in unpacked_wheel.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"course_utils"}
    assert (unpacked_wheel / "course_utils" / "weights" / "README.md").is_file()
    assert (unpacked_wheel / "course_utils" / "classroom" / "demo.html").is_file()


def test_the_wheel_declares_the_terms_of_the_code_and_of_the_weights(unpacked_wheel):
    (information,) = unpacked_wheel.glob("*.dist-info")
    head = email.message_from_string((information / "METADATA").read_text(encoding="utf-8"))
    assert head["License-Expression"] == "MIT AND LicenseRef-Course-Weights"
    assert head.get_all("License-File") == ["LICENSE", "course_utils/weights/LICENSE"]
    texts = [(information / "licenses" / name).read_text(encoding="utf-8") for name in head.get_all("License-File")]
    assert texts[0].startswith("MIT License")
    assert "LicenseRef-Course-Weights" in texts[1]
    assert "research and education" in texts[1]


def test_the_wheel_knows_where_it_comes_from(unpacked_wheel):
    """The doctor tells a learner to install from there."""
    (information,) = unpacked_wheel.glob("*.dist-info")
    head = email.message_from_string((information / "METADATA").read_text(encoding="utf-8"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert head["Project-URL"] == f"Repository, {project['urls']['Repository']}"

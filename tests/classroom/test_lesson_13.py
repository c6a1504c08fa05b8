"""Lesson 13 with a folder of the reader's own: two classes, thirty pictures, names that say little."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from course_utils.pictures.drawn import draw_garment

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from lesson_tools.source import SOURCES, read_source

NOT_RUN = {"claim", "wrong", "exercise", "solution"}


def run_lesson(**settings):
    """Run the lesson's cells, one after the other, with other settings; return the names that they leave."""
    names = {"__name__": "lesson"}
    for cell in read_source(SOURCES / "13_your_own_subject.py").cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not tags & NOT_RUN:
            exec(compile(cell.source, "lesson 13", "exec"), names)
            if "settings" in tags:
                assert settings.keys() <= names.keys()
                names |= settings
    return names


@pytest.fixture
def own_folder(tmp_path) -> Path:
    """Hats and shoes, fifteen pictures each, from five days; both classes use the same names, as cameras do."""
    root = tmp_path / "mes affaires"
    for kind in ("hat", "shoes"):
        (root / kind).mkdir(parents=True)
        for number in range(15):
            file = root / kind / f"IMG {number // 3}_{number % 3}.{'JPG' if number % 2 else 'png'}"
            draw_garment(kind, seed=(99, number)).save(file)
    Image.new("RGB", (40, 40)).save(root / "hat" / "blank.png")
    return root


@pytest.mark.usefixtures("coarse_pictures")
@pytest.mark.parametrize("group", ["", r"(IMG \d+)_"])
def test_two_classes_and_thirty_pictures_go_through_the_same_cells(own_folder, group):
    before = sorted(path for path in own_folder.rglob("*"))
    names = run_lesson(MY_FOLDER=str(own_folder), MY_GROUP=group, OPEN_THE_EXAM=True, NUM_BLOCKS=1, NUM_EPOCHS=1)
    assert sorted(path for path in own_folder.rglob("*")) == before, "nothing in the folder is touched"
    assert names["classes"] == ["hat", "shoes"]
    assert len(names["things"]) == 31
    assert len(set(names["things"])) == (6 if group else 31)
    assert names["rubric"]["nothing stands in two of the three parts"]
    assert names["rubric"]["out of its file it gives the same answers"]
    names["desk"].cleanup()
    assert names["final"].labels.bincount().min() > 0

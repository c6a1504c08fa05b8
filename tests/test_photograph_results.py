"""What lesson 08 came to with photographs, as it is stored: complete, small, and quoted rightly."""

import datetime
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import photograph_results

REPOSITORY = Path(__file__).resolve().parent.parent
STORED = json.loads((photograph_results.FOLDER / "results.json").read_text(encoding="utf-8"))
SECTION = re.split(
    r"^# ## ",
    (REPOSITORY / "notebooks" / "src" / "08_fine_tuning_and_final_exam.py").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def share(name: str) -> float:
    return STORED[name]["right"] / STORED[name]["of"]


def test_the_stored_pictures_are_few_small_and_whole():
    pictures = sorted(path.name for path in photograph_results.FOLDER.iterdir() if path.suffix != ".json")
    assert pictures == ["curves.png", "matrix.png", "wall.jpg"]
    for name in pictures:
        assert (photograph_results.FOLDER / name).stat().st_size < 120_000
        with Image.open(photograph_results.FOLDER / name) as picture:
            picture.load()
    assert len(STORED["wall"]) <= 20


def test_the_results_say_when_and_with_what_they_were_made():
    assert datetime.date.fromisoformat(STORED["date"]) >= datetime.date(2026, 11, 30)
    assert {"command", "seconds", "machine", "versions", "weights", "practice"} <= set(STORED)
    assert not re.search(r"/(root|home|work|tmp)/", json.dumps(STORED))


def test_lesson_08_quotes_the_marks_that_are_stored():
    (section,) = [each for each in SECTION if each.startswith("The same code, real pictures")]
    text = " ".join(section.replace("\n# ", " ").split())
    final = share("final_exam")
    error = math.sqrt(final * (1 - final) / STORED["final_exam"]["of"])
    assert f"head alone {share('head_alone'):.1%}".replace("%", " %") in text
    assert f"eye and head {share('mock_exam'):.1%}".replace("%", " %") in text
    quoted = f"{final:.1%} ± {error:.1%}".replace("%", " %")
    assert f"**Final exam: {quoted}** of {STORED['final_exam']['of']}" in text
    assert f"{STORED['practice']:,} photographs" in text
    when = datetime.date.fromisoformat(STORED["date"])
    assert f"on {when.day} {when:%B %Y}" in text


def test_the_wall_is_described_as_it_hangs():
    right = sum(each["truth"] == each["answer"] for each in STORED["wall"])
    assert right == 20, "lesson 08's alt text says that all twenty are right"


@pytest.mark.parametrize("name", ["wall", "curves"])
def test_pictures_are_stored_small(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"{name}.png")
    before = (tmp_path / f"{name}.png").stat().st_size
    photograph_results.store_small(tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name == ("wall.jpg" if name == "wall" else "curves.png")
    assert left.stat().st_size < before

"""The drawn instruments: several pictures of each thing, deterministic, and no picture half outside."""

import hashlib
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils.pictures.drawn import (
    INSTRUMENT_CLASSES,
    INSTRUMENTS_VERSION,
    dataset,
    draw_instrument,
    draw_instruments,
    instruments,
    planned_instruments,
)
from course_utils.pictures.near import NEARLY_THE_SAME, likeness, shrink
from course_utils.pictures.scan import scan_images

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import draw_sheet

each_kind = pytest.mark.parametrize("kind", INSTRUMENT_CLASSES)


def contents(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "instruments"
    return draw_instruments(root, num_instruments=2, num_views=2, progress=False)


@pytest.fixture
def covers(monkeypatch):
    """Return a list that receives the cover of every finished canvas: bool (160, 160)."""
    found = []
    finished = instruments.Canvas.finished

    def remember(canvas):
        colour, mask = finished(canvas)
        found.append(np.asarray(mask) > 127)
        return colour, mask

    monkeypatch.setattr(instruments.Canvas, "finished", remember)
    return found


@each_kind
def test_the_instrument_lies_inside_the_picture_and_fills_a_good_part_of_it(kind, covers):
    for number in range(6):
        picture = draw_instrument(kind, instrument=number, view=number)
        assert (picture.mode, picture.size) == ("RGB", (160, 160))
        cover = covers[-1]  # the instrument is finished last, after the thing at the edge
        assert 0.04 < cover.mean() < 0.9, f"{kind} {number}: covers {cover.mean():.0%} of the picture"
        border = np.concatenate([cover[0], cover[-1], cover[:, 0], cover[:, -1]])
        assert border.mean() < 0.15, f"{kind} {number}: {border.mean():.0%} of the border is covered"


@each_kind
def test_every_part_is_made_of_a_material_there_is(kind):
    its, here = np.random.default_rng(0), np.random.default_rng(1)
    materials = instruments._materials(kind, (128, 128, 128), its).keys()
    for _ in range(60):
        assert {part.fill for part in instruments._KINDS[kind](its, here)} <= materials


@each_kind
def test_an_instrument_is_the_same_thing_in_each_of_its_pictures(kind, monkeypatch):
    """Its materials and its room are equal in all views; its shape too, but for what a view may add."""
    seen, chosen = [], []
    materials, choose = instruments._materials, instruments.choose_background
    monkeypatch.setattr(instruments, "_materials", lambda *given: seen.append(materials(*given)) or seen[-1])
    monkeypatch.setattr(instruments, "choose_background", lambda rng: chosen.append(choose(rng)) or chosen[-1])
    pictures = [draw_instrument(kind, instrument=3, view=view) for view in (1, 2)]
    draw_instrument(kind, instrument=4, view=1)
    one, same, other = ([(name, cloth.colour) for name, cloth in cloths.items()] for cloths in seen)
    assert one == same != other
    assert chosen[0] == chosen[1] != chosen[2]
    assert pictures[0].tobytes() != pictures[1].tobytes()


def test_a_picture_does_not_depend_on_what_was_drawn_before():
    alone = draw_instrument("harp", instrument=2, view=1).tobytes()
    draw_instrument("drum", instrument=1, view=1)
    np.random.seed(7)  # noqa: NPY002 - the global generator must not matter
    assert draw_instrument("harp", instrument=2, view=1).tobytes() == alone


def test_another_number_seed_or_kind_draws_another_picture():
    numbers = [(1, 2, 0), (2, 1, 0), (1, 1, 0), (1, 1, 1)]
    pictures = [
        draw_instrument(kind, instrument=instrument, view=view, seed=seed).tobytes()
        for kind in ("banjo", "guitar")
        for instrument, view, seed in numbers
    ]
    assert len(set(pictures)) == len(pictures)


def test_two_pictures_of_an_instrument_are_no_near_copies():
    for kind in ("piano", "drum", "harp"):  # those that always stand upright
        smalls = [shrink(draw_instrument(kind, instrument=1, view=view)) for view in range(1, 7)]
        for first in range(6):
            assert all(likeness(smalls[first], other) < NEARLY_THE_SAME for other in smalls[first + 1 :])


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(ValueError, match=r"'kazoo'.*accordion.*xylophone"):
        draw_instrument("kazoo", instrument=1, view=1)


def test_the_pictures_are_those_of_their_version():
    remembered, now = draw_sheet.INSTRUMENTS_SHEET.read_bytes(), draw_sheet.draw_instruments_sheet()
    if draw_sheet.version_of(remembered) == INSTRUMENTS_VERSION:
        assert draw_sheet.looks_alike(remembered, now), "the pictures have changed: count INSTRUMENTS_VERSION up"
    assert draw_sheet.version_of(remembered) == INSTRUMENTS_VERSION, "run tools/draw_sheet.py, and look at the sheet"


def test_a_file_name_tells_kind_instrument_and_picture(small_set):
    assert sorted(path.name for path in small_set.iterdir()) == sorted(INSTRUMENT_CLASSES)
    names = [path.name for path in sorted((small_set / "violin").iterdir())]
    assert names == ["violin_01_1.jpg", "violin_01_2.jpg", "violin_02_1.jpg", "violin_02_2.jpg"]
    with Image.open(small_set / "violin" / "violin_02_1.jpg") as picture:
        drawn = draw_instrument("violin", instrument=2, view=1)
        apart = np.abs(np.asarray(picture, int) - np.asarray(drawn, int))
    assert apart.mean() < 4  # what JPEG takes away
    assert {path.as_posix() for path in planned_instruments(2, 2)} == contents(small_set).keys()


def test_the_plan_is_ten_kinds_of_twelve_instruments_in_six_pictures():
    views = defaultdict(int)
    for kind, (instrument, _) in planned_instruments().values():
        views[kind, instrument] += 1
    assert len(views) == 10 * 12
    assert set(views.values()) == {6}


def test_the_set_is_the_same_to_the_byte_from_one_process_or_two_and_changes_with_its_seed(small_set, tmp_path):
    options = {"num_instruments": 2, "num_views": 2, "progress": False}
    assert contents(draw_instruments(tmp_path / "two", num_workers=2, **options)) == contents(small_set)
    other = contents(draw_instruments(tmp_path / "other", seed=1, **options))
    assert not set(other.values()) & set(contents(small_set).values())


def test_the_data_doctor_finds_nothing_to_mend(small_set):
    assert scan_images(small_set, progress=False).findings == []


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "draw_instrument", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_instruments(tmp_path / "instruments", num_instruments=1, num_views=1, progress=False)
    assert list(tmp_path.iterdir()) == []

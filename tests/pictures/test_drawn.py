"""The drawn garments: deterministic, balanced as the photos are, and never half a data set."""

import hashlib
import subprocess
import sys
import types
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils.pictures.drawn import (
    CLASSES,
    DRAWING_VERSION,
    PROPORTIONS,
    SPLIT_SIZES,
    class_counts,
    dataset,
    draw_dataset,
    draw_garment,
    garments,
    planned_files,
)
from course_utils.pictures.drawn.shapes import Dot

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import draw_sheet

SMALL = {"train": 16, "validation": 10, "test": 10}


def digests(root: Path) -> dict[str, str]:
    """Content hash of every file under `root`, by its path with forward slashes."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("data") / "drawn", sizes=SMALL, progress=False)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_kind_is_drawn_as_an_rgb_picture_that_shows_something(kind):
    for seed in range(3):
        picture = draw_garment(kind, seed=seed)
        assert (picture.mode, picture.size) == ("RGB", (160, 160))
        pixels = np.asarray(picture, dtype=float)
        assert 15 < pixels.mean() < 240, f"{kind}, seed {seed}: nearly black or white"
        assert pixels.std(axis=(0, 1)).max() > 8, f"{kind}, seed {seed}: nearly one colour"


@pytest.mark.parametrize("kind", CLASSES)
def test_the_garment_lies_inside_the_picture_and_fills_a_good_part_of_it(kind, monkeypatch):
    covers = []
    finished = garments.Canvas.finished

    def remember(canvas):
        colour, mask = finished(canvas)
        covers.append(np.asarray(mask) > 127)
        return colour, mask

    monkeypatch.setattr(garments.Canvas, "finished", remember)
    for seed in range(3):
        draw_garment(kind, seed=seed)
        cover = covers[-1]  # the garment is finished last, after the thing at the edge
        assert 0.04 < cover.mean() < 0.9, f"{kind}, seed {seed}: covers {cover.mean():.0%} of the picture"
        border = np.concatenate([cover[0], cover[-1], cover[:, 0], cover[:, -1]])
        assert border.mean() < 0.4, f"{kind}, seed {seed}: {border.mean():.0%} of the border is cloth"


def test_a_picture_does_not_depend_on_what_was_drawn_before():
    alone = draw_garment("shirt", seed=(5, 1)).tobytes()
    draw_garment("hat", seed=9)
    np.random.default_rng(1).random(3)
    np.random.seed(7)  # noqa: NPY002 - the global generator must not matter
    assert draw_garment("shirt", seed=(5, 1)).tobytes() == alone


def test_the_pictures_are_those_of_their_version():
    remembered, now = draw_sheet.SHEET.read_bytes(), draw_sheet.draw_sheet()
    if draw_sheet.version_of(remembered) == DRAWING_VERSION:
        assert draw_sheet.looks_alike(remembered, now), "the pictures have changed: count DRAWING_VERSION up"
    assert draw_sheet.version_of(remembered) == DRAWING_VERSION, "run tools/draw_sheet.py, and look at the sheet"


def test_one_button_more_makes_the_sheet_look_different(monkeypatch):
    monkeypatch.setattr(draw_sheet, "CLASSES", ("shirt",))
    monkeypatch.setattr(draw_sheet, "ROWS", 1)
    before = draw_sheet.draw_sheet()
    shirt = garments.GARMENTS["shirt"]
    monkeypatch.setitem(garments.GARMENTS, "shirt", lambda rng: [*shirt(rng), Dot((0.3, 0.8))])
    assert not draw_sheet.looks_alike(before, draw_sheet.draw_sheet())


def test_the_sheet_is_renewed_for_a_new_version_only(tmp_path, monkeypatch):
    monkeypatch.setattr(draw_sheet, "SHEET", tmp_path / "docs" / "garments.jpg")
    monkeypatch.setattr(draw_sheet, "INSTRUMENTS_SHEET", tmp_path / "docs" / "instruments.jpg")
    monkeypatch.setattr(draw_sheet, "ROWS", 1)
    draw_sheet.main()
    first = draw_sheet.SHEET.read_bytes()
    monkeypatch.setattr(draw_sheet, "draw_garment", lambda *_, **__: Image.new("RGB", (160, 160)))
    with pytest.raises(SystemExit, match="count DRAWING_VERSION up"):
        draw_sheet.main()
    assert draw_sheet.SHEET.read_bytes() == first
    monkeypatch.setattr(draw_sheet, "DRAWING_VERSION", DRAWING_VERSION + 1)
    draw_sheet.main()
    assert draw_sheet.version_of(draw_sheet.SHEET.read_bytes()) == DRAWING_VERSION + 1


def test_another_seed_or_kind_draws_another_picture():
    pictures = [draw_garment(kind, seed=seed).tobytes() for kind in ("hat", "skirt") for seed in (0, 1, (0, 1), (1, 0))]
    assert len(set(pictures)) == len(pictures)


def test_kinds_with_the_same_number_do_not_share_a_background(monkeypatch):
    pages = []
    background = garments.background
    monkeypatch.setattr(garments, "background", lambda rng: pages.append(background(rng)) or pages[-1])
    for kind in ("hat", "skirt"):
        draw_garment(kind, seed=0)
    assert not np.array_equal(pages[0][0], pages[1][0])


@pytest.mark.parametrize("kind", CLASSES)
def test_every_variant_is_made_of_cloths_that_its_wardrobe_holds(kind):
    rng = np.random.default_rng(0)
    cloths = garments._wardrobe(kind, (128, 128, 128), rng).keys()
    for _ in range(60):
        parts = garments.GARMENTS[kind](rng)
        assert {part.fill for part in parts} <= cloths
        low, high = garments._extent(parts)
        assert (high - low > 0.5).all()
        assert (high - low < 6).all()


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(ValueError, match=r"'scarf'.*dress.*t-shirt"):
        draw_garment("scarf", seed=0)


def test_the_data_set_is_the_same_to_the_byte_and_changes_with_its_seed(small_set, tmp_path):
    again = draw_dataset(tmp_path / "again", sizes=SMALL, progress=False)
    assert digests(again) == digests(small_set)
    other = draw_dataset(tmp_path / "other", sizes=SMALL, seed=1, progress=False)
    assert digests(other).keys() == digests(small_set).keys()
    assert not set(digests(other).values()) & set(digests(small_set).values())


def test_several_processes_draw_the_same_pictures(small_set, tmp_path):
    shared = draw_dataset(tmp_path / "shared", sizes=SMALL, num_workers=2, progress=False)
    assert digests(shared) == digests(small_set)


@pytest.mark.parametrize(
    ("is_script", "cores", "num_pictures", "expected"),
    [(False, 4, 1600, 4), (False, 64, 1600, 8), (False, 4, 20, 0), (False, 1, 1600, 0), (True, 4, 1600, 0)],
)
def test_a_notebook_uses_the_cores_and_a_script_is_not_run_again(monkeypatch, is_script, cores, num_pictures, expected):
    main = types.ModuleType("__main__")
    if is_script:
        main.__file__ = "script.py"
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(dataset, "num_processors", lambda: cores)
    assert dataset._default_workers(num_pictures) == expected


def test_drawing_starts_without_torch():
    subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['torch'] = None; import course_utils.pictures.drawn"],
        check=True,
    )


def test_a_smaller_set_holds_the_first_pictures_of_a_larger_one(small_set, tmp_path):
    smaller = digests(draw_dataset(tmp_path / "smaller", sizes=SMALL | {"train": 10}, progress=False))
    assert smaller.items() <= digests(small_set).items()


def test_no_picture_appears_twice_in_or_across_splits(small_set):
    contents = list(digests(small_set).values())
    assert len(contents) == sum(SMALL.values()) == len(set(contents))


def test_folders_hold_numbered_jpeg_pictures_with_the_planned_counts(small_set):
    assert sorted(path.name for path in small_set.iterdir()) == ["test", "train", "validation"]
    for split, size in SMALL.items():
        assert sorted(path.name for path in (small_set / split).iterdir()) == list(CLASSES) == sorted(CLASSES)
        for kind, count in class_counts(size).items():
            files = sorted((small_set / split / kind).iterdir())
            assert [path.name for path in files] == [f"{number:04d}.jpg" for number in range(count)]
            with Image.open(files[0]) as picture:
                assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (160, 160))


@pytest.mark.parametrize("size", [10, 11, 16, 37, 300, 1000])
def test_class_counts_add_up_and_follow_the_proportions(size):
    counts = class_counts(size)
    assert sum(counts.values()) == size
    assert min(counts.values()) >= 1
    if size >= 300:
        assert all(abs(counts[kind] - PROPORTIONS[kind] * size) <= 1 for kind in CLASSES)


def test_the_default_splits_are_about_1000_300_300():
    assert SPLIT_SIZES == {"train": 1000, "validation": 300, "test": 300}
    assert sum(PROPORTIONS.values()) == pytest.approx(1)


def test_proportions_are_those_of_the_photos_training_set(datasets_mirror):
    with zipfile.ZipFile(datasets_mirror / "clothing-dataset-small-master.zip") as archive:
        paths = [Path(name) for name in archive.namelist() if name.endswith(".jpg")]
    counts = Counter(path.parent.name for path in paths if path.parent.parent.name == "train")
    assert {kind: counts[kind] / counts.total() for kind in CLASSES} == pytest.approx(PROPORTIONS)


def test_the_plan_names_every_file_that_is_drawn(small_set):
    assert {path.as_posix() for path in planned_files(SMALL)} == digests(small_set).keys()
    assert len(planned_files()) == sum(SPLIT_SIZES.values())


def test_a_split_too_small_for_all_classes_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"9 pictures.*10 classes"):
        draw_dataset(tmp_path / "drawn", sizes={"train": 20, "test": 9}, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_an_interrupted_drawing_leaves_nothing_that_looks_whole(tmp_path, monkeypatch, interruption):
    drawn_so_far = []

    def interrupted(kind, **_):
        drawn_so_far.append(kind)
        if len(drawn_so_far) == 8:
            raise interruption("stop")
        return Image.new("RGB", (160, 160))

    monkeypatch.setattr(dataset, "draw_garment", interrupted)
    with pytest.raises(interruption):
        draw_dataset(tmp_path / "drawn", sizes=SMALL, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_appears_only_when_every_picture_is_there(tmp_path, monkeypatch):
    root = tmp_path / "kühle Bilder" / "drawn"

    def watched(_kind, **_):
        assert not root.exists()
        return Image.new("RGB", (160, 160))

    monkeypatch.setattr(dataset, "draw_garment", watched)
    assert draw_dataset(root, sizes=SMALL, progress=False) == root
    assert len(list(root.rglob("*.jpg"))) == sum(SMALL.values())
    assert list(root.parent.iterdir()) == [root]


def test_an_existing_folder_is_never_written_into(tmp_path):
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(FileExistsError, match="already there"):
        draw_dataset(tmp_path, sizes={"train": 10}, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_set_of_a_process_that_finished_first_is_kept(tmp_path, monkeypatch):
    root = tmp_path / "drawn"

    def overtaken(_kind, **_):
        root.mkdir(exist_ok=True)
        (root / "theirs.txt").write_text("whole", encoding="utf-8")
        return Image.new("RGB", (160, 160))

    monkeypatch.setattr(dataset, "draw_garment", overtaken)
    assert draw_dataset(root, sizes={"train": 10}, progress=False) == root
    assert [path.name for path in root.iterdir()] == ["theirs.txt"]
    assert list(tmp_path.iterdir()) == [root]

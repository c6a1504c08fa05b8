"""The messy folder of lesson 02 holds the troubles that it says, and the doctor finds exactly those."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils.datasets import ImageFolderDataset
from course_utils.pictures.messy import make_messy_folder
from course_utils.pictures.scan import scan_images
from course_utils.pictures.scan_report import KINDS
from course_utils.transforms import load_image


@pytest.fixture
def source(tmp_path) -> Path:
    """A clean data set of four classes: smooth pictures, so that JPEG keeps them."""
    generator = np.random.default_rng(0)
    for split, number in (("train", 10), ("validation", 2)):
        for class_name in ("coat", "dress", "hat", "shoe"):
            folder = tmp_path / "clean" / split / class_name
            folder.mkdir(parents=True)
            for index in range(number):
                rough = Image.fromarray(generator.integers(0, 256, (4, 4, 3), dtype=np.uint8))
                rough.resize((72, 96), Image.Resampling.BICUBIC).save(folder / f"{index}.jpg", quality=95)
    return tmp_path / "clean"


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_doctor_finds_exactly_what_was_planted(tmp_path, source):
    key = make_messy_folder(tmp_path / "messy", source)
    report = scan_images(tmp_path / "messy")
    assert sorted((finding.path, finding.kind) for finding in report.findings) == key


def test_every_kind_that_a_small_file_can_show_is_planted(tmp_path, source):
    key = make_messy_folder(tmp_path / "messy", source)
    of_folders_and_systems = {"empty class", "split name", "no access", "broken link", "vanished", "too large"}
    assert {kind for _, kind in key} == set(KINDS) - of_folders_and_systems - {"near duplicate", "near contradiction"}
    modes = set()
    for path, kind in key:
        if kind == "unusual mode":
            with Image.open(tmp_path / "messy" / path) as image:
                modes.add(image.mode)
    assert modes >= {"L", "LA", "P", "RGBA", "CMYK"}
    assert modes & {"I;16", "I"}  # 16 bits a channel; the name depends on Pillow's version


def test_a_data_set_can_be_made_of_it_and_its_readable_pictures_load(tmp_path, source):
    key = make_messy_folder(tmp_path / "messy", source)
    dataset = ImageFolderDataset(tmp_path / "messy" / "train")
    assert dataset.classes == ["coat", "dress", "hat"]
    bad = {path for path, kind in key if kind in ("unreadable", "truncated")}
    for index, (path, _) in enumerate(dataset.samples):
        if Path(path).relative_to(tmp_path / "messy").as_posix() in bad:
            with pytest.raises(OSError, match="Cannot read"):
                dataset[index]
        else:
            assert dataset[index][0].mode == "RGB"


def test_the_sideways_picture_is_turned_upright(tmp_path, source):
    make_messy_folder(tmp_path / "messy", source)
    (sideways,) = (tmp_path / "messy").rglob("*_sideways.jpg")
    with Image.open(sideways) as image:
        assert image.size == (96, 72)
    upright = np.asarray(load_image(sideways), dtype=float)
    originals = [np.asarray(load_image(path), dtype=float) for path in sorted((source / "train").rglob("*.jpg"))]
    assert min(np.abs(upright - original).mean() for original in originals) < 5


def test_the_same_source_gives_the_same_files(tmp_path, source):
    assert make_messy_folder(tmp_path / "one", source) == make_messy_folder(tmp_path / "two", source)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_second_call_puts_everything_back_and_leaves_other_files_alone(tmp_path, source):
    root = tmp_path / "messy"
    make_messy_folder(root, source)
    before = contents(root)
    (root / "mine.txt").write_text("mine", encoding="utf-8")
    (root / "train" / "coat" / "coat_0.jpg").write_bytes(b"painted over")
    (root / "train" / "to_sort.jpg").unlink()
    make_messy_folder(root, source)
    assert contents(root) == before | {"mine.txt": b"mine"}


def test_the_source_is_left_as_it_was(tmp_path, source):
    before = contents(source)
    make_messy_folder(tmp_path / "messy", source)
    assert contents(source) == before


def test_a_source_with_too_few_pictures_is_refused(tmp_path, source):
    (source / "train" / "dress" / "3.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"dress holds 9 pictures; .* at least 10"):
        make_messy_folder(tmp_path / "messy", source)
    with pytest.raises(FileNotFoundError, match="training and a validation folder"):
        make_messy_folder(tmp_path / "messy", source / "train")

"""The data doctor finds each kind of trouble, only that, and counts classes honestly."""

import io
import os
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_up import refusing
from PIL import ExifTags, Image, ImageOps

from course_utils.pictures.scan import scan_images
from course_utils.pictures.scan_report import KINDS, ScanFinding, ScanReport
from course_utils.transforms import load_image


def picture(seed=0, size=(48, 40)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(values)


def save(path: Path, image: Image.Image, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def found(report: ScanReport) -> set[tuple[str, str]]:
    return {(finding.path, finding.kind) for finding in report.findings}


@pytest.fixture
def root(tmp_path) -> Path:
    """A clean data set: in train 3 cats and 1 dog, in val 1 cat and 2 dogs."""
    root, seed = tmp_path / "Bilder für alle", 0
    for split, class_name, number in (("train", "cat", 3), ("train", "dog", 1), ("val", "cat", 1), ("val", "dog", 2)):
        for index in range(number):
            save(root / split / class_name / f"{index}.png", picture(seed := seed + 1))
    return root


def test_a_clean_data_set_has_no_findings(root):
    report = scan_images(root)
    assert report.findings == report.problems == []
    assert (report.root, report.num_files) == (root, 7)


def test_classes_imbalance_and_majority_baseline_are_counted_per_split(root):
    report = scan_images(root)
    assert report.counts == {"train": {"cat": 3, "dog": 1}, "val": {"cat": 1, "dog": 2}}
    assert report.imbalance == {"train": 3.0, "val": 2.0}
    # The answer is the training set's largest class, in every split.
    assert report.majority_class == "cat"
    assert report.majority_baseline == {"train": 0.75, "val": pytest.approx(1 / 3)}


def test_one_folder_a_class_can_be_scanned_without_splits(root):
    assert scan_images(root / "train").counts == {"train": {"cat": 3, "dog": 1}}


def encoded(image: Image.Image, file_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("suffix", "file_format"), [(".jpg", "JPEG"), (".png", "PNG"), (".gif", "GIF"), (".bmp", "BMP")]
)
def test_truncated_pictures_are_found(root, suffix, file_format):
    content = encoded(picture(9), file_format)
    (root / "train" / "cat" / f"half{suffix}").write_bytes(content[: len(content) // 2])
    report = scan_images(root)
    assert found(report) == {(f"train/cat/half{suffix}", "truncated")}
    assert report.counts["train"]["cat"] == 3


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\0" * 40])
def test_unreadable_pictures_are_found(root, content):
    (root / "train" / "cat" / "bad.png").write_bytes(content)
    report = scan_images(root)
    assert found(report) == {("train/cat/bad.png", "unreadable")}
    assert report.counts["train"]["cat"] == 3
    assert str(root) not in report.findings[0].detail


def test_pictures_of_unknown_range_are_found_with_the_way_out(root):
    save(root / "train" / "cat" / "depth.tif", Image.new("F", (48, 40), 0.5))
    (finding,) = scan_images(root).findings
    assert (finding.path, finding.kind) == ("train/cat/depth.tif", "unsupported")
    assert "8 or 16 bits" in finding.detail


@pytest.mark.parametrize("name", ["notes.txt", "no ending"])
def test_files_that_are_no_pictures_are_found(root, name):
    (root / "val" / "dog" / name).write_bytes(b"-")
    assert found(scan_images(root)) == {(f"val/dog/{name}", "not an image")}


def test_a_heic_photo_is_to_be_mended_whatever_its_name(root):
    for name in ("photo.heic", "photo.HEIF", "photo.jpg"):
        (root / "val" / "dog" / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    report = scan_images(root)
    assert found(report) == {(f"val/dog/photo{suffix}", "unsupported") for suffix in (".heic", ".HEIF", ".jpg")}
    assert "save it as .jpg" in repr(report)


def test_a_picture_whose_notes_are_odd_is_readable(root):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.XResolution] = 6, 72.0
    noted = exif.tobytes().replace(b"\x01\x1a\x00\x05\x00\x00\x00\x01", b"\x01\x1a\x00\x02\x00\x00\x00\x08")  # as text
    save(root / "train" / "cat" / "noted.jpg", picture(9), exif=noted)
    assert found(scan_images(root)) == {("train/cat/noted.jpg", "rotated")}


def test_a_picture_that_is_too_large_is_found(root, monkeypatch):
    save(root / "train" / "cat" / "map.png", picture(9, size=(100, 90)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    report = scan_images(root)
    assert found(report) == {("train/cat/map.png", "too large")}
    assert "shrink it" in repr(report)
    assert "delete" not in repr(report)


def test_links_to_nowhere_are_findings(root):
    for name in ("train/cat/link.jpg", "train/cat/notes", "train/bird"):
        (root / name).symlink_to(root / "gone")
    report = scan_images(root)
    assert found(report) == {(name, "broken link") for name in ("train/cat/link.jpg", "train/cat/notes", "train/bird")}


def test_a_folder_that_may_not_be_read_is_a_finding(root, monkeypatch):
    monkeypatch.setattr(os, "scandir", refusing(os.scandir, lambda path: path.parts[-2:] == ("train", "dog")))
    report = scan_images(root)
    assert found(report) == {("train/dog", "no access"), ("train/dog", "empty class")}
    assert report.counts["train"] == {"cat": 3, "dog": 0}


def test_a_file_that_may_not_be_read_is_a_finding(root, monkeypatch):
    monkeypatch.setattr(Image, "open", refusing(Image.open, lambda path: path.name == "1.png"))
    assert found(scan_images(root)) == {("train/cat/1.png", "no access"), ("val/dog/1.png", "no access")}


def test_files_and_folders_that_vanish_meanwhile_are_findings(root, monkeypatch):
    opened = Image.open

    def clearing(path):
        shutil.rmtree(root / "val" / "dog", ignore_errors=True)
        return opened(path)

    monkeypatch.setattr(Image, "open", clearing)
    report = scan_images(root)
    assert found(report) == {("val/dog/0.png", "vanished"), ("val/dog/1.png", "vanished"), ("val/dog", "empty class")}
    assert "val/dog/0.png" in repr(report)


@pytest.mark.parametrize("name", ["1 copy", "1 - Kopie", "1_copy2", "1 (1)", "0 Copy of 1"])
def test_of_two_equal_files_the_copy_is_blamed(root, name):
    save(root / "train" / "cat" / f"{name}.png", load_image(root / "train" / "cat" / "1.png"))
    (finding,) = scan_images(root).findings
    assert finding == (f"train/cat/{name}.png", "duplicate", "same picture as train/cat/1.png")


def test_of_two_equal_files_the_one_outside_every_class_folder_is_blamed(root):
    save(root / "train" / "a loose one.png", load_image(root / "train" / "cat" / "1.png"))
    assert found(scan_images(root)) == {("train/a loose one.png", "duplicate"), ("train/a loose one.png", "misplaced")}


def test_the_files_of_one_picture_are_told_as_families(root):
    rough = picture(5, size=(9, 8)).resize((300, 280), Image.Resampling.BICUBIC)
    save(root / "train" / "cat" / "rough.png", rough)
    save(root / "train" / "cat" / "rough copy.png", rough)
    save(root / "train" / "dog" / "rough.bmp", rough)
    save(root / "val" / "cat" / "small.png", rough.resize((150, 140)))
    save(root / "val" / "cat" / "smaller.png", rough.resize((120, 110)))
    report = scan_images(root)
    assert report.copies == [["train/cat/rough copy.png", "train/cat/rough.png", "train/dog/rough.bmp"]]
    assert report.near == [["train/cat/rough.png", "val/cat/small.png", "val/cat/smaller.png"]]


def test_a_copycat_is_no_copy(root):
    save(root / "train" / "cat" / "0 copycat.png", load_image(root / "train" / "cat" / "1.png"))
    assert found(scan_images(root)) == {("train/cat/1.png", "duplicate")}


def test_near_copies_are_to_look_at_and_told_apart_by_split_and_class(root):
    image = picture(6, size=(7, 9)).resize((210, 270), Image.Resampling.BICUBIC)
    save(root / "train" / "cat" / "soft.png", image)
    rough = picture(5, size=(9, 8)).resize((300, 280), Image.Resampling.BICUBIC)
    save(root / "train" / "cat" / "rough.png", rough)
    save(root / "train" / "dog" / "rough.jpg", rough, quality=60)
    save(root / "train" / "cat" / "small.png", rough.resize((150, 140)))
    save(root / "val" / "cat" / "mirrored.jpg", ImageOps.mirror(rough))
    save(root / "val" / "dog" / "other.png", image.resize((200, 200)))
    report = scan_images(root)
    assert found(report) == {
        ("train/cat/small.png", "near duplicate"),
        ("train/dog/rough.jpg", "near contradiction"),
        ("val/cat/mirrored.jpg", "near leakage"),
        ("val/dog/other.png", "near leakage"),
    }
    assert report.problems == []
    assert "4 to look at" in repr(report)
    assert report.of_kind("near leakage")[1].detail.startswith("nearly the same as train/cat/soft.png (")


def test_a_near_copy_of_two_pictures_is_compared_with_the_one_in_the_other_split(root):
    rough = picture(5, size=(9, 8)).resize((300, 280), Image.Resampling.BICUBIC)
    save(root / "train" / "cat" / "rough.png", rough)
    save(root / "val" / "cat" / "a.png", rough.resize((140, 130)))
    save(root / "val" / "cat" / "b.png", rough.resize((141, 131)))
    assert found(scan_images(root)) == {("val/cat/a.png", "near leakage"), ("val/cat/b.png", "near leakage")}


def test_a_folder_called_like_a_split_at_the_wrong_place_is_to_look_at(root):
    report = scan_images(root.parent)  # one folder too high
    wrong = {f"{root.name}/train", f"{root.name}/val"}
    assert {finding.path for finding in report.of_kind("split name")} == wrong
    save(root / "train" / "Testing" / "0.png", picture(9))
    save(root / "train" / "cat" / "valid" / "0.png", picture(10))
    found_names = {(finding.path, finding.detail) for finding in scan_images(root).of_kind("split name")}
    assert found_names == {("train/Testing", "taken for a class"), ("train/cat/valid", "lies too deep, or beside")}


def rows_of(report: ScanReport) -> list[list[str]]:
    return [line.split() for line in repr(report).splitlines()]


def test_an_empty_folder_has_a_report(tmp_path):
    report = scan_images(tmp_path)
    assert (report.findings, report.imbalance, report.majority_class, report.majority_baseline) == ([], {}, None, {})
    assert ["all", "0"] in rows_of(report)
    assert "<table" in report._repr_html_()


def test_one_picture_and_no_class_folder_has_a_report(tmp_path):
    save(tmp_path / "one.jpg", picture())
    report = scan_images(tmp_path)
    assert found(report) == {("one.jpg", "misplaced")}
    assert ["all", "0"] in rows_of(report)
    assert ["largest", ":", "smallest", "-"] in rows_of(report)
    assert "one.jpg" in report._repr_html_()


def test_a_class_of_one_picture_has_a_report(tmp_path):
    save(tmp_path / "cat" / "one.jpg", picture())
    report = scan_images(tmp_path)
    assert report.imbalance == {tmp_path.name: 1.0}
    assert ["always", "cat", "100.0%", "right"] in rows_of(report)


def test_checkpoints_of_a_notebook_are_no_class(tmp_path):
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir(parents=True)
    (tmp_path / "train" / ".ipynb_checkpoints" / "look-checkpoint.ipynb").write_text("{}")
    report = scan_images(tmp_path)
    assert found(report) == {("train/.ipynb_checkpoints", "hidden")}
    assert report.counts == {"train": {}}
    assert ["largest", ":", "smallest", "-"] in rows_of(report)


def test_hidden_entries_are_listed_but_not_looked_into(root):
    save(root / "train" / ".ipynb_checkpoints" / "0.png", picture(1))
    for name in ("val/dog/.DS_Store", "val/Thumbs.db"):
        (root / name).write_bytes(b"-")
    report = scan_images(root)
    hidden = {"train/.ipynb_checkpoints", "val/dog/.DS_Store", "val/Thumbs.db"}
    assert found(report) == {(name, "hidden") for name in hidden}
    assert report.counts["train"] == {"cat": 3, "dog": 1}
    assert report.num_files == 7


def test_equal_pixels_in_one_class_are_duplicates_whatever_the_file_looks_like(root):
    save(root / "train" / "cat" / "copy.bmp", load_image(root / "train" / "cat" / "0.png"))
    (finding,) = scan_images(root).findings
    assert finding == ("train/cat/copy.bmp", "duplicate", "same picture as train/cat/0.png")


def test_equal_bytes_of_another_shape_are_no_duplicates(root):
    image = picture(99)
    save(root / "train" / "cat" / "wide.png", image)
    save(root / "train" / "cat" / "high.png", Image.frombytes("RGB", image.size[::-1], image.tobytes()))
    assert scan_images(root).findings == []


def test_one_picture_under_two_classes_is_a_contradiction(root):
    save(root / "train" / "dog" / "zz.png", load_image(root / "train" / "cat" / "1.png"))
    assert found(scan_images(root)) == {("train/dog/zz.png", "contradiction")}


def test_a_picture_in_two_splits_is_leakage_reported_where_it_is_examined(root):
    # "aaa" sorts before "train": still the exam's copy is reported.
    image = load_image(root / "train" / "cat" / "1.png")
    (root / "test" / "dog").mkdir(parents=True)
    save(root / "test" / "cat" / "aaa.png", image)
    save(root / "test" / "dog" / "0.png", picture(77))
    save(root / "val" / "cat" / "again.png", image)
    report = scan_images(root)
    assert found(report) == {("test/cat/aaa.png", "leakage"), ("val/cat/again.png", "leakage")}
    assert all(finding.detail == "same picture as train/cat/1.png" for finding in report.findings)


def test_a_second_copy_in_the_exam_is_compared_with_the_first_one_there(root):
    for name in ("leak 1.png", "leak 2.png"):
        save(root / "val" / "cat" / name, load_image(root / "train" / "cat" / "1.png"))
    assert [tuple(finding) for finding in scan_images(root).findings] == [
        ("val/cat/leak 1.png", "leakage", "same picture as train/cat/1.png"),
        ("val/cat/leak 2.png", "duplicate", "same picture as val/cat/leak 1.png"),
    ]


def test_pictures_turned_by_exif_are_found(root):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    save(root / "train" / "cat" / "sideways.jpg", picture(9), exif=exif)
    (finding,) = scan_images(root).findings
    assert finding == ("train/cat/sideways.jpg", "rotated", "EXIF orientation 6")


def test_upright_exif_is_no_finding(root):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    save(root / "train" / "cat" / "upright.jpg", picture(9), exif=exif)
    assert scan_images(root).findings == []


def test_tiny_pictures_are_found_by_their_shorter_side(root):
    save(root / "train" / "cat" / "strip.png", picture(9, size=(200, 31)))
    save(root / "train" / "cat" / "just enough.png", picture(10, size=(200, 32)))
    assert [tuple(finding) for finding in scan_images(root).findings] == [
        ("train/cat/strip.png", "tiny", "200 x 31 pixels")
    ]
    assert scan_images(root, min_size=31).findings == []


@pytest.mark.parametrize(
    ("mode", "suffix", "detail"),
    [
        ("L", ".jpg", "L"),
        ("L", ".png", "L"),
        ("LA", ".png", "LA with transparency"),
        ("P", ".png", "P"),
        ("RGBA", ".png", "RGBA with transparency"),
        ("CMYK", ".jpg", "CMYK"),
    ],
)
def test_unusual_modes_are_found_and_counted_as_pictures(root, mode, suffix, detail):
    save(root / "train" / "dog" / f"odd{suffix}", picture(9).convert(mode))
    report = scan_images(root)
    assert [tuple(finding) for finding in report.findings] == [(f"train/dog/odd{suffix}", "unusual mode", detail)]
    assert report.counts["train"]["dog"] == 2
    assert report.problems == []


def test_a_transparent_palette_is_found(root):
    save(root / "train" / "dog" / "odd.png", picture(9).quantize(8), transparency=0)
    assert scan_images(root).findings[0].detail == "P with transparency"


def test_16_bit_pictures_are_found(root):
    values = np.random.default_rng(0).integers(0, 65536, (40, 48), dtype=np.uint16)
    save(root / "train" / "dog" / "scan.png", Image.fromarray(values))
    report = scan_images(root)
    assert found(report) == {("train/dog/scan.png", "unusual mode")}
    assert report.findings[0].detail.startswith("I")


def test_animations_are_found(root):
    save(root / "train" / "dog" / "film.webp", picture(8), save_all=True, append_images=[picture(9), picture(10)])
    assert ("train/dog/film.webp", "animated", "3 frames") in scan_images(root).findings


def test_pictures_outside_every_class_folder_are_found(root):
    save(root / "train" / "loose.png", picture(9))
    save(root / "later" / "cat" / "0.png", picture(10))
    report = scan_images(root)
    assert found(report) == {("train/loose.png", "misplaced"), ("later/cat/0.png", "misplaced")}
    assert sum(report.counts["train"].values()) == 4


def test_an_empty_class_is_found_in_every_split_that_lacks_it(root):
    save(root / "train" / "cow" / "0.png", picture(9))
    report = scan_images(root)
    assert found(report) == {("val/cow", "empty class")}
    assert report.imbalance["val"] == float("inf")


def test_a_data_set_without_a_readable_picture_is_still_reported(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "bad.jpg").write_bytes(b"-")
    report = scan_images(tmp_path)
    assert found(report) == {("cat/bad.jpg", "unreadable"), ("cat", "empty class")}
    assert (report.majority_class, report.majority_baseline) == (None, {})
    assert "cat/bad.jpg" in repr(report)


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        scan_images(tmp_path / "nowhere")


@pytest.fixture
def troubled(root) -> ScanReport:
    (root / "train" / "cat" / "empty.png").write_bytes(b"")
    for index in range(13):
        save(root / "val" / "dog" / f"grey {index:02d}.png", picture(20 + index).convert("L"))
    save(root / "train" / "dog" / "strip.png", picture(9, size=(9, 9)))
    return scan_images(root)


def test_findings_come_worst_first_and_problems_are_those_to_mend(troubled):
    order = [list(KINDS).index(finding.kind) for finding in troubled.findings]
    assert order == sorted(order)
    assert {finding.kind for finding in troubled.problems} == {"unreadable", "tiny"}
    assert len(troubled.of_kind("unusual mode")) == 13
    with pytest.raises(KeyError, match="'blurred'"):
        troubled.of_kind("blurred")


def test_the_text_tells_counts_troubles_and_what_to_do(troubled):
    text = repr(troubled)
    rows = [line.split() for line in text.splitlines()]
    assert "2 to mend, 0 to look at, 13 handled" in text
    assert ["all", "5", "16"] in rows
    assert ["always", "cat", "60.0%", "right", "6.2%", "right"] in rows
    assert "train/dog/strip.png  tiny" in text
    assert KINDS["tiny"] in text
    assert text.count("val/dog/grey") == 10  # a long list is cut ...
    assert "... 3 more" in text  # ... and says so


class Cells(HTMLParser):
    """Collects the text of all table cells, and fails on a tag that is never closed."""

    def __init__(self):
        super().__init__()
        self.open, self.cells = [], []

    def handle_starttag(self, tag, _attributes):
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def test_the_html_shows_the_same_as_the_text(troubled):
    parser = Cells()
    parser.feed(troubled._repr_html_())
    assert parser.open == []
    text = repr(troubled)
    assert all(cell in text for cell in parser.cells)
    assert {"train/cat/empty.png", "train/dog/strip.png", "... 3 more"} <= set(parser.cells)


def test_the_html_shows_any_file_name_as_it_is(tmp_path):
    finding = ScanFinding("train/cat/<b>&.png", "tiny", "3 x 3 pixels")
    html = ScanReport(tmp_path, 1, [finding], {"train": {"cat": 1}})._repr_html_()
    parser = Cells()
    parser.feed(html)
    assert "train/cat/<b>&.png" in parser.cells
    assert "<b>&" not in html


def test_the_page_folds_away_what_nobody_has_to_do_anything_about(tmp_path):
    counts = {"train": {"cat": 1}}
    tiny, grey = ScanFinding("a.png", "tiny", ""), ScanFinding("b.png", "unusual mode", "L")
    page = ScanReport(tmp_path, 2, [tiny, grey], counts)._repr_html_()
    in_view, folded = page.split("<details>")
    assert "a.png" in in_view
    assert "b.png" in folded
    assert "<details" not in ScanReport(tmp_path, 2, [tiny], counts)._repr_html_()


def test_a_progress_bar_is_shown_unless_it_is_unwanted(root, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    scan_images(root)
    assert "Reading pictures" in capsys.readouterr().out
    scan_images(root, progress=False)
    assert capsys.readouterr().out == ""

"""A split reads well, and its file gives back what was written."""

import os

import pytest

from course_utils.pictures.scan_report import ScanFinding
from course_utils.pictures.split_report import Placed, Split, count_placed, read_split, write_split

PLACED = [
    Placed('cat/a "big", one.jpg', "cat", "", "train"),
    Placed("cat/b.jpg", "cat", "ä, b", "test"),
    Placed("dog/1.jpg", "dog", "", "train"),
]


def test_a_split_comes_back_from_its_file_as_it_was(tmp_path):
    write_split(tmp_path / "split.csv", PLACED)
    assert read_split(tmp_path / "split.csv") == PLACED
    assert (tmp_path / "split.csv").read_text(encoding="utf-8").splitlines()[0] == "file,class,group,split"


@pytest.mark.skipif(os.name == "nt", reason="there every name is text")
def test_a_name_that_is_no_text_comes_back_too(tmp_path):
    placed = [Placed(os.fsdecode(b"cat/\xff.jpg"), "cat", "", "train")]
    write_split(tmp_path / "split.csv", placed)
    assert read_split(tmp_path / "split.csv") == placed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "first line"),
        ("file,split\n", "first line"),
        ("file,class,group,split\na,b,,train\na,b,,training\n", "line 3"),
        ("file,class,group,split\na,b,train\n", "line 2"),
    ],
)
def test_another_table_is_refused_with_its_line(tmp_path, content, message):
    (tmp_path / "other.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"other\.csv.*{message}"):
        read_split(tmp_path / "other.csv")


def test_classes_are_counted_in_every_split_that_is_used():
    assert count_placed(PLACED) == {"train": {"cat": 1, "dog": 1}, "test": {"cat": 1, "dog": 0}}


def test_the_report_shows_counts_shares_what_was_left_out_and_remarks(tmp_path):
    left_out = [ScanFinding(f"cat/<{number}>.jpg", "unreadable", "a web page") for number in range(12)]
    split = Split(tmp_path, PLACED, left_out, ["A <remark>."])
    text, page = repr(split), split._repr_html_()
    assert "Split: 3 pictures" in text
    assert "12 left out" in text
    assert "share  67%    33%" in text
    assert "... 2 more" in text
    assert text.endswith("A <remark>.")
    assert "&lt;remark&gt;" in page
    assert "<9>" not in page
    assert "Left out" not in repr(Split(tmp_path, PLACED))

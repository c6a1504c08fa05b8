"""The report: whole, self-contained, and enough to repeat the run."""

import base64
import io
import re
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.classroom.commands import quote
from course_utils.evaluation import Predictions
from course_utils.report.history import History
from course_utils.schooling import page
from course_utils.schooling.page import write_report

LISTS = ("train_accuracy", "val_accuracy", "learning_rate", "seconds")

pytestmark = pytest.mark.usefixtures("coarse_pictures")


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.addresses, self.images, self.tags, self.text = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.addresses += [values[name] for name in ("src", "href") if name in values]
        if tag == "img":
            self.images.append(values)

    def handle_data(self, data):
        self.text += data


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def test_the_page_tells_the_mark_the_split_and_how_to_repeat_it(whole, tmp_path):
    write_report(tmp_path / "student.html", whole)
    seen = read(tmp_path / "student.html")
    assert whole.verdict in seen.text
    assert str(whole.subject.split.source) in seen.text
    for word in ("--seed 0", "--weights course", "--shares 0.7 0.15 0.15", "--group", torch.__version__, "SHA-256"):
        assert word in seen.text
    for line in ("predict {} PICTURES", "demo {}", "export {} --exam {}"):
        places = [quote(str(place)) for place in (whole.output, whole.settings["folder"])]
        assert f"course {line.format(*places)}" in seen.text
    for file in (whole.output, whole.subject.split_file):
        assert sha256(file.read_bytes()).hexdigest() in seen.text
    assert "30 pictures of" in seen.text
    assert read(tmp_path / "student.html").tags.count("table") >= 3


def test_the_page_asks_nothing_of_any_other_place_and_its_pictures_have_words(whole, tmp_path):
    write_report(tmp_path / "student.html", whole)
    seen = read(tmp_path / "student.html")
    assert all(address.startswith("data:") for address in seen.addresses)
    assert len(seen.images) >= 3
    assert all(image["alt"].strip() for image in seen.images)
    assert not re.search(r"https?://", seen.text)
    assert (seen.tags.count("h1"), seen.tags.count("main")) == (1, 1)


def test_a_perfect_exam_and_one_of_mistakes_only_have_a_page(whole, tmp_path):
    labels = whole.exam.labels
    right = torch.nn.functional.one_hot(labels, 3).float()
    for name, probabilities in (("right", right), ("wrong", right.roll(1, dims=1))):
        write_report(tmp_path / f"{name}.html", whole._replace(exam=Predictions(probabilities, labels)))
    assert "No mistake to show" in (tmp_path / "right.html").read_text(encoding="utf-8")
    assert "pictures named rightly" in (tmp_path / "wrong.html").read_text(encoding="utf-8")


def test_each_mistake_is_shown_with_its_truth_the_answer_and_where_the_picture_lies(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "SIDE", 30)  # of pictures of 48 x 40
    labels = whole.exam.labels
    probabilities = torch.nn.functional.one_hot(labels, 3).float()
    probabilities[1] = torch.tensor([0.1, 0.2, 0.7])  # red; the pictures of the exam are of blue, green, red, in order
    assert labels[1] != 2
    write_report(tmp_path / "student.html", whole._replace(exam=Predictions(probabilities, labels)))
    seen = read(tmp_path / "student.html")
    picture = [placed for placed in whole.subject.split.placed if placed.split == "test"][1]
    assert f"{picture.class_name} taken for red, 70% sure{picture.file}" in seen.text
    assert [image["alt"] for image in seen.images if image["alt"].startswith("The picture ")] == [
        f"The picture {picture.file}"
    ]
    html = (tmp_path / "student.html").read_text(encoding="utf-8")
    data = html.partition(f'alt="The picture {picture.file}"')[2].partition("base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as shown:
        assert shown.size == (30, 25)
        red, green, blue = np.asarray(shown.convert("RGB"), dtype=float).mean(axis=(0, 1))
    assert max((red, "red"), (green, "green"), (blue, "blue"))[1] == picture.class_name


def test_remarks_on_the_run_and_on_its_cards_are_told(whole, tmp_path):
    """A card whose best term comes early has remarks; so has the whole one, here of a name with HTML in it."""
    rising = {"train_loss": [1.0, 0.8, 0.6, 0.4, 0.2], "val_loss": [1.0, 1.2, 1.5, 1.9, 2.4]}
    card = History(**{**whole.cards["head"].to_dict(), **rising} | {name: [0.5] * 5 for name in LISTS})
    assert card.remarks()
    write_report(tmp_path / "student.html", whole._replace(remarks=["No picture of <b>."], cards={"head": card}))
    seen = read(tmp_path / "student.html").text
    assert "No picture of <b>." in seen
    assert all(remark in seen for remark in card.remarks())


def test_what_has_learned_is_told_and_what_was_not_kept(whole, tmp_path):
    for chosen, told in (("head", "the head alone"), ("eye", "eye and head")):
        write_report(tmp_path / "student.html", whole._replace(chosen=chosen))
        seen = read(tmp_path / "student.html").text
        assert f"what has learned{told}" in seen
        assert ("The eye learns (not kept" in seen) == (chosen == "head")
        assert "The head learns (not kept" not in seen


def test_folders_that_are_the_split_have_no_file_of_it_to_name(whole, tmp_path):
    subject = whole.subject._replace(split_file=None)
    write_report(tmp_path / "student.html", whole._replace(subject=subject, settings=whole.settings | {"group": None}))
    seen = read(tmp_path / "student.html").text
    assert "splitthe folders themselves" in seen
    assert "--group" not in seen


def test_without_a_final_exam_the_proof_of_an_export_wants_another_folder(whole, tmp_path):
    write_report(tmp_path / "student.html", whole._replace(exam_name="mock exam"))
    seen = read(tmp_path / "student.html").text
    assert "student.pt --exam FOLDER" in seen
    assert "The mock exam" in seen


def test_the_scale_shows_the_mark_its_range_and_the_guess(whole, tmp_path):
    write_report(tmp_path / "student.html", whole._replace(baseline=0.125))
    html = (tmp_path / "student.html").read_text(encoding="utf-8")
    low, high = whole.interval
    assert f'class="range" style="left: {low:.2%}; width: {high - low:.2%}"' in html
    assert f'class="point" style="left: {whole.exam.accuracy:.2%}"' in html
    assert 'class="guess" style="left: 12.50%"' in html


def test_of_many_classes_the_most_frequent_mistakes_are_listed(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "MOST_CLASSES", 2)
    labels = whole.exam.labels
    wrong = torch.nn.functional.one_hot(labels, 3).float().roll(1, dims=1)
    write_report(tmp_path / "student.html", whole._replace(exam=Predictions(wrong, labels)))
    seen = read(tmp_path / "student.html").text
    assert "The most frequent mistakes" in seen
    assert re.search(r"blue\s*green\s*[1-9]", seen.partition("The most frequent mistakes")[2])


def test_recall_and_precision_are_those_of_the_counts():
    counts = torch.tensor([[3, 1], [0, 0]])
    rows = page._recalls(counts, ["a", "b"])
    assert rows[1][:4] == ["a", "4", "75%", "30% to 95%"]
    assert rows[1][4] == "100%"
    assert rows[2] == ["b", "0", "-", "0% to 100%", "0%"]


def test_the_most_frequent_mistakes_come_first_and_none_that_nobody_made():
    counts = torch.tensor([[9, 1, 0], [0, 2, 0], [4, 0, 1]])
    assert page._worst_pairs(counts, list("abc"))[1:] == [["c", "a", "4"], ["a", "b", "1"]]

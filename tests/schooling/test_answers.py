"""A student's answers to many files: the same as one by one, and bad files are named."""

import csv
import io
import json

import pytest
import torch

from course_utils.inference import predict_topk
from course_utils.models import build_classifier
from course_utils.schooling import answers
from course_utils.schooling.answers import answer, as_csv, as_json, as_table, find_pictures
from course_utils.transforms import InputSpec

from .conftest import Bar, paint


@pytest.fixture
def student():
    model = build_classifier(3, weights=None, classes=["blue", "grün", 'red, "dark"'])
    model.spec = InputSpec(image_size=32)
    return model.eval()


def test_answers_are_those_of_single_pictures_whatever_the_batch(zoo, student, monkeypatch):
    monkeypatch.setattr(answers, "BATCH_SIZE", 4)
    files = find_pictures([zoo / "red"])
    given = list(answer(student, files))
    assert [item.file for item in given] == list(map(str, files))
    for item, file in zip(given, files, strict=True):
        for ours, single in zip(item.predictions, predict_topk(student, file), strict=True):
            assert ours.name == single.name
            assert ours.probability == pytest.approx(single.probability, abs=1e-5)


def test_bad_files_are_answered_with_their_problem_and_the_others_as_ever(zoo, student):
    (zoo / "red" / "half.png").write_bytes((zoo / "red" / "1.png").read_bytes()[:50])
    given = list(answer(student, [zoo / "red" / "half.png", zoo / "gone.png", zoo / "red" / "1.png"]))
    assert "half.png" in given[0].problem
    assert "gone.png" in given[1].problem
    assert not given[2].problem
    assert [len(item.predictions) for item in given] == [0, 0, 3]
    assert next(answer(student, [zoo / "gone.png"])).problem


def test_a_folder_gives_its_pictures_and_a_named_file_whatever_it_is(zoo):
    (zoo / "red" / "notes.txt").touch()
    (zoo / "red" / ".hidden.png").touch()
    (zoo / "red" / "phone.HEIC").touch()
    names = [path.name for path in find_pictures([zoo / "red", zoo / "red" / "notes.txt"])]
    assert names == [*(f"{number}.png" for number in range(10)), "phone.HEIC", "notes.txt"]
    (zoo / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no picture"):
        find_pictures([zoo / "empty"])


def test_the_home_folder_has_its_short_name_for_files_and_folders(zoo, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(zoo))
    assert find_pictures(["~/red/1.png", "~/red"])[:2] == [zoo / "red" / "1.png", zoo / "red" / "0.png"]


def test_k_chooses_how_many_names(zoo, student):
    assert len(next(answer(student, [zoo / "red" / "1.png"], k=1)).predictions) == 1
    one = list(answer(student, [zoo / "red" / "1.png"], k=1))
    assert as_csv(one).splitlines()[0] == "file,name_1,probability_1,problem"
    for k in (0, 4):
        with pytest.raises(ValueError, match="ask for 1 to 3 names"):
            next(answer(student, [zoo / "red" / "1.png"], k=k))
    for num_classes, num_names in ((2, 2), (5, 3)):
        other = build_classifier(num_classes, weights=None, classes=list("abcde")[:num_classes])
        assert len(next(answer(other.eval(), [zoo / "red" / "1.png"])).predictions) == num_names


def test_a_problem_is_one_line_whatever_error_it_comes_from(zoo, student, monkeypatch):
    def refuse(*_):
        raise ValueError("so large\n  that it is no picture")

    monkeypatch.setattr(answers, "as_input", refuse)
    assert next(answer(student, [zoo / "red" / "1.png"])).problem == "so large that it is no picture"


def test_the_bar_counts_every_picture_bad_ones_too(zoo, student, monkeypatch):
    monkeypatch.setattr(answers, "BATCH_SIZE", 4)
    bars = []
    monkeypatch.setattr(answers, "progress_bar", lambda **options: bars.append(Bar(**options)) or bars[-1])
    list(answer(student, [*find_pictures([zoo / "red"]), zoo / "gone.png"]))
    assert [(bar.n, bar.total) for bar in bars] == [(11, 11)]


def test_every_form_says_the_same(zoo, student):
    paint(zoo / "red" / "a, b.png", "red", 5)
    given = list(answer(student, [zoo / "red" / "a, b.png", zoo / "gone.png"]))
    first = given[0].predictions[0]
    assert f"{first.name}" in as_table(given)
    assert f"{first.probability:.1%}" in as_table(given)
    assert as_table(given[1:]) == "No picture could be read."
    picture, gone = json.loads(as_json(given))
    assert picture["answers"][0] == {"name": first.name, "probability": first.probability}
    assert gone["problem"] == given[1].problem
    assert "grün" in as_json(given)
    head, line, last = csv.reader(io.StringIO(as_csv(given)))
    assert head == ["file", "name_1", "probability_1", "name_2", "probability_2", "name_3", "probability_3", "problem"]
    assert line[:2] == [given[0].file, first.name]
    assert float(line[2]) == pytest.approx(first.probability, abs=1e-6)
    assert last == [given[1].file, *[""] * 6, given[1].problem]


def test_the_student_is_sent_to_the_device_with_its_pictures(zoo, student):
    """A recorded call, in place of a GPU: meta tensors compute nothing, and refuse a partner on another device."""
    seen = []
    student.register_forward_pre_hook(lambda module, inputs: seen.append((inputs[0].device, module.head.weight.device)))
    with pytest.raises(NotImplementedError):  # a meta tensor cannot come back
        list(answer(student, [zoo / "red" / "1.png"], device=torch.device("meta")))
    assert seen == [(torch.device("meta"), torch.device("meta"))]

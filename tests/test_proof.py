"""The proof of an export: what counts as the same, what is refused, and what is left when it fails."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import proof
from course_utils.evaluation import Predictions
from course_utils.inference import predict_topk, save_classifier
from course_utils.models import build_classifier
from course_utils.pictures.split_report import Placed, write_split
from course_utils.proof import MismatchError, Proof, Way, calibration_pictures, export_with_proof, find_exam, sit_exam
from course_utils.transforms import InputSpec

CLASSES = ["dress", "hat", "pants"]
DUE = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.4001, 0.3999, 0.2], [0.1, 0.2, 0.7]])
LABELS = torch.tensor([0, 1, 0, 0])


def compared(probabilities) -> tuple[Proof, Way]:
    ways = [Way("PyTorch", Predictions(DUE, LABELS), 9_200_000, 20.0)]
    ways.append(Way("ONNX", Predictions(torch.as_tensor(probabilities), LABELS), 8_900_000, 6.0))
    return Proof("exam", tuple(ways)), ways[1]


def test_the_same_answers_pass():
    made, way = compared(DUE + 1e-5)
    made.check(way)
    assert made.lost(way) == 0
    assert made.largest_difference(way) == pytest.approx(1e-5, rel=0.02)


def test_another_first_answer_is_a_mismatch():
    swapped = DUE.clone()
    swapped[1] = torch.tensor([0.2, 0.3, 0.5])
    made, way = compared(swapped)
    assert made.lost(way) == 1
    with pytest.raises(MismatchError, match="of 4 pictures 1 get another first answer"):
        made.check(way)


def test_another_first_answer_is_a_mismatch_however_little_each_probability_is_off():
    due = Predictions(torch.tensor([[0.5006, 0.4994, 0.0]]), LABELS[:1])
    given = Predictions(torch.tensor([[0.4999, 0.5001, 0.0]]), LABELS[:1])
    made = Proof("exam", (Way("PyTorch", due, 1, 1.0), Way("ONNX", given, 1, 1.0)))
    assert made.largest_difference(made.ways[1]) < proof.TIE
    with pytest.raises(MismatchError, match="1 get another first answer"):
        made.check(made.ways[1])


def test_a_probability_further_off_than_rounding_is_a_mismatch_and_so_is_none_at_all():
    for change in (0.012, float("nan")):
        probabilities = DUE.clone()
        probabilities[0, 0] += change
        made, way = compared(probabilities)
        with pytest.raises(MismatchError):
            made.check(way)


def test_two_answers_that_pytorch_holds_for_equally_probable_are_one():
    probabilities = DUE.clone()
    probabilities[2] = torch.tensor([0.3999, 0.4001, 0.2])
    made, way = compared(probabilities)
    assert made.lost(way) == 0
    made.check(way)


def test_the_table_says_what_8_bits_cost():
    other = DUE.clone()
    other[:2] = torch.tensor([[0.2, 0.7, 0.1], [0.7, 0.2, 0.1]])
    made, _ = compared(DUE)
    small = Way("ONNX in int8", Predictions(other, LABELS), 2_600_000, 5.0)
    text = repr(made._replace(ways=(*made.ways, small), calibrated_on="100 pictures of train"))
    assert [line.split() for line in text.splitlines()[1:4]] == [
        ["PyTorch", "9.2", "MB", "20.0", "ms"],
        ["ONNX", "4", "of", "4", "0", "8.9", "MB", "6.0", "ms"],
        ["ONNX", "in", "int8", "2", "of", "4", "0.5", "2.6", "MB", "5.0", "ms"],
    ]
    assert "ONNX in int8 (set on 100 pictures of train): 2 of 4 first answers are others; 2 of them were right" in text
    assert text.endswith(", 0 are right now. Right answers: -50.0% ± 28.9%.")


def write_folder(root, *, number=2, classes=CLASSES):
    rng = np.random.default_rng(0)
    for position, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for index in range(number):
            values = rng.integers(0, 256, (30 + 5 * position, 45 + index, 3), dtype=np.uint8)
            Image.fromarray(values).save(root / name / f"{index}.png")
    return root


def test_the_exam_is_the_split_test_or_the_class_folders_themselves(tmp_path):
    for split in ("train", "test"):
        write_folder(tmp_path / "data" / split)
    write_folder(tmp_path / "plain", classes=["hat"])
    assert find_exam(tmp_path / "data", CLASSES).root == tmp_path / "data" / "test"
    exam = find_exam(tmp_path / "plain", CLASSES)
    assert exam.targets == [1, 1], "the student's own order of names counts"


def test_what_is_no_exam_for_this_student_is_refused(tmp_path):
    write_folder(tmp_path / "data" / "train")
    with pytest.raises(FileNotFoundError, match="no folder named test"):
        find_exam(tmp_path / "data", CLASSES)
    write_folder(tmp_path / "cats", classes=["cat"])
    with pytest.raises(ValueError, match="No such class: cat"):
        find_exam(tmp_path / "cats", CLASSES)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_exam(tmp_path / "nowhere", CLASSES)


def test_class_folders_that_train_has_divided_are_examined_on_their_test_pictures_only(tmp_path):
    """What was practised proves little, and what is broken was left out of the split."""
    root = write_folder(tmp_path / "mine", number=4)
    placed = [
        Placed(f"{name}/{index}.png", name, "", split)
        for name in CLASSES
        for index, split in enumerate(("train", "train", "validation", "test"))
    ]
    write_split(root / "split.csv", placed)
    (root / "hat" / "half.png").write_bytes(b"\x89PNG")
    exam = find_exam(root, CLASSES)
    assert [path for path, _ in exam.samples] == [str(root / name / "3.png") for name in CLASSES]
    paths, source = calibration_pictures(root, exam)
    assert sorted(paths) == sorted(str(root / name / f"{index}.png") for name in CLASSES for index in (0, 1))
    assert source == "6 pictures of train"
    write_split(root / "split.csv", [picture for picture in placed if picture.split != "test"])
    with pytest.raises(FileNotFoundError, match=r"split\.csv lists no test picture"):
        find_exam(root, CLASSES)


def test_8_bits_are_set_on_practice_pictures_of_every_class(tmp_path):
    write_folder(tmp_path / "data" / "train", number=50)
    write_folder(tmp_path / "data" / "test")
    exam = find_exam(tmp_path / "data", CLASSES)
    paths, source = calibration_pictures(tmp_path / "data", exam)
    assert (len(paths), source) == (100, "100 pictures of train")
    assert {path.split("/")[-2] if "/" in path else path.split("\\")[-2] for path in paths} == set(CLASSES)
    assert len(set(paths)) == 100
    paths, source = calibration_pictures(tmp_path / "data" / "test", exam)
    assert (len(paths), source) == (6, "6 pictures of the exam itself")


def test_every_way_is_asked_every_picture_in_order(tmp_path):
    exam = find_exam(write_folder(tmp_path / "exam"), CLASSES)
    widths = []

    def first(picture):
        widths.append(picture.shape[1])
        return np.array([0.5, 0.3, 0.2], np.float32)

    ways = sit_exam(exam, {"a": (first, 10), "b": (lambda _: np.array([0.2, 0.6, 0.2], np.float32), 20)})
    assert widths == [45, 46] * 3
    assert [(way.name, way.num_bytes) for way in ways] == [("a", 10), ("b", 20)]
    assert ways[0].predictions.accuracy == ways[1].predictions.accuracy == pytest.approx(1 / 3)
    assert all(way.milliseconds >= 0 for way in ways)


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    torch.manual_seed(1)
    model = build_classifier(3, weights=None, classes=CLASSES)
    model.spec = InputSpec(image_size=32, resize_size=36)
    with torch.no_grad():
        model.head.weight.mul_(100)
    path = tmp_path_factory.mktemp("student") / "student.pt"
    save_classifier(path, model)
    return path, model


def test_a_whole_student_is_exported_and_says_the_same_as_predict_topk(student, tmp_path):
    pytest.importorskip("onnxscript", reason="the extra `export` is missing")
    pytest.importorskip("onnxruntime", reason="the extra `export` is missing")
    folder = write_folder(tmp_path / "exam")
    output = tmp_path / "out" / "student.onnx"
    written, made = export_with_proof(student[0], folder, output)
    assert sorted(output.parent.iterdir()) == sorted(written) == [output, output.with_name("student_int8.onnx")]
    assert [way.num_bytes for way in made.ways] == [path.stat().st_size for path in (student[0], *written)]
    assert made.largest_difference(made.ways[1]) < proof.TIE
    exam = find_exam(folder, CLASSES)
    for (path, _), probabilities in zip(exam.samples, made.ways[1].predictions.probabilities, strict=True):
        due = dict(predict_topk(student[1], path))
        assert dict(zip(CLASSES, probabilities.tolist(), strict=True)) == pytest.approx(due, abs=1e-3)


@pytest.fixture
def quick(monkeypatch):
    """No library writes or opens a file: each file holds the answer that it gives."""
    monkeypatch.setattr(proof, "need_libraries", lambda: None)
    monkeypatch.setattr(proof, "export_classifier", lambda path, _model: path.write_text("0.4 0.3 0.3"))
    monkeypatch.setattr(
        proof, "export_in_8_bits", lambda path, _whole, pictures: path.write_text(f"{len(list(pictures))} 0 0")
    )
    monkeypatch.setattr(proof, "open_exported", lambda path: lambda _: np.array(path.read_text().split(), np.float32))


@pytest.mark.usefixtures("quick")
def test_a_mismatch_leaves_no_file_and_the_old_one_unharmed(student, tmp_path):
    folder, output = write_folder(tmp_path / "exam"), tmp_path / "out" / "student.onnx"
    with pytest.raises(MismatchError):
        export_with_proof(student[0], folder, output)
    assert list(output.parent.iterdir()) == []
    output.write_text("old")
    with pytest.raises(MismatchError):
        export_with_proof(student[0], folder, output)
    assert [path.read_text() for path in output.parent.iterdir()] == ["old"]


@pytest.mark.usefixtures("quick")
def test_without_8_bits_there_is_one_file_and_two_rows(student, tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "open_exported", lambda _path: proof.ask_pytorch(student[1]))
    written, made = export_with_proof(student[0], write_folder(tmp_path / "exam"), tmp_path / "a.onnx", in_8_bits=False)
    assert written == [tmp_path / "a.onnx"]
    assert [way.name for way in made.ways] == ["PyTorch", "ONNX"]


@pytest.mark.usefixtures("quick")
def test_the_student_is_not_written_over(student, tmp_path):
    with pytest.raises(ValueError, match="is the student itself"):
        export_with_proof(student[0], write_folder(tmp_path / "exam"), student[0])
    assert student[0].stat().st_size > 1e6

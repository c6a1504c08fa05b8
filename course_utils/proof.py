"""Does an exported student say what it said before? A whole exam, picture by picture (after school)."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from course_utils.datasets import ImageFolderDataset
from course_utils.evaluation import Predictions, compare_in_pairs
from course_utils.export import Answer, Bytes, export_classifier, export_in_8_bits, need_libraries, open_exported
from course_utils.inference import load_classifier
from course_utils.models import TransferClassifier
from course_utils.pictures.folders import describe_missing_split, find_splits
from course_utils.pictures.split_report import SPLIT_FILE, read_split
from course_utils.report.tables import text_table
from course_utils.runtime import atomic_write, evaluating, given_path, progress_bar
from course_utils.transforms import build_eval_transform, load_image

# How far a probability of the exported file may lie from PyTorch's. Single pixels that are rounded otherwise have moved
# it by up to 0.0011, in 120 photographs at 224 pixels, and by 0.000003 in 300 drawings.
TOLERANCE = 1e-2
TIE = 1e-3  # two answers of PyTorch's own that lie closer than this may change places
NUM_CALIBRATION = 100  # pictures that show which numbers come up, for 8 bits


class MismatchError(RuntimeError):
    """The exported file gives other answers than the student it was made from."""


class Way(NamedTuple):
    """One way of asking the student: its answers to the exam, its file, its time."""

    name: str
    predictions: Predictions
    num_bytes: int
    milliseconds: float  # a picture, from bytes to probabilities: the median


class Proof(NamedTuple):
    """What an exam of all ways says, the first of them PyTorch; `repr` is the table."""

    folder: Path
    ways: tuple[Way, ...]
    calibrated_on: str = ""

    def lost(self, way: Way) -> int:
        """How many first answers are other than PyTorch's. Two that PyTorch itself holds for equally probable, within
        `TIE`, count as one."""
        due = self.ways[0].predictions
        chosen = due.probabilities.gather(1, way.predictions.predicted.unsqueeze(1)).squeeze(1)
        return int((due.confidence - chosen > TIE).sum())

    def largest_difference(self, way: Way) -> float:
        """By how much a probability differs from PyTorch's at most, over all pictures and classes, in [0, 1]."""
        return (way.predictions.probabilities - self.ways[0].predictions.probabilities).abs().max().item()

    def _same(self, way: Way) -> tuple[str, str]:
        """The two cells that compare a way with PyTorch."""
        if way is self.ways[0]:
            return "", ""
        return f"{self.num_pictures - self.lost(way)} of {self.num_pictures}", f"{self.largest_difference(way):.1g}"

    def check(self, way: Way) -> None:
        """Raise MismatchError where `way` gives other first answers, or a probability that is off by more than
        `TOLERANCE`."""
        lost, largest = self.lost(way), self.largest_difference(way)
        if lost or not largest <= TOLERANCE:
            raise MismatchError(
                f"{way.name} is not the student any more: of {self.num_pictures} pictures {lost} get another first "
                f"answer, and a probability is off by {largest:.2g} (at most {TOLERANCE:g} is rounding). No file was "
                "written. Another version of torch, onnxscript or onnxruntime may do better."
            )

    @property
    def num_pictures(self) -> int:
        """How many pictures the exam has."""
        return len(self.ways[0].predictions.labels)

    def __repr__(self) -> str:
        rows = [("", "same first answer", "largest difference", "size", "a picture")]
        for way in self.ways:
            cost = (f"{way.num_bytes / 1e6:.1f} MB", f"{way.milliseconds:.1f} ms")
            rows.append((way.name, *self._same(way), *cost))
        return "\n".join([text_table(rows), *map(self._loss, self.ways[2:])])

    def _loss(self, way: Way) -> str:
        """Say what 8 bits cost, in answers that were right."""
        due = self.ways[0].predictions
        lost, number = self.lost(way), self.num_pictures
        text = f"\n{way.name} (set on {self.calibrated_on}): {lost} of {number} first answers are others"
        if lost == 0 or number < 2:
            return text + "."
        pair = compare_in_pairs(way.predictions, due)
        return (
            f"{text}; {pair.only_second} of them were right, {pair.only_first} are right now. "
            f"Right answers: {pair.accuracy:+.1%} ± {pair.error:.1%}."
        )


def find_exam(folder: str | os.PathLike[str], classes: Sequence[str]) -> ImageFolderDataset:
    """Return the exam in `folder`: its split `test`, or the test pictures of its `split.csv`, which `course train`
    writes there; its class folders where it has no splits at all.

    Raises FileNotFoundError where there is no such folder, or splits without a test, and ValueError for pictures of a
    class that the student does not know.
    """
    folder = given_path(folder, kind="folder", must_exist=True)
    exam = _part(folder, "test", classes)
    if exam is not None:
        return exam
    if find_splits(folder):
        raise FileNotFoundError(describe_missing_split(folder, "test"))
    if (folder / SPLIT_FILE).is_file():
        raise FileNotFoundError(f"{folder / SPLIT_FILE} lists no test picture that is there: name another folder.")
    return ImageFolderDataset(folder, classes=classes)


def calibration_pictures(folder: str | Path, exam: ImageFolderDataset) -> tuple[list[str], str]:
    """Return up to `NUM_CALIBRATION` pictures, and where they come from: practice pictures where `folder` has splits,
    else pictures of the exam itself.
    """
    folder = given_path(folder, kind="folder")
    parts = {name: _part(folder, name, exam.classes) for name in ("train", "val")}
    name, chosen = next(((name, part) for name, part in parts.items() if part is not None), ("the exam itself", exam))
    spread = np.linspace(0, len(chosen) - 1, min(len(chosen), NUM_CALIBRATION)).round().astype(int)
    paths = [chosen.samples[position][0] for position in spread]
    return paths, f"{len(paths)} pictures of {name}"


def _part(folder: Path, name: str, classes: Sequence[str]) -> ImageFolderDataset | None:
    """Return the split `name` of a data set: a folder of it, or what its `split.csv` lists; None where it has none."""
    splits = find_splits(folder)
    if name in splits:
        return ImageFolderDataset(splits[name], classes=classes)
    if splits or not (folder / SPLIT_FILE).is_file():
        return None
    listed = {str(folder / picture.file) for picture in read_split(folder / SPLIT_FILE) if picture.split == name}
    whole = ImageFolderDataset(folder, classes=classes)
    part = whole.select([path in listed for path, _ in whole.samples])
    return part if part.samples else None


def ask_pytorch(model: TransferClassifier) -> Answer:
    """Return a function that asks `model` as `predict_topk` does: bytes (H, W, 3) in, probabilities (C,) out."""
    transform = build_eval_transform(model.spec)

    def answer(picture: Bytes) -> NDArray[np.float32]:
        with evaluating(model):
            logits = model(transform(Image.fromarray(picture)).unsqueeze(0))
        probabilities: NDArray[np.float32] = logits.softmax(1)[0].numpy()
        return probabilities

    return answer


def sit_exam(exam: ImageFolderDataset, answers: dict[str, tuple[Answer, int]], *, progress: bool = True) -> list[Way]:
    """Ask all ways each picture of `exam` in turn, so that their times are of the same minutes.

    `answers` gives each way's function and the size of its file in bytes.
    """
    given: dict[str, list[NDArray[np.float32]]] = {name: [] for name in answers}
    seconds: dict[str, list[float]] = {name: [] for name in answers}
    for position in progress_bar(range(len(exam)), description="proof", show=progress, unit=" pictures"):
        picture = np.array(exam[position][0])
        for name, (answer, _) in answers.items():
            start = time.perf_counter()
            given[name].append(answer(picture))
            seconds[name].append(time.perf_counter() - start)
    labels = torch.tensor(exam.targets)
    return [
        Way(
            name,
            Predictions(torch.from_numpy(np.stack(given[name])), labels),
            num_bytes,
            1000 * float(np.median(seconds[name])),
        )
        for name, (_, num_bytes) in answers.items()
    ]


def export_with_proof(
    student: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    in_8_bits: bool = True,
    progress: bool = True,
) -> tuple[list[Path], Proof]:
    """Write the student in the file `student` as ONNX at `output`, and in 8 bits beside it, once the exam in `folder`
    has shown that the first says what PyTorch says. Returns the paths written, and the proof.

    Raises MismatchError where it does not; then no file is written, and what stood there before is unharmed. Raises
    MissingLibraryError without the extra `export`; ValueError where `output` is the student itself; and what
    `load_classifier` and `find_exam` raise.
    """
    need_libraries()
    student, output = (given_path(path, kind="file") for path in (student, output))
    if output.resolve() == student.resolve():
        raise ValueError(f"{output} is the student itself: give the export another name.")
    model = load_classifier(student)
    exam = find_exam(folder, model.classes)
    smaller = output.with_name(f"{output.stem}_int8{output.suffix}")
    with ExitStack() as files:
        whole = files.enter_context(atomic_write(output))
        export_classifier(whole, model)
        answers = {
            "PyTorch": (ask_pytorch(model), student.stat().st_size),
            "ONNX": (open_exported(whole), whole.stat().st_size),
        }
        calibrated_on = ""
        if in_8_bits:
            paths, calibrated_on = calibration_pictures(Path(folder).expanduser(), exam)
            small = files.enter_context(atomic_write(smaller))
            export_in_8_bits(small, whole, (np.array(load_image(path)) for path in paths))
            answers["ONNX in int8"] = (open_exported(small), small.stat().st_size)
        proof = Proof(exam.root, tuple(sit_exam(exam, answers, progress=progress)), calibrated_on)
        proof.check(proof.ways[1])
    return [output, smaller] if in_8_bits else [output], proof

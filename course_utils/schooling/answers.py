"""A finished student at work: the names of many pictures, as a table, as JSON or for a spreadsheet (lesson 13)."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.inference import Prediction
from course_utils.models import TransferClassifier
from course_utils.pictures.folders import READ_ON_SOME_MACHINES, is_hidden, is_image_name, walk
from course_utils.pictures.given import as_input
from course_utils.report.tables import text_table
from course_utils.runtime import evaluating, given_path, progress_bar

BATCH_SIZE = 32


class Answer(NamedTuple):
    """What a student says about one file: the most probable names first, or why there is no answer."""

    file: str
    predictions: list[Prediction]
    problem: str = ""


def find_pictures(places: Iterable[str | Path]) -> list[Path]:
    """Return the files that `places` name, folders with all pictures below them.

    In a folder, what is hidden or has no picture's ending is passed over; a file that is named stays, whatever it is.
    Raises OSError for a place that is not there or may not be read, FileNotFoundError for a folder without pictures.
    """
    files: list[Path] = []
    for place in places:
        if not Path(place).expanduser().is_dir():
            files.append(given_path(place, kind="file"))
            continue
        folder = given_path(place, kind="folder")
        found = [path for path in walk(folder) if not is_hidden(path) and _may_be_picture(path)]
        if not found:
            raise FileNotFoundError(f"{folder} holds no picture.")
        files += found
    return files


def answer(
    model: TransferClassifier,
    files: Sequence[Path],
    *,
    k: int | None = None,
    device: torch.device | str = "cpu",
    progress: bool = True,
) -> Iterator[Answer]:
    """Yield what `model` says about each file, in their order; `k` names each, by default 3, or all of fewer.

    A file that cannot be read as a picture gets an answer with a `problem`. Pictures are read and asked 32 at a time,
    so that a folder of any size takes the same memory. Raises ValueError for a `k` outside 1 to the number of classes.
    """
    k = min(3, len(model.classes)) if k is None else k
    if not 1 <= k <= len(model.classes):
        raise ValueError(
            f"The student tells {len(model.classes)} classes apart: ask for 1 to {len(model.classes)} names."
        )
    model = model.to(device)
    bar = progress_bar(total=len(files), description="reading pictures", show=progress, unit=" pictures")
    with bar:
        for start in range(0, len(files), BATCH_SIZE):
            some = files[start : start + BATCH_SIZE]
            yield from _answer_batch(model, some, k, device)
            bar.update(len(some))


def _answer_batch(
    model: TransferClassifier, files: Sequence[Path], k: int, device: torch.device | str
) -> Iterator[Answer]:
    inputs: dict[Path, Tensor] = {}
    problems: dict[Path, str] = {}
    for file in files:
        try:
            inputs[file] = as_input(file, model.spec)
        except (OSError, ValueError) as error:
            problems[file] = " ".join(str(error).split())
    answers: dict[Path, list[Prediction]] = {}
    if inputs:
        with evaluating(model):
            top = model(torch.stack(list(inputs.values())).to(device)).float().softmax(dim=1).cpu().topk(k)
        for file, values, places in zip(inputs, top.values.tolist(), top.indices.tolist(), strict=True):
            pairs = zip(places, values, strict=True)
            answers[file] = [Prediction(model.classes[place], value) for place, value in pairs]
    for file in files:
        yield Answer(str(file), answers.get(file, []), problems.get(file, ""))


def as_table(answers: Sequence[Answer]) -> str:
    """Return the answers as lines of text: file, name and probability, then the names that come next."""
    answered = [item for item in answers if item.predictions]
    if not answered:
        return "No picture could be read."
    rows = [["picture", "answer", "sure", *["or"] * (len(answered[0].predictions) - 1)]]
    for item in answered:
        first, *others = item.predictions
        said = [f"{other.name} {other.probability:.1%}" for other in others]
        rows.append([item.file, first.name, f"{first.probability:.1%}", *said])
    return text_table(rows, align="left")


def as_json(answers: Sequence[Answer]) -> str:
    """Return the answers as one JSON list of objects: `file`, and `answers` or `problem`."""
    content = [
        {"file": item.file, "problem": item.problem}
        if item.problem
        else {"file": item.file, "answers": [prediction._asdict() for prediction in item.predictions]}
        for item in answers
    ]
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_csv(answers: Sequence[Answer]) -> str:
    """Return the answers for a spreadsheet: a line for each picture, and columns for each of its names."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    num_names = max((len(item.predictions) for item in answers), default=0)
    headings = [f"{what}_{rank}" for rank in range(1, num_names + 1) for what in ("name", "probability")]
    writer.writerow(["file", *headings, "problem"])
    for item in answers:
        cells = [cell for name, value in item.predictions for cell in (name, f"{value:.6f}")]
        writer.writerow([item.file, *cells, *[""] * (2 * num_names - len(cells)), item.problem])
    return buffer.getvalue().rstrip("\n")


def _may_be_picture(path: Path) -> bool:
    """True also for what only some machines read: it is to be named, not passed over."""
    return is_image_name(path) or path.suffix.lower() in READ_ON_SOME_MACHINES

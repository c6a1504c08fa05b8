"""The report of a schooling as one HTML page: the mark, the curves, who is taken for whom, and how to repeat it all."""

import hashlib
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

import torch

from course_utils import plotting
from course_utils.classroom.commands import command
from course_utils.evaluation import Predictions, confusion_matrix, per_class_recall
from course_utils.pictures.folders import shown
from course_utils.report.metrics import wilson_interval
from course_utils.report.tables import html_table
from course_utils.runtime import atomic_write
from course_utils.schooling.run import Schooling
from course_utils.transforms import load_image

MOST_CLASSES = 25  # that a matrix can be drawn of; of more, the worst pairs are listed
NUM_MISTAKES = 10
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } .verdict { font-size: 1.2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
caption { font-weight: bold; } td, th { padding: .15rem .8rem .15rem 0; vertical-align: top; }
thead th { border-bottom: 1px solid; } td { font-variant-numeric: tabular-nums; }
img { background: white; border-radius: .3rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def write_report(path: str | Path, schooling: Schooling) -> None:
    """Write the page of a schooling to `path`; it holds its pictures, and asks nothing of any other place."""
    title = f"Report: {schooling.output.name}"
    body = "\n".join(_sections(schooling, title))
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")


def _sections(schooling: Schooling, title: str) -> Iterable[str]:
    exam, classes, name = schooling.exam, schooling.model.classes, schooling.exam_name
    yield f'<h1>{escape(title)}</h1>\n<p class="verdict">{escape(schooling.verdict)}</p>'
    yield _listed(schooling.remarks)
    yield f"<h2>The {name}</h2>"
    counts = confusion_matrix(exam.labels, exam.predicted, num_classes=len(classes))
    if len(classes) <= MOST_CLASSES:
        yield plotting.plot_confusion_matrix(counts, classes).html()
    else:
        yield html_table(_worst_pairs(counts, classes), caption="The most frequent mistakes", align="left")
    yield html_table(_recalls(counts, classes), caption="Class by class")
    yield "<h2>The mistakes it was surest of</h2>"
    yield _draw_mistakes(schooling, exam).html()
    yield "<h2>The report cards</h2>"
    for part, card in schooling.cards.items():
        is_dropped = part == "eye" and schooling.chosen == "head"
        fate = " (not kept: the mock exam likes the head alone better)" if is_dropped else ""
        yield plotting.plot_history(card, title=f"The {part} learns{fate}").html()
        yield _listed(card.remarks())
    yield "<h2>The pictures</h2>"
    yield schooling.subject.split._repr_html_()
    yield "<h2>To repeat it</h2>"
    yield f"<pre>{escape(_command(schooling))}</pre>"
    yield html_table([["what", "which"], *_circumstances(schooling)], caption="Circumstances", align="left")
    yield "<h2>To use it</h2>"
    yield f"<pre>{escape(command('course', 'predict', str(schooling.output), 'PICTURES'))}</pre>"


def _listed(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in sentences)}</ul>" if sentences else ""


def _recalls(counts: torch.Tensor, classes: Sequence[str]) -> list[list[str]]:
    """A row for each class: pictures, how many of them were named rightly, and how many of its answers were right."""
    rows = [["class", "pictures", "recognised", "with 95 % certainty", "right when it says so"]]
    said = counts.sum(dim=0).tolist()
    for place, recall in enumerate(per_class_recall(counts).tolist()):
        right, number = int(counts[place, place]), int(counts[place].sum())
        low, high = wilson_interval(right / number, number) if number else (0.0, 1.0)
        precision = f"{right / said[place]:.0%}" if said[place] else "-"
        recognised = f"{recall:.0%}" if number else "-"
        rows.append([shown(classes[place]), f"{number:,}", recognised, f"{low:.0%} to {high:.0%}", precision])
    return rows


def _worst_pairs(counts: torch.Tensor, classes: Sequence[str], number: int = 20) -> list[list[str]]:
    mistakes = counts.clone().fill_diagonal_(0).flatten()
    rows = [["truth", "taken for", "times"]]
    for place in mistakes.argsort(descending=True, stable=True)[:number].tolist():
        if mistakes[place]:
            truth, answer = divmod(place, len(classes))
            rows.append([shown(classes[truth]), shown(classes[answer]), str(int(mistakes[place]))])
    return rows


def _draw_mistakes(schooling: Schooling, exam: Predictions) -> plotting.Picture:
    part = "test" if schooling.exam_name == "final exam" else "validation"
    samples = schooling.subject.pictures(part, None).samples
    worst = exam.worst_mistakes(NUM_MISTAKES).tolist()
    images = [load_image(samples[place][0]) for place in worst]
    for image in images:
        image.thumbnail((300, 300))
    return plotting.draw_mistakes(images, exam, worst, schooling.model.classes)


def _command(schooling: Schooling) -> str:
    settings = schooling.settings
    words = ["train", settings["folder"], "--output", str(schooling.output), "--weights", settings["weights"]]
    words += ["--seed", str(settings["seed"]), "--shares", *map(str, settings["shares"])]
    if settings["group"] is not None:
        words += ["--group", settings["group"]]
    return command("course", *words)


def _circumstances(schooling: Schooling) -> Iterable[list[str]]:
    yield ["date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"]
    yield ["weights it began with", schooling.model.source]
    yield ["what has learned", {"head": "the head alone", "eye": "eye and head"}[schooling.chosen]]
    yield ["torch", torch.__version__]  # with the build, such as +cpu
    for package in ("course-utils", "torchvision", "pillow"):
        yield [package, version(package)]
    device = next(schooling.model.parameters()).device
    name = f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
    yield ["computed on", f"{name}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"]
    if schooling.subject.split_file is None:
        yield ["split", "the folders themselves"]
    else:
        digest = hashlib.sha256(schooling.subject.split_file.read_bytes()).hexdigest()
        yield ["split", f"{schooling.subject.split_file}, SHA-256 {digest}"]
    yield ["student", f"{schooling.output}, SHA-256 {hashlib.sha256(schooling.output.read_bytes()).hexdigest()}"]
    spent = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in schooling.seconds.items())
    yield ["time", f"{sum(schooling.seconds.values()):.0f} s: {spent}"]

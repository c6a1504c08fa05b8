"""The report of a schooling as one HTML page: the mark, the curves, who is taken for whom, and how to repeat it all."""

import hashlib
import io
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

import torch

from course_utils import plotting
from course_utils.classroom.commands import command
from course_utils.evaluation import confusion_matrix, per_class_recall
from course_utils.pictures.folders import shown
from course_utils.plotting.display import image_tag
from course_utils.report.history import History
from course_utils.report.metrics import wilson_interval
from course_utils.report.tables import html_table
from course_utils.runtime import atomic_write
from course_utils.schooling.run import Schooling
from course_utils.transforms import load_image

MOST_CLASSES = 25  # that a matrix can be drawn of; of more, the worst pairs are listed
NUM_MISTAKES = 10
SIDE = 300  # pixels of a mistake's picture, at most
_STYLE = """
:root {
  color-scheme: light dark; --ink: #22272e; --ground: #fff; --faint: #d5dae0; --soft: #f3f5f7; --accent: #2268ad;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --ground: #15181c; --faint: #444b54; --soft: #20252b; --accent: #7db8f0; }
  .plot img { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }
}
body { background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; margin: 0; }
main { max-width: 56rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1, h2 { line-height: 1.2; } h1 { margin-bottom: 0; overflow-wrap: anywhere; }
h2 { border-top: 1px solid var(--faint); margin-top: 2.5rem; padding-top: 1.2rem; }
.mark { font-size: 3.4rem; font-weight: 700; line-height: 1.1; margin: .6rem 0 0; color: var(--accent); }
.scale { position: relative; height: 1.1rem; margin: .6rem 0 .3rem; background: var(--soft); border-radius: .55rem; }
.scale * { position: absolute; top: 0; bottom: 0; }
.range { background: var(--accent); opacity: .45; border-radius: .55rem; }
.point { width: 4px; margin-left: -2px; background: var(--accent); }
.guess { border-left: 3px dotted var(--ink); }
.scale + p { display: flex; justify-content: space-between; gap: 1rem; margin: 0; font-size: .85rem; }
.verdict { font-size: 1.15rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0; }
caption { font-weight: bold; padding-bottom: .3rem; } td { font-variant-numeric: tabular-nums; }
td, th { padding: .3rem 1.2rem .3rem 0; vertical-align: top; border-bottom: 1px solid var(--faint); }
td { min-width: 3.5rem; max-width: 26rem; overflow-wrap: break-word; }
@media (max-width: 40rem) { .wide table { width: max-content; max-width: 42rem; } }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
.wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.2rem; }
figure { margin: 0; font-size: .9rem; line-height: 1.35; overflow-wrap: anywhere; }
.wall img { display: block; width: 100%; height: 9.5rem !important; object-fit: contain; background: var(--soft); }
.wall small { display: block; } .wall figcaption { margin-top: .4rem; }
pre { background: var(--soft); border-radius: .4rem; padding: .8rem 1rem; margin: .6rem 0; white-space: pre-wrap; }
pre span { display: inline-block; max-width: 100%; overflow-wrap: anywhere; }
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


def what_next(schooling: Schooling) -> list[str]:
    """Return the commands that put the student to work."""
    student, exam = str(schooling.output), schooling.exam_name == "final exam"
    return [
        command("course", "predict", student, "PICTURES"),
        command("course", "demo", student),
        command("course", "export", student, "--exam", schooling.settings["folder"] if exam else "FOLDER"),
    ]


def _sections(schooling: Schooling, title: str) -> Iterable[str]:
    exam, classes, name = schooling.exam, schooling.model.classes, schooling.exam_name
    yield f"<h1>{escape(title)}</h1>"
    yield _draw_mark(schooling)
    yield f'<p class="verdict">{escape(schooling.verdict)}</p>'
    yield _listed(schooling.remarks)
    yield f"<h2>The {name}</h2>"
    counts = confusion_matrix(exam.labels, exam.predicted, num_classes=len(classes))
    if len(classes) <= MOST_CLASSES:
        yield _plot(plotting.plot_confusion_matrix(counts, classes))
    else:
        yield _table(_worst_pairs(counts, classes), "The most frequent mistakes")
    yield _table(_recalls(counts, classes), "Class by class")
    yield "<h2>The mistakes it was surest of</h2>"
    yield from _draw_mistakes(schooling)
    yield "<h2>The report cards</h2>"
    for part, card in schooling.cards.items():
        is_dropped = part == "eye" and schooling.chosen == "head"
        fate = " (not kept: the mock exam likes the head alone better)" if is_dropped else ""
        yield f"<h3>The {part} learns{fate}</h3>"
        yield f'<div class="side">{"".join(map(_plot, _draw_card(card)))}</div>'
        yield _listed(card.remarks())
    yield "<h2>The pictures</h2>"
    yield _scrolling(schooling.subject.split._repr_html_(), "The pictures")
    yield "<h2>To use it</h2>"
    yield from map(_line, what_next(schooling))
    yield "<h2>To repeat it</h2>"
    yield _line(command("course", *_words_of(schooling)))
    yield _table([["what", "which"], *_circumstances(schooling)], "Circumstances")


def _listed(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in sentences)}</ul>" if sentences else ""


def _table(rows: list[list[str]], caption: str) -> str:
    return _scrolling(html_table(rows, caption=caption, align="left"), caption)


def _scrolling(content: str, name: str) -> str:
    """What is wider than a telephone is pushed aside by finger or, once it has the focus, by the arrow keys."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">{content}</div>'


def _plot(picture: plotting.Picture) -> str:
    return f'<div class="plot">{picture.html()}</div>'


def _draw_mark(schooling: Schooling) -> str:
    """The mark as a number, and on a scale: the range of certainty, and what always saying one class gets."""
    (low, high), mark, guess = schooling.interval, schooling.exam.accuracy, schooling.baseline
    told = f"The mark {mark:.1%}, its range {low:.1%} to {high:.1%}, and the majority baseline {guess:.1%}, on a scale."
    return (
        f'<p class="mark">{mark:.1%}</p><div class="scale" role="img" aria-label="{told}">'
        f'<div class="range" style="left: {low:.2%}; width: {high - low:.2%}"></div>'
        f'<div class="point" style="left: {mark:.2%}"></div><div class="guess" style="left: {guess:.2%}"></div></div>'
        "<p><span>0%</span><span>bar: 95 % certainty · dots: always one answer</span><span>100%</span></p>"
    )


def _draw_card(card: History) -> Iterable[plotting.Picture]:
    """Loss and accuracy, each narrow enough for a telephone."""
    for draw in (plotting.plot_losses, plotting.plot_accuracies):
        _, ax = plotting.new_figure(width=5, height=3.4)
        picture = draw(card, ax)
        lines = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        names = sorted(lines, key=lambda name: name not in (plotting.PRACTICE["label"], plotting.MOCK_EXAM["label"]))
        ax.legend([lines[name] for name in names], names, fontsize=8)
        yield picture


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


def _draw_mistakes(schooling: Schooling) -> Iterable[str]:
    """The pictures, each with its truth, the answer, and where it lies: some will turn out to be labelled wrongly."""
    exam, subject, classes = schooling.exam, schooling.subject, schooling.model.classes
    worst = exam.worst_mistakes(NUM_MISTAKES).tolist()
    if not worst:
        yield "<p>No mistake to show: every answer was right.</p>"
        return
    yield (
        "<p>Look at these first: a wrong label, a picture of two things, or a kind that the practice pictures lack "
        "shows itself here.</p>"
    )
    samples = subject.pictures("test" if schooling.exam_name == "final exam" else "validation", None).samples
    figures = []
    for place in worst:
        path = Path(samples[place][0])
        truth, answer = (shown(classes[int(labels[place])]) for labels in (exam.labels, exam.predicted))
        file = shown(path.relative_to(subject.split.source).as_posix())
        picture = image_tag(_thumbnail(path), kind="jpeg", alt=f"The picture {file}", width=SIDE)
        told = f"<b>{escape(truth)}</b> taken for <b>{escape(answer)}</b>, {exam.confidence[place]:.0%} sure"
        figures.append(f"<figure>{picture}<figcaption>{told}<small>{escape(file)}</small></figcaption></figure>")
    yield f'<div class="wall">{"".join(figures)}</div>'


def _thumbnail(path: Path) -> bytes:
    image, buffer = load_image(path), io.BytesIO()
    image.thumbnail((SIDE, SIDE))
    image.save(buffer, format="jpeg", quality=85)
    return buffer.getvalue()


def _line(text: str) -> str:
    """A line to type, broken between its words only."""
    return f"<pre>{' '.join(f'<span>{escape(word)}</span>' for word in text.split(' '))}</pre>"


def _words_of(schooling: Schooling) -> list[str]:
    settings = schooling.settings
    words = ["train", settings["folder"], "--output", str(schooling.output), "--weights", settings["weights"]]
    words += ["--seed", str(settings["seed"]), "--shares", *map(str, settings["shares"])]
    return words if settings["group"] is None else [*words, "--group", settings["group"]]


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
        yield ["split", _digest(schooling.subject.split_file)]
    yield ["student", _digest(schooling.output)]
    spent = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in schooling.seconds.items())
    yield ["time", f"{sum(schooling.seconds.values()):.0f} s: {spent}"]


def _digest(path: Path) -> str:
    """A file and its SHA-256, in two halves, so that a telephone can show them."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path}\nSHA-256 {digest[:32]}\n{digest[32:]}"

"""Reading an exam: recall class by class, the answers and mistakes themselves, a threshold, two students in pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from course_utils.evaluation import Predictions, compare_in_pairs, confusion_matrix, per_class_recall
from course_utils.report.metrics import standard_error
from course_utils.transforms import InputSpec

from .display import Picture
from .images import Pixels, draw_images
from .lettering import legible
from .style import COLORS, FAINT, INK, MOCK_EXAM, axes_or_new, blank, figure_of, new_figure

NUM_BINS = 20
EXAM_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": MOCK_EXAM["color"], "marker": MOCK_EXAM["marker"]},
    {"color": COLORS[2], "marker": "^"},
)


def plot_recalls(exams: Mapping[str, Predictions], classes: Sequence[str]) -> Picture:
    """Draw the recall of each class with its standard error, for one exam or two.

    `exams`: name -> `predict`'s answers. The numbers under the classes are the pictures of the last exam. A class
    without pictures has no recall. Raises ValueError for no exam, or more than two.
    """
    if not 1 <= len(exams) <= len(EXAM_LOOKS):
        raise ValueError(f"One exam or two can be drawn, not {len(exams)}.")
    figure, ax = new_figure(height=3.8)
    for shift, (name, answers) in enumerate(exams.items()):
        counts = confusion_matrix(answers.labels, answers.predicted, num_classes=len(classes))
        recalls, numbers = per_class_recall(counts).tolist(), counts.sum(dim=1).tolist()
        known = [place for place, number in enumerate(numbers) if number]
        errors = [standard_error(recalls[place], numbers[place]) for place in known]
        places = [place + 0.22 * shift for place in known]
        heights = [recalls[place] for place in known]
        ax.errorbar(places, heights, yerr=errors, linestyle="none", label=name, **EXAM_LOOKS[shift])
    names = list(map(legible, classes))
    labels = [f"{label}\n{number}" for label, number in zip(names, numbers, strict=True)]
    ax.set_xticks(range(len(classes)), labels)
    ax.set(title="Recall, class by class", xlabel=f"class, and its pictures in the {name}", ylim=(-0.05, 1.05))
    ax.set_ylabel("share recognised")
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    figure.legend(loc="outside lower center", ncols=2)
    told = ", ".join(f"{classes[place]} {recalls[place]:.0%}" for place in known)
    return Picture(figure, f"Recall of each class in the {' and the '.join(exams)}. In the {name}: {told}.")


def draw_mistakes(
    images: Sequence[Pixels],
    exam: Predictions,
    indices: Sequence[int],
    classes: Sequence[str],
    *,
    spec: InputSpec | None = None,
) -> Picture:
    """Draw pictures that were answered wrongly: above each the answer and how sure it was, below it the label.

    `indices` are the pictures' places in the exam, in the order of `images`; with `spec` these are normalised tensors,
    as the student saw them. Without any mistake an empty frame says so.
    """
    if not len(indices):
        figure, ax = new_figure(height=1.2)
        blank(ax)
        ax.set_title("No mistake to show: every answer was right")
        return Picture(figure, "No mistake to show: every answer was right.")
    truths, answers = exam.labels.tolist(), exam.predicted.tolist()
    pairs = [(classes[truths[index]], classes[answers[index]], f"{exam.confidence[index]:.0%}") for index in indices]
    told = "; ".join(f"{truth} taken for {answer}, {sure} sure" for truth, answer, sure in pairs)
    return draw_images(
        images,
        titles=[f"{answer}, {sure}\n{truth}" for truth, answer, sure in pairs],
        title="Wrong, and sure of it: the answer above, the label below",
        alt=f"The mistakes the student was surest of: {told}.",
        spec=spec,
    )


def draw_exam_in_pairs(first: Predictions, second: Predictions, *, names: tuple[str, str]) -> Picture:
    """Draw one exam that two students sat, a square for each picture: who had it right, the first, the second, both,
    or neither. `names`: the two students'. Raises what `compare_in_pairs` raises.
    """
    difference = compare_in_pairs(first, second)
    a, b = (np.asarray(answers.predicted == answers.labels) for answers in (first, second))
    groups = {"both right": a & b, f"only {names[0]}": a & ~b, f"only {names[1]}": b & ~a, "both wrong": ~a & ~b}
    counts = {name: int(group.sum()) for name, group in groups.items()}
    colors = ("#d9e8f7", COLORS[0], COLORS[3], FAINT)
    num_columns = 30
    in_a_row = np.repeat(range(len(counts)), list(counts.values())).astype(float)
    squares = np.append(in_a_row, np.full(-len(in_a_row) % num_columns, np.nan)).reshape(-1, num_columns)
    figure, ax = new_figure(height=0.26 * len(squares) + 1.1)
    ax.imshow(squares, cmap=ListedColormap(colors), vmin=-0.5, vmax=3.5, interpolation="nearest")
    ax.set_xticks(np.arange(num_columns + 1) - 0.5, [])
    ax.set_yticks(np.arange(len(squares) + 1) - 0.5, [])
    ax.set_axisbelow(False)
    ax.grid(color="white", linewidth=2)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"One exam of {len(a)} pictures, a square each")
    patches = [Patch(color=color, label=f"{name}: {counts[name]}") for name, color in zip(counts, colors, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=2)
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    return Picture(figure, f"An exam of {len(a)} pictures that two students sat: {told}. Difference {difference}.")


def plot_threshold(exam: Predictions, threshold: float, ax: Axes | None = None) -> Picture:
    """Draw how sure the student was of its right and wrong answers, and what a threshold on the probability leaves."""
    ax = axes_or_new(ax, height=3.4)
    is_right, is_answered = exam.predicted == exam.labels, exam.confidence >= threshold
    sure = [exam.confidence[is_right].tolist(), exam.confidence[~is_right].tolist()]
    ax.hist(sure, bins=NUM_BINS, range=(0, 1), stacked=True, color=COLORS[:2], label=["right", "wrong"])
    for bar in ax.patches[NUM_BINS:]:  # those of the wrong answers
        bar.set(hatch="///", edgecolor="white")
    ax.axvline(threshold, color=INK, linestyle=":")
    mark = f"{is_right[is_answered].float().mean():.1%} of them right" if is_answered.any() else "none to judge"
    verdict = f"Threshold {threshold:.2f}: {is_answered.sum()} of {len(is_right)} answered, {mark}"
    ax.set(title=verdict, xlabel="probability of the answer", ylabel="pictures in the exam")
    ax.legend()
    alt = f"{verdict}. Two stacked histograms of how sure the student was, right and wrong answers."
    return Picture(figure_of(ax), alt)


def plot_agreement(num_right: Sequence[int], num_students: int, ax: Axes | None = None) -> Picture:
    """Draw how many of `num_students` students each picture of an exam was answered rightly by: a bar for each number,
    0 to all. `num_right`: (N,), one number a picture.

    Raises ValueError for a number outside.
    """
    if not num_right or not 0 <= min(num_right) <= max(num_right) <= num_students:
        raise ValueError(f"Of {num_students} students 0 to {num_students} are right about a picture.")
    counts = np.bincount(num_right, minlength=num_students + 1)
    ax = axes_or_new(ax, height=3.4)
    colors = [COLORS[1], *[COLORS[7]] * (num_students - 1), COLORS[0]]
    bars = ax.bar(range(num_students + 1), counts, color=colors, width=0.85)
    ax.bar_label(bars, [str(count) if place in (0, num_students) else "" for place, count in enumerate(counts)])
    ax.set_xticks(range(num_students + 1))
    ax.grid(axis="x", visible=False)
    ax.set(title=f"{len(num_right)} pictures, {num_students} students", xlabel="students who have the picture right")
    ax.set_ylabel("pictures")
    return Picture(
        figure_of(ax),
        f"Of {len(num_right)} pictures {counts[0]} are answered wrongly by all {num_students} students and "
        f"{counts[-1]} rightly by all; the {len(num_right) - counts[0] - counts[-1]} others lie between.",
    )

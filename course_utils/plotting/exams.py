"""Reading an exam: recall class by class, the mistakes themselves, and what a threshold leaves."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from PIL import Image

from course_utils.evaluation import Predictions, confusion_matrix, per_class_recall
from course_utils.report.metrics import standard_error

from .display import Picture
from .images import draw_images
from .lettering import legible
from .style import COLORS, INK, MOCK_EXAM, axes_or_new, figure_of, new_figure

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
    images: Sequence[Image.Image], exam: Predictions, indices: Sequence[int], classes: Sequence[str]
) -> Picture:
    """Draw pictures that were answered wrongly: above each the truth, below it the answer and how sure it was.

    `indices` are the pictures' places in the exam, in the order of `images`.
    """
    truths, answers = exam.labels.tolist(), exam.predicted.tolist()
    pairs = [(classes[truths[index]], classes[answers[index]], f"{exam.confidence[index]:.0%}") for index in indices]
    told = "; ".join(f"{truth} taken for {answer}, {sure} sure" for truth, answer, sure in pairs)
    return draw_images(
        images,
        titles=[f"{truth}\n{answer}, {sure}" for truth, answer, sure in pairs],
        title="Wrong, and sure of it: the truth above, the answer below",
        alt=f"The mistakes the student was surest of: {told}.",
    )


def plot_threshold(exam: Predictions, threshold: float, ax: Axes | None = None) -> Picture:
    """Draw how sure the student was of its right and wrong answers, and what a threshold on the probability leaves."""
    ax = axes_or_new(ax, height=3.4)
    is_right, is_answered = exam.predicted == exam.labels, exam.confidence >= threshold
    sure = [exam.confidence[is_right].tolist(), exam.confidence[~is_right].tolist()]
    ax.hist(sure, bins=NUM_BINS, range=(0, 1), stacked=True, color=COLORS[:2], label=["right", "wrong"])
    for bar in ax.patches[NUM_BINS:]:  # those of the wrong answers
        bar.set(hatch="///", edgecolor="white")
    ax.axvline(threshold, color=INK, linestyle=":")
    mark = f"{is_right[is_answered].float().mean():.0%} of them right" if is_answered.any() else "none to judge"
    verdict = f"Threshold {threshold:.2f}: {is_answered.sum()} of {len(is_right)} answered, {mark}"
    ax.set(title=verdict, xlabel="probability of the answer", ylabel="pictures in the exam")
    ax.legend()
    alt = f"{verdict}. Two stacked histograms of how sure the student was, right and wrong answers."
    return Picture(figure_of(ax), alt)

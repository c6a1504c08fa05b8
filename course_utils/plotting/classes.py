"""Pictures of classes: what a model believes, how many pictures each class has, and which classes are mixed up."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.container import BarContainer
from matplotlib.ticker import PercentFormatter
from PIL import Image

from .display import Picture
from .lettering import legible
from .style import BASELINE, COLORMAP, COLORS, FAINT, INK, axes_or_new, figure_of, new_figure

BAR_INCHES = 0.34  # height of one horizontal bar with the space around it


def _bars(ax: Axes, names: Sequence[str], values: Sequence[float], labels: Sequence[str]) -> BarContainer:
    """Draw horizontal bars from top to bottom, each with its name before it and its value behind it."""
    bars = ax.barh(range(len(names)), values, height=0.68, color=COLORS[0])
    ax.bar_label(bars, labels, padding=4, fontsize=9.5)
    ax.set_yticks(range(len(names)), list(map(legible, names)))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    return bars


def plot_predictions(
    predictions: Sequence[tuple[str, float]], ax: Axes | None = None, *, title: str = "What the student sees"
) -> Picture:
    """Draw a model's best answers, likeliest on top, as horizontal bars from 0 to 100 %.

    `predictions`: pairs (name, probability in [0, 1]), as `inference.predict_topk` returns them.
    Raises ValueError where there are none.
    """
    if not predictions:
        raise ValueError("There are no predictions to draw.")
    ax = axes_or_new(ax, height=BAR_INCHES * len(predictions) + 0.95)
    names, probabilities = zip(*predictions, strict=True)
    labels = [f"{probability:.1%}" for probability in probabilities]
    _bars(ax, names, probabilities, labels)
    _whole_axis(ax.xaxis)
    ax.set(title=title, xlabel="probability", xlim=(0, 1))
    answers = ", ".join(f"{name} {label}" for name, label in zip(names, labels, strict=True))
    return Picture(figure_of(ax), f"Bars for the student's best answers with their probabilities: {answers}.")


def _whole_axis(axis: Axis) -> None:
    """Put ticks at 0, 20, ... 100 %."""
    axis.set_ticks(np.linspace(0, 1, 6))
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def plot_first_answers(
    answers: Mapping[str, tuple[str, float]], ax: Axes | None = None, *, title: str = "The first answer"
) -> Picture:
    """Draw how sure a model is of its first answer under several circumstances, as bars with that answer's name.

    `answers`: circumstance -> (name, probability in [0, 1]). The first is the one to compare with: whatever has another
    name than that is hatched. Raises ValueError where there are none.
    """
    if not answers:
        raise ValueError("There are no answers to draw.")
    ax = axes_or_new(ax, height=BAR_INCHES * len(answers) + 0.95)
    names, probabilities = zip(*answers.values(), strict=True)
    labels = [f"{legible(name)}, {probability:.0%}" for name, probability in answers.values()]
    bars = _bars(ax, list(answers), probabilities, labels)
    for bar, name in zip(bars.patches, names, strict=True):
        if name != names[0]:
            bar.set(hatch="///", edgecolor="white", linewidth=0, facecolor=COLORS[1])
    _whole_axis(ax.xaxis)
    ax.set(title=title, xlabel="probability", xlim=(0, 1))
    told = "; ".join(f"{circumstance}: {label}" for circumstance, label in zip(answers, labels, strict=True))
    return Picture(figure_of(ax), f"{title}, as bars, hatched where it is not “{names[0]}”. {told}.")


def plot_calibration(
    bins: Sequence[tuple[int, float, float]],
    ax: Axes | None = None,
    *,
    title: str = "How far its percentages can be trusted",
) -> Picture:
    """Draw how often answers are right over how sure the model was of them, a dot for each group of answers.

    `bins`: (number of pictures, probability stated on average, share right), as `read_course_calibration` returns them.
    On the dashed line the two are equal; above it a model is too modest, below it too sure. Whiskers are one standard
    error. Raises ValueError where there are none.
    """
    if not bins:
        raise ValueError("There are no answers to draw.")
    ax = axes_or_new(ax, height=4, width=4.8)
    numbers, stated, right = (np.asarray(column, dtype=float) for column in zip(*bins, strict=True))
    ax.plot([0, 1], [0, 1], label="as sure as it is right", **BASELINE | {"linestyle": "--"})
    errors = np.sqrt(right * (1 - right) / numbers)
    ax.errorbar(stated, right, yerr=errors, marker="o", color=COLORS[0], label="the student")
    ax.text(0.08, 0.72, "too modest", color=INK, style="italic")
    ax.text(0.68, 0.2, "too sure", color=INK, style="italic")
    for axis in (ax.xaxis, ax.yaxis):
        _whole_axis(axis)
    ax.set(title=title, xlabel="how sure it says it is", ylabel="how often it is right", xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(loc="upper left")
    told = ", ".join(f"{sure:.0%} sure and {share:.0%} right" for _, sure, share in bins)
    return Picture(
        figure_of(ax), f"{title}: how often answers are right over how sure they are, group by group: {told}."
    )


def draw_answer(image: Image.Image, predictions: Sequence[tuple[str, float]]) -> Picture:
    """Draw a picture beside the model's best answers, pairs (name, probability) as `plot_predictions` takes them."""
    figure, (left, right) = new_figure(1, 2, height=3.2, width_ratios=[1, 1.6])
    left.imshow(image)
    left.set_axis_off()
    left.set_title("The picture")
    plot_predictions(predictions, right)
    answers = ", ".join(f"{name} {probability:.1%}" for name, probability in predictions)
    return Picture(figure, f"A picture, and what the student sees in it: {answers}.", photo=True)


def plot_class_counts(
    counts: Mapping[str, int], ax: Axes | None = None, *, title: str = "Pictures in each class"
) -> Picture:
    """Draw how many pictures each class has, in the order given; the largest class is hatched, and the legend
    tells how often always guessing it would be right among these pictures.

    `counts`: class name -> number of pictures. Raises ValueError where there are no pictures.
    """
    total = sum(counts.values())
    if not total:
        raise ValueError("There are no pictures to count.")
    ax = axes_or_new(ax, height=BAR_INCHES * len(counts) + 0.95)
    bars = _bars(ax, list(counts), list(counts.values()), [f"{count:,}" for count in counts.values()])
    largest = max(counts, key=lambda name: counts[name])
    bar = bars.patches[list(counts).index(largest)]
    bar.set(hatch="///", edgecolor="white", linewidth=0)
    baseline = f"always “{largest}” is right in {counts[largest] / total:.1%}"
    ax.legend([bar], [baseline])
    ax.margins(x=0.1)
    ax.set(title=title, xlabel="pictures")
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return Picture(figure_of(ax), f"{title}, as bars: {told}. The largest is hatched: {baseline}.")


def plot_confusion_matrix(
    matrix: np.ndarray[Any, Any] | torch.Tensor,
    classes: Sequence[str],
    ax: Axes | None = None,
    *,
    title: str = "Who is taken for whom",
) -> Picture:
    """Draw a confusion matrix: a row for each true class, a column for each answer, the number of pictures in the cell.

    `matrix`: (C, C) counts, an array or a tensor, rows are the truth. The shade is the share of the row, so that rare
    and frequent classes can be compared: on the diagonal it is the class's recall. Raises ValueError where the shapes
    differ.
    """
    counts = np.asarray(matrix)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"{len(classes)} classes need a matrix ({len(classes)}, {len(classes)}), not {counts.shape}.")
    side = max(3.4, 0.5 * len(classes) + 1.6)
    ax = axes_or_new(ax, height=side, width=side + 0.9)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(shares, vmin=0, vmax=1, cmap=COLORMAP)
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            shade = INK if shares[row, column] > 0.5 else "white"
            ax.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=shade, fontsize=9.5)
    names = list(map(legible, classes))
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set(title=title, xlabel="the student's answer", ylabel="the truth")
    figure = figure_of(ax)
    bar = figure.colorbar(image, ax=ax, shrink=0.8, format=PercentFormatter(xmax=1, decimals=0))
    bar.set_label("share of the true class")
    bar.outline.set_edgecolor(FAINT)
    return Picture(figure, _describe_confusion(counts, classes))


def _describe_confusion(counts: np.ndarray[Any, Any], classes: Sequence[str]) -> str:
    text = (
        f"Confusion matrix of {len(classes)} classes: {np.trace(counts)} of {counts.sum()} samples are on the "
        "diagonal, named rightly."
    )
    mistakes = counts - np.diag(np.diag(counts))
    if not mistakes.any():
        return text
    truth, answer = np.unravel_index(mistakes.argmax(), mistakes.shape)
    worst = f"{classes[truth]} taken for {classes[answer]}, {mistakes.max()} times"
    return f"{text} The most frequent confusion: {worst}."

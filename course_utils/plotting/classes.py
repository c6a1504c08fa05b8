"""Pictures of classes: what a model believes, how many pictures each class has, and which classes are mixed up."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .style import COLORMAP, COLORS, FAINT, INK, axes_or_new

BAR_INCHES = 0.34  # height of one horizontal bar with the space around it


def _horizontal_bars(ax: Axes, names: Sequence[str], values: Sequence[float], labels: Sequence[str], **bar) -> None:
    """Draw bars from top to bottom, each with its name before it and its value behind it."""
    bars = ax.barh(range(len(names)), values, height=0.68, **bar)
    ax.bar_label(bars, labels, padding=4, fontsize=9.5)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def plot_predictions(
    predictions: Sequence[tuple[str, float]], ax: Axes | None = None, *, title: str = "What the student sees"
) -> Axes:
    """Draw a model's best answers, likeliest on top, as horizontal bars from 0 to 100 %.

    `predictions`: pairs (name, probability in [0, 1]), as `inference.predict_topk` returns them.
    Raises ValueError where there are none.
    """
    if not predictions:
        raise ValueError("There are no predictions to draw.")
    ax = axes_or_new(ax, height=BAR_INCHES * len(predictions) + 0.95)
    names, probabilities = zip(*predictions, strict=True)
    _horizontal_bars(ax, names, probabilities, [f"{probability:.1%}" for probability in probabilities], color=COLORS[0])
    ax.set_xlim(0, 1.1)
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    ax.set(title=title, xlabel="probability")
    return ax


def plot_class_counts(
    counts: Mapping[str, int], ax: Axes | None = None, *, title: str = "Pictures in each class"
) -> Axes:
    """Draw how many pictures each class has, in the order given; the largest class is hatched: always guessing it is
    the majority baseline, whose accuracy the legend tells.

    `counts`: class name -> number of pictures. Raises ValueError where there are no pictures.
    """
    total = sum(counts.values())
    if not total:
        raise ValueError("There are no pictures to count.")
    ax = axes_or_new(ax, height=BAR_INCHES * len(counts) + 0.95)
    _horizontal_bars(
        ax, list(counts), list(counts.values()), [f"{count:,}" for count in counts.values()], color=COLORS[0]
    )
    largest = max(counts, key=counts.get)
    bar = ax.patches[list(counts).index(largest)]
    bar.set(hatch="///", edgecolor="white", linewidth=0)
    ax.legend([bar], [f"majority baseline: always “{largest}” is right in {counts[largest] / total:.1%}"])
    ax.margins(x=0.1)
    ax.set(title=title, xlabel="pictures")
    return ax


def plot_confusion_matrix(
    matrix: np.ndarray, classes: Sequence[str], ax: Axes | None = None, *, title: str = "Who is taken for whom"
) -> Axes:
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
    ax.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(classes)), classes)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set(title=title, xlabel="the student's answer", ylabel="the truth")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, format=PercentFormatter(xmax=1, decimals=0))
    bar.set_label("share of the true class")
    bar.outline.set_edgecolor(FAINT)
    return ax

"""Pictures that were judged: each under its name, framed where it is right, crossed where it is wrong (lesson 04)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .display import Picture
from .images import GAP_INCHES, Pixels, to_pixels
from .style import COLORS, INK, WIDTH, new_figure

RIGHT, WRONG = COLORS[0], COLORS[1]
TITLE_INCHES, TRUTH_INCHES = 0.2, 0.13  # the text above a picture, and below it
Neighbour = tuple[Pixels, str]  # a picture and the name of its class


def draw_wall(
    images: Sequence[Pixels],
    answers: Sequence[str | None],
    truths: Sequence[str],
    *,
    title: str,
    num_columns: int = 8,
    width: float = WIDTH,
) -> Picture:
    """Draw a wall of pictures, each under the student's answer: with a tick where it is right, else with a cross and,
    beneath, the truth. The answer None, "I do not know", is a question mark over the truth. `width` is that of the
    figure in inches. Raises ValueError without pictures, or where pictures, answers and truths differ in number.
    """
    if not images or not len(images) == len(answers) == len(truths):
        raise ValueError(f"{len(images)} pictures, {len(answers)} answers and {len(truths)} truths make no wall.")
    num_columns = min(num_columns, len(images))
    num_rows = math.ceil(len(images) / num_columns)
    figure, grid = _wall(num_rows, num_columns, text=TITLE_INCHES + TRUTH_INCHES, title=title, width=width)
    for index, ax in enumerate(grid.flat):
        if index >= len(images):
            ax.set_axis_off()
            continue
        answer, truth = answers[index], truths[index]
        right = None if answer is None else answer == truth
        mark = {None: "?", True: f"✓ {answer}", False: f"✗ {answer}"}[right]
        _hang(ax, images[index], mark, right=right)
        if answer != truth:
            ax.set_xlabel(truth, fontsize=8.5, color=INK, labelpad=2)
    unanswered = [truth for answer, truth in zip(answers, truths, strict=True) if answer is None]
    wrong = [(truth, answer) for answer, truth in zip(answers, truths, strict=True) if answer not in (truth, None)]
    told = [f"{truth} taken for {answer}" for truth, answer in wrong]
    told += [f"no answer for {', '.join(unanswered)}"] if unanswered else []
    told_all = "; ".join(told)
    text = f"{title}: {len(images) - len(wrong) - len(unanswered)} of {len(images)} pictures are answered rightly"
    return Picture(figure, f"{text}{f'; the others: {told_all}' if told else ''}.", photo=True)


def draw_neighbours(
    question: Pixels,
    name: str,
    neighbours: Mapping[str, Sequence[Neighbour]],
    *,
    title: str,
    width: float = WIDTH,
) -> Picture:
    """Draw a picture of the class `name`, and in a row for each of several eyes the pictures that are nearest to it.

    `neighbours`: eye -> (picture, class) from near to far, equally many for each. Those of the class `name` carry a
    tick. `width` is that of the figure in inches. Raises ValueError where the rows are empty or of different length.
    """
    lengths = {len(row) for row in neighbours.values()}
    if len(lengths) != 1 or not max(lengths):
        raise ValueError(f"Each eye needs equally many neighbours, at least one; there are {sorted(lengths)}.")
    figure, grid = _wall(len(neighbours), lengths.pop() + 1, text=TITLE_INCHES, title=title, width=width)
    for (eye, row), axes in zip(neighbours.items(), grid, strict=True):
        _hang(axes[0], question, name, right=None)
        axes[0].set_ylabel(eye, fontsize=10, fontweight="bold", color=INK)
        for ax, (image, answer) in zip(axes[1:], row, strict=True):
            _hang(ax, image, f"✓ {answer}" if answer == name else answer, right=answer == name)
    told = "; ".join(f"{eye}: {', '.join(answer for _, answer in row)}" for eye, row in neighbours.items())
    return Picture(figure, f"{title}. For one picture, class {name}, the nearest ones by {told}.", photo=True)


def _wall(num_rows: int, num_columns: int, *, text: float, title: str, width: float = WIDTH) -> tuple[Figure, Any]:
    """Return a figure and its grid of axes, with `text` inches of room for what is said of each picture."""
    side = width / num_columns - GAP_INCHES
    height = num_rows * (side + text + GAP_INCHES) + 0.38
    figure, grid = new_figure(num_rows, num_columns, width=width, height=height, title=title, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=GAP_INCHES / 2, h_pad=GAP_INCHES / 2, wspace=0, hspace=0)
    return figure, grid


def _hang(ax: Axes, image: Pixels, name: str, *, right: bool | None) -> None:
    """Hang one picture under its name; `right=None` is for the one that is asked about."""
    frame = INK if right is None else RIGHT if right else WRONG
    ax.imshow(to_pixels(image))
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color=frame, linewidth=2)
    ax.set_title(name, fontsize=8.5, fontweight="normal", loc="center", pad=3, color=WRONG if frame == WRONG else INK)

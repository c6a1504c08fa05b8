"""Marks side by side, with their errors and the mark to beat; and how the loss fell on the way there."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from course_utils.report.metrics import standard_error

from .display import Picture
from .lettering import legible
from .style import BASELINE, COLORS, MARKERS, axes_or_new, figure_of, new_figure


def plot_marks(
    marks: Mapping[str, float],
    ax: Axes | None = None,
    *,
    majority: float | None = None,
    num_samples: int | None = None,
    color: str | None = None,
    title: str = "Mock exam",
) -> Picture:
    """Draw accuracies in [0, 1] as bars in the order given: name -> accuracy.

    `majority`, the accuracy of the most frequent answer alone, is a dotted line behind them. With `num_samples`, the
    number of pictures in the exam, whiskers reach one standard error up and down. `color` is for all bars, where the
    palette's first colours already mean something else; by default each has its own.
    """
    ax = axes_or_new(ax, height=3.4, width=6.5)
    places, values = range(len(marks)), list(marks.values())
    errors = None if num_samples is None else [standard_error(value, num_samples) for value in values]
    colors = [color or COLORS[place % len(COLORS)] for place in places]
    bars = ax.bar(places, values, width=0.6, yerr=errors, color=colors)
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # the line of the baseline may lie behind
    ax.bar_label(bars, [f"{value:.1%}" for value in values], padding=4, bbox=ground)
    if majority is not None:
        ax.axhline(majority, label=f"majority baseline: {majority:.1%}", zorder=bars[0].get_zorder() - 0.1, **BASELINE)
        ax.legend(loc="best")
    ax.set_xticks(places, list(map(legible, marks)))
    ax.grid(axis="x", visible=False)
    ax.set(title=title, ylabel="share of right answers", ylim=(0, 1.15))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    told = ", ".join(f"{' '.join(name.split())} {value:.1%}" for name, value in marks.items())
    text = f"{title}, share of right answers: {told}"
    return Picture(figure_of(ax), text + ("." if majority is None else f"; the majority baseline is {majority:.1%}."))


def plot_marks_by_size(
    marks: Mapping[str, Mapping[int, Sequence[float]]],
    ax: Axes | None = None,
    *,
    majority: float | None = None,
    title: str = "The mark against the number of practice pictures",
) -> Picture:
    """Draw accuracies in [0, 1] over the number of pictures practised on: name -> number -> marks, one a student.

    A line goes through the means of each name, a faint dot is one student. `majority` as in `plot_marks`. Raises
    ValueError where a name or a number has no marks.
    """
    if not marks or not all(by_size and all(by_size.values()) for by_size in marks.values()):
        raise ValueError("There are no marks to draw.")
    ax = axes_or_new(ax, height=4.0)
    sizes = sorted({size for by_size in marks.values() for size in by_size})
    told = []
    for (name, by_size), color, marker in zip(marks.items(), COLORS, MARKERS, strict=False):
        means = [fmean(by_size[size]) for size in sorted(by_size)]
        for size, values in by_size.items():
            ax.scatter([size] * len(values), values, s=14, color=color, alpha=0.4, linewidth=0)
        ax.plot(sorted(by_size), means, color=color, marker=marker, label=name)
        told.append(f"{name} from {means[0]:.0%} to {means[-1]:.0%}")
    if majority is not None:
        ax.axhline(majority, label=f"majority baseline: {majority:.1%}", **BASELINE)
    ax.set(title=title, xscale="log", xlabel="practice pictures", ylabel="share right in the mock exam", ylim=(0, 1))
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    ax.legend(loc="upper left")
    text = f"{title}, {sizes[0]:,} to {sizes[-1]:,}: {'; '.join(told)}"
    return Picture(figure_of(ax), text + ("." if majority is None else f"; the majority baseline is {majority:.1%}."))


def plot_corrections(
    losses: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    *,
    guessing: float | None = None,
    title: str = "Practice",
) -> Picture:
    """Draw the loss of every correction, a line for each student: name -> losses.

    `guessing`, the loss of a student without an opinion (`math.log(C)` for C classes), is a dotted line.
    """
    ax = axes_or_new(ax, height=3.2)
    for place, (name, values) in enumerate(losses.items()):
        ax.plot(
            range(1, len(values) + 1), values, color=COLORS[place], linestyle=("-", "--", "-.")[place % 3], label=name
        )
    if guessing is not None:
        ax.axhline(guessing, label=f"no opinion: {guessing:.2f}", **BASELINE)
    ax.set(title=title, xlabel="correction", ylabel="loss", ylim=(0, None))
    ax.legend()
    longest = max(map(len, losses.values()))
    told = ", ".join(f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in losses.items())
    text = f"The loss over {longest} corrections: {told}"
    return Picture(figure_of(ax), text + ("." if guessing is None else f"; no opinion would cost {guessing:.2f}."))


def draw_comparison(
    losses: Mapping[str, Sequence[float]],
    marks: Mapping[str, float],
    *,
    num_classes: int,
    majority: float | None = None,
    num_samples: int | None = None,
) -> Picture:
    """Draw two or more students: on the left how the loss fell in practice, on the right the mock exam.

    `losses` and `marks` name the same students, each in one colour. See `plot_corrections` and `plot_marks`.
    """
    figure, (left, right) = new_figure(1, 2, height=3.6, width_ratios=[3, 2])
    practice = plot_corrections(losses, left, guessing=math.log(num_classes))
    exam = plot_marks(marks, right, majority=majority, num_samples=num_samples)
    return Picture(figure, f"Left: {practice.alt} Right: {exam.alt}")

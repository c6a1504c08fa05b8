"""One answer, marked and corrected: its bars, how far each has to go, and how they move (lesson 05)."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .animation import Animation, animate
from .display import Picture
from .images import Pixels, to_pixels
from .lettering import legible
from .style import BASELINE, COLORS, INK, MARKERS, axes_or_new, blank, figure_of, new_figure


def draw_marking(
    probabilities: Sequence[float],
    *,
    image: Pixels | None = None,
    truth: int,
    classes: Sequence[str],
    before: Sequence[float] | None = None,
    pushes: bool = False,
    title: str | None = None,
) -> Picture:
    """Draw the student's answer to one picture as a bar for each class, the truth hatched; `image` stands beside it.

    `probabilities`: (C,), in [0, 1]; `truth`, in [0, C), and `classes`, C names, belong to them. `before`: (C,), the
    answer before a correction, as outlines. `pushes` draws an arrow from each bar to where it should end, 1 for the
    truth and 0 for the others, and writes the gradient behind it, probability minus due. Raises ValueError where the
    numbers of probabilities, outlines and names differ, and for a truth outside.
    """
    numbers = {len(probabilities), len(classes), len(probabilities if before is None else before)}
    if len(numbers) > 1 or not 0 <= truth < len(classes):
        raise ValueError(f"{len(classes)} names, a truth of {truth} and {sorted(numbers)} probabilities do not agree.")
    height = 0.26 * len(classes) + 0.75
    if image is None:
        figure, right = new_figure(width=5.4, height=height, title=title)
    else:
        figure, (left, right) = new_figure(1, 2, width=6.6, height=height, width_ratios=[1, 2.3], title=title)
        left.imshow(to_pixels(image))
        blank(left)
    gradients = [value - (place == truth) for place, value in enumerate(probabilities)]
    _draw_bars(right, probabilities, truth=truth, classes=classes)
    if before is not None:
        right.barh(range(len(classes)), before, height=0.68, facecolor="none", edgecolor=INK, linestyle=":")
    labels = [_signed(value) for value in gradients] if pushes else [f"{value:.0%}" for value in probabilities]
    for place, (value, gradient, label) in enumerate(zip(probabilities, gradients, labels, strict=True)):
        at = max(value, 0 if before is None else before[place])
        if pushes:
            arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.3}
            right.annotate("", xy=(value - gradient, place), xytext=(value, place), arrowprops=arrow)
            at = max(value, value - gradient)
        right.text(at + 0.015, place, label, va="center", fontsize=9.5)
    right.set_xlabel("probability; beside it the score's gradient" if pushes else "probability")
    told = "; ".join(
        f"{name} {value:.0%}" + (f", gradient {label}" if pushes else "")
        for name, value, label in zip(classes, probabilities, labels, strict=True)
    )
    heading = f"{title}. " if title else ""
    text = f"{heading}The student's answer to one picture: {told}. The truth is {classes[truth]}."
    return Picture(figure, text, photo=image is not None)


def _draw_bars(ax: Axes, probabilities: Sequence[float], *, truth: int, classes: Sequence[str]) -> None:
    bars = ax.barh(range(len(classes)), probabilities, height=0.68, color=COLORS[0])
    bars[truth].set(facecolor=COLORS[1], hatch="///", edgecolor="white", linewidth=0)
    names = [f"{legible(name)} (the truth)" if place == truth else legible(name) for place, name in enumerate(classes)]
    ax.set_yticks(range(len(classes)), names)
    ax.get_yticklabels()[truth].set_fontweight("bold")
    ax.set(xlim=(0, 1.14), ylim=(len(classes) - 0.4, -0.6))
    ax.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def animate_marking(
    answers: Sequence[Sequence[float]],
    losses: Sequence[float],
    *,
    image: Pixels | None = None,
    truth: int,
    classes: Sequence[str],
    seconds: float = 7.0,
) -> Animation:
    """Show how the bars of `draw_marking` move: an answer (C,) and its loss before and after each correction."""
    frames, best = [], ""
    for count, (answer, loss) in enumerate(zip(answers, losses, strict=True)):
        best = classes[max(range(len(classes)), key=lambda place: answer[place])]
        title = f"{count} correction{'s' * (count != 1)}: loss {loss:.2f}, answer “{best}”"
        frames.append(draw_marking(answer, image=image, truth=truth, classes=classes, before=answers[0], title=title))
    alt = (
        f"The bars of the student's answer move in {len(answers) - 1} corrections. {classes[truth]}, the truth, goes "
        f"from {answers[0][truth]:.0%} to {answers[-1][truth]:.0%}, the loss from {losses[0]:.2f} to {losses[-1]:.2f}; "
        f"the answer in the end is {best}."
    )
    return animate(frames, alt=alt, seconds=seconds)


def plot_coaches(
    losses: Mapping[str, Mapping[float, Sequence[float]]],
    ax: Axes | None = None,
    *,
    levels: Mapping[str, float],
    highest: float = 3.0,
    title: str = "Which coach, and which learning rate?",
) -> Picture:
    """Draw the final loss over the learning rate, a line of means for each coach, a small dot for each run.

    `losses`: coach -> learning rate -> the losses of its runs. `levels`: name -> height of a dotted line across. A ring
    marks each coach's best mean. The picture ends at `highest`: rates above whose losses leave it are too bold.
    """
    ax = axes_or_new(ax, height=4.2)
    told = []
    for place, (coach, runs) in enumerate(losses.items()):
        means = {rate: sum(values) / len(values) for rate, values in runs.items()}
        best = min(means, key=lambda rate: means[rate])
        look: dict[str, Any] = {"color": COLORS[place], "marker": MARKERS[place]}
        ax.plot(list(means), list(means.values()), label=coach, **look)
        for rate, values in runs.items():
            ax.scatter([rate] * len(values), values, s=9, color=COLORS[place], alpha=0.7)
        ring = ax.scatter([best], [means[best]], s=170, facecolors="none", edgecolors=INK, linewidths=1.5, zorder=4)
        told.append(f"{coach} is best at {best:g}, with {means[best]:.2f}")
    for name, level in levels.items():
        ax.axhline(level, **BASELINE)
        ax.text(0.42, level, name, va="bottom", ha="right", fontsize=9, transform=ax.get_yaxis_transform())
    means_seen = [value for runs in losses.values() for values in runs.values() for value in values]
    ring.set_label("its best rate (small dots: single runs)")
    ax.set(title=title, xlabel="learning rate", ylabel="loss in the mock exam")
    ax.set(xscale="log", ylim=(0.92 * min(means_seen), highest))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)  # below: too bold a rate crosses everything
    return Picture(figure_of(ax), f"The loss in the end over the learning rate. {'; '.join(told)}.")

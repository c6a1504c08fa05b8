"""A subject small enough to draw: points in the plane, and a student's opinion about every place in it (lesson 00)."""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from .animation import Animation, animate
from .display import Picture
from .style import BASELINE, COLORS, INK, MARKERS, axes_or_new, figure_of, new_figure

EDGE = 1.05  # the plane is drawn from -EDGE to EDGE in both directions
NUM_PLACES = 120  # how many places a student is asked about, in each direction
# The ground has the colour of the answer: that of label 0 on the left, of label 1 on the right, white in between. It
# is pale, so that the points stand out from it.
GROUND = LinearSegmentedColormap.from_list("answers", ["#a9cdf0", "white", "#e5a597"])
NUM_FRAMES = 20  # of an animation

Student = Callable[[Tensor], Tensor]  # points (N, 2) -> scores (N, 2)


def plot_points(
    points: Tensor,
    labels: Tensor,
    ax: Axes | None = None,
    *,
    title: str = "The subject",
    kind: str = "class",
    alt: str | None = None,
) -> Picture:
    """Draw points (N, 2) with a colour and a marker for each label (N,), whole numbers; `kind` is what the legend calls
    a label: "spiral 0", "spiral 1".

    `alt`, what the points look like; left out, it counts them. Raises ValueError where points and labels do not fit.
    """
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"Points (N, 2) need labels (N,); these have the shapes {tuple(points.shape)} and {tuple(labels.shape)}."
        )
    ax = axes_or_new(ax, height=4.4, width=5)
    counts = _scatter(ax, points, labels, size=16)
    ax.set(title=title, aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    ax.legend(ax.collections, [f"{kind} {label}" for label in counts], loc="upper right")
    told = ", ".join(f"{count} of {kind} {label}" for label, count in counts.items())
    return Picture(figure_of(ax), alt or f"Points in the plane: {told}.")


def _scatter(ax: Axes, points: Tensor, labels: Tensor, *, size: float, edgecolor: str = "face") -> dict[int, int]:
    """Draw the points, `size` points² each; return how many have each label."""
    counts = {}
    for label in sorted(set(labels.tolist())):
        mine = points[labels == label].numpy(force=True)
        counts[label] = len(mine)
        ax.scatter(
            mine[:, 0],
            mine[:, 1],
            s=size,
            marker=MARKERS[label],
            color=COLORS[label],
            edgecolor=edgecolor,
            linewidth=0.5,
        )
    return counts


def plot_opinion(
    student: Student, points: Tensor, labels: Tensor, ax: Axes | None = None, *, title: str = "What the student thinks"
) -> Picture:
    """Draw what a student answers at every place of the plane, behind the points (N, 2) with their labels 0 or 1.

    `student`, a network or any function, gives two scores for each point. The ground has the colour of the label that
    it is sure of; where it is white, the student is undecided, and the line runs where both labels are equally likely.
    Good as a frame of `animate`: the axes are always the same.
    """
    ax = axes_or_new(ax, height=4.4, width=5)
    shares = _opinion(student).numpy(force=True)
    axis = np.linspace(-EDGE, EDGE, NUM_PLACES)
    # Few colours without soft edges: an animated picture takes half the bytes.
    ax.contourf(axis, axis, shares, levels=np.linspace(0, 1, 8), cmap=GROUND, antialiased=False)
    if shares.min() < 0.5 < shares.max():
        ax.contour(axis, axis, shares, levels=[0.5], colors=INK, linewidths=1.2)
    _scatter(ax, points, labels, size=10, edgecolor="white")
    ax.grid(visible=False)
    ax.set(title=title, aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    return Picture(
        figure_of(ax), f"The plane coloured by the student's answer. {_describe(title, student, points, labels)}."
    )


def draw_opinions(
    students: Mapping[str, Student], points: Tensor, labels: Tensor | Sequence[Tensor], *, title: str | None = None
) -> Picture:
    """Draw `plot_opinion` of several students side by side, or of one at several times: name -> student.

    `labels` (N,), or such labels for each student in turn, where they did not learn the same.
    """
    figure, panels = new_figure(1, len(students), height=3.3, title=title, sharey=True, squeeze=False)
    told = []
    learned = repeat(labels) if isinstance(labels, Tensor) else labels
    for ax, (name, student), own in zip(panels.flat, students.items(), learned, strict=False):
        plot_opinion(student, points, own, ax, title=name)
        ax.label_outer()
        told.append(_describe(name, student, points, own))
    said = "; ".join(told)
    return Picture(figure, f"The plane coloured by the student's answer. {said[0].upper()}{said[1:]}.")


def animate_learning(
    students: Sequence[Student], losses: Sequence[float], points: Tensor, labels: Tensor, *, guessing: float
) -> Animation:
    """Show a student learning: its opinion about every place (`plot_opinion`), and beside it how its loss fell.

    `students`: copies of it before each correction; `losses`: their losses. `guessing`, the loss of a student without
    an opinion, is a dotted line. Raises ValueError where the two differ in number.
    """
    if len(students) != len(losses):
        raise ValueError(f"Each of the {len(students)} students needs its loss; there are {len(losses)} losses.")
    frames = []
    for step in _most_at_the_beginning(len(students)):
        figure, (left, right) = new_figure(1, 2, height=3.3, width=7.2, width_ratios=[1, 1.1])
        plot_opinion(students[step], points, labels, left, title=f"after {step} corrections")
        right.plot(range(step + 1), losses[: step + 1], color=INK)
        right.plot(step, losses[step], "o", color=INK)
        right.axhline(guessing, label=f"no opinion: {guessing:.2f}", **BASELINE)
        right.set(title="Its loss", xlabel="correction", ylabel="loss (lower is better)")
        right.set(xlim=(-2, len(losses) + 2), ylim=(0, 1.15 * max(guessing, *losses)))
        right.legend(loc="upper right")
        frames.append(Picture(figure, alt=f"after {step} corrections"))
    first, last = (_describe(f"after {step} corrections", students[step], points, labels) for step in (0, -1))
    last = last.replace("after -1", f"after {len(students) - 1}")
    return animate(
        frames,
        seconds=6,
        alt=f"A student learns. Left, the plane coloured by its answer: {first}; {last}. "
        f"Right, its loss falls from {losses[0]:.2f} to {losses[-1]:.2f}.",
    )


def _most_at_the_beginning(number: int) -> list[int]:
    """Return at most NUM_FRAMES of the positions 0 to number - 1, first and last among them, closer at the start."""
    return sorted({round((number - 1) * (frame / (NUM_FRAMES - 1)) ** 1.6) for frame in range(NUM_FRAMES)})


def _opinion(student: Student) -> Tensor:
    """Return the probability of 1 at all places of the plane, (NUM_PLACES, NUM_PLACES), the second coordinate first."""
    axis = torch.linspace(-EDGE, EDGE, NUM_PLACES)
    with torch.no_grad():
        shares = student(torch.cartesian_prod(axis, axis)).softmax(dim=1)[:, 1]
    return shares.view(NUM_PLACES, NUM_PLACES).T


def _describe(name: str, student: Student, points: Tensor, labels: Tensor) -> str:
    with torch.no_grad():
        right = (student(points).argmax(dim=1) == labels).float().mean().item()
    undecided = ((_opinion(student) - 0.5).abs() < 0.25).float().mean().item()
    return f"{name}: {right:.1%} of the points are right, {undecided:.0%} of the plane is undecided"

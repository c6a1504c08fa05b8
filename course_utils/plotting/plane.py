"""A subject small enough to draw: points in the plane, and a student's opinion about every place in it (lesson 00)."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .display import Picture
from .style import COLORS, MARKERS, axes_or_new, figure_of, new_figure

EDGE = 1.05  # the plane is drawn from -EDGE to EDGE in both directions
NUM_PLACES = 120  # how many places a student is asked about, in each direction

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

    `student`, a network or any function, gives two scores for each point. Blue ground: it is sure of 0, yellow: of 1;
    in between it is undecided. Good as a frame of `animate`: the axes are always the same.
    """
    ax = axes_or_new(ax, height=4.4, width=5)
    axis = np.linspace(-EDGE, EDGE, NUM_PLACES)
    ax.contourf(axis, axis, _opinion(student).numpy(force=True), levels=np.linspace(0, 1, 12), alpha=0.6)
    _scatter(ax, points, labels, size=12, edgecolor="white")
    ax.set(title=title, aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    return Picture(
        figure_of(ax), f"The plane coloured by the student's answer. {_describe(title, student, points, labels)}."
    )


def draw_opinions(students: Mapping[str, Student], points: Tensor, labels: Tensor) -> Picture:
    """Draw `plot_opinion` of several students side by side, or of one at several times: name -> student."""
    figure, panels = new_figure(1, len(students), height=3.3, sharey=True, squeeze=False)
    for ax, (name, student) in zip(panels.flat, students.items(), strict=True):
        plot_opinion(student, points, labels, ax, title=name)
        ax.label_outer()
    told = "; ".join(_describe(name, student, points, labels) for name, student in students.items())
    return Picture(
        figure, f"The plane coloured by the student's answer, blue for 0, yellow for 1. {told[0].upper()}{told[1:]}."
    )


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
    return f"{name}: {right:.0%} of the points are right, {undecided:.0%} of the plane is undecided"

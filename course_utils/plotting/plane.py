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
    size: float = 16,
) -> Picture:
    """Draw points (N, 2) with a colour and a marker for each label (N,), whole numbers; `kind` is what the legend calls
    a label: "spiral 0", "spiral 1".

    `size` is a marker's area in points². Raises ValueError where points and labels do not fit.
    """
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"Points (N, 2) need labels (N,); these have the shapes {tuple(points.shape)} and {tuple(labels.shape)}."
        )
    ax = axes_or_new(ax, height=4.4, width=5)
    counts = []
    for label in sorted(set(labels.tolist())):
        mine = points[labels == label].numpy(force=True)
        counts.append(f"{len(mine)} of {kind} {label}")
        ax.scatter(mine[:, 0], mine[:, 1], s=size, marker=MARKERS[label], color=COLORS[label], label=f"{kind} {label}")
    ax.set(title=title, aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
    ax.legend(loc="upper right")
    return Picture(figure_of(ax), f"Points in the plane around a common centre: {', '.join(counts)}.")


def plot_opinion(
    student: Student, points: Tensor, labels: Tensor, ax: Axes | None = None, *, title: str = "What the student thinks"
) -> Picture:
    """Draw what a student answers at every place of the plane, behind the points (N, 2) with their labels 0 or 1.

    `student`, a network or any function, gives two scores for each point. Blue ground: it is sure of 0, yellow: of 1;
    in between it is undecided. Takes a frame of `animate`, too: the axes are always the same.
    """
    ax = axes_or_new(ax, height=4.4, width=5)
    axis = torch.linspace(-EDGE, EDGE, NUM_PLACES)
    with torch.no_grad():
        opinion = student(torch.cartesian_prod(axis, axis)).softmax(dim=1)[:, 1].view(NUM_PLACES, NUM_PLACES).T
    ax.contourf(axis.numpy(), axis.numpy(), opinion.numpy(force=True), levels=np.linspace(0, 1, 12), alpha=0.6)
    plot_points(points, labels, ax, title=title, size=5)
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()  # it would hide the ground
    share = _share_right(student, points, labels)
    return Picture(figure_of(ax), f"The plane coloured by the student's answer, {title}: {share:.0%} of points right.")


def draw_opinions(students: Mapping[str, Student], points: Tensor, labels: Tensor) -> Picture:
    """Draw `plot_opinion` of several students side by side, or of one at several times: name -> student."""
    figure, panels = new_figure(1, len(students), height=3.3, sharey=True, squeeze=False)
    for ax, (name, student) in zip(panels.flat, students.items(), strict=True):
        plot_opinion(student, points, labels, ax, title=name)
        ax.label_outer()
    shares = {name: _share_right(student, points, labels) for name, student in students.items()}
    told = "; ".join(f"{name}, {share:.0%} of the points are right" for name, share in shares.items())
    return Picture(figure, f"The plane coloured by the student's answer, blue for 0 and yellow for 1: {told}.")


def _share_right(student: Student, points: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return (student(points).argmax(dim=1) == labels).float().mean().item()

"""Pictures on their way to the student: broken pipelines to tell apart, and samples dealt out (lesson 03)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.transforms import InputSpec

from .animation import Animation, animate
from .display import Picture
from .images import to_pixels
from .lettering import legible
from .style import COLORS, FAINT, INK, blank, new_figure

PANELS, PAGE = 3, 6.6  # side by side, on so many inches
LINE, MARGIN = 0.19, 0.08  # inches: a line of text, and the room around a panel
CELL = 0.23  # inches: the side of one sample among the batches


def draw_pipelines(
    batches: Mapping[str, Tensor], names: Mapping[str, Sequence[str]], *, spec: InputSpec, title: str
) -> Picture:
    """Draw what comes out of several pipelines: the pictures turned back with `spec`, and the numbers themselves.

    `batches`: pipeline -> normalised tensors (N, 3, H, W), the same pictures in each; `names`: pipeline -> the name
    that it gives each of them. Under the pictures stand the shape of one, its lowest and highest number and the mean.
    Raises ValueError where pictures and names differ in number.
    """
    for pipeline, images in batches.items():
        if len(images) != len(names[pipeline]):
            raise ValueError(f"{pipeline}: {len(images)} pictures need as many names, not {len(names[pipeline])}.")
    num_rows = math.ceil(len(batches) / PANELS)
    num_images = max(map(len, batches.values()))
    side = (PAGE / PANELS - 2 * MARGIN) / num_images
    tallest = max(images.shape[-2] / images.shape[-1] for images in batches.values())
    panel = side * tallest + 3.0 * LINE + 2 * MARGIN
    height = num_rows * panel + 0.38
    figure, _ = new_figure(width=PAGE, height=height, title=title)
    figure.set_layout_engine(None)
    figure.clear()
    figure.suptitle(title, x=0.01, y=1 - 0.05 / height, ha="left", va="top")
    told = []
    for place, (pipeline, images) in enumerate(batches.items()):
        row, column = divmod(place, PANELS)
        left, top = column * PAGE / PANELS + MARGIN, height - 0.38 - row * panel
        write: dict[str, Any] = {"color": INK, "va": "top"}
        x = left / PAGE
        figure.text(x, (top - 0.02) / height, legible(pipeline), fontsize=11, fontweight="bold", **write)
        bottom = top - 1.15 * LINE - side * tallest
        for number, image in enumerate(images):
            ax = figure.add_axes(
                ((left + number * side) / PAGE, bottom / height, 0.96 * side / PAGE, side * tallest / height)
            )
            ax.imshow(to_pixels(image, spec=spec))
            ax.set(anchor="N", xticks=[], yticks=[])
            ax.spines[:].set(visible=True, color=FAINT)  # a white picture is seen, too
            ax.set_title(legible(names[pipeline][number]), y=-0.02, va="top", pad=0, fontsize=8, loc="center")
            ax.title.set_fontweight("normal")
        numbers = _numbers(images)
        figure.text(x, (bottom - 1.05 * LINE) / height, numbers, fontsize=7.5, **write)
        told.append(f"{pipeline}: {numbers}, named {', '.join(names[pipeline])}")
    return Picture(figure, f"{title}: {num_images} pictures from each. {'; '.join(told)}.", photo=True)


def _numbers(images: Tensor) -> str:
    """The shape of one picture, the range and the mean of all: "(3, 64, 64)  −2.1 to 2.6, mean 0.1"."""
    lowest, highest, mean = (
        f"{round(value.item(), 0 if value.abs() > 99 else 1) + 0.0:g}".replace("-", "−")
        for value in (images.min(), images.max(), images.mean())
    )
    return f"{tuple(images.shape[1:])}  {lowest} to {highest}, mean {mean}"


def draw_terms(
    orders: Sequence[Tensor], labels: Tensor, *, batch_size: int, num_dealt: int | None = None, title: str = ""
) -> Picture:
    """Draw how the samples of a small data set are dealt out in batches: a row for each epoch, a frame for each batch.

    `orders`: for each epoch the places of the samples (N,) in its order; `labels` (N,) colour the samples, which carry
    their places as numbers. Of all batches `num_dealt` are dealt (all, if None), the last one emphasised; the rest wait
    in grey. Good as a frame of `animate`. Raises ValueError where the orders differ in length from the labels.
    """
    if any(len(order) != len(labels) for order in orders):
        raise ValueError(f"Each order needs {len(labels)} places, one for each label.")
    per_epoch = math.ceil(len(labels) / batch_size)
    num_dealt = per_epoch * len(orders) if num_dealt is None else num_dealt
    width, height = (len(labels) + 0.6 * per_epoch + 4.6) * CELL, (2.2 * len(orders) + 0.9) * CELL + 0.5
    figure, ax = new_figure(width=width, height=height, title=title or " ")
    figure.set_layout_engine(None)
    ax.set_position((0, 0, 1, (height - 0.42) / height))
    ax.set(xlim=(-4.4, len(labels) + 0.6 * per_epoch + 0.2), ylim=(2.2 * len(orders) + 0.6, -0.3), aspect="equal")
    blank(ax)
    for epoch, order in enumerate(orders):
        ax.text(-4.2, 2.2 * epoch + 0.5, f"epoch {epoch + 1}", va="center", fontsize=10.5, color=INK)
        for number, batch in enumerate(torch.split(order, batch_size)):
            iteration = epoch * per_epoch + number
            x = number * (batch_size + 0.6)
            dealt, now = iteration < num_dealt, iteration == num_dealt - 1
            _draw_batch(ax, (x, 2.2 * epoch), batch, labels, dealt=dealt, now=now, name=f"batch {number + 1}")
    sizes = [len(batch) for batch in torch.split(orders[0], batch_size)]
    return Picture(
        figure,
        f"{len(labels)} samples, dealt out in batches of {', '.join(map(str, sizes))}: that is {per_epoch} iterations "
        f"in each of {len(orders)} epochs, {per_epoch * len(orders)} in all. Each epoch has an order of its own.",
    )


def _draw_batch(
    ax: Axes, corner: tuple[float, float], batch: Tensor, labels: Tensor, *, dealt: bool, now: bool, name: str
) -> None:
    x, y = corner
    for number, sample in enumerate(batch.tolist()):
        color = COLORS[int(labels[sample]) % len(COLORS)] if dealt else FAINT
        ax.add_patch(Rectangle((x + number + 0.05, y + 0.05), 0.9, 0.9, color=color))
        if dealt:
            ax.text(x + number + 0.5, y + 0.53, str(sample), ha="center", va="center", fontsize=8, color="white")
    ax.text(x + len(batch) / 2, y + 1.25, name, ha="center", va="top", fontsize=8.5, color=INK)
    if now:
        frame = Rectangle((x - 0.1, y - 0.1), len(batch) + 0.2, 1.2, fill=False, edgecolor=INK, linewidth=2)
        ax.add_patch(frame)


def animate_terms(orders: Sequence[Tensor], labels: Tensor, *, batch_size: int, seconds: float = 7.0) -> Animation:
    """Show the batches being dealt out one by one, the counters above them. Takes and raises what `draw_terms` does."""
    per_epoch = math.ceil(len(labels) / batch_size)
    frames = []
    for dealt in range(1, per_epoch * len(orders) + 1):
        epoch, batch = divmod(dealt - 1, per_epoch)
        title = f"epoch {epoch + 1} · batch {batch + 1} of {per_epoch} · iteration {dealt}"
        frames.append(draw_terms(orders, labels, batch_size=batch_size, num_dealt=dealt, title=title))
    return animate(frames, alt=f"Batch after batch is dealt out. {frames[-1].alt}", seconds=seconds)

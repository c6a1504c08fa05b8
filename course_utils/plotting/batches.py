"""From pictures to batches: what `Normalize` does to the pixels, and what is in a batch (lesson 03)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .display import Picture
from .lettering import legible
from .style import BASELINE, COLORS, axes_or_new, figure_of, new_figure

CHANNELS = {"red": (COLORS[1], "-"), "green": ("#2a8a3e", "--"), "blue": (COLORS[0], ":")}


def draw_pixel_values(images: Mapping[str, Tensor], *, num_bins: int = 60) -> Picture:
    """Draw histograms of red, green and blue, a panel for each batch: title -> images (N, 3, H, W).

    Each line tells which percentage of the pixels has a value; a thin line marks 0 where it is not the edge. The panels
    share their axes and their bins, `num_bins` over all values, so that what moves and widens is seen to.
    """
    figure, panels = new_figure(1, len(images), height=3.2, sharey=True, squeeze=False)
    reach = (
        min(float(values.min()) for values in images.values()),
        max(float(values.max()) for values in images.values()),
    )
    for ax, (title, values) in zip(panels.flat, images.items(), strict=True):
        for channel, (name, (color, line)) in enumerate(CHANNELS.items()):
            counts, edges = np.histogram(values[:, channel].numpy(force=True), bins=num_bins, range=reach)
            ax.stairs(100 * counts / counts.sum(), edges, color=color, linestyle=line, label=name, linewidth=1.6)
        if values.min() < 0:
            ax.axvline(0, color=COLORS[4], linewidth=1)
        ax.set(title=title, xlabel="value of a pixel")
    panels[0, 0].set_ylabel("percent of the pixels")
    panels[0, 0].legend(loc="upper left")
    told = "; ".join(f"“{title}” from {values.min():.1f} to {values.max():.1f}" for title, values in images.items())
    return Picture(figure, f"Histograms of red, green and blue: {told}.")


def draw_batches(targets: Mapping[str, Sequence[Tensor]], classes: Sequence[str], *, batch_size: int) -> Picture:
    """Draw how many pictures of each class are in each batch, a panel for each order.

    `targets`: title -> batches of class numbers (N,). The shade ends at half a batch.
    """
    figure, panels = new_figure(1, len(targets), height=3.7, sharey=True, squeeze=False)
    told = []
    for ax, (title, batches) in zip(panels.flat, targets.items(), strict=True):
        counts = torch.stack([torch.bincount(batch, minlength=len(classes)) for batch in batches])
        image = ax.imshow(
            counts.T.numpy(force=True),
            aspect="auto",
            vmin=0,
            vmax=batch_size // 2,
            interpolation="nearest",
            extent=(0.5, len(batches) + 0.5, len(classes) - 0.5, -0.5),  # the batches count from 1
        )
        ax.set(title=title, xlabel="batch")
        ax.grid(visible=False)
        told.append(f"{title.lower()}, a batch holds {(counts > 0).sum(dim=1).float().mean():.1f} classes on average")
    panels[0, 0].set_yticks(range(len(classes)), list(map(legible, classes)))
    figure.colorbar(image, ax=panels, extend="max", label="pictures of the class in the batch")
    return Picture(figure, f"How many pictures of each class are in each batch: {'; '.join(told)}.")


def plot_batch_means(
    batch_means: Mapping[int, Tensor], ax: Axes | None = None, *, mean: float, ylabel: str, title: str | None = None
) -> Picture:
    """Draw how the means of batches scatter around the mean of all, a column of dots for each batch size.

    `batch_means`: batch size -> the means of many batches (number of batches,). `ylabel` says of what they are means.
    """
    ax = axes_or_new(ax, height=3.4)
    for place, values in enumerate(batch_means.values()):
        spots = np.linspace(-0.25, 0.25, len(values))  # side by side, in the order in which they were drawn
        ax.scatter(place + spots, values.numpy(force=True), s=7, color=COLORS[0])
    ax.axhline(mean, label="mean of all", **BASELINE | {"color": COLORS[1], "linestyle": "--"})
    ax.set_xticks(range(len(batch_means)), [str(size) for size in batch_means])
    ax.set(title=title or "What a batch says about the whole", xlabel="batch size", ylabel=ylabel)
    ax.legend()
    spread = ", ".join(f"{size}: {values.std():.3f}" for size, values in batch_means.items())
    return Picture(
        figure_of(ax),
        f"Dots for the {ylabel}, around the mean of all, {mean:.3f}. Their standard deviation by batch size: {spread}.",
    )

"""A convolution on squared paper: the window slides, nine products are added up, the sums fill a map (lesson 04)."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from .animation import Animation, animate
from .display import Picture
from .style import COLORS, FAINT, INK, new_figure

SQUARE = 0.4  # inches
COLORS_OF_NUMBERS = "PuOr_r"  # purple is negative, orange positive, white 0


def draw_convolution(picture: Tensor, kernel: Tensor, *, num_steps: int) -> Picture:
    """Draw a convolution after `num_steps` windows, row by row from the upper left corner.

    From left to right: `picture` (H, W) with the window framed; `kernel` (k, k); the products in the window and their
    sum; the feature map (H - k + 1, W - k + 1) as far as it is filled. Raises ValueError where there is no such step.
    """
    size = len(kernel)
    sums = (picture.unfold(0, size, 1).unfold(1, size, 1) * kernel).sum(dim=(2, 3))
    if not 1 <= num_steps <= sums.numel():
        raise ValueError(f"num_steps={num_steps}: the window has {sums.numel()} places, 1 to {sums.numel()}.")
    row, column = divmod(num_steps - 1, sums.shape[1])
    products = picture[row : row + size, column : column + size] * kernel
    filled = sums.clone().flatten()
    filled[num_steps:] = torch.nan
    highest = sums.abs().max().item() or 1.0

    tables = {
        f"picture {tuple(picture.shape)}": picture,
        f"filter {tuple(kernel.shape)}": kernel,
        f"products, sum {sums[row, column]:.0f}": products,
        f"feature map {tuple(sums.shape)}": filled.view_as(sums),
    }
    widths = [table.shape[1] for table in tables.values()]
    width = SQUARE * sum(widths) + 1.6
    figure, panels = new_figure(1, len(tables), width=width, height=SQUARE * len(picture) + 0.5, width_ratios=widths)
    for ax, (title, table) in zip(panels, tables.items(), strict=True):
        _draw_numbers(ax, table, highest=highest)
        ax.set_title(title, fontsize=10.5)
    _frame(panels[0], row, column, size)
    _frame(panels[3], row, column, 1)
    told = f"window {num_steps} of {sums.numel()} lies at row {row}, column {column}; its products add up to"
    return Picture(figure, f"Picture, filter, products and feature map: {told} {sums[row, column]:.0f}.")


def animate_convolution(picture: Tensor, kernel: Tensor) -> Animation:
    """Show `draw_convolution` window by window, until the feature map is full."""
    height, width = (side - len(kernel) + 1 for side in picture.shape)
    num_steps = height * width
    frames = [draw_convolution(picture, kernel, num_steps=step) for step in range(1, num_steps + 1)]
    return animate(
        frames,
        alt=f"A window of {len(kernel)} by {len(kernel)} slides over a picture, row by row. At each of {num_steps} "
        f"places its products are added up, and the sum goes into the feature map. In the last frame it is full: "
        f"{frames[-1].alt}",
        seconds=0.6 * num_steps,
    )


def _draw_numbers(ax: Axes, table: Tensor, *, highest: float) -> None:
    """Draw numbers on squared paper; what is not there yet (NaN) stays empty."""
    values = table.numpy(force=True) + 0.0  # no square says -0
    ax.imshow(values, cmap=COLORS_OF_NUMBERS, vmin=-2 * highest, vmax=2 * highest)
    for row, column in np.ndindex(*values.shape):
        if not np.isnan(values[row, column]):
            ax.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center")
    ax.set(xticks=np.arange(values.shape[1] + 1) - 0.5, yticks=np.arange(values.shape[0] + 1) - 0.5, anchor="N")
    ax.set(xticklabels=[], yticklabels=[])
    ax.tick_params(length=0)
    ax.set_axisbelow(False)
    ax.grid(color=FAINT)
    ax.spines[:].set(visible=True, color=INK)


def _frame(ax: Axes, row: int, column: int, size: int) -> None:
    corner = (column - 0.5, row - 0.5)
    ax.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=COLORS[1], linewidth=2.6, zorder=5, clip_on=False))

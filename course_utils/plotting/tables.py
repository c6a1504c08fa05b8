"""Tensors as tables of numbers: which dimension disappears, and what broadcasting repeats (lesson 00)."""

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from torch import Tensor

from .display import Picture
from .style import COLORS, INK, blank, new_figure

CELL_WIDTH, CELL_HEIGHT = 0.52, 0.32  # inches
GAP = 0.5  # inches between two tables
HEAD = 0.4  # inches above a table, for its name
GROUND = "#eef4fb"
SIGNS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "==": torch.eq,
}


def draw_broadcasting(left: Tensor, right: Tensor, sign: str, *, title: str) -> Picture:
    """Draw two tensors, the copies that fill them up, and what `left sign right` gives, number by number.

    Tensors of at most two dimensions; `sign` is one of `SIGNS`. A copy made by broadcasting is pale, with a dashed
    frame. Raises ValueError for another sign or more dimensions, and PyTorch's RuntimeError where shapes do not fit.
    """
    if sign not in SIGNS or max(left.ndim, right.ndim) > 2:
        raise ValueError(f"{sign!r} of tensors with {left.ndim} and {right.ndim} dimensions cannot be drawn.")
    result = SIGNS[sign](left, right)
    num_rows, num_columns = _as_table(result).shape
    step = num_columns * CELL_WIDTH + GAP
    figure, ax = _sheet(3 * step, num_rows * CELL_HEIGHT + HEAD, title)
    for place, (tensor, following) in enumerate([(left, sign), (right, "="), (result, "")]):
        filled_up = _as_table(tensor).expand(num_rows, num_columns)
        _draw_table(ax, place * step, HEAD, filled_up, originals=_as_table(tensor).shape)
        _text(ax, place * step + (step - GAP) / 2, HEAD / 2, _shape(tensor))
        _text(ax, (place + 1) * step - GAP / 2, HEAD + num_rows * CELL_HEIGHT / 2, following)
    told = f"{_shape(left)} {sign} {_shape(right)} gives {_shape(result)}"
    repeated = [side for side, tensor in (("first", left), ("second", right)) if tensor.shape != result.shape]
    pale = f" Pale copies fill up the {' and the '.join(repeated)} one." if repeated else ""
    return Picture(figure, f"Three tables of numbers: {told}.{pale}")


def draw_dims(table: Tensor, *, title: str = "The dimension that is named disappears") -> Picture:
    """Draw a tensor (rows, columns) with `mean(dim=0)` under its columns and `mean(dim=1)` beside its rows."""
    num_rows, num_columns = table.shape
    right, bottom = num_columns * CELL_WIDTH, HEAD + num_rows * CELL_HEIGHT
    figure, ax = _sheet(right + GAP + 3, bottom + GAP + CELL_HEIGHT, title)
    means = table.mean(dim=0), table.mean(dim=1)
    _draw_table(ax, 0, HEAD, table, originals=table.shape)
    _draw_table(ax, 0, bottom + GAP, means[0][None], originals=(1, num_columns))
    _draw_table(ax, right + GAP, HEAD, means[1][:, None], originals=(num_rows, 1))
    _text(ax, right / 2, HEAD / 2, _shape(table))
    _text(ax, right + 0.15, bottom + GAP + CELL_HEIGHT / 2, f"mean(dim=0)  {_shape(means[0])}", align="left")
    _text(ax, right + GAP + CELL_WIDTH + 0.15, (HEAD + bottom) / 2, f"mean(dim=1)  {_shape(means[1])}", align="left")
    _draw_arrow(ax, (right / 2, bottom), (right / 2, bottom + GAP))
    _draw_arrow(ax, (right, (HEAD + bottom) / 2), (right + GAP, (HEAD + bottom) / 2))
    return Picture(
        figure,
        f"A table {_shape(table)}. mean(dim=0) goes down the {num_rows} rows and leaves {_shape(means[0])}; "
        f"mean(dim=1) goes across the {num_columns} columns and leaves {_shape(means[1])}.",
    )


def _sheet(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure and axes that are measured in inches from their upper left corner."""
    figure, ax = new_figure(width=width + 0.4, height=height + 0.55, title=title)
    ax.set(xlim=(-0.1, width), ylim=(height + 0.05, 0), aspect="equal")
    blank(ax)
    return figure, ax


def _draw_table(ax: Axes, x: float, y: float, table: Tensor, *, originals: tuple[int, ...]) -> None:
    """Draw a table with its upper left corner at (x, y); what lies beyond the first `originals` is a copy."""
    for row, values in enumerate(table.tolist()):
        for column, value in enumerate(values):
            copied = row >= originals[0] or column >= originals[1]
            corner = (x + column * CELL_WIDTH, y + row * CELL_HEIGHT)
            ax.add_patch(
                Rectangle(
                    corner,
                    CELL_WIDTH,
                    CELL_HEIGHT,
                    facecolor="white" if copied else GROUND,
                    edgecolor=COLORS[4] if copied else INK,
                    linestyle=":" if copied else "-",
                    linewidth=0.9,
                    zorder=1 if copied else 2,
                )
            )
            number = f"{value:.2f}" if isinstance(value, float) else str(value)
            middle = (corner[0] + CELL_WIDTH / 2, corner[1] + CELL_HEIGHT / 2)
            _text(ax, *middle, number, color=COLORS[4] if copied else INK)


def _text(ax: Axes, x: float, y: float, text: str, *, align: str = "center", color: str = INK) -> None:
    ax.text(x, y, text, ha=align, va="center", color=color, fontsize=9.5, family="monospace", zorder=3)


def _draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, shrinkA=3, shrinkB=3, color=INK))


def _as_table(tensor: Tensor) -> Tensor:
    """Return it with two dimensions, filled up from the left with size 1, as broadcasting does."""
    return tensor.reshape((1,) * (2 - tensor.ndim) + tensor.shape)


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))

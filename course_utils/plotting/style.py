"""One look for every figure of the course: white ground, legible sizes, colours that do not mislead the colour-blind.

Importing `course_utils.plotting` puts `STYLE` into matplotlib's settings, so that a learner's own plots look the same.
"""

from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

# The ten colours of M. Petroff, "Accessible Color Sequences for Data Visualization" (2021); matplotlib 3.10 ships them
# as the style petroff10, the course also runs with 3.9. Reordered: the first three have the best contrast on white.
COLORS = ("#3f90da", "#bd1f01", "#832db6", "#e76300", "#717581", "#a96b59", "#ffa90e", "#94a4a2", "#b9ac70", "#92dadd")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
INK = "#22272e"
FAINT = "#d5dae0"
COLORMAP = "cividis"

# What each part of the story looks like wherever it is drawn: never told apart by colour alone.
PRACTICE: dict[str, Any] = {"color": COLORS[0], "marker": "o", "linestyle": "--", "label": "practice (training)"}
MOCK_EXAM: dict[str, Any] = {"color": COLORS[1], "marker": "s", "linestyle": "-", "label": "mock exam (validation)"}

RING: dict[str, Any] = {"facecolors": "none", "edgecolors": INK, "zorder": 4}  # around the best
BASELINE: dict[str, Any] = {"color": COLORS[4], "linestyle": ":", "linewidth": 1.6}  # the mark to beat

WIDTH = 8.0  # inches
CSS_DPI = 96  # an inch on a web page: 8 inches are about the width of a notebook's column

STYLE: dict[str, Any] = {
    "figure.facecolor": "white",
    "figure.dpi": CSS_DPI,
    "figure.figsize": (WIDTH, 4.0),
    "figure.titlesize": 13,
    "figure.constrained_layout.w_pad": 0.09,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.titleweight": "bold",
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "font.size": 10.5,
    "text.color": INK,
    "axes.facecolor": "white",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLORS),
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": FAINT,
    "lines.linewidth": 1.9,
    "lines.markersize": 5,
    "errorbar.capsize": 3,
    "image.cmap": COLORMAP,
}


def apply_style() -> None:
    """Put the course's look into matplotlib's settings. Done once, when `course_utils.plotting` is imported."""
    matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # its stubs know names only as literals, not as str


def new_figure(
    nrows: int = 1,
    ncols: int = 1,
    *,
    height: float = 3.6,
    width: float = WIDTH,
    title: str | None = None,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Return a figure and its axes, as `plt.subplots` does, but known to nobody else: no global list of figures
    keeps it, so that loops and sliders may draw thousands.

    `height` and `width` are those of the whole figure in inches. `subplots` go to `Figure.subplots`
    (`sharey=True`, `width_ratios=[2, 1]`, ...). With one row and one column the axes are one `Axes`, else an array.
    End the cell with `Picture(figure, alt=...)`.
    """
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure, figure.subplots(nrows, ncols, **subplots)


def lay_out_once(figure: Figure) -> None:
    """Find the places of the axes now, and keep them: what is drawn on them afterwards is drawn much faster."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def axes_or_new(ax: Axes | None, *, height: float = 3.6, width: float = WIDTH) -> Axes:
    """Return `ax`, or the axes of a new figure where it is None."""
    if ax is not None:
        return ax
    axes: Axes = new_figure(height=height, width=width)[1]
    return axes


def figure_of(ax: Axes) -> Figure:
    """Return the whole figure that the axes belong to."""
    figure = ax.figure
    while isinstance(figure, SubFigure):
        figure = figure.figure
    assert figure is not None
    return figure


def blank(axes: Axes | np.ndarray) -> None:
    """Take ticks, grid and frame away: for axes that hold a picture or a drawing."""
    for ax in np.ravel(np.asarray(axes, dtype=object)):
        ax.set_axis_off()

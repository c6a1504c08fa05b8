"""Every figure of the course, in one look. The only part of the package that imports matplotlib.

What draws returns a `Picture`, the figure and its alt text together, and a cell ends in it: `plot_history(history)`.
`show(picture)` is for the middle of a cell. `plot_...` functions of one chart draw into `ax` if they are given one, so
that charts can be composed; `picture.figure.axes` are matplotlib's own. Nothing calls `plt.show()`.
"""

from .animation import Animation, animate
from .classes import draw_answer, plot_class_counts, plot_confusion_matrix, plot_predictions
from .curves import LiveCurves, describe_history, plot_accuracies, plot_history, plot_losses
from .display import Picture, Shown, show
from .explanations import LANDSCAPES, descend, judge_descent, plot_descent, plot_softmax_loss
from .flow import draw_flow
from .images import draw_augmentations, draw_images, plot_feature_maps, to_pixels
from .learning_rates import plot_range_test, plot_sweep
from .style import BASELINE, COLORS, MARKERS, MOCK_EXAM, PRACTICE, STYLE, apply_style, new_figure

apply_style()

__all__ = [
    "BASELINE",
    "COLORS",
    "LANDSCAPES",
    "MARKERS",
    "MOCK_EXAM",
    "PRACTICE",
    "STYLE",
    "Animation",
    "LiveCurves",
    "Picture",
    "Shown",
    "animate",
    "descend",
    "describe_history",
    "draw_answer",
    "draw_augmentations",
    "draw_flow",
    "draw_images",
    "judge_descent",
    "new_figure",
    "plot_accuracies",
    "plot_class_counts",
    "plot_confusion_matrix",
    "plot_descent",
    "plot_feature_maps",
    "plot_history",
    "plot_losses",
    "plot_predictions",
    "plot_range_test",
    "plot_softmax_loss",
    "plot_sweep",
    "show",
    "to_pixels",
]

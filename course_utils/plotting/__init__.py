"""Every figure of the course, in one look. The only part of the package that imports matplotlib.

`plot_...` functions draw into `ax` (or a new figure), and return the axes; nothing calls `plt.show()`. A figure cell
ends in `show(figure_or_axes, alt="one sentence that says what it shows")`.
"""

from .classes import plot_class_counts, plot_confusion_matrix, plot_predictions
from .curves import LiveCurves, describe_history, plot_history
from .display import Drawing, figure_html, show
from .explanations import LANDSCAPES, descend, judge_descent, plot_descent, plot_softmax_loss
from .flow import draw_flow
from .images import draw_images, plot_feature_maps, show_images, to_pixels
from .learning_rates import plot_range_test, plot_sweep
from .style import COLORS, MARKERS, MOCK_EXAM, PRACTICE, STYLE, apply_style, new_figure

apply_style()

__all__ = [
    "COLORS",
    "LANDSCAPES",
    "MARKERS",
    "MOCK_EXAM",
    "PRACTICE",
    "STYLE",
    "Drawing",
    "LiveCurves",
    "descend",
    "describe_history",
    "draw_flow",
    "draw_images",
    "figure_html",
    "judge_descent",
    "new_figure",
    "plot_class_counts",
    "plot_confusion_matrix",
    "plot_descent",
    "plot_feature_maps",
    "plot_history",
    "plot_predictions",
    "plot_range_test",
    "plot_softmax_loss",
    "plot_sweep",
    "show",
    "show_images",
    "to_pixels",
]

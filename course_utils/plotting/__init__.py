"""Every figure of the course, in one look. The only part of the package that imports matplotlib.

What draws returns a `Picture`, the figure and its alt text together, and a cell ends in it: `plot_history(history)`.
`show(picture)` is for the middle of a cell. `plot_...` functions of one chart draw into `ax` if they are given one, so
that charts can be composed; `picture.figure.axes` are matplotlib's own. Nothing calls `plt.show()`.
"""

from .animation import Animation, animate
from .batches import draw_batches, draw_pixel_values, plot_batch_means
from .by_heart import draw_reminders, plot_guessers
from .certificates import draw_certificate
from .classes import (
    draw_answer,
    plot_calibration,
    plot_class_counts,
    plot_confusion_matrix,
    plot_first_answers,
    plot_predictions,
)
from .convolutions import animate_convolution, draw_convolution
from .costs import plot_memory, plot_times, plot_zoo
from .curves import LiveCurves, describe_history, plot_accuracies, plot_history, plot_losses
from .display import Picture, Shown, show
from .exams import draw_exam_in_pairs, draw_mistakes, plot_agreement, plot_recalls, plot_threshold
from .explanations import LANDSCAPES, descend, draw_slope, judge_descent, plot_descent, plot_softmax_loss
from .fits import animate_fit, draw_fit
from .flow import draw_flow
from .graphs import animate_graph, draw_graph
from .images import (
    draw_answers,
    draw_augmentations,
    draw_class_folders,
    draw_grids,
    draw_images,
    draw_pairs,
    plot_feature_maps,
    to_pixels,
)
from .learning_rates import plot_range_test, plot_sweep
from .lines import plot_lines
from .looking import animate_covering, draw_normalization, draw_to_scale
from .marking import animate_marking, draw_marking, plot_coaches
from .marks import draw_comparison, plot_corrections, plot_marks, plot_marks_by_size
from .pipelines import animate_terms, draw_pipelines, draw_terms
from .plane import animate_learning, draw_opinions, plot_opinion, plot_points
from .posters import Poster, draw_poster
from .runs import plot_broken, plot_loss_grid, plot_runs, plot_seeds
from .style import BASELINE, COLORS, MARKERS, MOCK_EXAM, PRACTICE, STYLE, apply_style, new_figure
from .tables import draw_broadcasting, draw_dims
from .thinking import animate_thoughts, draw_thoughts
from .together import animate_rooms, plot_differences, plot_slope_sizes
from .units import animate_units, draw_units
from .valleys import animate_balls, judge_roll, plot_ball, roll
from .walls import draw_neighbours, draw_wall
from .words import draw_text, plot_lengths, plot_telling_words, plot_word_map

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
    "Poster",
    "Shown",
    "animate",
    "animate_balls",
    "animate_convolution",
    "animate_covering",
    "animate_fit",
    "animate_graph",
    "animate_learning",
    "animate_marking",
    "animate_rooms",
    "animate_terms",
    "animate_thoughts",
    "animate_units",
    "descend",
    "describe_history",
    "draw_answer",
    "draw_answers",
    "draw_augmentations",
    "draw_batches",
    "draw_broadcasting",
    "draw_certificate",
    "draw_class_folders",
    "draw_comparison",
    "draw_convolution",
    "draw_dims",
    "draw_exam_in_pairs",
    "draw_fit",
    "draw_flow",
    "draw_graph",
    "draw_grids",
    "draw_images",
    "draw_marking",
    "draw_mistakes",
    "draw_neighbours",
    "draw_normalization",
    "draw_opinions",
    "draw_pairs",
    "draw_pipelines",
    "draw_pixel_values",
    "draw_poster",
    "draw_reminders",
    "draw_slope",
    "draw_terms",
    "draw_text",
    "draw_thoughts",
    "draw_to_scale",
    "draw_units",
    "draw_wall",
    "judge_descent",
    "judge_roll",
    "new_figure",
    "plot_accuracies",
    "plot_agreement",
    "plot_ball",
    "plot_batch_means",
    "plot_broken",
    "plot_calibration",
    "plot_class_counts",
    "plot_coaches",
    "plot_confusion_matrix",
    "plot_corrections",
    "plot_descent",
    "plot_differences",
    "plot_feature_maps",
    "plot_first_answers",
    "plot_guessers",
    "plot_history",
    "plot_lengths",
    "plot_lines",
    "plot_loss_grid",
    "plot_losses",
    "plot_marks",
    "plot_marks_by_size",
    "plot_memory",
    "plot_opinion",
    "plot_points",
    "plot_predictions",
    "plot_range_test",
    "plot_recalls",
    "plot_runs",
    "plot_seeds",
    "plot_slope_sizes",
    "plot_softmax_loss",
    "plot_sweep",
    "plot_telling_words",
    "plot_threshold",
    "plot_times",
    "plot_word_map",
    "plot_zoo",
    "roll",
    "show",
    "to_pixels",
]

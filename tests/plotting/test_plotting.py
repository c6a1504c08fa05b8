"""What holds for every chart."""

import numpy as np

from course_utils import plotting
from course_utils.report.history import History
from course_utils.tuning import RangeTest, Run, SweepResult


def test_every_chart_has_a_title_and_labelled_axes(history):
    run = History([1.0], [0.5], [1.0], [0.5], [0.1], [1.0], num_train=100, num_val=100)
    charts = [
        plotting.plot_predictions([("hat", 1.0)]),
        plotting.plot_class_counts({"hat": 1}),
        plotting.plot_sweep(SweepResult("learning_rate", [Run(0.1, 0, run), Run(0.1, 1, run)])),
        plotting.plot_range_test(RangeTest([0.1, 0.2], [1.0, 2.0], [1.0, 1.5], None, "")),
        plotting.plot_confusion_matrix(np.eye(2, dtype=int), ["a", "b"]),
        plotting.plot_history(history),
        plotting.plot_losses(history),
        plotting.plot_accuracies(history),
        plotting.plot_descent(0.1),
        plotting.draw_slope(np.square, 1.0, nudge=0.1, xlabel="weight", ylabel="loss", title="Here"),
        plotting.plot_coaches({"SGD": {0.1: [1.0], 1.0: [2.0]}}, levels={"guessing": 2.3}),
    ]
    for ax in (ax for chart in charts for ax in chart.figure.axes if ax.get_label() != "<colorbar>"):
        assert ax.get_title(loc="left")
        assert ax.get_xlabel()
        assert ax.get_ylabel() or ax.get_yticklabels()[0].get_text()

"""The report card as curves: the right figures in the right look, term by term."""

import math

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

from course_utils import plotting
from course_utils.plotting import curves
from course_utils.report.history import History


def curve(ax, name):
    """The line of an axes whose label begins with `name`, by itself or as an error bar's."""
    lines = {str(bars.get_label()): bars.lines[0] for bars in ax.containers}
    lines |= {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}
    (found,) = [line for label, line in lines.items() if label.startswith(name)]
    return found


def test_history_curves_hold_the_figures_of_the_report_card(history):
    loss_ax, accuracy_ax = plotting.plot_history(history).figure.axes
    np.testing.assert_allclose(curve(loss_ax, "practice").get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(curve(loss_ax, "practice").get_ydata(), [2.0, 1.0, 0.5])
    assert list(curve(loss_ax, "mock exam").get_ydata()) == history.val_loss
    assert list(curve(accuracy_ax, "practice").get_ydata()) == history.train_accuracy
    assert list(curve(accuracy_ax, "mock exam").get_ydata()) == history.val_accuracy


def test_practice_is_dashed_with_circles_and_the_mock_exam_solid_with_squares_in_curves_and_legend(history):
    figure = plotting.plot_history(history).figure
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][:2] == ["practice (training)", "mock exam (validation)"]
    practice, exam, *rest = legend.findobj(Line2D)  # an error bar has two caps, a line and a marker
    practices = [practice, *(curve(ax, "practice (training)") for ax in figure.axes)]
    for line in practices:
        assert (line.get_linestyle(), line.get_marker(), line.get_color()) == ("--", "o", "#3f90da")
    for line in [curve(ax, "mock exam (validation)") for ax in figure.axes]:
        assert (line.get_linestyle(), line.get_marker(), line.get_color()) == ("-", "s", "#bd1f01")
    looks = [(line.get_linestyle(), line.get_marker(), line.get_color()) for line in (exam, *rest)]
    assert looks[2:4] == [("-", "none", "#bd1f01"), ("None", "s", "#bd1f01")]


def test_the_best_term_stands_last_in_the_legend(history):
    (legend,) = plotting.plot_history(history, guessing=2.3).figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[:2] == ["practice (training)", "mock exam (validation)"]
    assert set(labels[2:]) == {"best term: 2", "guessing: 2.30", "majority baseline: 25.0%"}


def test_history_marks_the_best_epoch_in_both_curves(history):
    assert history.best_epoch == 2
    figure = plotting.plot_history(history).figure
    rings = [ax.collections[-1].get_offsets().tolist() for ax in figure.axes]
    np.testing.assert_allclose(rings, [[[2, 1.1]], [[2, 0.7]]])


def test_history_error_bars_are_one_standard_error_of_the_mock_exam(history):
    _, ax = plotting.plot_history(history).figure.axes
    (bars,) = [container for container in ax.containers if isinstance(container, ErrorbarContainer)]
    (segments,) = [lines.get_segments() for lines in bars.lines[2]]
    for (low, high), accuracy in zip(segments, history.val_accuracy, strict=True):
        error = math.sqrt(accuracy * (1 - accuracy) / 100)
        np.testing.assert_allclose([low[1], high[1]], [accuracy - error, accuracy + error])


def test_accuracies_carry_the_majority_line_and_losses_the_guessing_line(history):
    picture = plotting.plot_history(history, guessing=math.log(10))
    loss_ax, accuracy_ax = picture.figure.axes
    assert curve(loss_ax, "guessing").get_ydata() == [math.log(10)] * 2
    assert curve(accuracy_ax, "majority").get_ydata() == [0.25] * 2
    assert "the majority baseline is 25.0%" in picture.alt
    history.majority = None
    loss_ax, accuracy_ax = plotting.plot_history(history).figure.axes
    labels = [*loss_ax.get_legend_handles_labels()[1], *accuracy_ax.get_legend_handles_labels()[1]]
    assert not any("majority" in label or "guessing" in label for label in labels)


def test_history_without_accuracy_shows_the_loss_alone(history):
    history.train_accuracy = history.val_accuracy = [None] * 3
    history.monitor = "val_loss"
    picture = plotting.plot_history(history)
    assert len(picture.figure.axes) == 1
    assert "accuracy" not in picture.alt
    with pytest.raises(ValueError, match="no accuracy"):
        plotting.plot_accuracies(history)


def test_history_without_sample_counts_has_no_error_bars(history):
    history.num_val = None
    _, ax = plotting.plot_history(history).figure.axes
    (bars,) = [container for container in ax.containers if isinstance(container, ErrorbarContainer)]
    assert not bars.has_yerr


def test_history_that_is_not_finite_is_drawn_all_the_same(history):
    history.train_loss = history.val_loss = [math.nan] * 3
    assert history.best_epoch is None
    assert plotting.plot_history(history).html()


def test_single_curves_draw_into_axes_that_are_given(history):
    figure, (left, right) = plotting.new_figure(1, 2)
    losses = plotting.plot_losses(history, left, title="0.001")
    accuracies = plotting.plot_accuracies(history, right)
    assert losses.figure is accuracies.figure is figure
    assert left.get_title(loc="left") == "0.001"
    assert "accuracy" not in losses.alt
    assert "loss" not in accuracies.alt


def test_an_empty_history_is_refused():
    for draw in (plotting.plot_history, plotting.plot_losses, plotting.plot_accuracies):
        with pytest.raises(ValueError, match="no epoch"):
            draw(History())


def test_a_history_says_what_its_curves_show(history):
    alt = plotting.plot_history(history).alt
    assert alt == plotting.describe_history(history)
    for part in ("3 terms", "2.00 to 0.50", "lowest in term 2 (1.10)", "40.0% to 60.0%", "best term is 2"):
        assert part in alt


def test_live_curves_redraw_one_figure_in_place(history, monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture))

    def display(picture, **options):
        assert options == {"display_id": True}
        shown.append(("new", picture))
        return Handle()

    monkeypatch.setattr(curves, "display", display)
    live = plotting.LiveCurves(title="Thirty terms", guessing=2.3)
    for num_epochs in (1, 2, 3, 1):
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        live(History(**{name: getattr(history, name)[:num_epochs] for name in names}, num_val=100))
    assert [(kind, picture.alt.split(".")[0]) for kind, picture in shown] == [
        ("new", "Curves over 1 term"),
        ("update", "Curves over 2 terms"),
        ("update", "Curves over 3 terms"),
        ("new", "Curves over 1 term"),
    ]
    assert {picture.figure.get_suptitle() for _, picture in shown} == {"Thirty terms"}
    assert all(curve(picture.figure.axes[0], "guessing") for _, picture in shown)

"""Several trainings side by side."""

import math

import pytest

from course_utils.plotting import plot_broken, plot_loss_grid, plot_runs, plot_seeds
from course_utils.report.history import History
from course_utils.report.metrics import Metrics, standard_error


def run(*losses: float, accuracy: float = 0.5) -> History:
    marks = [accuracy] * len(losses)
    return History(
        train_loss=list(losses), val_loss=[loss + 1 for loss in losses], train_accuracy=marks, val_accuracy=marks,
        learning_rate=[0.1] * len(losses), seconds=[1.0] * len(losses), num_val=100,
    )  # fmt: skip


def test_a_panel_for_each_figure_and_a_line_for_each_run():
    runs = {"calm": run(3, 2), "bold": run(5, 4)}
    figure = plot_runs(runs, figures=("learning_rate", "val_loss"), title="Two runs").figure
    rates, losses = figure.axes
    assert [list(line.get_ydata()) for line in rates.lines] == [[0.1, 0.1]] * 2
    assert [list(line.get_ydata()) for line in losses.lines] == [[4, 3], [6, 5]]
    assert [list(line.get_xdata()) for line in losses.lines] == [[1, 2]] * 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["calm", "bold"]
    assert figure.get_suptitle() == "Two runs"


def test_the_marks_before_the_first_term_are_term_0_of_the_mock_exam_only():
    picture = plot_runs({"a": run(3, 2)}, figures=("train_loss", "val_loss"), start=Metrics(9.0, 0.1))
    practice, exam = picture.figure.axes
    assert list(practice.lines[0].get_xdata()) == [1, 2]
    assert list(exam.lines[0].get_ydata()) == [9, 4, 3]
    assert list(exam.lines[0].get_xdata()) == [0, 1, 2]
    assert "a, loss in the mock exam: 9 to 3" in picture.alt


def test_accuracy_has_bars_of_one_standard_error_and_percentages():
    (ax,) = plot_runs({"a": run(3, accuracy=0.8)}, figures=("val_accuracy",)).figure.axes
    (segments,) = [collection.get_segments() for collection in ax.collections]
    error = standard_error(0.8, 100)
    assert segments[0][:, 1] == pytest.approx([0.8 - error, 0.8 + error])
    assert ax.yaxis.get_major_formatter()(0.5) == "50%"


def test_the_majority_baseline_is_a_dotted_line_where_all_runs_know_the_same():
    a, b = run(3), run(2)
    a.majority = b.majority = 0.26
    figure = plot_runs({"a": a, "b": b}).figure
    losses, marks = figure.axes
    assert [list(line.get_ydata()) for line in marks.lines if line.get_linestyle() == ":"] == [[0.26, 0.26]]
    assert not [line for line in losses.lines if line.get_linestyle() == ":"]
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(shown) == ["a", "b", "majority baseline: 26.0%"]  # below, where no run can cross it
    b.majority = 0.1
    assert len(plot_runs({"a": a, "b": b}).figure.legends[0].get_texts()) == 2


@pytest.mark.parametrize(
    ("histories", "figures"), [({}, ("val_loss",)), ({"a": run(1)}, ()), ({"a": run(1)}, ("speed",))]
)
def test_what_cannot_be_drawn_is_refused_with_the_names_that_can(histories, figures):
    with pytest.raises(ValueError, match="learning_rate, train_loss"):
        plot_runs(histories, figures=figures)


def test_a_grid_lets_calm_runs_share_an_axis_and_leaves_one_that_flies_off_its_own():
    runs = {"calm": run(2.0, 1.0), "too high": run(50.0, 900.0), "slow": run(2.2, 2.1)}
    runs |= {"slower": run(2.2, 2.2), "slowest": run(2.2, 2.2)}
    picture = plot_loss_grid(runs, guessing=math.log(10))
    calm, wild, slow, _, _, empty = picture.figure.axes
    assert calm.get_ylim() == slow.get_ylim()
    assert calm.get_ylim()[1] < 10 < wild.get_ylim()[1]
    assert not empty.axison
    assert [ax.get_title(loc="left") for ax in (calm, wild, slow)] == ["Calm", "Too high", "Slow"]
    assert "too high 51 to 901" in picture.alt
    labels = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert "guessing: 2.30" in labels
    assert not any(label.startswith("best term") for label in labels)


def test_three_runs_stand_in_one_row_on_one_axis_of_terms_whichever_is_the_longest():
    for lengths in ((3, 8, 5), (8, 3), (3, 5, 8, 2)):
        runs = {f"{length} terms": run(*range(length)) for length in lengths}
        panels = plot_loss_grid(runs, guessing=2.3).figure.axes
        assert {ax.get_xlim() for ax in panels} == {(0.5, 8.5)}
        columns = {round(ax.get_subplotspec().colspan.start) for ax in panels}
        assert len(columns) == (3 if len(lengths) == 3 else 2)
    assert [bool(ax.get_ylabel()) for ax in panels] == [True, False, True, False]


def test_an_empty_grid_is_refused():
    with pytest.raises(ValueError, match="no run"):
        plot_loss_grid({}, guessing=2.3)


def test_settings_are_overlaid_as_the_mean_over_their_seeds_with_each_seed_a_thin_line():
    runs = {"nothing": [run(2.0, 1.0), run(4.0, 2.0)], "more": [run(1.0, 0.5)]}
    picture = plot_seeds(runs, guessing=2.3, title="Medicines")
    practice, exam = picture.figure.axes
    thin = [list(line.get_ydata()) for line in exam.lines if line.get_linewidth() < 1]
    thick = [list(line.get_ydata()) for line in exam.lines if line.get_linewidth() > 2]
    assert thin == [[3, 2], [5, 3], [2, 1.5]]
    assert thick == [[4, 2.5], [2, 1.5]]
    assert next(list(line.get_ydata()) for line in practice.lines if line.get_linewidth() > 2) == [3, 1.5]
    assert practice.get_ylim() == exam.get_ylim()
    labels = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert labels == ["nothing", "more", "guessing: 2.30"]
    assert "nothing 4.00 to 2.50, lowest 2.50" in picture.alt


@pytest.mark.parametrize("runs", [{}, {"nothing": []}])
def test_a_setting_without_a_run_cannot_be_overlaid(runs):
    with pytest.raises(ValueError, match="at least one run"):
        plot_seeds(runs)


def test_each_broken_run_is_drawn_over_the_healthy_one_on_shared_axes():
    runs = {"no step": run(2.3, 2.3), "no eval": run(2.0, 1.9)}
    picture = plot_broken(run(2.0, 1.0), runs, guessing=2.0, title="Broken")
    left, right = picture.figure.axes
    assert left.get_ylim() == right.get_ylim() == (0, 1.4 * 2.0)
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["No step", "No eval"]
    for ax, losses in ((left, [2.3, 2.3]), (right, [2.0, 1.9])):
        healthy_practice, healthy_exam, guessing, practice, exam = (list(line.get_ydata()) for line in ax.lines)
        assert (healthy_practice, healthy_exam) == ([2, 1], [3, 2])
        assert guessing == [2.0, 2.0]
        assert practice == losses
        assert exam == [loss + 1 for loss in losses]
    assert "healthy 3 to 2; no step 3.3 to 3.3; no eval 3 to 2.9" in picture.alt
    assert picture.figure.get_suptitle() == "Broken"


def test_a_ring_marks_the_term_whose_weights_were_kept():
    runs = {"best": run(1.0, 0.5, 2.0), "last": run(1.0, 0.5, 2.0)}
    best, last = plot_broken(run(1.0), runs, guessing=2.0, keep_last=["last"]).figure.axes
    assert best.collections[0].get_offsets().tolist() == [[1, 2.0]]  # by accuracy the first of equals
    assert last.collections[0].get_offsets().tolist() == [[3, 3.0]]


def test_a_run_that_flies_off_says_how_far():
    runs = {"calm": run(1.0), "wild": run(9.0, 41.0)}
    calm, wild = plot_broken(run(1.0), runs, guessing=2.0).figure.axes
    assert not calm.texts
    assert wild.texts[0].get_text() == "exam up to 42 ↑"
    assert wild.texts[0].get_position()[1] < 0.1  # below the curves, not over them


@pytest.mark.parametrize(("number", "shape"), [(1, (1, 1)), (4, (2, 2)), (5, (2, 3)), (6, (2, 3))])
def test_the_panels_stand_in_rows_and_the_places_left_over_are_empty(number, shape):
    axes = plot_broken(run(1.0), {str(place): run(1.0) for place in range(number)}, guessing=2.0).figure.axes
    assert len(axes) == shape[0] * shape[1]
    assert [ax.axison for ax in axes] == [True] * number + [False] * (len(axes) - number)


def test_nothing_broken_is_refused():
    with pytest.raises(ValueError, match="no broken run"):
        plot_broken(run(1.0), {}, guessing=2.0)


def test_runs_may_have_healthy_ones_of_their_own_and_lengths_of_their_own():
    runs = {"short": run(1.0), "long": run(1.0, 2.0, 3.0)}
    axes = plot_broken({"short": run(0.5), "long": run(0.5, 0.4, 0.3)}, runs, guessing=2.0).figure.axes
    assert [list(ax.lines[0].get_ydata()) for ax in axes] == [[0.5], [0.5, 0.4, 0.3]]
    assert axes[0].get_xlim() != axes[1].get_xlim()

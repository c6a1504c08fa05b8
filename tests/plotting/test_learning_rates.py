"""A sweep and a range test: means, errors, rings, and what happens where the loss explodes."""

import math

import numpy as np
import pytest

from course_utils import plotting
from course_utils.report.history import History
from course_utils.tuning import RangeTest, Run, SweepResult


def sweep_result(scores: dict[float, list[float]], parameter: str = "learning_rate") -> SweepResult:
    def run(score):
        loss = 1.0 if math.isfinite(score) else math.nan
        return History([loss], [0.5], [loss], [score], [0.1], [1.0], num_train=100, num_val=100)

    runs = [Run(value, seed, run(score)) for value, row in scores.items() for seed, score in enumerate(row)]
    return SweepResult(parameter, runs)


def test_sweep_draws_the_means_and_errors_of_its_result():
    result = sweep_result({0.001: [0.5, 0.6], 0.01: [0.8, 0.9], 0.1: [0.8, 0.84]})
    (ax,) = plotting.plot_sweep(result).figure.axes
    (bars,) = ax.containers
    np.testing.assert_allclose(bars.lines[0].get_xydata(), [[0, 0.55], [1, 0.85], [2, 0.82]])
    (segments,) = [lines.get_segments() for lines in bars.lines[2]]
    halves = [(segment[1, 1] - segment[0, 1]) / 2 for segment in segments]
    np.testing.assert_allclose(halves, result.errors)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.001", "0.01", "0.1"]
    assert ax.get_xlabel() == "learning rate"


def test_sweep_rings_what_cannot_be_told_apart():
    result = sweep_result({0.001: [0.5, 0.6], 0.01: [0.8, 0.9], 0.1: [0.8, 0.84]})
    assert result.indistinguishable == [0.01, 0.1]
    (ax,) = plotting.plot_sweep(result).figure.axes
    (rings,) = [dots for dots in ax.collections if "the best" in str(dots.get_label())]
    np.testing.assert_allclose(rings.get_offsets(), [[1, 0.85], [2, 0.82]])


def test_sweep_says_where_a_run_diverged():
    picture = plotting.plot_sweep(sweep_result({0.0: [0.5, 0.6], 0.5: [0.8, math.nan]}, parameter="dropout"))
    (ax,) = picture.figure.axes
    assert "0: 55.0%, 0.5: diverged" in picture.alt
    assert picture.html()
    assert [(text.get_text(), text.get_position()[0]) for text in ax.texts] == [("diverged", 1.06)]
    assert ax.get_title(loc="left") == "Which dropout?"


def test_range_test_keeps_the_valley_in_view_when_the_loss_blows_up():
    rates, losses = [1e-4, 1e-3, 1e-2, 1e-1], [2.0, 1.0, 500.0, math.nan]
    (ax,) = plotting.plot_range_test(RangeTest(rates, losses, losses, 1e-3, "steepest")).figure.axes
    assert ax.get_ylim() == pytest.approx((0.9, 4.1))
    assert "suggested: 0.001" in [text.get_text() for text in ax.get_legend().get_texts()]
    (ax,) = plotting.plot_range_test(RangeTest(rates, losses, losses, None, "never fell")).figure.axes
    assert not any("suggested" in text.get_text() for text in ax.get_legend().get_texts())


def test_range_test_that_is_nan_from_the_start_is_drawn_all_the_same():
    nothing = [math.nan] * 2
    picture = plotting.plot_range_test(RangeTest([0.1, 1.0], nothing, nothing, None, ""))
    assert picture.html()
    assert picture.alt.endswith("from 0.1 to 1. No rate is suggested.")


def test_sweep_says_what_it_shows():
    result = sweep_result({0.001: [0.5, 0.6], 0.01: [0.8, 0.9], 0.1: [0.8, 0.84]})
    picture = plotting.plot_sweep(result, majority=0.2)
    assert picture.alt == (
        "Mock-exam accuracy by learning rate, the mean of its runs: 0.001: 55.0%, 0.01: 85.0%, 0.1: 82.0%. Ringed are "
        "the best and what cannot be told apart from it: 0.01, 0.1. The majority baseline is 20.0%."
    )
    (line,) = [line for line in picture.figure.axes[0].lines if "majority" in str(line.get_label())]
    assert line.get_ydata() == [0.2, 0.2]


def test_sweep_with_one_best_says_so():
    result = sweep_result({0.001: [0.1, 0.1], 0.01: [0.9, 0.9]})
    assert plotting.plot_sweep(result).alt.endswith("The best, ringed, is 0.01.")


def test_sweep_where_all_diverged_is_drawn_without_a_ring():
    picture = plotting.plot_sweep(sweep_result({1.0: [math.nan], 10.0: [math.nan]}))
    assert picture.html()
    assert picture.alt.endswith("1: diverged, 10: diverged.")
    assert not any("best" in label for label in picture.figure.axes[0].get_legend_handles_labels()[1])


def test_sweep_over_values_that_are_no_numbers_is_labelled_as_in_its_table():
    result = sweep_result({"plain": [0.5, 0.5], (8, 8): [0.9, 0.9]}, parameter="hidden_sizes")
    picture = plotting.plot_sweep(result)
    assert [label.get_text() for label in picture.figure.axes[0].get_xticklabels()] == result.labels
    assert picture.alt.endswith("The best, ringed, is (8, 8).")


def test_sweep_for_regression_shows_losses():
    def run(loss):
        return History([1.0], [None], [loss], [None], [0.1], [1.0], num_val=100, monitor="val_loss")

    result = SweepResult("lr", [Run(value, seed, run(value + seed / 100)) for value in (0.5, 2.0) for seed in (0, 1)])
    picture = plotting.plot_sweep(result)
    (ax,) = picture.figure.axes
    assert ax.get_ylabel() == "mock exam loss"
    assert not any("%" in label.get_text() for label in ax.get_yticklabels())
    assert "0.5: 0.505, 2: 2.005" in picture.alt
    assert picture.html()


def test_range_test_says_what_it_shows():
    rates, losses = [1e-4, 1e-3, 1e-2, 1e-1], [2.0, 1.0, 500.0, math.nan]
    alt = plotting.plot_range_test(RangeTest(rates, losses, losses, 1e-3, "steepest")).alt
    assert "grows from 0.0001 to 0.1" in alt
    assert "begins at 2.00, is lowest at the rate 0.001 (1.00)" in alt
    assert alt.endswith("The suggested rate is 0.001.")

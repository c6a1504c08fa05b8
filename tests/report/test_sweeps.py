"""Sweeps made up: their means, errors and verdicts held against formulas, and against NumPy."""

import math

import numpy as np
import pytest
import torch

from course_utils.report.history import History
from course_utils.report.sweeps import Run, SweepResult, label

RATES = (0.0001, 0.001, 0.01, 0.1)


def card(accuracy, *, loss=1.0, monitor="val_accuracy", num_val=100, practice=0.9):
    loss = math.nan if math.isnan(accuracy) else loss
    return History(
        train_loss=[0.5],
        train_accuracy=[practice],
        val_loss=[loss],
        val_accuracy=[accuracy],
        num_val=num_val,
        monitor=monitor,
    )


def result(scores, values=RATES, answers=None, num_planned=None, **more):
    """A sweep made up: a row of accuracies for each value; `answers`, where given, a row of right answers (N,)."""
    runs = [
        Run(value, seed, card(mark, **more), answers and torch.tensor(answers[place][seed]))
        for place, (value, row) in enumerate(zip(values, scores, strict=False))
        for seed, mark in enumerate(row)
    ]
    return SweepResult("learning_rate", runs, num_planned)


def by_loss(losses, values=RATES, **more):
    runs = [
        Run(value, seed, card(0.5, loss=loss, monitor="val_loss"))
        for value, row in zip(values, losses, strict=False)
        for seed, loss in enumerate(row)
    ]
    return SweepResult("learning_rate", runs, **more)


def test_everything_is_read_from_the_runs_in_their_order():
    found = result([[0.7, 0.8], [0.5, 0.6]], values=(0.1, 0.01))
    assert found.values == [0.1, 0.01]
    assert found.scores == [[0.7, 0.8], [0.5, 0.6]]
    assert found.means == pytest.approx([0.75, 0.55])
    assert {value: [run.val_accuracy for run in runs] for value, runs in found.histories.items()} == {
        0.1: [[0.7], [0.8]],
        0.01: [[0.5], [0.6]],
    }


def test_a_value_that_cannot_be_a_key_stands_under_its_label():
    found = result([[0.7], [0.5]], values=([64, 32], [16]))
    assert list(found.histories) == ["[64, 32]", "[16]"]
    assert found.best == [64, 32]


def test_the_error_bar_holds_the_chance_of_seeds_and_exam():
    found = result([[0.70, 0.80, 0.75]])
    of_seeds = np.std([0.70, 0.80, 0.75], ddof=1) / math.sqrt(3)
    of_exam = math.sqrt(0.75 * 0.25 / 100)
    assert found.means == pytest.approx([0.75])
    assert found.errors == pytest.approx([math.hypot(of_seeds, of_exam)])


def test_the_error_bar_holds_what_is_known():
    assert result([[0.75]]).errors == pytest.approx([math.sqrt(0.75 * 0.25 / 100)])
    assert result([[0.70, 0.80]], num_val=None).errors == pytest.approx([0.05])
    assert math.isnan(result([[0.75]], num_val=None).errors[0])
    assert by_loss([[0.4, 0.6]]).errors == pytest.approx([0.1])
    assert math.isnan(by_loss([[0.4]]).errors[0])


def test_a_score_is_that_of_the_best_term_and_so_is_its_gap():
    history = History([3.0, 2.0, 1.0], [0.5, 0.6, 0.9], [1.0, 0.5, 0.7], [0.4, 0.7, 0.6], num_val=100)
    assert SweepResult("rate", [Run(0.1, 0, history)]).rows()[1] == [
        "0.1",
        "70.0%",
        "4.6%",
        "10.0%",
        "1",
        "-10.0%",
        "best",
    ]
    history.monitor = "val_loss"
    assert SweepResult("rate", [Run(0.1, 0, history)]).rows()[1] == ["0.1", "0.500", "", "0.200", "1", "-1.500", "best"]


def test_how_far_the_best_term_lies_above_the_last_is_told_for_each_value():
    """The best of several terms is partly luck, and flatters a setting whose marks swing."""

    def of_terms(accuracies, losses):
        return History([1.0] * 3, [0.5] * 3, losses, accuracies, num_val=100)

    swinging = of_terms([0.4, 0.8, 0.6], [1.0, 0.5, 0.9]), of_terms([0.7, 0.6, 0.6], [0.6, 0.7, 0.7])
    rising = of_terms([0.4, 0.5, 0.6], [1.0, 0.9, 0.8])
    runs = [Run(0.1, seed, history) for seed, history in enumerate(swinging)] + [Run(0.01, 0, rising)]
    found = SweepResult("rate", runs)
    assert found.lifts == pytest.approx([(0.2 + 0.1) / 2, 0])
    assert [row[3] for row in found.rows()[1:]] == ["15.0%", "0.0%"]
    for run in runs:
        run.history.monitor = "val_loss"
    assert found.lifts == pytest.approx([(0.4 + 0.1) / 2, 0])


@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss"])
def test_a_run_that_was_finite_in_its_first_term_only_has_no_score(monitor):
    history = History([1.0, math.nan], [0.5, 0.5], [1.0, 1.0], [0.9, 0.1], num_val=100, monitor=monitor)
    assert history.best_epoch == 1
    found = SweepResult("rate", [Run(0.1, 0, history)])
    assert math.isnan(found.means[0])
    assert found.rows()[1] == ["0.1", "diverged", "", "", "1", "", ""]


# Which differences are more than chance


@pytest.mark.parametrize(("second", "same"), [(0.70, [0.0001, 0.001]), (0.50, [0.0001])])
def test_what_cannot_be_told_apart_is_said_to_be_so(second, same):
    found = result([[0.75] * 3, [second] * 3])  # standard error of the difference about 0.06
    assert found.best == 0.0001
    assert found.indistinguishable == same
    assert ("2 cannot be told apart (0.0001, 0.001)" in found.explain()) == (len(same) > 1)
    assert ("all others are worse" in found.explain()) == (len(same) == 1)


def test_without_the_answers_two_exams_count_as_independent():
    """Two standard errors of a difference of two proportions, 2 · sqrt(p₁(1 − p₁)/n + p₂(1 − p₂)/n): a border."""
    border = 2 * math.sqrt(0.8 * 0.2 / 100 + 0.684 * 0.316 / 100)  # 0.1227
    assert 0.8 - 0.684 < border < 0.8 - 0.67
    assert len(result([[0.8] * 3, [0.684] * 3]).indistinguishable) == 2
    assert len(result([[0.8] * 3, [0.67] * 3]).indistinguishable) == 1


def test_seeds_are_compared_in_pairs():
    """Each seed shifts both settings alike: apart the spread would hide the difference, in pairs it is plain."""
    shifts = np.array([-0.2, 0.0, 0.2])
    steady = (0.6 + shifts, 0.45 + shifts + [0.001, 0, -0.001])
    found = result([row.tolist() for row in steady], num_val=100_000)
    assert found.indistinguishable == [0.0001]
    crossed = result([steady[0].tolist(), steady[1][::-1].tolist()], num_val=100_000)
    assert crossed.means == pytest.approx(found.means)
    assert crossed.indistinguishable == [0.0001, 0.001]


def test_only_runs_with_the_same_seed_are_paired():
    runs = [Run(0.1, seed, card(mark)) for seed, mark in ((0, 0.9), (1, 0.3))]
    runs += [Run(0.2, seed, card(mark)) for seed, mark in ((1, 0.25), (0, 0.85))]  # seeds in another order
    assert SweepResult("rate", runs).indistinguishable == [0.1, 0.2]
    exact = [run._replace(history=card(run.history.val_accuracy[0], num_val=10**6)) for run in runs]
    assert SweepResult("rate", exact).indistinguishable == [0.1], "0.05 better with each seed"


def answered(num_right, length=200, start=0):
    return [start <= place < start + num_right for place in range(length)]


def test_answers_on_the_same_exam_are_compared_sample_by_sample():
    """160 and 150 right of 200. Where the ten are the only difference, it is no chance (as McNemar's test says)."""
    accuracies = [[0.8] * 3, [0.75] * 3]
    nested = [[answered(160)] * 3, [answered(150)] * 3]
    apart = [[answered(160)] * 3, [answered(150, start=50)] * 3]  # 50 right here only, 40 there only
    assert result(accuracies, answers=nested, num_val=200).indistinguishable == [0.0001]
    assert result(accuracies, answers=apart, num_val=200).indistinguishable == [0.0001, 0.001]
    assert result(accuracies, num_val=200).indistinguishable == [0.0001, 0.001]


def test_the_paired_error_of_the_exam_is_that_of_a_mean_over_the_samples():
    told_apart = []
    for num_right in range(130, 160):
        ours, theirs = np.array(answered(160)), np.array(answered(num_right, start=20))
        moves = ours.astype(float) - theirs
        told_apart.append(moves.mean() > 2 * moves.std(ddof=1) / math.sqrt(200))
        accuracies = [[ours.mean()] * 2, [theirs.mean()] * 2]
        answers = [[ours.tolist()] * 2, [theirs.tolist()] * 2]
        found = result(accuracies, answers=answers, num_val=200)
        assert (len(found.indistinguishable) == 1) == told_apart[-1]
    assert any(told_apart)
    assert not all(told_apart)


def test_what_one_seed_alone_gets_right_counts_for_its_share():
    """The difference is taken sample by sample over all seeds: here the second seed's answers differ from the first."""
    best = [answered(160), answered(120, start=80), answered(140, start=30)]
    told_apart = []
    for num_right in range(60, 150, 5):
        other = [answered(num_right), answered(num_right, start=50), answered(num_right, start=10)]
        moves = np.array(best, float).mean(0) - np.array(other, float).mean(0)
        seeds = np.array(best, float).mean(1) - np.array(other, float).mean(1)
        error = math.hypot(moves.std(ddof=1) / math.sqrt(200), seeds.std(ddof=1) / math.sqrt(3))
        told_apart.append(moves.mean() > 2 * error)
        scores = [[np.mean(row) for row in rows] for rows in (best, other)]
        found = result(scores, answers=[best, other], num_val=200)
        assert (len(found.indistinguishable) == 1) == told_apart[-1], num_right
    assert any(told_apart)
    assert not all(told_apart)


@pytest.mark.parametrize("missing", [0, 1], ids=["the other's", "the best's"])
def test_where_one_sides_answers_were_not_kept_the_exams_count_as_independent(missing):
    found = result([[0.8] * 3, [0.75] * 3], answers=[[answered(160)] * 3, [answered(150)] * 3], num_val=200)
    found.runs = [run._replace(right=None) if run.value == RATES[missing] else run for run in found.runs]
    assert found.indistinguishable == [0.0001, 0.001]


def test_answers_to_exams_of_different_lengths_are_not_compared_sample_by_sample():
    answers = [[answered(160), answered(8, 10)], [answered(150), answered(7, 10)]]
    assert result([[0.8] * 2, [0.75] * 2], answers=answers, num_val=200).indistinguishable == [0.0001, 0.001]


def test_the_smallest_exams_are_compared_by_what_they_can_show():
    """Two samples have a spread, one has none: there the proportion's own error is left."""
    two = result([[1.0], [0.0]], answers=[[[True, True]], [[False, False]]], num_val=2)
    assert two.indistinguishable == [0.0001], "better on every sample"
    one = result([[1.0], [0.0]], answers=[[[True]], [[False]]], num_val=1)
    assert one.indistinguishable == [0.0001], "the error of a proportion of 0 or 1 is 0"
    halves = result([[0.5], [0.0]], answers=[[[True, False]], [[False, False]]], num_val=2)
    assert halves.indistinguishable == [0.0001, 0.001]


def test_where_the_size_of_the_exam_is_not_known_only_the_seeds_count():
    found = result([[0.8, 0.82, 0.84], [0.7, 0.72, 0.75]], num_val=None)
    assert found.indistinguishable == [0.0001]
    assert result([[0.8], [0.7]], num_val=None).indistinguishable == [0.0001, 0.001]


def test_values_without_a_seed_in_common_are_not_told_apart():
    runs = [Run(0.1, 0, card(0.9)), Run(0.2, 1, card(0.1))]
    assert SweepResult("rate", runs).indistinguishable == [0.1, 0.2]


def test_losses_are_best_when_low_and_are_compared_seed_by_seed():
    found = by_loss([[0.5, 0.7, 0.9], [0.4, 0.6, 0.81]])
    assert found.best == 0.001
    assert found.indistinguishable == [0.001]
    assert by_loss([[0.5, 0.7, 0.9], [0.6, 0.8, 0.5]]).indistinguishable == [0.0001, 0.001]


def test_with_one_seed_losses_cannot_be_told_apart_and_it_is_said():
    found = by_loss([[0.5], [0.1]])
    assert found.indistinguishable == [0.0001, 0.001]
    assert "one seed: what others would give is not known" in found.explain()
    assert "one seed" not in by_loss([[0.5, 0.6], [0.1, 0.2]]).explain()


# What may be said


def test_a_verdict_reads_so():
    assert result([[0.75] * 3, [0.7] * 3, [0.1] * 3]).explain() == (
        "learning_rate 0.0001 has the best mean accuracy, 75.0% ± 4.3% over 3 seeds. These 2 cannot be told apart "
        "(0.0001, 0.001): compared in pairs, seed by seed on the same exam, they differ from the best by at most two "
        "standard errors, so any of them would do. The best lies at the edge of what was tried: try values beyond it."
    )
    assert by_loss([[0.5, 0.7, 0.9], [0.4, 0.6, 0.81], [0.9, 0.9, 0.9]]).explain() == (
        "learning_rate 0.001 has the best mean loss, 0.603 ± 0.118 over 3 seeds. Compared in pairs, seed by seed on "
        "the same exam, all others are worse by more than two standard errors: chance alone does that about once in "
        "twenty comparisons."
    )
    assert by_loss([[0.5]]).explain() == (
        "learning_rate 0.0001 has the best mean loss, 0.500, with one seed: what others would give is not known."
    )


def test_a_best_at_the_edge_asks_for_more_values():
    assert "try values beyond" in result([[0.9], [0.5], [0.5]]).explain()
    assert "try values beyond" not in result([[0.5], [0.9], [0.5]]).explain()
    assert "try values beyond" not in result([[0.9]]).explain()


def test_nothing_lies_beyond_no_dropout_at_all_or_beyond_names():
    assert "try values beyond" not in result([[0.9], [0.5]], values=(0.0, 0.5)).explain()
    assert "try values beyond" in result([[0.5], [0.9]], values=(0.0, 0.5)).explain()
    assert "try values beyond" not in result([[0.5], [0.9]], values=("adam", "sgd")).explain()
    assert "try values beyond" not in result([[0.5], [0.9]], values=(False, True)).explain()


def test_a_diverged_run_is_never_best():
    found = result([[0.6, 0.6], [0.9, math.nan]])
    assert found.best == 0.0001
    assert found.indistinguishable == [0.0001]
    assert "diverged" in repr(found)


@pytest.mark.parametrize(("values", "advice"), [(RATES, "much smaller ones"), (("adam", "sgd"), "other ones")])
def test_where_all_diverged_there_is_no_best_but_a_table(values, advice):
    found = result([[math.nan]], values=values)
    with pytest.raises(ValueError, match=advice):
        _ = found.best
    assert found.indistinguishable == []
    assert advice in found.explain()
    assert "diverged" in repr(found)
    assert "bold" not in found._repr_html_()


def test_a_stopped_sweep_is_marked_and_gives_no_verdict_over_unequal_runs():
    stopped = result([[0.5, 0.5, 0.5], [0.9]], num_planned=12)
    assert not stopped.is_complete
    assert stopped.indistinguishable == []
    assert "Stopped after 4 of 12 runs" in stopped.explain()
    assert "best" not in repr(stopped)
    assert repr(stopped).endswith("Stopped after 4 of 12 runs.")
    assert "Stopped after 4 of 12 runs" in stopped._repr_html_()
    with pytest.raises(ValueError, match="two values with every seed"):
        _ = stopped.best


def test_a_stopped_sweep_compares_the_values_that_have_every_seed():
    stopped = result([[0.5] * 3, [0.8] * 3, [0.99]], num_planned=12)
    assert stopped.best == 0.001
    assert stopped.indistinguishable == [0.001]
    assert stopped.explain().startswith("Stopped after 7 of 12 runs. learning_rate 0.001 has the best")
    assert result([[0.5] * 3, [0.8] * 3], num_planned=6).is_complete


def test_a_sweep_without_any_run_is_shown():
    nothing = SweepResult("rate", num_planned=6)
    assert "Stopped after 0 of 6 runs" in repr(nothing)
    assert "Stopped after 0 of 6" in nothing.explain()


# The table


def test_the_table_shows_each_value_and_stresses_the_best():
    found = result([[0.5, 0.6], [0.8, 0.9]], practice=0.95)
    head, first, second = found.rows()
    assert head == [
        "learning_rate",
        "mock exam accuracy",
        "standard error",
        "above the last term",
        "seeds",
        "overfit gap",
        "",
    ]
    assert first == ["0.0001", "55.0%", "7.1%", "0.0%", "2", "+40.0%", ""]
    assert second == ["0.001", "85.0%", "6.1%", "0.0%", "2", "+10.0%", "best"]
    page = found._repr_html_()
    assert page.index("85.0%") > page.index("bold") > page.index("55.0%")
    assert ">Sweep over learning_rate.</caption>" in page
    assert repr(found).endswith("best")
    assert by_loss([[0.5]]).rows()[0][1] == "mock exam loss"


def test_what_cannot_be_computed_stays_blank():
    assert result([[0.5]], practice=None, num_val=None).rows()[1] == ["0.0001", "50.0%", "", "0.0%", "1", "", "best"]
    assert result([[math.nan, 0.5], [0.5, 0.5]]).rows()[1] == ["0.0001", "diverged", "", "", "2", "", ""]
    assert by_loss([[0.5], [0.25]]).rows()[2] == ["0.001", "0.250", "", "0.000", "1", "-0.250", "best"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333"),
        ("n" * 40, "n" * 40),
        ("n" * 41, "n" * 37 + "..."),
        (1e-7, "1e-07"),
        (128, "128"),
        (1234567, "1234567"),
        ("adam", "adam"),
        ((64, 32), "(64, 32)"),
        (None, "None"),
        (torch.optim.SGD, "SGD"),
        (torch.nn.Linear(2, 2), "Linear(in_features=2, out_features=2,..."),
        (np.eye(2), "[[1. 0.] [0. 1.]]"),
    ],
)
def test_a_label_is_one_short_line(value, text):
    assert label(value) == text

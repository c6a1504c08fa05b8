"""The report card: one figure per epoch, its best epoch, and its table."""

import json
import math

import pytest
from made_up import card

from course_utils.report.history import COLUMNS, History
from course_utils.report.metrics import Metrics


def test_append_best_epoch_and_ties():
    history = History()
    assert history.best_epoch is None
    for accuracy in (0.5, 0.7, 0.7, 0.6):
        val = Metrics(1 - accuracy, accuracy)
        assert history.is_new_best(Metrics(1.0, 0.5), val) == (accuracy > max([0, *history.val_accuracy]))
        history.append(Metrics(1.0, 0.5), val, learning_rate=0.1, seconds=2.0)
    assert history.best_epoch == 2
    assert len(history) == 4
    assert history.val_loss == pytest.approx([0.5, 0.3, 0.3, 0.4])
    assert history.seconds == [2.0] * 4


def test_a_new_epoch_is_entered_in_one_assignment():
    """An interrupt finds all lists of one length: no list is changed, all are exchanged at once."""
    history = History()
    before = {name: getattr(history, name) for name in COLUMNS}
    history.append(Metrics(1.0, 0.5), Metrics(1.0, 0.5), learning_rate=0.1, seconds=2.0)
    assert all(values == [] for values in before.values())
    assert all(len(getattr(history, name)) == 1 for name in COLUMNS)


def test_the_lowest_loss_is_best_where_it_is_monitored():
    history = card([1, 1, 1], [0.5, 0.3, 0.4], [0.1] * 3, [0.9, 0.1, 0.1], monitor="val_loss")
    assert history.best_epoch == 2
    assert history.is_new_best(Metrics(1, 0), Metrics(0.2, 0.0))
    assert not history.is_new_best(Metrics(1, 0), Metrics(0.3, 1.0))


@pytest.mark.parametrize(("train", "val"), [(math.nan, 0.1), (0.1, math.inf), (math.inf, math.nan)])
def test_a_non_finite_epoch_is_never_best(train, val):
    history = History()
    assert not history.is_new_best(Metrics(train, 1.0), Metrics(val, 1.0))
    history.append(Metrics(train, 1.0), Metrics(val, 1.0), learning_rate=0.1, seconds=1.0)
    assert history.best_epoch is None
    assert not history.is_finite


def test_accuracy_cannot_decide_where_there_is_none():
    with pytest.raises(
        ValueError, match=r"^Floating-point targets .* no accuracy to monitor: use monitor='val_loss'\.$"
    ):
        History().is_new_best(Metrics(1.0, None), Metrics(1.0, None))
    assert History(monitor="val_loss").is_new_best(Metrics(1.0, None), Metrics(1.0, None))


def test_a_term_without_an_accuracy_is_not_the_best_by_accuracy():
    assert card([1.0, 1.0], [1.0, 1.0], [0.5, 0.5], [None, 0.2]).best_epoch == 2


def test_where_no_term_was_good_patience_counts_them_all():
    history = card([math.nan], [1.0], monitor="val_loss")
    assert history.is_out_of_patience(1)
    assert not history.is_out_of_patience(2)


def test_the_standard_error_is_that_of_the_mock_exams_samples():
    assert card([1.0], [1.0], num_val=400).standard_error(0.8) == pytest.approx(0.02)
    assert card([1.0], [1.0], num_val=400).standard_error(None) is None
    assert card([1.0], [1.0], num_val=None).standard_error(0.8) is None


def test_patience_counts_epochs_since_the_best():
    history = card([1] * 4, [0.5, 0.3, 0.4, 0.4], monitor="val_loss")
    assert history.is_out_of_patience(2)
    assert not history.is_out_of_patience(3)
    assert not history.is_out_of_patience(None)


def test_a_report_card_survives_json():
    history = card([1.0, 0.5], [1.0, 0.6], [0.5, 0.6], [0.4, 0.7], learning_rate=[0.1, 0.1], seconds=[1.0, 1.0])
    assert History.from_dict(json.loads(json.dumps(history.to_dict()))) == history
    with pytest.raises(ValueError, match=r"has no colour, size\.$"):
        History.from_dict({"size": 2, "colour": 1, "num_val": 3})


def test_a_report_card_does_not_share_its_lists_with_what_it_was_made_from():
    state = card([1.0], [1.0]).to_dict()
    state["val_loss"] = tuple(state["val_loss"])  # as some files give lists back
    history = History.from_dict(state)
    assert history.train_loss is not state["train_loss"]
    assert history.val_loss == [1.0]


def test_lists_of_different_lengths_and_unknown_monitors_are_refused():
    with pytest.raises(ValueError, match="one figure per epoch"):
        card([1.0, 0.5], [1.0])
    with pytest.raises(ValueError, match="val_loss"):
        History(monitor="loss")


def test_the_table_marks_the_best_epoch_in_words():
    history = card([1.0, 0.5], [1.0, 0.6], [0.5, 0.6], [0.4, 0.7], learning_rate=[0.1, 0.1], seconds=[1.0, 1.0])
    lines = repr(history).splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("best")
    assert "70.0%" in lines[2]
    html = history._repr_html_()
    assert html.count("<tr") == 3
    assert "best" in html
    assert html.index("bold") > html.index(">1<"), "only the row of epoch 2"
    assert repr(History()) == "History: no epoch yet"


def test_the_table_has_a_row_for_each_term_and_blanks_where_nothing_is_known():
    history = card([1.0, 0.5], [1.0, 0.6], [0.5, None], [0.4, 0.7], learning_rate=[0.1, 0.00125], seconds=[1.0, 12.34])
    columns = ["epoch", "practice loss", "practice accuracy", "mock exam loss", "mock exam accuracy"]
    assert history.rows() == [
        [*columns, "learning rate", "seconds", ""],
        ["1", "1.000", "50.0%", "1.000", "40.0%", "0.1", "1.0", ""],
        ["2", "0.500", "", "0.600", "70.0%", "0.00125", "12.3", "best"],
    ]


def test_a_card_without_a_finite_term_can_be_shown():
    history = card([math.nan], [math.nan], [0.1], [0.1])
    assert history.rows()[1] == ["1", "nan", "10.0%", "nan", "10.0%", ""]
    assert "font-weight: bold" not in history._repr_html_()


def test_the_table_leaves_accuracy_out_for_regression():
    history = card([1.0, 0.5], [1.0, 0.6], monitor="val_loss")
    assert "accuracy" not in repr(history)
    assert "accuracy" not in history._repr_html_()


def test_the_summary_names_the_best_term():
    history = card([1.0, 0.5], [1.0, 0.6], [0.5, 0.6], [0.4, 0.7], seconds=[1.0, 1.5])
    assert "2 epochs in 2.5 s" in history.summary()[0]
    assert "best term, 2: mock exam loss 0.600, accuracy 70.0%" in history.summary()[1]


@pytest.mark.parametrize("accuracy", [23.6, -0.1, 1.01])
def test_an_accuracy_that_cannot_be_is_refused(accuracy):
    history = History()
    for marks in ((Metrics(1.0, accuracy), Metrics(1.0, 0.5)), (Metrics(1.0, 0.5), Metrics(1.0, accuracy))):
        with pytest.raises(ValueError, match=r"An accuracy lies in \[0, 1\].*keepdim.*labels.squeeze\(1\)"):
            history.append(*marks, learning_rate=0.1, seconds=1.0)
    assert len(history) == 0

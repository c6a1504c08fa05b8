"""Held against scikit-learn and against formulas."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.evaluation import (
    Predictions,
    compare_in_pairs,
    confusion_matrix,
    per_class_recall,
    predict,
    standard_error,
)


def test_predict_gives_probabilities_in_order_and_restores_the_mode():
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    model.train()
    model[2].eval()
    inputs, labels = torch.randn(11, 4), torch.arange(11) % 3
    answers = predict(model, DataLoader(TensorDataset(inputs, labels), batch_size=4), device="cpu")
    assert [module.training for module in model] == [True, True, False, True]
    with torch.no_grad():
        expected = model.eval()(inputs).softmax(1)
    torch.testing.assert_close(answers.probabilities, expected)
    assert torch.equal(answers.labels, labels)
    assert torch.equal(answers.predicted, expected.argmax(1))
    assert answers.accuracy == (expected.argmax(1) == labels).sum().item() / 11
    assert answers.error == standard_error(answers.accuracy, 11)
    assert f"{answers.accuracy:.1%}" in repr(answers)


def test_predict_restores_the_mode_after_an_error():
    model = nn.Linear(4, 3).train()
    with pytest.raises(ValueError, match="gets 9 numbers"):
        predict(model, [(torch.randn(2, 9), torch.zeros(2))], device="cpu")
    assert model.training


def test_predict_explains_a_batch_that_cannot_be_made():
    data = DataLoader([(torch.zeros(4), 0), (torch.zeros(5), 0)], batch_size=2)
    with pytest.raises(ValueError, match="differ in shape"):
        predict(nn.Linear(4, 3), data, device="cpu")


@pytest.mark.parametrize(
    ("model", "labels", "words"),
    [
        (nn.Linear(4, 1), torch.zeros(2).long(), r"shape \(2, 1\).*evaluate"),
        (nn.Unflatten(1, (2, 2)), torch.zeros(2).long(), r"shape \(2, 2, 2\)"),
        (nn.Linear(4, 3), torch.zeros(2), r"torch.float32 of the shape \(2,\)"),
        (nn.Linear(4, 3), torch.zeros(2, 1).long(), r"torch.int64 of the shape \(2, 1\)"),
    ],
)
def test_predict_refuses_what_is_no_exam_over_classes(model, labels, words):
    with pytest.raises(ValueError, match=words):
        predict(model, [(torch.randn(2, 4), labels)], device="cpu")


def test_a_perfect_exam_says_what_it_proves():
    """With a true accuracy of 0.762, eleven right answers in a row come once in twenty exams: 0.762 ** 11 = 0.05."""
    right = torch.tensor([[0.9, 0.1]] * 11)
    perfect = Predictions(right, torch.zeros(11).long())
    assert repr(perfect) == "Predictions: 11 samples, accuracy 100.0% (at least 76.2% with 95 %)"
    assert repr(Predictions(right, torch.ones(11).long())).endswith("accuracy 0.0% (at most 23.8% with 95 %)")
    assert abs(0.762**11 - 0.05) < 0.001


def test_no_samples_are_no_error():
    nothing = Predictions(torch.zeros(0, 3), torch.zeros(0).long())
    assert math.isnan(nothing.accuracy)
    assert math.isnan(nothing.error)
    assert repr(nothing) == "Predictions: no samples"
    assert nothing.worst_mistakes().tolist() == []


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_class_numbers_come_as_lists_arrays_or_tensors(kind):
    matrix = confusion_matrix(kind([0, 1, 1]), kind([0, 1, 0]), num_classes=2)
    assert matrix.tolist() == [[1, 0], [1, 1]]
    assert confusion_matrix(kind([]), kind([]), num_classes=2).tolist() == [[0, 0], [0, 0]]


def test_predict_refuses_an_empty_loader():
    with pytest.raises(ValueError, match="no batch"):
        predict(nn.Linear(4, 3), [], device="cpu")


def test_worst_mistakes_come_surest_first():
    probabilities = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    answers = Predictions(probabilities, torch.tensor([1, 1, 1, 0]))
    assert answers.worst_mistakes().tolist() == [1, 3, 0]
    assert answers.worst_mistakes(1).tolist() == [1]


def test_confusion_matrix_and_recall_equal_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    labels, predicted = torch.randint(0, 4, (200,)), torch.randint(0, 4, (200,))
    matrix = confusion_matrix(labels, predicted, num_classes=4)
    assert matrix.tolist() == metrics.confusion_matrix(labels, predicted).tolist()
    recall = metrics.recall_score(labels, predicted, average=None)
    assert per_class_recall(matrix).tolist() == pytest.approx(recall.tolist())


def test_a_class_without_samples_has_no_recall():
    matrix = confusion_matrix(torch.tensor([0, 0]), torch.tensor([0, 2]), num_classes=3)
    assert matrix.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]
    recall = per_class_recall(matrix)
    assert recall[0] == 0.5
    assert recall[1].isnan()


@pytest.mark.parametrize(
    ("labels", "predicted"),
    [([0, 3], [0, 0]), ([0, 1], [-1, 0]), ([0, 1], [0]), ([0.0, 1.0], [0, 1])],
    ids=["label too high", "prediction negative", "lengths", "floating point"],
)
def test_what_is_no_class_number_is_refused(labels, predicted):
    with pytest.raises(ValueError, match=r"class numbers|must both be"):
        confusion_matrix(torch.tensor(labels), torch.tensor(predicted), num_classes=3)


def test_recall_wants_a_square_matrix():
    with pytest.raises(ValueError, match="square"):
        per_class_recall(torch.zeros(2, 3))


def test_standard_error_is_that_of_a_proportion():
    assert standard_error(0.5, 100) == pytest.approx(0.05)
    assert standard_error(0.85, 341) == pytest.approx(math.sqrt(0.85 * 0.15 / 341))
    assert standard_error(1.0, 10) == 0
    with pytest.raises(ValueError, match="divide percentages by 100"):
        standard_error(85, 341)
    with pytest.raises(ValueError, match="at least one sample"):
        standard_error(0.5, 0)


def answers(*right, labels=None):
    """Predictions of two classes that are right where `right` says so; the truth is class 1."""
    labels = torch.ones(len(right), dtype=torch.int64) if labels is None else labels
    probabilities = torch.tensor([[0.2, 0.8] if each else [0.8, 0.2] for each in right])
    return Predictions(probabilities, labels)


def test_two_students_are_compared_sample_by_sample():
    first, second = answers(1, 1, 1, 1, 0, 1, 0, 1), answers(1, 0, 0, 1, 1, 1, 0, 0)
    difference = compare_in_pairs(first, second)
    moves = np.array([0, 1, 1, 0, -1, 0, 0, 1])
    assert difference.accuracy == pytest.approx(first.accuracy - second.accuracy)
    assert difference.error == pytest.approx(moves.std(ddof=1) / math.sqrt(8))
    assert (difference.only_first, difference.only_second) == (3, 1)
    assert repr(difference) == "+25.0% ± 25.0% (only the first is right: 3, only the second: 1)"
    assert not difference.is_clear
    assert compare_in_pairs(answers(*[1] * 9, 0), answers(*[0] * 10)).is_clear
    assert compare_in_pairs(answers(*[0] * 10), answers(*[1] * 9, 0)).is_clear


def test_students_of_different_exams_are_not_compared():
    with pytest.raises(ValueError, match="not sit the same exam"):
        compare_in_pairs(answers(1, 0), answers(1, 0, labels=torch.tensor([1, 0])))
    with pytest.raises(ValueError, match="at least two samples"):
        compare_in_pairs(answers(1), answers(1))

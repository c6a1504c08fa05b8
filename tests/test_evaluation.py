"""Held against scikit-learn and against formulas."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.evaluation import (
    Predictions,
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
    with pytest.raises(RuntimeError):
        predict(model, [(torch.randn(2, 9), torch.zeros(2))], device="cpu")
    assert model.training


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

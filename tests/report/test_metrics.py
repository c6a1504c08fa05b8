"""The marks, held against sums written by hand, for every way in which a criterion counts labels."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, WeightedRandomSampler

from course_utils.report.metrics import (
    Metrics,
    Phase,
    describe_samples,
    loss_divisor,
    majority_baseline,
    num_batches,
    num_samples,
    standard_error,
    wilson_interval,
)

WEIGHT = torch.tensor([1.0, 5.0, 0.1])


def data(labels, *, batch_size=4, **options):
    labels = torch.as_tensor(labels)
    return DataLoader(TensorDataset(torch.zeros(len(labels), 2), labels), batch_size=batch_size, **options)


class Stream(IterableDataset):
    """Samples of which nobody knows how many there are."""

    def __iter__(self):
        yield from TensorDataset(torch.zeros(5, 2), torch.arange(5) % 3)


class Endless:
    """A sampler that does not say how much it gives, in the words that some use for that."""

    def __iter__(self):
        yield from range(4)

    def __len__(self):
        raise NotImplementedError


# What is known before anything is read


def test_a_card_of_marks_reads_as_words():
    assert str(Metrics(0.3125, 0.9)) == "loss 0.312, accuracy 90.0%"
    assert str(Metrics(0.3125, None)) == "loss 0.312"


@pytest.mark.parametrize(("right", "number"), [(0, 12), (30, 30), (47, 60), (1, 7), (164, 180)])
def test_the_ends_of_wilsons_interval_are_the_marks_that_lie_196_errors_away(right, number):
    low, high = wilson_interval(right / number, number)
    assert 0 <= low <= right / number <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            away = abs(right / number - end) / math.sqrt(end * (1 - end) / number)
            assert away == pytest.approx(1.96)
    assert wilson_interval(right / number, number, num_errors=1)[0] >= low


def test_thirty_right_answers_of_thirty_are_no_certainty():
    assert wilson_interval(1.0, 30) == (pytest.approx(0.886, abs=0.001), 1.0)
    with pytest.raises(ValueError, match="at least one sample"):
        wilson_interval(0.5, 0)


def test_the_standard_error_is_that_of_a_proportion():
    labels = [1.0] * 85 + [0.0] * 15
    spread = torch.tensor(labels).std(unbiased=False).item()
    assert standard_error(0.85, 100) == pytest.approx(spread / math.sqrt(100))
    assert standard_error(0, 1) == standard_error(1, 1) == 0
    for accuracy in (-0.1, 1.1, 85):
        with pytest.raises(ValueError, match="lies in"):
            standard_error(accuracy, 10)
    with pytest.raises(ValueError, match="at least one sample"):
        standard_error(0.5, 0)


@pytest.mark.parametrize(
    ("loader", "samples", "batches"),
    [
        (data([0] * 10), 10, 3),
        (data([0] * 10, drop_last=True), 8, 2),
        (data([0] * 10, sampler=WeightedRandomSampler([1.0] * 10, 6)), 6, 2),
        (data([0] * 10, batch_size=None), None, 10),
        ([(torch.zeros(2, 2), torch.zeros(2))], None, 1),
        (DataLoader(Stream(), batch_size=2), None, None),
        (data([0] * 10, sampler=Endless()), None, None),
        ((batch for batch in ()), None, None),
    ],
    ids=["plain", "drop_last", "a sampler", "no batches", "a list", "a stream", "no length", "a generator"],
)
def test_what_a_loader_gives_is_known_or_said_to_be_unknown(loader, samples, batches):
    assert num_samples(loader) == samples
    assert num_batches(loader) == batches
    if samples is not None:
        assert samples == sum(len(targets) for _, targets in loader)


def test_the_majority_baseline_is_chosen_in_practice_and_measured_in_the_exam():
    practice, exam = torch.tensor([2, 2, 1, 0]), torch.tensor([1, 1, 1, 2])
    assert majority_baseline(practice, exam) == 0.25
    assert majority_baseline(exam, practice) == 0.25
    assert majority_baseline(exam, exam) == 0.75
    assert majority_baseline(torch.tensor([2, 1, 2, 1]), torch.tensor([1, 1, 2])) == 2 / 3  # the lowest of equals
    assert majority_baseline(torch.tensor([1]), torch.tensor([0, 2])) == 0


@pytest.mark.parametrize(
    ("practice", "exam", "majority"),
    [
        (data([0, 0, 1]), data([1, 1, 1, 0]), 0.25),
        (data([0]), data([0]), 1.0),
        (data([0, 1]), data(torch.empty(0, dtype=torch.int64)), None),
        (data([0.5, 1.0]), data([0, 1]), None),
        (data([0, 1]), data([0.5, 1.0]), None),
        (data([[0, 1]]), data([[0, 1]]), None),
        (DataLoader(Stream(), batch_size=2), data([0, 1]), None),
        (data([0, 1]), [(torch.zeros(2, 2), torch.tensor([0, 1]))], None),
    ],
    ids=[
        "classes",
        "one sample",
        "no sample",
        "regression in practice",
        "regression in the exam",
        "a map of labels",
        "a stream",
        "a list",
    ],
)
def test_the_report_card_says_of_the_data_what_is_known(practice, exam, majority):
    assert describe_samples(practice, exam) == {
        "num_train": num_samples(practice),
        "num_val": num_samples(exam),
        "majority": majority,
    }


# What a batch counts for

CRITERIA = {
    "plain": nn.CrossEntropyLoss(),
    "smoothed": nn.CrossEntropyLoss(label_smoothing=0.1),
    "weighted": nn.CrossEntropyLoss(weight=WEIGHT),
    "ignoring": nn.CrossEntropyLoss(ignore_index=1),
    "all three": nn.CrossEntropyLoss(weight=WEIGHT, ignore_index=2, label_smoothing=0.1),
    "summing": nn.CrossEntropyLoss(reduction="sum"),
    "summing, weighted": nn.CrossEntropyLoss(reduction="sum", weight=WEIGHT),
    "a function": functional.cross_entropy,
    "a function with options": partial(functional.cross_entropy, label_smoothing=0.1),
    "a weighted function": partial(functional.cross_entropy, weight=WEIGHT),
    "an ignoring function": partial(functional.cross_entropy, ignore_index=1),
    "a summing function": partial(functional.cross_entropy, reduction="sum"),
}


def marks(criterion, outputs, targets, *, batch_size):
    with Phase("exam", [], criterion=criterion, progress=False) as phase:
        for some_outputs, some_targets in zip(outputs.split(batch_size), targets.split(batch_size), strict=True):
            phase.count(criterion(some_outputs, some_targets), some_outputs, some_targets)
    return phase.metrics()


@pytest.mark.parametrize("name", CRITERIA)
@pytest.mark.parametrize("batch_size", [1, 5, 53])
def test_the_mean_loss_does_not_depend_on_the_batches(name, batch_size):
    criterion = CRITERIA[name]
    outputs, targets = torch.randn(53, 3), torch.randint(0, 3, (53,))
    whole = criterion(outputs, targets).item()
    if "summing" in name:
        whole /= (WEIGHT[targets].sum().item()) if "weighted" in name else 53
    assert marks(criterion, outputs, targets, batch_size=batch_size).loss == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("criterion", [nn.NLLLoss(weight=WEIGHT), partial(functional.nll_loss, weight=WEIGHT)])
def test_class_weights_of_nll_loss_count_too(criterion):
    outputs, targets = torch.randn(53, 3).log_softmax(1), torch.randint(0, 3, (53,))
    assert marks(criterion, outputs, targets, batch_size=5).loss == pytest.approx(criterion(outputs, targets).item())
    assert loss_divisor(criterion, targets) == pytest.approx(WEIGHT[targets].sum().item())


def test_a_weight_for_the_only_class_counts_too():
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([2.0]))
    assert loss_divisor(criterion, torch.tensor([0, -100, 0])) == 4


class Own:
    """A criterion of one's own, which may ignore a label as PyTorch's do."""

    def __init__(self, **options):
        vars(self).update(options)

    def __call__(self, outputs, targets):
        return functional.cross_entropy(outputs, targets)


@pytest.mark.parametrize(
    ("criterion", "ignored"),
    [
        (nn.CrossEntropyLoss(), -100),
        (nn.CrossEntropyLoss(ignore_index=1), 1),
        (functional.cross_entropy, -100),
        (partial(functional.cross_entropy, ignore_index=1), 1),
        (Own(), -100),
        (Own(ignore_index=1), 1),
    ],
    ids=["a module", "its choice", "a function", "a function's choice", "one's own", "one's own choice"],
)
def test_right_answers_are_counted_among_the_labels_that_the_criterion_counts(criterion, ignored):
    answers, targets = torch.tensor([0, 1, 2, 2]), torch.tensor([0, ignored, 2, 0])
    outputs = functional.one_hot(answers).float()
    assert marks(criterion, outputs, targets, batch_size=2).accuracy == 2 / 3
    if not isinstance(criterion, Own):
        assert loss_divisor(criterion, targets) == 3


def test_label_maps_count_each_pixel():
    criterion = nn.CrossEntropyLoss(ignore_index=2)
    outputs, targets = torch.randn(6, 3, 4, 4), torch.randint(0, 3, (6, 4, 4))
    result = marks(criterion, outputs, targets, batch_size=4)
    counted = targets != 2
    assert result.loss == pytest.approx(criterion(outputs, targets).item(), rel=1e-5)
    assert result.accuracy == (outputs.argmax(1) == targets)[counted].sum().item() / counted.sum().item()


def test_measurements_have_no_accuracy_and_count_alike():
    outputs, targets = torch.randn(10, 1), torch.randn(10, 1)
    assert marks(nn.MSELoss(), outputs, targets, batch_size=4) == (
        pytest.approx(nn.MSELoss()(outputs, targets).item()),
        None,
    )


@pytest.mark.parametrize(
    "outputs",
    [{"logits": torch.zeros(4, 3)}, (torch.zeros(4, 3),), torch.zeros(4), torch.zeros(4, 3, 2)],
    ids=["a dictionary", "a tuple", "one number each", "a map"],
)
def test_outputs_that_are_no_scores_have_no_accuracy(outputs):
    """A model and a criterion may agree on anything; only the marks would stumble."""
    with Phase("exam", [], criterion=lambda *_: torch.tensor(0.5), progress=False) as phase:
        phase.count(torch.tensor(0.5), outputs, torch.tensor([0, 1, 2, 0]))
    assert phase.metrics() == (0.5, None)


def test_an_exam_batch_without_a_counted_label_counts_for_nothing():
    criterion = nn.CrossEntropyLoss(ignore_index=1)
    outputs, targets = torch.randn(8, 3), torch.tensor([0, 2, 0, 2, 1, 1, 1, 1])
    result = marks(criterion, outputs, targets, batch_size=4)
    assert result.loss == pytest.approx(criterion(outputs, targets).item())
    assert result.accuracy == (outputs.argmax(1) == targets)[:4].sum().item() / 4


def test_a_loss_that_is_not_finite_is_not_hidden():
    criterion = nn.CrossEntropyLoss(ignore_index=1)
    outputs = torch.tensor([[math.nan, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert math.isnan(marks(criterion, outputs, torch.tensor([0, 2]), batch_size=2).loss)


@pytest.mark.parametrize(
    ("targets", "words"), [(None, r"is its data set empty\?"), ([1, 1], r"the criterion ignores every label\.")]
)
def test_nothing_to_count_is_said_and_why(targets, words):
    criterion = nn.CrossEntropyLoss(ignore_index=1)
    with Phase("exam", [], criterion=criterion, progress=False) as phase:
        if targets:
            targets = torch.tensor(targets)
            phase.count(criterion(torch.randn(2, 3), targets), torch.randn(2, 3), targets)
    with pytest.raises(ValueError, match=rf"exam gave no sample to count: {words}$"):
        phase.metrics()


WORTHLESS = {
    "ignored": (nn.CrossEntropyLoss(ignore_index=1), [1, 1]),
    "ignored by default": (nn.CrossEntropyLoss(), [-100, -100]),
    "weighed with nothing": (nn.NLLLoss(weight=torch.tensor([1.0, 0.0, 0.0])), [1, 2]),
    "one of each": (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 0.0, 1.0]), ignore_index=2), [1, 2]),
    "ignored by a function": (partial(functional.cross_entropy, ignore_index=1), [[1], [1]]),
}


@pytest.mark.parametrize("case", WORTHLESS)
def test_a_batch_with_no_label_to_learn_from_is_refused(case):
    criterion, labels = WORTHLESS[case]
    phase = Phase("practice", [], criterion=criterion, progress=False)
    with pytest.raises(ValueError, match=r"practice holds no label .* of its 2 labels .* samples out, or make the"):
        phase.require_labels(torch.tensor(labels))
    with pytest.raises(ValueError, match="all of its 1 labels"):
        phase.require_labels(torch.tensor(labels[:1]))
    phase.require_labels(torch.tensor([*labels, labels[0]]) * 0)  # the label 0 counts in all of these


def test_a_batch_that_does_no_harm_is_left_in_peace():
    for criterion, labels in [
        (nn.CrossEntropyLoss(ignore_index=1, reduction="sum"), torch.tensor([1, 1])),
        (nn.MSELoss(), torch.tensor([-100.0])),
        (nn.CrossEntropyLoss(), torch.empty(0, dtype=torch.int64)),
        (lambda *_: torch.tensor(0.5), torch.tensor([-100])),
        (nn.CrossEntropyLoss(), torch.full((2, 3), 1 / 3)),  # probabilities of the classes
        (nn.CrossEntropyLoss(), torch.full((2,), -100, device="meta")),  # to look at them, a GPU would have to wait
    ]:
        Phase("practice", [], criterion=criterion, progress=False).require_labels(labels)


def test_only_the_first_batch_is_the_first():
    for _ in range(2):
        phase = Phase("exam", data([0, 1, 2], batch_size=1), criterion=nn.CrossEntropyLoss(), progress=False)
        assert [phase.is_first_batch for _ in phase] == [True, False, False]
        assert phase.is_first_batch is False


@pytest.mark.parametrize(
    ("said", "kind"), [("Target 3 is out of bounds.", ValueError), ("CUDA out of memory.", torch.OutOfMemoryError)]
)
def test_an_error_in_pytorchs_words_is_explained_and_the_bar_closed(said, kind):
    phase = Phase("practice", [], criterion=nn.CrossEntropyLoss(), progress=False)
    closed = []
    phase._bar.close = lambda: closed.append(True)
    with pytest.raises(kind, match=f"PyTorch's words: {said}") as caught, phase:
        raise RuntimeError(said)
    assert type(caught.value.__cause__) is RuntimeError
    assert closed


def test_an_error_of_ones_own_passes_unchanged():
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError) as caught, Phase("exam", [], criterion=None, progress=False):
        raise error
    assert caught.value is error


def test_a_bar_says_what_goes_on_and_how_much_of_it_is_done(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    criterion = nn.CrossEntropyLoss()
    with Phase("exam", data([1, 0] * 3, batch_size=2), criterion=criterion, progress=True) as phase:
        phase._bar.mininterval = 0
        for _, targets in phase:
            phase.count(criterion(torch.zeros(len(targets), 2), targets), torch.zeros(len(targets), 2), targets)
    out = capsys.readouterr().out
    assert "exam:" in out
    assert [share in out for share in ("2/6", "4/6", "6/6")] == [True] * 3


def test_a_bar_shows_the_marks_and_survives_a_beginning_that_counts_nothing(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    criterion = nn.CrossEntropyLoss(ignore_index=1)
    with Phase("exam", data([1, 0], batch_size=1), criterion=criterion, progress=True) as phase:
        monkeypatch.setattr(phase._bar, "update", lambda _: True)  # as if it had been redrawn just now
        for _, targets in phase:
            phase.count(criterion(torch.zeros(1, 3), targets), torch.zeros(1, 3), targets)
    assert "loss 1.099, accuracy 100.0%" in capsys.readouterr().out

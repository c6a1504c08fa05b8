"""Working together: what each process answers, and that the whole is what one process would have done."""

import os
from itertools import chain

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import parallel
from course_utils.launching import launch
from course_utils.parallel import (
    TOLD_BY_TORCHRUN,
    Member,
    SharedBatches,
    SharedMean,
    pool_metrics,
    process_group,
    sum_over_processes,
    this_process,
)
from course_utils.report.metrics import Metrics


@pytest.fixture
def rooms(monkeypatch):
    """Pretend to be one of several processes: `rooms(2, own, others)` whose sums are own plus the others' numbers."""

    def pretend(num_processes, others):
        monkeypatch.setattr(parallel, "this_process", lambda: Member(0, num_processes))
        monkeypatch.setattr(
            parallel, "sum_over_processes", lambda *own: tuple(a + b for a, b in zip(own, others, strict=True))
        )

    return pretend


# The group -----------------------------------------------------------------------------------------------------------


def test_without_torchrun_a_program_is_process_0_of_1_and_nothing_is_set_up(monkeypatch):
    for name in TOLD_BY_TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    with process_group() as (rank, num_processes):
        assert (rank, num_processes) == (0, 1) == tuple(this_process())
        assert not dist.is_initialized()
        assert sum_over_processes(3, 0.5) == (3, 0.5)


def test_half_of_what_torchrun_tells_is_an_error_that_names_the_other_half(monkeypatch):
    for name in TOLD_BY_TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "0")
    with (
        pytest.raises(RuntimeError, match=r"RANK are set, WORLD_SIZE, MASTER_ADDR, MASTER_PORT are not.*torchrun"),
        process_group(),
    ):
        pass


def test_a_group_is_joined_once_and_left_also_after_an_error(monkeypatch, tmp_path):
    dist.init_process_group("gloo", init_method=(tmp_path / "store").as_uri(), rank=0, world_size=1)
    try:
        with pytest.raises(RuntimeError, match="in a group already"), process_group():
            pass
        assert this_process() == (0, 1)
        assert sum_over_processes(2**53, 0.25) == (2**53, 0.25)  # whole numbers stay whole
    finally:
        dist.destroy_process_group()
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    left: list[bool] = []
    monkeypatch.setattr(dist, "init_process_group", lambda *_, **__: None)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: left.append(True))
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    monkeypatch.setattr(dist, "get_world_size", lambda: 1)
    with pytest.raises(KeyError), process_group():
        raise KeyError
    assert left == [True]


# Shares --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_processes", [1, 2, 3, 7])
@pytest.mark.parametrize("num_samples", [64, 71, 75])
def test_the_shares_of_a_batch_are_the_batch_of_one_process(num_samples, num_processes):
    data = range(num_samples)
    whole = list(SharedBatches(data, batch_size=16, shuffle=True, seed=3))
    rooms = [
        SharedBatches(data, batch_size=16, shuffle=True, seed=3, member=(rank, num_processes))
        for rank in range(num_processes)
    ]
    shares = [list(room) for room in rooms]
    assert len(whole) == len(rooms[0])
    assert {len(each) for each in shares} == {len(whole)}  # else one room would wait for ever
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(batch) == sorted(chain(*parts))
    assert [room.num_own for room in rooms] == [sum(map(len, share)) for share in shares]
    assert sum(room.num_own for room in rooms) == num_samples


def test_each_epoch_has_an_order_of_its_own_which_the_number_of_the_epoch_brings_back():
    batches = SharedBatches(range(40), batch_size=8, shuffle=True)
    first, second = list(batches), list(batches)
    assert first != second
    assert batches.epoch == 2
    again = SharedBatches(range(40), batch_size=8, shuffle=True)
    again.epoch = 1
    assert list(again) == second
    assert list(SharedBatches(range(40), batch_size=8, shuffle=True, seed=1)) != first


def test_without_shuffling_the_samples_come_in_order():
    assert list(SharedBatches(range(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert list(SharedBatches(range(6), batch_size=4, member=(1, 2))) == [[1, 3], [5]]


@pytest.mark.parametrize(("num_samples", "batch_size"), [(33, 16), (2, 16), (64, 2)])
def test_a_room_with_nothing_to_answer_is_refused(num_samples, batch_size):
    with pytest.raises(ValueError, match=r"fewer than the 3 processes: choose another batch_size"):
        SharedBatches(range(num_samples), batch_size=batch_size, member=(0, 3))


def test_a_shared_mean_alone_is_the_mean():
    outputs = torch.randn(7, 3, requires_grad=True)
    targets = torch.randint(3, (7,))
    (slope,) = torch.autograd.grad(nn.CrossEntropyLoss()(outputs, targets), outputs)
    loss = SharedMean(nn.CrossEntropyLoss())(outputs, targets)
    torch.testing.assert_close(torch.autograd.grad(loss, outputs)[0], slope)
    assert loss == nn.CrossEntropyLoss()(outputs, targets)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 5.0, 0.5])])
def test_the_mean_of_the_rooms_slopes_is_that_of_the_whole_batch_also_where_shares_differ(rooms, weight):
    criterion = nn.CrossEntropyLoss(weight=weight)
    outputs, targets = torch.randn(7, 3, requires_grad=True), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    (whole,) = torch.autograd.grad(criterion(outputs, targets), outputs)
    parts, slopes = (slice(0, 7, 2), slice(1, 7, 2)), []
    counts = [float(len(targets[part]) if weight is None else weight[targets[part]].sum()) for part in parts]
    for number, part in enumerate(parts):
        rooms(2, [counts[1 - number]])
        loss = SharedMean(criterion)(outputs[part], targets[part])
        assert loss == criterion(outputs[part], targets[part])  # the mark is this room's own
        slopes.append(torch.autograd.grad(loss, outputs)[0])
    torch.testing.assert_close(sum(slopes) / 2, whole)


def test_a_shared_mean_can_mark_where_nothing_learns(rooms):
    rooms(2, [])  # would fail if it asked the others
    with torch.no_grad():
        assert SharedMean(nn.MSELoss())(torch.ones(2), torch.zeros(2)) == 1


def test_marks_are_pooled_by_counts(rooms):
    rooms(2, [0.5 * 100, 40, 100])
    pooled = pool_metrics(Metrics(2.0, 0.9), 200)
    assert pooled == Metrics((2.0 * 200 + 0.5 * 100) / 300, (180 + 40) / 300)
    rooms(2, [0.5 * 100, 0, 100])
    assert pool_metrics(Metrics(2.0, None), 200).accuracy is None


# Two real processes --------------------------------------------------------------------------------------------------


def practise(inputs, labels):
    """Everything that lesson 12 promises of two processes, in one start."""
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, TensorDataset

    from course_utils import evaluate, set_seed, train_one_epoch
    from course_utils.parallel import SharedBatches, SharedMean, pool_metrics, process_group, sum_over_processes

    data = TensorDataset(inputs, labels)
    options = {"criterion": SharedMean(nn.CrossEntropyLoss()), "device": "cpu", "progress": False}
    with process_group() as (rank, num_processes):
        set_seed(0)
        student = nn.Linear(inputs.shape[1], 3).double()
        model = DistributedDataParallel(student) if num_processes > 1 else student
        optimizer = torch.optim.Adam(student.parameters(), lr=0.01)
        loader = DataLoader(data, batch_sampler=SharedBatches(data, batch_size=16, shuffle=True))
        for _ in range(3):
            train_one_epoch(model, loader, optimizer=optimizer, **options)
        shares = SharedBatches(data, batch_size=16)
        own = evaluate(student, DataLoader(data, batch_sampler=shares), **options)
        print(f"room {rank} answers {shares.num_own}")
        whole = pool_metrics(own, shares.num_own)
        (num_all,) = sum_over_processes(shares.num_own)
    return {"weight": student.weight.detach(), "loss": whole.loss, "right": whole.accuracy * num_all, "all": num_all}


def test_two_processes_learn_the_weights_of_one_with_the_same_global_batch():
    inputs, labels = torch.randn(71, 5, dtype=torch.float64), torch.randint(3, (71,))  # the last batch: 4 and 3
    alone = practise(inputs, labels)
    run = launch(practise, inputs=inputs, labels=labels, num_processes=2)
    first, second = run.results
    assert torch.equal(first["weight"], second["weight"])
    torch.testing.assert_close(first["weight"], alone["weight"], rtol=0, atol=1e-12)
    assert first["loss"] == pytest.approx(alone["loss"], abs=1e-6)  # losses are added up in float32
    assert (first["right"], first["all"]) == pytest.approx((alone["right"], 71))
    assert run.output == "[0] room 0 answers 36\n[1] room 1 answers 35\n"


def test_this_process_does_not_change_the_data_loader_of_one():
    data = TensorDataset(torch.arange(10))
    (first, *_), *_ = DataLoader(data, batch_sampler=SharedBatches(data, batch_size=4))
    assert first.tolist() == [0, 1, 2, 3]
    assert "RANK" not in os.environ

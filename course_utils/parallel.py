"""One student in several processes (lesson 12).

Each process holds a copy of the student and answers its own share of every batch; before a correction the processes
agree on the mean of their gradients. PyTorch does that: `torchrun` starts them, `DistributedDataParallel` lets them
agree. Here stands what makes the result that of one process; `launching` starts them from a notebook.
"""

import os
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import Sampler

from course_utils.report.metrics import Metrics, loss_divisor

# What torchrun tells each process that it starts.
TOLD_BY_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class Member(NamedTuple):
    """A process among those that work together: its number, from 0, and how many there are."""

    rank: int
    num_processes: int


@contextmanager
def process_group(*, backend: str = "gloo", timeout: float = 120) -> Iterator[Member]:
    """Inside, the processes that `torchrun` started can speak to each other. Yields which of them this one is.

    A program that was started without `torchrun` is process 0 of 1, and nothing is set up: the same code runs alone.
    `backend`: "gloo" speaks for CPUs, "cpu:gloo,cuda:nccl" for both. A process that waits for another longer than
    `timeout` seconds stops with an error. Raises RuntimeError inside another group, or where only some of what
    torchrun tells a process is there.
    """
    told = [name for name in TOLD_BY_TORCHRUN if os.environ.get(name)]
    if dist.is_initialized():
        raise RuntimeError("This process is in a group already: leave that one first.")
    if not told:
        yield Member(0, 1)
        return
    if missing := [name for name in TOLD_BY_TORCHRUN if name not in told]:
        raise RuntimeError(
            f"{', '.join(told)} are set, {', '.join(missing)} are not: start the script with torchrun, which sets all "
            "of them, or unset these."
        )
    dist.init_process_group(backend, timeout=timedelta(seconds=timeout))
    try:
        yield Member(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def this_process() -> Member:
    """Return which of the processes of its group this one is; 0 of 1 where there is no group."""
    return Member(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Member(0, 1)


def sum_over_processes(*numbers: float) -> tuple[float, ...]:
    """Return the sum of each number over all processes: every process gets them. Alone, the numbers themselves.

    Whole numbers stay exact up to 2**53. Every process has to call it, with equally many numbers.
    """
    sums = torch.tensor(numbers, dtype=torch.float64)
    if dist.is_initialized():
        dist.all_reduce(sums)
    return tuple(sums.tolist())


def pool_metrics(metrics: Metrics, num_samples: int) -> Metrics:
    """Return the marks of all processes together from those of each one's own `num_samples` samples.

    Right answers are added up as whole numbers, losses by the number of their samples: what one process would count.
    """
    right = 0 if metrics.accuracy is None else round(metrics.accuracy * num_samples)
    loss, num_right, num_all = sum_over_processes(metrics.loss * num_samples, right, num_samples)
    return Metrics(loss / num_all, None if metrics.accuracy is None else num_right / num_all)


class SharedBatches(Sampler[list[int]]):
    """This process's share of every batch, for `DataLoader(dataset, batch_sampler=SharedBatches(dataset))`.

    All processes form the same batches, those that one process would see, and each takes every so-many-th sample of
    them. So nothing is doubled to make shares equal, as `torch.utils.data.DistributedSampler` does, and nothing is left
    out. `shuffle` draws a new order for each epoch from `seed` and `epoch`, which counts the passes; set it to go on
    after an interruption. `num_own` is how many samples this process sees in a pass.

    `member`: which process this is, `this_process()` by default. Raises ValueError where the last batch has fewer
    samples than there are processes: some of them would have nothing to answer.
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        member: tuple[int, int] | None = None,
    ) -> None:
        self.num_samples, self.batch_size = len(dataset), batch_size
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        self.member = Member(*member) if member else this_process()
        last = self.num_samples % batch_size or batch_size
        if min(last, self.num_samples) < self.member.num_processes:
            raise ValueError(
                f"{self.num_samples} samples in batches of {batch_size} leave {min(last, self.num_samples)} for the "
                f"last batch, fewer than the {self.member.num_processes} processes: choose another batch_size."
            )

    @property
    def num_own(self) -> int:
        return sum(map(len, self._shares(torch.arange(self.num_samples))))

    def __len__(self) -> int:
        return -(-self.num_samples // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.arange(self.num_samples)
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + self.epoch)
            order = torch.randperm(self.num_samples, generator=generator)
        self.epoch += 1
        return self._shares(order)

    def _shares(self, order: Tensor) -> Iterator[list[int]]:
        rank, num_processes = self.member
        return (batch[rank::num_processes].tolist() for batch in torch.split(order, self.batch_size))


class SharedMean(nn.Module):
    """A criterion for shares that differ in size: `SharedMean(nn.CrossEntropyLoss())`.

    `DistributedDataParallel` takes the mean of the processes' gradients, in which four samples of one process count as
    much as three of another. Here each share counts by its size. The loss, a mean over this process's own samples,
    stays as it is; only the slope that the way back begins with is no longer 1.
    Every process has to call it equally often.
    """

    def __init__(self, criterion: Callable[..., Tensor]) -> None:
        super().__init__()
        self.criterion = criterion

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        loss = self.criterion(outputs, targets)
        own = float(loss_divisor(self.criterion, targets))
        if loss.requires_grad:
            (total,) = sum_over_processes(own)
            factor = own * this_process().num_processes / total
            loss.register_hook(lambda slope: slope * factor)  # type: ignore[no-untyped-call]  # PyTorch's own
        return loss

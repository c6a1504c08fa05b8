"""Measure two ways of doing the same work, in one process, and report their ratio."""

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

NUM_PAIRS = 7


class Result(NamedTuple):
    """One line of the table: `what` against `against` gave `measured`, where `wanted` was to be reached."""

    what: str
    against: str
    measured: str
    wanted: str
    reached: bool


def seconds(work: Callable[[], object], *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the wall time of one call."""
    started = clock()
    work()
    return clock() - started


def ratios(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    num_pairs: int = NUM_PAIRS,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Return seconds(ours) / seconds(theirs) of each pair, in ascending order, after one unmeasured pair.

    The two sides take turns in going first, so that a machine that grows slower favours neither.
    """
    ours(), theirs()
    measured = []
    for pair in range(num_pairs):
        first, second = (ours, theirs) if pair % 2 else (theirs, ours)
        times = {first: seconds(first, clock=clock)}
        times[second] = seconds(second, clock=clock)
        measured.append(times[ours] / times[theirs])
    return sorted(measured)


def describe(values: list[float], digits: int = 2) -> str:
    """Write median and range: "0.99 (0.97 to 1.02)"."""
    return f"{median(values):.{digits}f} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"

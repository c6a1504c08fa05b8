"""Which samples are meant: whole numbers and masks, from whatever library, taken in or refused in one place."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch


def _number(value: Any) -> int | bool:
    """Return a whole number, True or False, whatever library it is from, as Python's own; else raise TypeError."""
    plain = value.item() if isinstance(value, np.generic | np.ndarray | torch.Tensor) and value.ndim == 0 else value
    if not isinstance(plain, int):
        raise TypeError(f"{value!r} is no number of a sample: those are whole numbers from 0.")
    return plain


def one_position(index: Any, length: int) -> int:
    """Return the place of one sample among `length`; as in every sequence, -1 is the last."""
    if isinstance(index, slice):
        raise TypeError("dataset[i] is one sample; dataset.select(range(start, stop)) gives several.")
    number = _number(index)
    if isinstance(number, bool):
        raise TypeError(f"{index!r} is no number of a sample; a mask goes into dataset.select(mask).")
    if not -length <= number < length:
        raise IndexError(f"There is no sample {number}: the data set has {length:,}, counted from 0.")
    return number


def positions(indices: Iterable[Any], length: int) -> list[int]:
    """Return the places that a mask or numbers pick out of `length` samples."""
    values = indices.tolist() if isinstance(indices, np.ndarray | torch.Tensor) else indices
    if not isinstance(values, Iterable):
        raise TypeError(f"select takes several samples, not {indices!r}: for a single one write select([number]).")
    numbers = [_number(value) for value in values]
    if numbers and all(isinstance(number, bool) for number in numbers):
        if len(numbers) != length:
            raise ValueError(f"A mask has one True or False for each of the {length:,} samples, not {len(numbers):,}.")
        return [place for place, is_chosen in enumerate(numbers) if is_chosen]
    for number in numbers:
        if number < 0:
            raise IndexError(f"There is no sample {number}: samples are counted from 0 to {length - 1:,}.")
    return [one_position(number, length) for number in numbers]

"""The exercises of lesson 12, beyond one machine."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor

from course_utils.classroom.exercises import exercise


@exercise(
    "12.1",
    "Return one tensor: the slope of the mean loss over the samples of all rooms.",
    kind="function",
    solved="A room counts by its samples. That is all of `SharedMean`, and of a fair telephone conference.",
)
def agree(answer: Callable[..., Any]) -> str | None:
    """`answer(slopes, sizes)` returns the slope over all samples."""
    sizes = [4, 3, 9]
    generator = torch.Generator().manual_seed(0)
    slopes = [torch.randn(2, 3, generator=generator) for _ in sizes]
    got = answer([slope.clone() for slope in slopes], list(sizes))
    total = sum((slope * size for slope, size in zip(slopes, sizes, strict=True)), torch.zeros(2, 3))
    if not isinstance(got, Tensor) or got.shape != total.shape:
        return "Return one tensor, of the shape of each of the slopes."
    if torch.allclose(got, total / sum(sizes), atol=1e-6):
        return None
    if torch.allclose(got, torch.stack(slopes).mean(dim=0), atol=1e-6):
        return "Three samples count as much as nine: the mean of the rooms' means. Let each room count by its size."
    if torch.allclose(got, torch.stack(slopes).sum(dim=0), atol=1e-6):
        return "The slopes are only added up. Let each room count by its size, and divide by the number of all samples."
    if torch.allclose(got, total, atol=1e-5):
        return "Each room counts by its size; the result is a sum over all samples. Divide by how many there are."
    return "Slope times size is the sum over a room. Add these sums, and divide by the number of all samples."


@exercise(
    "12.2",
    "Return the part of the list that this worker of this room reads.",
    kind="function",
    solved="Nothing twice, nothing left out, however many rooms and workers there are.",
)
def my_part(answer: Callable[..., Any]) -> str | None:
    """`answer(shards, room, num_rooms, worker, num_workers)` returns a part of `shards`."""
    for num_rooms, num_workers, num_shards in ((2, 2, 11), (3, 1, 7), (1, 3, 9), (2, 3, 13)):
        shards = [f"shard-{number:02d}.tar" for number in range(num_shards)]
        readers = list(product(range(num_rooms), range(num_workers)))
        parts = {(room, worker): answer(list(shards), room, num_rooms, worker, num_workers) for room, worker in readers}
        if not all(isinstance(part, list | tuple) for part in parts.values()):
            return "Return a part of the list, such as `shards[0::2]`."
        told = f"With {num_shards} shards, {num_rooms} rooms and {num_workers} workers in each:"
        if num_workers > 1 and all(list(parts[room, 0]) == list(parts[room, 1]) for room in range(num_rooms)):
            return f"{told} Both workers of a room read the same. A worker needs a part of its own, too."
        if num_rooms > 1 and all(list(parts[0, worker]) == list(parts[1, worker]) for worker in range(num_workers)):
            return f"{told} Rooms 0 and 1 read the same. A room needs a part of its own, too."
        times = Counter(shard for part in parts.values() for shard in part)
        if twice := [shard for shard in shards if times[shard] > 1]:
            return f"{told} {twice[0]} has more than one reader. Number all readers through, from 0."
        if left := [shard for shard in shards if not times[shard]]:
            return f"{told} {left[-1]} nobody reads. Deal the shards out one by one, `[number::num_readers]`."
        sizes = [len(part) for part in parts.values()]
        if max(sizes) - min(sizes) > 1:
            return f"{told} one reader has {max(sizes)} of them, another {min(sizes)}. Deal them out one by one."
    return None


@exercise(
    "12.3",
    "Return a dictionary with the plain student's names and the same weights.",
    kind="function",
    solved="`removeprefix` takes one word from the beginning, or nothing.",
)
def unwrap(answer: Callable[..., Any]) -> str | None:
    """`answer(weights)` returns the same tensors under names without the first `module.`."""
    names = ["module.weight", "dull.bias", "old.weight"]  # lstrip("module.") eats them
    wrapped = {f"module.{name}": torch.tensor(float(place)) for place, name in enumerate(names)}
    plain = answer(dict(wrapped))
    if not isinstance(plain, Mapping):
        return "Return a dictionary: name -> tensor."
    if set(plain) == set(wrapped):
        return "The names are as before. Take the `module.` from the beginning of each."
    if set(plain) == {name.replace("module.", "") for name in wrapped}:
        return "`replace` takes the word away everywhere, also from a part that is called `module` by itself."
    if set(plain) == {name.lstrip("module.") for name in wrapped}:
        return "`lstrip` takes single letters, as long as they are among m, o, d, u, l, e and the dot, not a word."
    if set(plain) != set(names):
        return (
            f"For {', '.join(wrapped)} the names are to be {', '.join(names)}; yours are {', '.join(map(str, plain))}."
        )
    if any(plain[name] is not wrapped[f"module.{name}"] and plain[name] != wrapped[f"module.{name}"] for name in names):
        return "The names are right, but some of them hold another's weights."
    return None

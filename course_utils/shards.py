"""A folder too large for memory, or for one reader: pictures in a few large files, read in a stream (lesson 12).

A shard is a tar file of a hundred or a thousand samples, each a picture and a file with its label. One long read of a
large file costs a disk or a network far less than a thousand small ones. The layout is that of the library webdataset.
"""

import io
import random
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from course_utils.parallel import Member, this_process
from course_utils.runtime import atomic_write, given_path
from course_utils.transforms import to_rgb


def write_shards(
    samples: Sequence[tuple[str | Path, int]], folder: str | Path, *, shard_size: int = 100, seed: int = 0
) -> list[Path]:
    """Write samples, (path of a picture, label), into tar files in `folder`, `shard_size` each; return their paths.

    The samples are mixed once, by `seed`, so that each shard holds a bit of everything. The pictures' bytes stay as
    they are. Raises ValueError for no samples and for a `shard_size` below 1.
    """
    if not samples or shard_size < 1:
        raise ValueError(f"Shards need at least one sample, of {len(samples)}, and room for it, {shard_size}.")
    mixed = list(enumerate(samples))
    random.Random(seed).shuffle(mixed)
    folder = given_path(folder, kind="folder")
    paths = []
    for start in range(0, len(mixed), shard_size):
        paths.append(folder / f"shard-{start // shard_size:05d}.tar")
        with atomic_write(paths[-1]) as temporary, tarfile.open(temporary, "w") as shard:
            for number, (source, label) in mixed[start : start + shard_size]:
                picture = given_path(source, kind="file", must_exist=True)
                _add(shard, f"{number:08d}{picture.suffix.lower()}", picture.read_bytes())
                _add(shard, f"{number:08d}.cls", str(label).encode())
    return paths


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    shard.addfile(entry, io.BytesIO(content))


class ShardedImages(IterableDataset[tuple[Any, int]]):
    """The samples of shards as a stream of `(picture, label)`, for a DataLoader with any number of workers.

    Of the shards each process takes its own part, and each of its workers a part of that: together they read every
    sample once. A reader holds one sample at a time, whatever the size of the folder. `epoch`, to be set before each
    pass, gives the shards another order.

    `transform` is called with each RGB picture; `member`: which process this is, by default `this_process()` when the
    data set is made. Raises ValueError, when it is read, for fewer shards than readers, one of whom would get nothing,
    and for a shard that is not of `write_shards`' layout.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        transform: Callable[[Any], Any] | None = None,
        *,
        seed: int = 0,
        member: tuple[int, int] | None = None,
    ) -> None:
        self.paths = [given_path(path, kind="file", must_exist=True) for path in paths]
        self.transform, self.seed, self.epoch = transform, seed, 0
        self.member = Member(*member) if member else this_process()  # noted here, for a worker belongs to no group

    def own_shards(self) -> list[Path]:
        """Return the shards that this worker of this process reads, in the order of this epoch."""
        order = self.paths.copy()
        random.Random(self.seed + self.epoch).shuffle(order)
        worker = get_worker_info()
        number, num_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        num_readers = self.member.num_processes * num_workers
        if len(order) < num_readers:
            raise ValueError(
                f"{len(order)} shards are too few for {num_readers} readers ({self.member.num_processes} processes, "
                f"{num_workers} in each): write smaller shards, or use fewer workers."
            )
        return order[self.member.rank * num_workers + number :: num_readers]

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        for path in self.own_shards():
            for picture, label in _read(path):
                yield (picture if self.transform is None else self.transform(picture)), label


def _read(path: Path) -> Iterator[tuple[Image.Image, int]]:
    with tarfile.open(path, "r|") as shard:  # a stream: forward only, one entry at a time
        before: tuple[str, bytes] | None = None
        for entry in shard:
            content = shard.extractfile(entry)
            key, _, kind = entry.name.rpartition(".")
            if content is None:
                continue
            if kind != "cls":
                before = key, content.read()
            elif before is None or before[0] != key:
                raise ValueError(
                    f"{path} holds {entry.name} without its picture before it: write it with write_shards."
                )
            else:
                with Image.open(io.BytesIO(before[1])) as image:
                    yield to_rgb(image), int(content.read())

"""Notes on the disk: found again where weights, files, transform and views are the same (lesson 08).

They stand in the data folder's `notes/`, which may be deleted at any time; the oldest go where there is no more room.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.utils.data import Subset

from course_utils.plain import parse_plain, write_plain
from course_utils.runtime import data_dir, say

MAX_BYTES = 4_000_000_000  # of all notes together; those of 3,068 photographs, three blocks, two views take 96 MB


def kept_notes(key: str, take: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the notes and targets kept under `key`, or `take` them and keep them."""
    path = data_dir() / "notes" / f"{key}.pt"
    if path.exists():
        try:
            content = parse_plain(path.read_bytes(), path)
            notes, targets = content["notes"], content["targets"]
            path.touch()  # the notes used last stay longest
            return notes, targets
        except (OSError, ValueError, KeyError) as error:
            say(f"Taken once more, because the notes kept on the disk cannot be used: {error}")
    notes, targets = take()
    try:
        write_plain(path, {"notes": notes, "targets": targets})
        _make_room(path)
    except OSError as error:  # a full disk, or a folder that may only be read: the notes themselves are there
        say(f"The notes are used, and not kept on the disk: {error}")
    return notes, targets


def notes_key(network: nn.Module, dataset: Any, details: Sequence[str]) -> str:
    """Return 32 hexadecimal digits that stand for `network`, the files of `dataset` and its transform, and `details`.

    Raises ValueError for a data set that does not name its files and its transform.
    """
    digest = hashlib.sha256(repr((str(network), _describe(dataset), list(details))).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _describe(dataset: Any) -> object:
    """What decides which pictures `dataset` gives: files with their size and date, labels, transform."""
    if isinstance(dataset, Subset):
        return _describe(dataset.dataset), [int(index) for index in dataset.indices]
    transform = repr(getattr(dataset, "transform", None))
    samples = getattr(dataset, "samples", None)
    if samples is None or " at 0x" in transform:
        raise ValueError(
            f"keep=True finds notes again by files and transform, and {type(dataset).__name__} does not tell them: "
            "give an ImageFolderDataset with a transform of build_eval_transform, or leave keep out."
        )
    files = [(str(path), int(label), Path(path).stat()) for path, label in samples]
    return transform, [(path, label, stat.st_size, stat.st_mtime_ns) for path, label, stat in files]


def _make_room(newest: Path) -> None:
    """Delete the notes that were used longest ago, until the rest is small enough; `newest` always stays."""
    kept = sorted(newest.parent.glob("*.pt"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = newest.stat().st_size
    for path in kept:
        total += path.stat().st_size if path != newest else 0
        if total > MAX_BYTES and path != newest:
            path.unlink()

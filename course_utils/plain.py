"""Files from which nothing can run: numbers, texts, tensors, lists and dictionaries, written in one piece.

Trained weights, saved classifiers and checkpoints are such files. What goes in comes out equal, or is refused before
anything is written.
"""

import collections
import hashlib
import io
import os
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.runtime import atomic_write

# `torch.load` gives these back as they are, also with `weights_only=True`. Exactly these: a class derived from one of
# them is another one.
_AS_IT_IS = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)
_TENSORS = (Tensor, nn.Parameter, nn.Buffer)
_MAPPINGS: dict[type, type] = {dict: dict, collections.OrderedDict: dict, collections.Counter: collections.Counter}
_SEQUENCES = (list, tuple, set)

# What a file raises that is damaged or another's.
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
)


def as_plain(value: Any, name: str = "the content") -> Any:
    """Return `value` in types that a plain file gives back: NumPy's numbers become Python's, whatever they stand in.

    Raises ValueError, with its place below `name`, for what would not come back: an object, an array, a function.
    """
    if type(value) in _AS_IT_IS or type(value) in _TENSORS:
        return value
    if isinstance(value, Tensor):
        return value.as_subclass(Tensor)  # a picture or a box of torchvision
    if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):  # a longdouble has no counterpart
        return as_plain(value.item(), name)
    for plain_kind in (int, float, str):  # such as the member of an IntEnum
        if isinstance(value, plain_kind):
            return plain_kind(value)
    if type(value) in _MAPPINGS:
        entries = {as_plain(key, name): as_plain(entry, f"{name}[{key!r}]") for key, entry in value.items()}
        return _MAPPINGS[type(value)](entries)
    if type(value) in _SEQUENCES:
        return type(value)(as_plain(entry, f"{name}[{place}]") for place, entry in enumerate(value))
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise ValueError(
        f"{name} is of the kind {kind}, which a file that cannot run code does not hold: make it a number, a text, "
        "a tensor, or a list or dictionary of them."
    )


def write_plain(path: str | os.PathLike[str], content: Mapping[str, Any]) -> str:
    """Write a dict of plain types and tensors to `path` in one piece and return the file's SHA-256.

    Equal contents give equal bytes, whatever the file is called. What `as_plain` can make plain, it makes plain.
    Raises ValueError, and writes nothing, for what could not be read back, and OSError where `path` cannot be written.
    """
    buffer = io.BytesIO()  # torch.save into a file would write the file's name into it, and change the hash
    torch.save({name: as_plain(value, name) for name, value in content.items()}, buffer)
    data = buffer.getvalue()
    _load(data, Path(path), map_location="meta")  # reads everything but the tensors' numbers
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def parse_plain(data: bytes, path: Path) -> dict[str, Any]:
    """Return the dict in `data`, tensors on the CPU; `path` is where it comes from, for the error.

    Raises ValueError, in other words for a damaged file than for a whole one, where `data` is no dict of plain types
    (which alone cannot run code) as `torch.save` writes it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
    except (*_ERRORS, NotImplementedError) as error:
        raise ValueError(f"{path} cannot be read: it is damaged, or was never a file of torch.save.") from error
    if damaged is not None:
        raise ValueError(f"{path} cannot be read: it is damaged ({damaged} has changed since it was written).")
    content = _load(data, path, map_location="cpu")
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a dict of weights.")
    return content


def _load(data: bytes, path: Path, *, map_location: str) -> Any:
    try:
        return torch.load(io.BytesIO(data), map_location=map_location, weights_only=True)
    except _ERRORS as error:
        names = ", ".join(dict.fromkeys(re.findall(r"GLOBAL ([\w.]+)", str(error))))
        reason = f"holds {names}, and reading that could run code" if names else "was not written by torch.save"
        raise ValueError(f"{path} is whole, but {reason}: this package did not write it.") from error

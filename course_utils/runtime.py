"""Seeds, devices, settings from the environment, paths, safe writing, and everything that is printed during a run.

Everything else in the package stands on this module; it imports no other part of the package, and torch only where
torch is used: what needs none (drawing pictures, fetching files) starts without it.
"""

import errno
import math
import os
import random
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]  # tqdm ships no types

if TYPE_CHECKING:
    import torch
    from torch import nn

# Every setting that the package reads from the environment, and what it means. `course doctor` prints this table.
SETTINGS = {
    "COURSE_DATASET": "which pictures the lessons use: drawn (default) or photos",
    "COURSE_WEIGHTS": "which trained network the lessons start from: course (default) or imagenet",
    "COURSE_DATA_DIR": "where data sets live (default: the repository's data/, else ./data)",
    "COURSE_MIRROR": "a folder or address that is asked first for data sets",
    "COURSE_OFFLINE": "on forbids every download (default: off)",
    "COURSE_DEVICE": "cpu, cuda or mps (default: cuda where there is one, else cpu)",
    "COURSE_PROGRESS": "off hides progress bars, on shows them even in a log (default: where somebody watches)",
}
# The words of those that choose between words; a switch is read in any case.
_ON = ("1", "on", "true", "yes")
_SWITCH = (*_ON, "0", "off", "false", "no")
_WORDS = {
    "COURSE_DATASET": ("drawn", "photos"),
    "COURSE_WEIGHTS": ("course", "imagenet"),
    "COURSE_OFFLINE": _SWITCH,
    "COURSE_PROGRESS": _SWITCH,
}


class SettingError(ValueError):
    """An environment variable says a word that is not understood; the message names both."""


def set_seed(seed: int = 0) -> None:
    """Seed Python, NumPy and PyTorch (all devices), so that the same experiment begins with the same chances.

    On a CPU the same machine then repeats it to the last digit. A GPU adds up in an order of its own: there the last
    digits may differ, unless `torch.use_deterministic_algorithms(True)` forbids it, at a cost in speed.
    """
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that learners use read NumPy's global generator
    torch.manual_seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, PyTorch's generator of the CPU begins at `seed`; afterwards it goes on where it was. GPUs keep theirs."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the GPUs too, which are not forked
        yield


def get_device(prefer: "str | torch.device | None" = None) -> "torch.device":
    """Return the device to compute on: `prefer`, else `COURSE_DEVICE`, else CUDA where there is one, else CPU.

    `prefer` is a name, such as "cuda:1", or a `torch.device`. Apple's `mps` is used only when asked for, because some
    operations still give wrong numbers there.
    Raises ValueError for a name that is not cpu, cuda or mps, and RuntimeError for a device that is absent.
    """
    import torch

    name = str(prefer or setting("COURSE_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))
    kind = name.split(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise ValueError(f"Unknown device {name!r}: use 'cpu', 'cuda' or 'mps'.")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present[kind]:
        raise RuntimeError(f"This machine offers no {kind!r} device to PyTorch; use 'cpu'.")
    return torch.device(name)


def setting(name: str, default: str = "") -> str:
    """Return the environment variable `name`, or `default` where it is unset or empty. One of `SETTINGS`.

    Raises SettingError, naming the variable, where it chooses between words and says another one.
    """
    if name not in SETTINGS:
        raise KeyError(f"{name} is no setting of this package; the settings are {', '.join(SETTINGS)}.")
    value = os.environ.get(name, "").strip()
    words = _WORDS.get(name, ())
    if words is _SWITCH:
        value = value.lower()
    if value and words and value not in words:
        known = f"{', '.join(words[:-1])} or {words[-1]}"
        raise SettingError(f"The environment variable {name} is {value!r}: it may be {known}.")
    return value or default


def switch(name: str) -> bool | None:
    """Return whether the setting `name` is on, or None where it is not set.

    Raises SettingError, naming the variable, for anything but 1, on, true, yes, 0, off, false and no, in any case.
    """
    value = setting(name)
    return value in _ON if value else None


def is_offline() -> bool:
    """True where `COURSE_OFFLINE` forbids downloads."""
    return bool(switch("COURSE_OFFLINE"))


def num_processors(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processors this process may use: those of the machine, or fewer where it is told so (taskset, a
    batch system), or where a container has a share of their time, rounded up.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for quota_and_period in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # cgroup 2, cgroup 1
        try:
            quota, period = (int(w) for name in quota_and_period for w in (cgroup / name).read_text().split())
        except (OSError, ValueError):  # not there, or "max": no limit
            continue
        if quota > 0 and period > 0:
            allowed = min(allowed, math.ceil(quota / period))
    return allowed


def repository_root() -> Path | None:
    """Return the folder of the cloned repository, or None where only the installed package is there."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "notebooks" / "src").is_dir() else None


def data_dir() -> Path:
    """Return the folder that data sets are kept in (not created here): `COURSE_DATA_DIR`, else the
    repository's `data/`, else `data/` in the current folder.
    """
    chosen = setting("COURSE_DATA_DIR")
    if chosen:
        return given_path(chosen, kind="folder").resolve()
    return (repository_root() or Path.cwd()) / "data"


def given_path(path: str | os.PathLike[str], *, kind: Literal["file", "folder"], must_exist: bool = False) -> Path:
    """Return what a learner means by `path`, the name of a file or a folder, as a `Path`. A `~` is the home folder.

    Raises, with a sentence that names the path: TypeError for what is no path; ValueError for an empty one, a web
    address, and a `~name` without a home; IsADirectoryError for a folder where a file is meant; NotADirectoryError for
    a file where a folder is meant, also on the way; with `must_exist`, FileNotFoundError where nothing is there, or a
    link to nowhere.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"The path of a {kind} is a text or a Path, not {path!r}.")
    if not os.fspath(path).strip():
        raise ValueError(f"An empty text is not the path of a {kind}.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\]", os.fspath(path)):
        raise ValueError(f"{path} is an address, not the path of a {kind}: fetch what it names, and give that path.")
    try:
        path = Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path} names a home folder that is not known here: write the path out.") from error
    if kind == "file" and path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the path of a file, such as {path / 'name'}.")
    blocking = path if kind == "folder" and path.is_file() else next(filter(Path.is_file, path.parents), None)
    if blocking is not None:
        raise NotADirectoryError(f"{blocking} is a file where a folder is meant.")
    if must_exist and path.is_symlink() and not path.exists():
        raise FileNotFoundError(f"{path} is a link to nowhere: there is no {path.readlink()}.")
    if must_exist and not path.exists():
        raise FileNotFoundError(f"There is no {kind} {path}.")
    return path


def may_write(folder: Path) -> bool:
    """True where files can be written into `folder`, or, where it is not there, into the nearest one above it."""
    nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return os.access(nearest, os.W_OK)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, else delete it.

    A reader never sees half a file, and an interrupted write leaves the old file as it was. Missing folders are made;
    where `path` is a link, what it points to is written. Raises what `given_path` does, and OSError, naming `path`,
    where it cannot be written or the disk is full.

        with atomic_write("model.pt") as temporary:
            temporary.write_bytes(content)
    """
    path = given_path(path, kind="file")
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unique without asking anybody: two containers that share a folder may both be process 1.
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, "The disk is full; what stood there before is unharmed", str(path)) from error
        if error.filename is not None and str(error.filename) == str(temporary):
            error.filename = str(path)  # a name that the caller knows
        raise
    finally:
        with suppress(OSError):  # must not hide why the write failed
            temporary.unlink()


@contextmanager
def preserved_modes(model: "nn.Module") -> Iterator[None]:
    """Afterwards each part of `model` is in the mode, `train()` or `eval()`, it was in before, also after an error."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def evaluating(model: "nn.Module") -> Iterator["nn.Module"]:
    """Put `model` into `eval()` mode, without gradients; afterwards each part of it is in the mode it was in before."""
    import torch

    with preserved_modes(model), torch.no_grad():
        model.eval()
        yield model


class _Output:
    """Standard output that never ends a run by an error.

    What its encoding lacks becomes "?", and where nothing can be written (a closed window, a full disk), nothing is.
    """

    @property
    def encoding(self) -> str:
        return getattr(sys.stdout, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if sys.stdout is not None:
            with suppress(OSError, ValueError):  # ValueError: a closed file
                sys.stdout.write(text.encode(self.encoding, "replace").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        if sys.stdout is not None:
            with suppress(OSError, ValueError):
                sys.stdout.flush()

    def isatty(self) -> bool:
        try:
            return sys.stdout is not None and sys.stdout.isatty()
        except ValueError:  # closed
            return False

    def fileno(self) -> int:
        """For the width of a terminal, which `tqdm` asks for."""
        return sys.stdout.fileno()


OUTPUT = _Output()


def say(*text: object) -> None:
    """Print `text`, as `print` does, and never raise: what describes a run must not end it."""
    print(*text, file=OUTPUT, flush=True)


def progress_bar(
    iterable: Iterable[Any] | None = None, *, description: str = "", show: bool = True, **options: Any
) -> tqdm:
    """Return a plain-text `tqdm` bar on standard output (JupyterLab shades standard error red).

    Hidden where `show` is false, where `COURSE_PROGRESS` is off, and where nobody watches (a log file); wiped when it
    ends, so that it leaves no trace. `options` go to `tqdm`: `total`, `unit`, `unit_scale`, ... Like `say`, it never
    raises for what it writes.
    """
    wanted = switch("COURSE_PROGRESS")
    if wanted is None:
        wanted = OUTPUT.isatty() or "ipykernel" in sys.modules
    hidden = not show or not wanted
    look = {"leave": False, "file": OUTPUT, "dynamic_ncols": True, "mininterval": 0.5}
    return tqdm(iterable, **{"desc": description, "disable": hidden} | look | options)

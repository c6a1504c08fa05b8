"""Seeds, devices, settings from the environment, safe writing and progress bars.

Everything else in the package stands on this module; it imports no other part of the package, and torch only where
torch is used: what needs none (drawing pictures, fetching files) starts without it.
"""

import os
import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    import torch

# Every setting that the package reads from the environment, and what it means. `course doctor` prints this table.
SETTINGS = {
    "COURSE_DATASET": "which pictures the lessons use: drawn (default) or photos",
    "COURSE_WEIGHTS": "which trained network the lessons start from: course (default) or imagenet",
    "COURSE_DATA_DIR": "where data sets live (default: the repository's data/, else ./data)",
    "COURSE_MIRROR": "a folder or address that is asked first for data sets",
    "COURSE_OFFLINE": "1 forbids every download",
    "COURSE_DEVICE": "cpu, cuda or mps (default: cuda where there is one, else cpu)",
    "COURSE_PROGRESS": "0 hides progress bars, 1 shows them even in a log (default: where somebody watches)",
}


def set_seed(seed: int = 0) -> None:
    """Seed Python, NumPy and PyTorch (all devices), so that the same machine repeats the same experiment."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that learners use read NumPy's global generator
    torch.manual_seed(seed)


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
        raise RuntimeError(f"This machine offers no {kind!r} device to PyTorch; use get_device('cpu').")
    return torch.device(name)


def setting(name: str, default: str = "") -> str:
    """Return the environment variable `name`, or `default` where it is unset or empty. One of `SETTINGS`."""
    if name not in SETTINGS:
        raise KeyError(f"{name} is no setting of this package; the settings are {', '.join(SETTINGS)}.")
    return os.environ.get(name) or default


def is_offline() -> bool:
    """True where `COURSE_OFFLINE` forbids downloads."""
    return setting("COURSE_OFFLINE", "0").lower() not in ("0", "false", "no")


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
        return Path(chosen).expanduser().resolve()
    return (repository_root() or Path.cwd()) / "data"


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, else delete it.

    A reader never sees half a file, and an interrupted write leaves the old file as it was.

        with atomic_write("model.pt") as temporary:
            torch.save(state, temporary)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def progress_bar(iterable: Iterable | None = None, *, description: str = "", show: bool = True, **options) -> tqdm:
    """Return a plain-text `tqdm` bar on standard output (JupyterLab shades standard error red).

    Hidden where `show` is false, where `COURSE_PROGRESS=0`, and where nobody watches (a log file); wiped when it ends,
    so that it leaves no trace. `options` go to `tqdm`: `total`, `unit`, `unit_scale`, ...
    """
    is_watched = sys.stdout.isatty() or "ipykernel" in sys.modules or bool(setting("COURSE_PROGRESS"))
    hidden = not show or not is_watched or setting("COURSE_PROGRESS") == "0"
    return tqdm(
        iterable,
        **{"desc": description, "disable": hidden, "leave": False, "file": sys.stdout, "mininterval": 0.5} | options,
    )

"""Nothing is lost. Everything that a training run needs to continue, in one file (lesson 06).

A checkpoint holds the model, the optimizer, the scheduler, the report card, the best weights so far, every random
generator, and the settings of the run. It is written to a temporary file and renamed, so a kill leaves the one before.
"""

import inspect
import os
import random
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.plain import parse_plain, write_plain
from course_utils.report.metrics import num_samples
from course_utils.runtime import given_path

FORMAT = 2


class MovingParts(NamedTuple):
    """The parts of a training run that move, and that a checkpoint therefore holds."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None
    scaler: torch.amp.GradScaler
    loaders: tuple[Iterable[Any], Iterable[Any]]  # practice and mock exam: their random generators move


def refuse_surprise(path: str | os.PathLike[str] | None, *, resume: bool) -> bool:
    """Return whether there is a checkpoint to continue from.

    Raises FileExistsError for a file that nobody asked to continue, ValueError for `resume` without a path, and what
    `runtime.given_path` raises for a path that names no file.
    """
    if path is None:
        if resume:
            raise ValueError("resume=True needs a checkpoint_path to continue from.")
        return False
    exists = given_path(path, kind="file").exists()
    if exists and not resume:
        raise FileExistsError(
            f"{path} holds the checkpoint of an earlier run. Continue it with resume=True, or start afresh with "
            "another checkpoint_path (or delete that file)."
        )
    return exists


def describe_run(parts: MovingParts, *, criterion: Any, **others: Any) -> dict[str, str]:
    """Return the settings of a run as texts, for `load_checkpoint` to hold against those of the run before.

    What moves during training is left out: a learning rate that a scheduler changes is described by where it began.
    """
    groups = parts.optimizer.param_groups
    rates = [group.get("initial_lr", None if parts.scheduler else group.get("lr")) for group in groups]
    return {
        "criterion": _describe(criterion),
        "optimizer": f"{type(parts.optimizer).__name__}({_arguments(parts.optimizer.defaults)})",
        "learning rates": _value(rates),
        "parameters in the optimizer": str([sum(p.numel() for p in group["params"]) for group in groups]),
        "scheduler": _describe(parts.scheduler),
        "trainable parameters": str(sum(p.numel() for p in parts.model.parameters() if p.requires_grad)),
        "samples": str([num_samples(loader) for loader in parts.loaders]),
        "batch size": str([getattr(loader, "batch_size", None) for loader in parts.loaders]),
        **{name: _value(value) for name, value in others.items()},
    }


def _describe(thing: Any) -> str:
    """Name `thing` and the arguments it was made with, read back from its attributes of the same names."""
    if isinstance(thing, partial):
        return f"{_describe(thing.func)}({_arguments({**dict(enumerate(thing.args)), **thing.keywords})})"
    if thing is None or hasattr(thing, "__name__"):
        return str(getattr(thing, "__name__", None))
    try:
        names = set(inspect.signature(type(thing)).parameters) - {"optimizer", "last_epoch"}
    except ValueError:  # written in C
        names = set()
    return (
        f"{type(thing).__name__}({_arguments({name: getattr(thing, name) for name in names if hasattr(thing, name)})})"
    )


def _arguments(arguments: Mapping[Any, Any]) -> str:
    return ", ".join(f"{name}={_value(arguments[name])}" for name in sorted(arguments, key=str))


def _value(value: Any) -> str:
    """The value as a text that is the same in another process, and whether it is NumPy's, a tensor's or Python's."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if callable(value):
        return _describe(value)
    plain = value.tolist() if isinstance(value, Tensor | np.ndarray | np.generic) else value
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(plain))


def save_checkpoint(
    path: str | os.PathLike[str] | None,
    parts: MovingParts,
    *,
    settings: Mapping[str, str],
    history: Mapping[str, Any],
    best_weights: Mapping[str, Any],
) -> None:
    """Write a checkpoint of plain types, which loads with `weights_only=True`; without a path, do nothing.

    `history` is `History.to_dict()`, `settings` comes from `describe_run`. Raises ValueError where a part of the run
    holds what could not be read back, and OSError where the file cannot be written; an earlier one then still stands.
    """
    if path is None:
        return
    write_plain(
        path,
        {
            "format": FORMAT,
            "settings": settings,
            "history": history,
            "model": parts.model.state_dict(),
            "best_weights": best_weights,
            "optimizer": parts.optimizer.state_dict(),
            "scheduler": parts.scheduler.state_dict() if parts.scheduler else None,
            "scaler": parts.scaler.state_dict(),
            "random": _random_states(),
            "generators": [generator.get_state() for generator in _generators(parts.loaders)],
        },
    )


def load_checkpoint(
    path: str | os.PathLike[str], parts: MovingParts, *, settings: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put everything back as `save_checkpoint` found it; return the history's dict and the best weights.

    A file from a GPU loads on a CPU; where the number of graphics processors differs, a warning says what that means.
    Raises ValueError for a file that is no checkpoint, and for settings (or a model, or random generators of the
    loaders) that differ from the run before, by name; then nothing has been changed.
    """
    path = given_path(path, kind="file", must_exist=True)
    state = _read(path)
    _refuse_another_run(path, state, parts, settings)
    parts.model.load_state_dict(state["model"])
    parts.optimizer.load_state_dict(state["optimizer"])
    if parts.scheduler:
        parts.scheduler.load_state_dict(state["scheduler"])
    if state["scaler"]:  # empty where no scaling was needed
        parts.scaler.load_state_dict(state["scaler"])
    for generator, saved in zip(_generators(parts.loaders), state["generators"], strict=True):
        generator.set_state(saved)
    _restore_random_states(state["random"])
    return state["history"], state["best_weights"]


def _read(path: Path) -> dict[str, Any]:
    way_out = f"To start afresh, give another checkpoint_path; {path.name} is left as it is."
    try:
        state = parse_plain(path.read_bytes(), path)
    except ValueError as error:
        raise ValueError(f"{error} {way_out}") from error
    if state.get("format") != FORMAT or "settings" not in state:
        raise ValueError(f"{path} is no checkpoint of train_model (format {FORMAT}). {way_out}")
    return state


def _refuse_another_run(path: Path, state: Mapping[str, Any], parts: MovingParts, settings: Mapping[str, str]) -> None:
    """Look at everything before anything is changed."""
    changed = _differences(state["settings"], settings)
    changed += _differences(_shapes(state["model"]), _shapes(parts.model.state_dict()), "model: ")[:3]
    changed += _differences(_shapes(state["best_weights"]), _shapes(parts.model.state_dict()), "best weights: ")[:3]
    changed += _differences(_sizes(state["optimizer"]), _sizes(parts.optimizer.state_dict()))
    changed += _differences(
        {"random generators of the loaders": len(state["generators"])},
        {"random generators of the loaders": len(_generators(parts.loaders))},
    )
    if changed:
        raise ValueError(
            f"{path} belongs to a run with other settings: {'; '.join(changed)}. Restore them to continue, or train "
            "with another checkpoint_path."
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    return [
        f"{prefix}{name} was {before.get(name)}, is now {now.get(name)}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...] | None]:
    return {name: tuple(value.shape) if isinstance(value, Tensor) else None for name, value in weights.items()}


def _sizes(optimizer_state: Mapping[str, Any]) -> dict[str, list[int]]:
    return {"parameter tensors in the optimizer": [len(group["params"]) for group in optimizer_state["param_groups"]]}


@contextmanager
def preserved_randomness(loaders: Iterable[Any]) -> Iterator[list[torch.Generator]]:
    """Afterwards all random generators are as before, also after an exception; gives the loaders' own ones."""
    generators = _generators(loaders)
    states, own_states = _random_states(), [generator.get_state() for generator in generators]
    try:
        yield generators
    finally:
        _restore_random_states(states)
        for generator, state in zip(generators, own_states, strict=True):
            generator.set_state(state)


def _generators(loaders: Iterable[Any]) -> list[torch.Generator]:
    """The loaders' own random generators, each once: of the workers' seeds, and of the order of the samples."""
    owners = [owner for loader in loaders for owner in (loader, getattr(loader, "sampler", None))]
    found = [getattr(owner, "generator", None) for owner in owners]
    return list({id(generator): generator for generator in found if isinstance(generator, torch.Generator)}.values())


def _random_states() -> dict[str, Any]:
    """The states of the global generators of Python, NumPy and PyTorch, as plain types."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002 - the generator that learners' transforms use
    name, keys, *rest = numpy_state
    return {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "num_graphics_processors": _num_graphics_processors(),
    }


def _restore_random_states(states: Mapping[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(tuple(states["numpy"]))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if len(states["cuda"]) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all(states["cuda"])
    if states["mps"] is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
    now = _num_graphics_processors()
    if states["num_graphics_processors"] != now:
        warnings.warn(
            f"The checkpoint comes from a machine with {states['num_graphics_processors']} graphics processors, this "
            f"one has {now}: what is drawn at random on one of them goes on otherwise.",
            stacklevel=4,
        )


def _num_graphics_processors() -> int:
    return torch.cuda.device_count() + torch.backends.mps.is_available()

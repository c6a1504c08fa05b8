"""Nothing is lost. Everything that a training run needs to continue, in one file (lesson 06).

A checkpoint holds the model, the optimizer, the scheduler, the report card, the best weights so far, every random
generator, and the settings of the run. It is written to a temporary file and renamed, so a kill leaves the one before.
"""

import inspect
import pickle
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.report.metrics import num_samples
from course_utils.runtime import atomic_write

FORMAT = 1


def refuse_surprise(path: str | Path | None, *, resume: bool) -> bool:
    """Return whether there is a checkpoint to continue from.

    Raises FileExistsError for a file that nobody asked to continue, and ValueError for `resume` without a path.
    """
    if path is None:
        if resume:
            raise ValueError("resume=True needs a checkpoint_path to continue from.")
        return False
    if Path(path).exists() and not resume:
        raise FileExistsError(
            f"{path} holds the checkpoint of an earlier run. Continue it with resume=True, or start afresh with "
            "another checkpoint_path (or delete that file)."
        )
    return Path(path).exists()


def describe_run(*, model, loaders, criterion, optimizer, scheduler=None, **others) -> dict[str, str]:
    """Return the settings of a run as plain values, for `load_checkpoint` to hold against those of the run before.

    What moves during training is left out: a learning rate that a scheduler changes is described by where it began.
    """
    groups = optimizer.param_groups
    rates = [group.get("initial_lr", None if scheduler else group["lr"]) for group in groups]
    return {
        "criterion": _describe(criterion),
        "optimizer": f"{type(optimizer).__name__}({_arguments(optimizer.defaults)})",
        "learning rates": str(rates),
        "parameters in the optimizer": str([sum(p.numel() for p in group["params"]) for group in groups]),
        "scheduler": _describe(scheduler),
        "trainable parameters": str(sum(p.numel() for p in model.parameters() if p.requires_grad)),
        "samples": str([num_samples(loader) for loader in loaders]),
        "batch size": str([getattr(loader, "batch_size", None) for loader in loaders]),
        **{name: str(value) for name, value in others.items()},
    }


def _describe(thing) -> str:
    """Name `thing` and the arguments it was made with, read back from its attributes of the same names."""
    if thing is None or inspect.isfunction(thing):
        return getattr(thing, "__name__", "None")
    names = [name for name in inspect.signature(type(thing)).parameters if name not in ("optimizer", "last_epoch")]
    arguments = {name: getattr(thing, name) for name in names if hasattr(thing, name)}
    return f"{type(thing).__name__}({_arguments(arguments)})"


def _arguments(arguments: dict) -> str:
    plain = {name: value.tolist() if isinstance(value, Tensor) else value for name, value in arguments.items()}
    return ", ".join(f"{name}={value}" for name, value in plain.items() if not callable(value))


def save_checkpoint(
    path: str | Path | None,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler,
    loaders: Iterable,
    history: dict,
    best_weights: dict[str, Tensor],
    settings: dict,
) -> None:
    """Write a checkpoint of plain types, which loads with `weights_only=True`; without a path, do nothing.

    `history` is `History.to_dict()`, `settings` comes from `describe_run`.
    """
    if path is None:
        return
    state = {
        "format": FORMAT,
        "settings": settings,
        "history": history,
        "model": model.state_dict(),
        "best_weights": best_weights,
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict() if scheduler else None,
        "random": _random_states(),
        "generators": [generator.get_state() for generator in _generators(loaders)],
    }
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(
    path: str | Path,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler,
    loaders: Iterable,
    settings: dict,
) -> tuple[dict, dict[str, Tensor]]:
    """Put everything back as `save_checkpoint` found it; return the history's dict and the best weights.

    A file from a GPU loads on a CPU. Raises ValueError for a file that is no checkpoint, and for settings (or a model)
    that differ from the run before, by name; then nothing has been changed.
    """
    state = _read(path)
    changed = [
        f"{name} was {state['settings'].get(name)}, is now {settings.get(name)}"
        for name in sorted(settings.keys() | state["settings"].keys())
        if settings.get(name) != state["settings"].get(name)
    ]
    before, now = _shapes(state["model"]), _shapes(model.state_dict())
    changed += [f"model: {name} was {before.get(name)}, is now {now.get(name)}" for name in _differing(before, now)[:3]]
    if changed:
        raise ValueError(
            f"{path} belongs to a run with other settings: {'; '.join(changed)}. Restore them to continue, or train "
            "with another checkpoint_path."
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if scheduler:
        scheduler.load_state_dict(state["scheduler"])
    _restore_random_states(state["random"])
    for generator, saved in zip(_generators(loaders), state["generators"], strict=True):
        generator.set_state(saved)
    return state["history"], state["best_weights"]


def _read(path: str | Path) -> dict:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint (damaged?): delete it and start afresh.") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{path} is no checkpoint of train_model (format {FORMAT}): give another checkpoint_path.")
    return state


def _shapes(weights: dict[str, Tensor]) -> dict[str, tuple]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items() if isinstance(tensor, Tensor)}


def _differing(before: dict, now: dict) -> list[str]:
    return [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]


@contextmanager
def preserved_randomness(loaders: Iterable) -> Iterator[list[torch.Generator]]:
    """Afterwards all random generators are as before, also after an exception; gives the loaders' own ones."""
    generators = _generators(loaders)
    states, own_states = _random_states(), [generator.get_state() for generator in generators]
    try:
        yield generators
    finally:
        _restore_random_states(states)
        for generator, state in zip(generators, own_states, strict=True):
            generator.set_state(state)


def _generators(loaders: Iterable) -> list[torch.Generator]:
    """The loaders' own random generators, each once: they decide the order of the samples."""
    owners = [owner for loader in loaders for owner in (loader, getattr(loader, "sampler", None))]
    return list({id(g): g for owner in owners if (g := getattr(owner, "generator", None)) is not None}.values())


def _random_states() -> dict:
    """The states of the global generators of Python, NumPy and PyTorch, as plain types."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the generator that learners' transforms use
    return {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    }


def _restore_random_states(states: dict) -> None:
    random.setstate(states["python"])
    np.random.set_state(tuple(states["numpy"]))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if len(states["cuda"]) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all(states["cuda"])
    if states["mps"] is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])

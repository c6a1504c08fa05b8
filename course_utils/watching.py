"""An attendant for a loop of your own. It sits in the room while the loop runs, and says what it sees (lesson 11).

`course_utils.checks` looks at what a training is made of, once, before it begins. A line that is missing in the loop
shows only while it runs. PyTorch calls whoever asks before an answer, before a correction, when a gradient arrives:
that is all the attendant needs, and it changes nothing.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from course_utils.checks import check_batch, check_run
from course_utils.report.schedules import BATCH_SCHEDULERS

NUM_FIRST = 50  # corrections before which gradients are looked at: later each look would make a GPU wait for nothing
NUM_THREADS = 5  # batches whose notes may be alive at once; a healthy loop holds one or two
NUM_SILENT = 30  # answers in a row in which a unit has been 0 for every sample: then it counts as dead


class Finding(NamedTuple):
    """Something seen: a short name for its kind, the sentence that explains it, and after how many corrections."""

    kind: str
    sentence: str
    num_steps: int


def watch(
    model: nn.Module, optimizer: torch.optim.Optimizer, *, criterion: nn.Module, scheduler: Any = None
) -> "Attendant":
    """Watch a training loop from now until `leave()`, and return who watches. Each finding is warned of once, and kept.

        attendant = watch(model, optimizer, criterion=criterion)
        ...  # the loop
        attendant.leave()

    Looked at are the first batch (`check_batch`), and then: gradients that are not forgotten, an exam in `train()`,
    practice in `eval()`, frozen BatchNorm that drifts, dead ReLU units, losses summed with their notes, best weights
    that are the live ones, corrections that never come, and a OneCycleLR that is not stepped after each of them. The
    attendant changes nothing. What makes a run worthless raises ValueError in the first batch; TypeError is raised for
    a `criterion` that is no module, since only a module tells of the labels that it is given.
    """
    if not isinstance(criterion, nn.Module):
        raise TypeError(f"criterion={criterion!r} is no module: use one, such as nn.CrossEntropyLoss().")
    return Attendant(model, optimizer, criterion, scheduler)


class Attendant:
    """What `watch` returns. `findings` holds what was seen, each kind once, in the order in which it was seen."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, criterion: nn.Module, scheduler: Any = None
    ) -> None:
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.findings: list[Finding] = []
        self.num_steps = self.num_backwards = 0
        self._inputs: Any = None
        self._has_stepped = self._has_seen_batch = self._is_busy = False
        self._threads: WeakSet[_Thread] = WeakSet()
        # For each unit of a ReLU, the number of the answer in which it last fired; and how many answers there were.
        self._fired: dict[tuple[nn.Module, int], Tensor] = {}
        self._num_answers: dict[tuple[nn.Module, int], int] = {}
        learning = [each for group in optimizer.param_groups for each in group["params"] if each.requires_grad]
        # All that it needs: PyTorch calls these functions, and `leave` asks it to stop.
        self._handles: list[Any] = [
            model.register_forward_pre_hook(self._before_an_answer),
            model.register_forward_hook(self._after_an_answer),
            model.register_load_state_dict_pre_hook(self._before_weights_are_loaded),  # type: ignore[no-untyped-call]
            criterion.register_forward_pre_hook(self._before_a_mark),
            optimizer.register_step_pre_hook(self._before_a_correction),
            *(each.register_hook(self._before_a_gradient_is_added) for each in learning[-1:]),
            *(each.register_forward_hook(self._after_a_relu) for each in model.modules() if _is_relu(each)),
        ]
        self._weight = learning[-1] if learning else None

    def look_at(self, train_loader: Iterable[Any], val_loader: Iterable[Any], *, num_epochs: int) -> None:
        """Look at what the run is made of before it begins, as `check_run` does."""
        loaders = train_loader, val_loader
        with self._listening():
            check_run(
                model=self.model,
                optimizer=self.optimizer,
                loaders=loaders,
                num_epochs=num_epochs,
                scheduler=self.scheduler,
                monitor="val_loss",
            )

    def leave(self) -> list[Finding]:
        """Stop watching, add what only the end shows, and return all findings."""
        for handle in self._handles:
            handle.remove()
        if self._handles:
            self._handles = []
            self._look_back()
        return self.findings

    def __enter__(self) -> "Attendant":
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()

    def _tell(self, kind: str, sentence: str) -> None:
        """Keep a finding and warn of it, the first of its kind only."""
        if all(finding.kind != kind for finding in self.findings):
            self.findings.append(Finding(kind, sentence, self.num_steps))
            warnings.warn(sentence, stacklevel=3)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Inside, warnings are recorded; at the end each becomes a finding. Its first words name its kind."""
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            yield
        for warning in heard:
            sentence = str(warning.message)
            self._tell(" ".join(sentence.split()[:4]), sentence)

    def _before_an_answer(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._inputs = inputs[0] if inputs else None
        if self._is_busy or torch.is_grad_enabled():
            return
        moving = _chance_or_batch(model, training=True)
        if moving:
            self._tell(
                "exam in train()",
                f"An exam in train() mode: without gradients, but {moving} at work as in practice. Its mark is not the "
                "student's: call model.eval() before it.",
            )

    def _after_an_answer(self, _model: nn.Module, _inputs: Any, outputs: Any) -> None:
        if self._is_busy or not isinstance(outputs, Tensor) or outputs.grad_fn is None:
            return
        thread = _Thread()
        notes: Any = outputs.grad_fn.metadata  # lives as long as something can be traced back to this answer
        notes["thread"] = thread
        self._threads.add(thread)
        if len(self._threads) > NUM_THREADS:
            self._tell(
                "threads",
                f"The notes of {len(self._threads)} batches are kept at once: something sums or collects losses or "
                "answers with the thread to what they were computed from. Use loss.item(), or .detach() for a tensor.",
            )

    def _before_a_mark(self, criterion: nn.Module, given: tuple[Any, ...]) -> None:
        if self._is_busy or self._has_seen_batch or not isinstance(self._inputs, Tensor) or len(given) < 2:
            return
        self._has_seen_batch = self._is_busy = True
        try:
            with self._listening():
                device = self._inputs.device
                check_batch(self.model, self._inputs, given[1], criterion=criterion, device=device)
        finally:
            self._is_busy = False

    def _before_a_gradient_is_added(self, _gradient: Tensor) -> None:
        self.num_backwards += 1
        old = None if self._weight is None else self._weight.grad
        if self._has_stepped and self.num_steps <= NUM_FIRST and old is not None and bool(old.any()):
            self._tell(
                "not forgotten",
                "A gradient is added to one that a correction has already followed: optimizer.zero_grad() is missing "
                "between step() and the next backward().",
            )
        self._has_stepped = False

    def _before_a_correction(self, _optimizer: Any, _arguments: Any, _options: Any) -> None:
        self.num_steps += 1
        self._has_stepped = True
        if all(each.grad is None for group in self.optimizer.param_groups for each in group["params"]):
            self._tell("no backward", "A correction without a single gradient: loss.backward() is missing before it.")
        still = "" if self.model.training else _chance_or_batch(self.model, training=False)
        if still:
            self._tell(
                "practice in eval()",
                f"A correction in eval() mode, with {still} standing still: call model.train() at the beginning of "
                "every practice, not once before the loop.",
            )
        if self.num_steps == 1 and (drifting := [m for m in self.model.modules() if _drifts(m)]):
            self._tell(
                "drifts",
                f"{len(drifting)} BatchNorm layers are frozen but in train() mode: their running statistics follow "
                "every batch, so that the frozen part does not stay as it is. Call its eval() after each train().",
            )

    def _after_a_relu(self, relu: nn.Module, _inputs: Any, outputs: Tensor) -> None:
        if self._is_busy or not self.model.training or outputs.ndim < 2:
            return
        fires = (outputs.detach() > 0).movedim(1, -1).flatten(0, -2).any(0)
        layer = relu, len(fires)  # one ReLU may serve several layers
        number = self._num_answers[layer] = self._num_answers.get(layer, 0) + 1
        last = self._fired.setdefault(layer, torch.zeros(len(fires), device=fires.device))
        last[fires] = number

    def _before_weights_are_loaded(self, model: nn.Module, weights: dict[str, Any], prefix: str, *_: Any) -> None:
        own = {name: tensor for name, tensor in model.state_dict().items() if isinstance(tensor, Tensor)}
        if prefix or not self.num_steps or not own:
            return
        given = [weights.get(name) for name in own]
        if all(
            isinstance(a, Tensor) and a.data_ptr() == b.data_ptr() for a, b in zip(given, own.values(), strict=True)
        ):
            self._tell(
                "by reference",
                "The weights being loaded are the model's own, live ones: what was kept as the best has gone on "
                "changing. Keep copy.deepcopy(model.state_dict()).",
            )

    def _look_back(self) -> None:
        if self.num_backwards and not self.num_steps:
            self._tell("no step", f"{self.num_backwards} gradients and no correction: optimizer.step() is missing.")
        if isinstance(self.scheduler, BATCH_SCHEDULERS) and 2 * self.scheduler.last_epoch < self.num_steps:
            self._tell(
                "scheduler",
                f"{type(self.scheduler).__name__} plans by the batch, and was stepped {self.scheduler.last_epoch} times"
                f" in {self.num_steps} corrections: call scheduler.step() after each optimizer.step().",
            )
        for layer, last in self._fired.items():
            silent = int((last <= self._num_answers[layer] - NUM_SILENT).sum())
            if self._num_answers[layer] > NUM_SILENT and silent > 0.75 * len(last):
                self._tell(
                    "dead units",
                    f"{silent} of {len(last)} units of a ReLU have been 0 for every sample of the last {NUM_SILENT} "
                    "batches: dead, without a gradient that could wake them. Is the learning rate too high, or is "
                    "there a ReLU after the last layer?",
                )


class _Thread:
    """Hangs on the notes of one answer; gone when they are."""


def _is_relu(module: nn.Module) -> bool:
    return isinstance(module, nn.ReLU | nn.ReLU6)


def _drifts(module: nn.Module) -> bool:
    """True for a BatchNorm that collects statistics though its weights are frozen."""
    weights = list(module.parameters(recurse=False))
    collects = isinstance(module, _BatchNorm) and module.training and module.track_running_stats
    return collects and bool(weights) and not any(weight.requires_grad for weight in weights)


def _chance_or_batch(model: nn.Module, *, training: bool) -> str:
    """Name the dropout and the BatchNorm that learns, in this mode; "" where there is none."""
    layers = [module for module in model.modules() if module.training == training]
    dropout = any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in layers)
    batch_norm = any(
        isinstance(layer, _BatchNorm) and (training or any(each.requires_grad for each in layer.parameters()))
        for layer in layers
    )
    return " and ".join(["dropout"] * dropout + ["BatchNorm"] * batch_norm)

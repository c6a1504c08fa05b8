"""Which exhibits of the bug museum do other checking libraries see? Lesson 11 shows the table that this prints.

    python -m venv build/checkers && build/checkers/bin/pip install -e . torch-audit torchtest2
    build/checkers/bin/python tools/score_checkers.py

The libraries are no dependencies of the package: they get an environment of their own. Each takes the attendant's seat
in the very loop that lesson 11 runs, and sees what the attendant sees: the first look at model, optimizer and first
batch, and for torch-audit every correction after it. An exhibit counts as seen where a library fails, warns or refuses
in the run of every seed with something that it does not say of the healthy runs. Where PyTorch or the package refuses
the run, "refused" is noted, and counts for neither library.
"""

import copy
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import Any

import torch
import torch_audit
import torchtest2
from torch import nn

from course_utils import build_classifier, clothing
from course_utils.classroom import museum
from course_utils.classroom.exhibits import EXHIBITS, Exhibit
from course_utils.classroom.healthy_loop import PLACES, changed


def auditor_says(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> tuple[Any, Callable[[], set[str]]]:
    """Let torch-audit watch every correction; return its auditor, and what asks it for its findings."""
    auditor = torch_audit.autopatch(model, optimizer=optimizer, every_n_steps=1, reporters=[], fail_level="FATAL")
    return auditor, lambda: {finding.rule_id for finding in auditor.findings}


def torchtest2_says(model: nn.Module, inputs: torch.Tensor, labels: Any = None, **more: Any) -> set[str]:
    """Return the names of torchtest2's checks that fail or warn for one batch."""
    report = torchtest2.check_model(model, inputs, labels, **more)
    return {result.name for result in (*report.failures, *report.warnings)}


class Seat:
    """Sits where the attendant sits, and lets one of the two libraries look. `said` is what it has said."""

    def __init__(self, library: str, said: set[str]) -> None:
        self.library, self.said = library, said
        self.ask: Callable[[], set[str]] = set

    def watch(self, model: nn.Module, optimizer: torch.optim.Optimizer, *, criterion: nn.Module, **_: Any) -> "Seat":
        """In the place of `course_utils.watching.watch`."""
        self.model, self.optimizer, self.criterion = model, optimizer, criterion
        return self

    def look_at(self, train_loader: Iterable[Any], _val_loader: Iterable[Any], **_: Any) -> None:
        """The first look: the first batch of practice, from a generator of its own so that the run stays the same."""
        with torch.random.fork_rng():
            inputs, labels = next(iter(train_loader))
            if self.library == "torch-audit":
                auditor, self.ask = auditor_says(self.model, self.optimizer)
                auditor.audit_data((inputs, labels))
            else:
                self.said |= torchtest2_says(
                    self.model, inputs, labels, loss_fn=self.criterion, optimizer=self.optimizer
                )

    def check_notes(self, eye: nn.Module, loader: Iterable[Any], **_: Any) -> None:
        """In the place of `course_utils.features.check_notes`: the frozen eye and its first batch."""
        inputs = next(iter(loader))[0]
        if self.library == "torch-audit":
            auditor, self.ask = auditor_says(eye, None)
            auditor.audit_data(inputs)
            with torch.no_grad():
                eye(inputs)
            auditor.unpatch()
            self.leave()
        else:
            self.said |= torchtest2_says(eye, inputs, skip=["overfit_batch"])

    def leave(self) -> list[Any]:
        """Note down what was found."""
        self.said |= self.ask()
        return []


def run(gallery: museum.Museum, exhibit: Exhibit, library: str, seed: int) -> set[str]:
    """Run an exhibit for one seed with `library` in the attendant's seat, and return what it says."""
    said: set[str] = set()
    seat = Seat(library, said)
    broken = changed(PLACES[exhibit.place], exhibit.changes, watch=seat.watch, check_notes=seat.check_notes)
    try:
        if exhibit.place == "take_notes":
            broken(copy.deepcopy(gallery.eye), gallery.exam_folder, gallery.spec)
        else:
            broken(gallery.few if exhibit.small_school else gallery.notes, seed)
    except Exception as error:
        said.add(f"refused: {type(error).__name__}")
    return said


def news(said: Sequence[set[str]], usual: set[str]) -> set[str]:
    """Return what a library says in the run of every seed and in no healthy run."""
    return set.intersection(*said) - usual


def count_seen(found: Iterable[set[str]]) -> int:
    """Return how many exhibits a library sees: more is said of them than that the run was refused."""
    return sum(any(not word.startswith("refused: ") for word in words) for words in found)


def main() -> None:
    """Print the table in Markdown, and below it what each library said."""
    warnings.simplefilter("ignore")
    gallery = museum.open_museum(clothing("drawn"), build_classifier(10, weights="course"))
    details = []
    libraries = ("torch-audit", "torchtest2")
    found: dict[str, list[set[str]]] = {library: [] for library in libraries}
    usual: dict[tuple[str, str, bool], set[str]] = {}
    for exhibit in EXHIBITS:
        cells = [exhibit.name, exhibit.caught]
        for library in libraries:
            key = library, exhibit.place, exhibit.small_school
            if key not in usual:
                healthy = exhibit._replace(name="healthy", changes={})
                usual[key] = set().union(*(run(gallery, healthy, library, seed) for seed in museum.SEEDS))
                details.append(f"{key}: {sorted(usual[key])}")
            new = news([run(gallery, exhibit, library, seed) for seed in museum.SEEDS], usual[key])
            found[library].append(new)
            cells.append(", ".join(sorted(new)) or "–")
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"torch {version('torch')}; " + "; ".join(f"{library} {version(library)}" for library in libraries))
    for library in libraries:
        print(f"{library}: {count_seen(found[library])} of {len(EXHIBITS)}")
    print(*details, sep="\n")


if __name__ == "__main__":
    main()

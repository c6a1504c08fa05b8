"""What a student is taught in one run: the head first, then the eye, both on notes (lessons 07 and 08)."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from course_utils.features import Notes, extract_features
from course_utils.models import TransferClassifier, split_for_fine_tuning, unfreeze_last_blocks
from course_utils.report.history import History
from course_utils.runtime import progress_bar, set_seed
from course_utils.schooling.desk import Desk
from course_utils.schooling.subject import Subject
from course_utils.training import train_model
from course_utils.transforms import build_eval_transform

BATCH_SIZE = 32
RATE, WEIGHT_DECAY, SMOOTHING = 0.001, 0.05, 0.1
# Blocks that learn, counted from the head. ImageNet's eye, schooled on larger photographs, needs less (lesson 08).
NUM_BLOCKS = {"course": 12, "imagenet": 3}
VIEWS = ("plain", "mirrored")
_ROOM = 0.4  # of the free memory, for notes
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left at most{postfix}"


class Phase(NamedTuple):
    """How long the head or the eye learns: enough corrections where there are few pictures, enough terms where many."""

    least_epochs: int
    most_epochs: int
    corrections: int
    patience: int  # terms without a new best, after which it stops

    def num_epochs(self, num_pictures: int) -> int:
        """Return the number of terms for so many practice pictures."""
        wanted = math.ceil(self.corrections / math.ceil(num_pictures / BATCH_SIZE))
        return min(self.most_epochs, max(self.least_epochs, wanted))


HEAD = Phase(least_epochs=15, most_epochs=100, corrections=500, patience=10)
EYE = Phase(least_epochs=8, most_epochs=30, corrections=250, patience=6)


class Run(NamedTuple):
    """What all phases of a run need."""

    model: TransferClassifier
    subject: Subject
    desk: Desk
    device: torch.device
    seed: int
    progress: bool
    tell: Callable[..., object]


def fit_into_memory(run: Run, num_blocks: int) -> dict[str, Any]:
    """Return how many blocks learn, and which views are noted: fewer where their notes would not fit into memory.

    Raises OSError where they would not fit onto the disk.
    """
    num_practice, num_exam = (len(run.subject.pictures(name, None)) for name in ("train", "validation"))
    room = _ROOM * psutil.virtual_memory().available
    side = run.model.spec.image_size
    trunk, _ = split_for_fine_tuning(run.model, num_blocks)
    trunk.eval()
    with torch.inference_mode():
        size = 2 * trunk(torch.zeros(1, 3, side, side, device=run.device)).numel()  # float16
    for views in (VIEWS, VIEWS[:1]):
        needed = size * (num_practice * len(views) + num_exam)
        if needed <= room:
            run.desk.check_room(needed)
            told = [] if views == VIEWS else ["Mirror images were left out: their notes would not fit into the memory."]
            return {"num_blocks": num_blocks, "views": views, "remarks": told}
    told = ["The eye was left as it was: the notes of its trunk would not fit into the memory."]
    return {"num_blocks": 0, "views": VIEWS, "remarks": told}


def take_notes(run: Run, num_blocks: int, views: Sequence[str]) -> tuple[Notes, Notes]:
    """Return the notes of practice and mock exam: of the trunk, or of the whole backbone where no block learns."""
    trunk: nn.Module = run.model.backbone
    if num_blocks:
        trunk, _ = split_for_fine_tuning(run.model, num_blocks)
    trunk.eval()
    look = build_eval_transform(run.model.spec)
    practice, mock_exam = (
        run.desk.take_notes(
            trunk, run.subject.pictures(split, look), name=split, views=seen, device=run.device, progress=run.progress
        )
        for split, seen in (("train", views), ("validation", ("plain",)))
    )
    return practice, mock_exam


def teach_head(run: Run, num_blocks: int, practice: Notes, mock_exam: Notes) -> History:
    """The head learns on what the backbone, frozen as a whole, says about each picture."""
    features: list[TensorDataset] = [practice, mock_exam]
    if num_blocks:
        _, part = split_for_fine_tuning(run.model, num_blocks)
        part.eval()
        features = [
            extract_features(
                part.blocks,
                DataLoader(notes.of_view("plain"), batch_size=256),
                device=run.device,
                progress=run.progress,
            )
            for notes in (practice, mock_exam)
        ]
    return _train(run, run.model.head, features[0], features[1], name="head", phase=HEAD, weight_decay=0.0)


def teach_eye(run: Run, num_blocks: int, practice: Notes, mock_exam: Notes, head_card: History) -> tuple[str, History]:
    """The last blocks learn as well; return which student the mock exam likes better, which `run.model` then is."""
    before = copy.deepcopy(run.model.state_dict())
    unfreeze_last_blocks(run.model, num_blocks, batch_norm=False)
    _, part = split_for_fine_tuning(run.model, num_blocks)
    card = _train(run, part, practice, mock_exam, name="eye", phase=EYE, weight_decay=WEIGHT_DECAY)
    if _lowest(card) < _lowest(head_card):
        return "eye", card
    run.model.load_state_dict(before)
    return "head", card


def _lowest(card: History) -> float:
    return min((loss for loss in card.val_loss if math.isfinite(loss)), default=math.inf)


def _train(
    run: Run,
    learner: nn.Module,
    practice: TensorDataset,
    mock_exam: TensorDataset,
    *,
    name: str,
    phase: Phase,
    weight_decay: float,
) -> History:
    """Train what may learn in `learner`, from a seed of its own, so that it does not matter what ran before."""
    set_seed(run.seed)
    num_epochs = phase.num_epochs(len(practice))
    learning = [weight for weight in learner.parameters() if weight.requires_grad]
    batches = DataLoader(practice, batch_size=BATCH_SIZE, shuffle=True)
    optimizer = torch.optim.AdamW(learning, lr=RATE, weight_decay=weight_decay)
    with _bar_of_terms(name, learner, len(practice), num_epochs, run) as on_epoch_end:
        card = train_model(
            learner,
            batches,
            DataLoader(mock_exam, batch_size=256),
            criterion=nn.CrossEntropyLoss(label_smoothing=SMOOTHING),
            optimizer=optimizer,
            scheduler=OneCycleLR(optimizer, max_lr=RATE, total_steps=num_epochs * len(batches)),
            num_epochs=num_epochs,
            patience=phase.patience,
            device=run.device,
            monitor="val_loss",
            checkpoint_path=run.desk.checkpoint(name),
            resume=True,
            on_epoch_end=on_epoch_end,
            progress=False,
            catch_interrupt=False,
        )
    best = card.best_epoch
    if best is None:
        raise ValueError(f"The {name} learned nothing: {' '.join(card.remarks())}")
    run.tell(f"The {name}: mock exam {card.val_accuracy[best - 1]:.1%}, best in term {best} of {len(card)}.")
    return card


@contextmanager
def _bar_of_terms(
    name: str, learner: nn.Module, num_pictures: int, num_epochs: int, run: Run
) -> Iterator[Callable[[History], None]]:
    """A bar that moves with every batch, however long a term is, and tells the term, the time left, the mock exam."""
    bar = progress_bar(total=num_epochs * num_pictures, show=run.progress, bar_format=_BAR)

    def begin_term(number: int) -> None:
        bar.set_description_str(f"the {name} learns, term {number} of {num_epochs}", refresh=False)

    def on_batch(module: nn.Module, _: Any, answers: Tensor) -> None:
        if module.training:
            bar.update(len(answers))

    def on_epoch_end(history: History) -> None:
        if not begun:  # a resumed run has had the terms before
            bar.initial = (len(history) - 1) * num_pictures
            begun.append(True)
        bar.update(len(history) * num_pictures - bar.n)
        begin_term(min(len(history) + 1, num_epochs))
        bar.set_postfix_str(f"mock exam {history.val_accuracy[-1]:.1%}")

    begun: list[bool] = []
    if run.desk.checkpoint(name).exists():
        bar.set_description_str(f"the {name} goes on")
    else:
        begin_term(1)
    hook = learner.register_forward_hook(on_batch)
    with bar:
        try:
            yield on_epoch_end
        finally:
            hook.remove()

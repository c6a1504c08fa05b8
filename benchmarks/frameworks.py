"""The training of `loop.py` in other frameworks, where they are installed; the project needs none of them.

Each trains as its own tutorial would: same pictures, weights, optimizer, batches and epochs, a mock exam with loss and
accuracy after each epoch, and its own progress bar.
"""

import contextlib
import copy
import importlib.metadata
import importlib.util
import io
import logging
import warnings
from collections.abc import Callable
from statistics import median

import torch
from loop import CRITERION, LEARNING_RATE, NUM_EPOCHS, school, train_bare, train_ours
from side_by_side import Result, describe, ratios
from torch import nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import DataLoader

School = tuple[nn.Module, DataLoader, DataLoader]


def skorch(untrained: nn.Module, train_loader: DataLoader, val_loader: DataLoader) -> nn.Module:
    """Train a copy in skorch; it makes its own loaders, in order, as ours are."""
    from skorch import NeuralNetClassifier
    from skorch.helper import predefined_split

    net = NeuralNetClassifier(
        copy.deepcopy(untrained),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        max_epochs=NUM_EPOCHS,
        batch_size=train_loader.batch_size,
        train_split=predefined_split(val_loader.dataset),
        classes=range(10),
    )
    images, labels = (tensor.numpy() for tensor in train_loader.dataset.tensors)
    return net.fit(images, labels).module_


def pytorch_lightning(untrained: nn.Module, train_loader: DataLoader, val_loader: DataLoader) -> nn.Module:
    """Train a copy in Lightning, without its checkpoints and log files, which would cost it time."""
    import pytorch_lightning as lightning

    class Student(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = copy.deepcopy(untrained)

        def training_step(self, batch, _index):
            images, labels = batch
            loss = CRITERION(self.model(images), labels)
            self.log("train_loss", loss, on_step=True, on_epoch=True, prog_bar=True)
            return loss

        def validation_step(self, batch, _index):
            images, labels = batch
            logits = self.model(images)
            self.log("val_loss", CRITERION(logits, labels), prog_bar=True)
            self.log("val_accuracy", (logits.argmax(1) == labels).float().mean(), prog_bar=True)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=NUM_EPOCHS,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_model_summary=False,
        logger=False,
    )
    student = Student()
    trainer.fit(student, train_loader, val_loader)
    return student.model


def fastai(untrained: nn.Module, train_loader: DataLoader, val_loader: DataLoader) -> nn.Module:
    """Train a copy in fastai, with PyTorch's own Adam."""
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.metrics import accuracy
    from fastai.optimizer import OptimWrapper

    learner = Learner(
        DataLoaders(train_loader, val_loader, device=torch.device("cpu")),
        copy.deepcopy(untrained),
        loss_func=CRITERION,
        opt_func=lambda parameters, **_: OptimWrapper(opt=torch.optim.Adam(parameters, lr=LEARNING_RATE)),
        metrics=accuracy,
    )
    learner.fit(NUM_EPOCHS, lr=LEARNING_RATE)
    return learner.model


FRAMEWORKS = {"skorch": skorch, "pytorch_lightning": pytorch_lightning, "fastai": fastai}


def silent(train: Callable[..., nn.Module], pupils: School) -> Callable[[], nn.Module]:
    """Return the training with what it prints and warns of kept from the page; it still writes all of it."""

    def run() -> nn.Module:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            stack.enter_context(warnings.catch_warnings(action="ignore"))
            return train(*pupils)

    return run


def measure(*, full: bool) -> list[Result]:
    """Train all of MobileNetV2 with ours and in each framework that is installed; all must learn the same."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    pupils, results = school(full=full), []
    expected = parameters_to_vector(train_bare(*pupils).parameters())
    for name, train in FRAMEWORKS.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed, so nothing is compared with it (pip install {name.replace('_', '-')}).")
            continue
        theirs = silent(train, pupils)
        difference = (parameters_to_vector(theirs().parameters()) - expected).abs().max().item()
        if difference > LEARNING_RATE:  # more than one step of Adam, of which there are dozens
            raise RuntimeError(f"{name} has learned other weights than the bare loop (by {difference:.1g}).")
        measured = ratios(lambda: train_ours(*pupils), theirs)  # ours keeps its own words from the page
        results.append(
            Result(
                "`train_model`, the whole network learns",
                f"the same training in {name.replace('_', ' ')} {importlib.metadata.version(name.replace('_', '-'))}",
                f"{describe(measured)} × its time",
                "≤ 1.05",
                median(measured) <= 1.05,
            )
        )
    return results

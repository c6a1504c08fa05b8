"""Lessons, report cards, pictures, a small network and closed doors made up for a test."""

from pathlib import Path

import nbformat
import torch
from PIL import Image
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.classroom.healthy_loop import Notes
from course_utils.models import TransferClassifier
from course_utils.report.history import History


def write_lesson(folder: Path, name: str, *code: str, budget: int = 60, text: str = "# A lesson") -> Path:
    cells = [nbformat.v4.new_markdown_cell(text)]
    for number, source in enumerate(code, start=1):
        output = nbformat.v4.new_output("stream", text="the answer")
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=number))
    course = {"study_minutes": 30, "budget_seconds": budget, "run_seconds": 20}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"course": course})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def card(train_loss, val_loss, train_accuracy=None, val_accuracy=None, **more):
    """A report card made up. 100 mock-exam samples: at an accuracy of 0.8 one standard error is 0.04."""
    return History(
        train_loss=train_loss,
        val_loss=val_loss,
        train_accuracy=train_accuracy or [],
        val_accuracy=val_accuracy or [],
        **{"num_val": 100, **more},
    )


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())

    def forward(self, images):
        return images + self.layers(images)


def frozen_backbone():
    """A frozen network whose BatchNorm layers have something to fold."""
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU6(), Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.normal_(1, 0.2)
                module.bias.normal_()
    return network.requires_grad_(False).eval()


def garment_notes(number, seed):
    """Notes of ten classes, in the order of their numbers, the last one twice as frequent as the others."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.arange(10), torch.tensor([9])]).repeat_interleave(number // 11)
    centres = torch.randn(10, 1280, generator=torch.Generator().manual_seed(99))
    return TensorDataset(0.25 * centres[labels] + torch.randn(len(labels), 1280, generator=generator), labels)


def museum_notes() -> Notes:
    practice, exam, final = garment_notes(440, 1), garment_notes(132, 2), garment_notes(132, 3)
    twins = TensorDataset(exam.tensors[0] + 0.1 * torch.randn(exam.tensors[0].shape), exam.tensors[1])
    return Notes(practice, exam, final, twins, num_epochs=6)


def random_pictures(number=22):
    images = torch.randn(number, 3, 12, 12)
    return TensorDataset(images, (images.mean((1, 2, 3)) > 0).long())


def noisy_folder(folder: Path) -> Path:
    """Seven noisy pictures of two classes, four boots and three coats."""
    for number, pixels in enumerate(torch.randint(256, (7, 24, 30, 3), dtype=torch.uint8)):
        path = folder / ("boot" if number < 4 else "coat") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.numpy()).save(path)
    return folder


def stripes() -> Image.Image:
    """A picture that looks different wherever it is cut."""
    image = Image.new("RGB", (24, 24))
    image.putdata([(10 * x, 10 * y, 5 * (x + y)) for y in range(24) for x in range(24)])
    return image


def refusing(read, is_closed):
    """Return `read`, a function of a path, as it is where some paths may not be read, whoever runs the tests."""

    def guarded(path):
        if is_closed(Path(path)):
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    return guarded


def tiny_student(classes, spec, *, sharpness=10.0) -> TransferClassifier:
    """A classifier of few random weights whose answers depend on the colours of a picture, and on where they are."""
    layers = nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(3 * 8 * 8, 1280)
    model = TransferClassifier(nn.Sequential(*layers), classes=classes, spec=spec, source="a test")
    with torch.no_grad():
        model.head.weight.mul_(sharpness)
    return model

"""The exercises of lesson 03, transforms and data loaders."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from course_utils.classroom.exercises import exercise, hint_for_names
from course_utils.transforms import InputSpec, denormalize

SIGNS = {
    "squashed": "a wide picture has become narrower and a tall one shorter, with every edge still there",
    "not divided by 255": "the numbers run into the hundreds, and what is turned back is white",
    "not normalised": "the numbers lie between 0 and 1, and the pictures are pale",
    "normalised twice": "the numbers reach some four times as far as they should, and the colours are harsh",
    "blue before red": "the numbers are in order, and what is brown or red elsewhere is blue",
    "axes mixed up": "the numbers are in order, and the garments have dissolved into a coloured weave",
    "on its side": "the colours are right, and the garments have been turned",
    "other numbers": "pictures and numbers are all in order, and only the names are not",
}


@exercise(
    "03.1",
    'Replace the dots by the name of the fault that you see under each letter: {"A": "squashed", ...}.',
    solved="All eight, by looking at a batch. That look takes a second, and no error message does it for you.",
)
def which_fault(answer: Any, *, truth: Mapping[str, str]) -> str | None:
    """`answer` names for each letter of `truth` what is broken."""
    return hint_for_names(answer, truth, SIGNS, example="squashed")


@exercise(
    "03.2",
    "Return the first batch, shuffled by a generator with this seed: images from 0 to 1, and labels.",
    kind="function",
    solved="A loader, an order that can be repeated, and a look at what comes out: begin every project so.",
)
def first_batch(answer: Callable[..., Any]) -> str | None:
    """`answer(dataset, batch_size, seed, spec)` returns images (N, 3, H, W) from 0 to 1, and labels (N,)."""
    spec, batch_size, seed = InputSpec(image_size=4), 8, 5
    images = torch.rand(30, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 4 - 2
    dataset = TensorDataset(images.clamp(-1.7, 2.2), torch.arange(30))
    order = torch.Generator().manual_seed(seed)
    due_images, due_labels = next(iter(DataLoader(dataset, batch_size, shuffle=True, generator=order)))
    results = [answer(dataset, batch_size, seed, spec) for _ in range(2)]
    if not all(isinstance(result, list | tuple) and len(result) == 2 for result in results):
        return "Return two things: `return images, labels`."
    (got, labels), (_, labels_again) = results
    if not isinstance(got, torch.Tensor) or not isinstance(labels, torch.Tensor):
        return f"Images and labels come out of the loader as tensors; these are {type(got).__name__} and so on."
    if len(labels) != batch_size:
        return f"The batch should hold `batch_size` samples, here {batch_size}; yours holds {len(labels)}."
    if torch.equal(labels, torch.arange(batch_size)):
        return "These samples come in the order of the data set. `shuffle=True` shuffles them."
    if not torch.equal(labels, labels_again):
        return (
            "The order is another order each time, although the seed is the same. Give the loader "
            "`generator=torch.Generator().manual_seed(seed)`."
        )
    if not torch.equal(labels, due_labels):
        return "It is shuffled, but not by `torch.Generator().manual_seed(seed)`, given to the loader as `generator=`."
    if got.shape != due_images.shape:
        return f"The images should be {tuple(due_images.shape)}; yours are {tuple(got.shape)}."
    if torch.allclose(got, due_images):
        return "The right samples in the right order, but still normalised: nobody can draw that. Undo it with `spec`."
    if not torch.allclose(got, denormalize(due_images, spec), atol=1e-5):
        return "The samples are right. Their images are to be turned back with `denormalize(images, spec)`."
    return None


@exercise(
    "03.3",
    "Mend the chain and put it here, with v2.Compose: squash to 64 × 64, to a tensor, to numbers from -1 to 1.",
    kind="function",
    solved="Mean 0.5 and deviation 0.5 bring 0 to -1 and 1 to 1.",
)
def squashed_from_minus_one_to_one(answer: Callable[[Image.Image], torch.Tensor]) -> str | None:
    """`answer` turns a Pillow picture into a tensor (3, 64, 64) from -1 to 1."""
    picture = Image.new("RGB", (120, 240), "black")
    picture.paste("white", (0, 0, 120, 30))  # a white strip that a central square of the tall picture does not reach
    result = answer(picture)
    if not isinstance(result, torch.Tensor):
        return f"The result should be a tensor; yours is of type `{type(result).__name__}`. Where is `v2.ToImage()`?"
    if result.shape[-2:] == (128, 64):
        return "`Resize(64)` sets only the shorter side. Give it height and width."
    if result.shape != (3, 64, 64):
        return f"The shape should be (3, 64, 64); yours is {tuple(result.shape)}."
    low, high = result.min().item(), result.max().item()
    if not result.is_floating_point():
        return (
            f"The numbers are of type `{result.dtype}`. `v2.ToDtype(torch.float32, scale=True)` makes them fractions."
        )
    if high > 100:
        return f"The numbers reach {high:.0f}: `ToDtype` divides by 255 only with `scale=True`."
    if high - low < 1e-3:
        return "The picture has lost its edges: a crop cuts them off. Squash the whole picture instead."
    if abs(low) < 1e-3 and abs(high - 1) < 1e-3:
        return "The numbers run from 0 to 1. Subtract 0.5 and divide by 0.5 with `v2.Normalize`, for each colour."
    if abs(low + 1) > 1e-3 or abs(high - 1) > 1e-3:
        return f"The numbers should run from -1 to 1; yours run from {low:.2f} to {high:.2f}."
    return None

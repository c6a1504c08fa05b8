"""The exercises of lesson 03, transforms and data loaders."""

from collections.abc import Callable

import torch
from PIL import Image

from course_utils.classroom.exercises import exercise

NUM_PHOTOS, BATCH_SIZE, NUM_EPOCHS = 3068, 32, 10


@exercise(
    "03.1",
    "Replace the dots: how many batches are there in a term, and in all ten terms?",
    kind="number",
    solved="95 full batches and one of 28 make 96 in a term: 960 corrections.",
)
def corrections_in_ten_terms(answer: float) -> str | None:
    """The number of iterations for the photos of the real training set."""
    full_batches = NUM_PHOTOS // BATCH_SIZE
    num_batches = full_batches + 1
    if answer == NUM_EPOCHS * num_batches:
        return None
    if answer == NUM_EPOCHS * full_batches:
        return "That counts the full batches only. The short last batch is a batch too, and brings a correction."
    if answer in (num_batches, full_batches):
        return f"That is for one term; there are {NUM_EPOCHS}."
    if answer in (NUM_PHOTOS, NUM_EPOCHS * NUM_PHOTOS):
        return "The coach corrects after each batch, not after each picture."
    if answer == NUM_EPOCHS * NUM_PHOTOS / BATCH_SIZE:
        return "There is no fraction of a batch: what is left over makes one more, a short one. Round up in each term."
    return "Divide the number of photographs by the batch size, round up, and multiply by the number of terms."


@exercise(
    "03.2",
    "Return the mean over all pictures: each batch counts by the number of its pictures.",
    kind="function",
    solved="Sum of (mean × size), divided by the sum of the sizes. The training loop of lesson 06 does the same.",
)
def mean_of_all_pictures(answer: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> str | None:
    """`answer` takes two tensors (number of batches,) and returns one number."""
    batch_means, batch_sizes = torch.tensor([2.0, 4.0, 10.0]), torch.tensor([32, 32, 16])
    result = float(answer(batch_means, batch_sizes))
    total = (batch_means * batch_sizes).sum().item()
    wrong = {
        batch_means.mean().item(): "This is the mean of the means: in it the short batch counts as much as a full one.",
        total
        / len(batch_means): "The sum is right. Divide it by the number of pictures, not by the number of batches.",
        total: "That is the sum over all pictures. Now divide it by the number of pictures.",
    }
    if abs(result - total / batch_sizes.sum().item()) < 1e-4:
        return None
    for value, hint in wrong.items():
        if abs(result - value) < 1e-3:
            return hint
    shown = f"means {batch_means.tolist()} of batches of {batch_sizes.tolist()}"
    return f"For {shown} it should be {total / batch_sizes.sum().item():.4g}; yours is {result:.4g}."


@exercise(
    "03.3",
    "Build the chain with v2.Compose: squash to 64 × 64, to a tensor, to numbers from -1 to 1.",
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

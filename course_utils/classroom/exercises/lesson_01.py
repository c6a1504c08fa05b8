"""The exercises of lesson 01, pretrained inference."""

import math
from collections.abc import Callable

import torch

from course_utils.classroom.exercises import exercise


@exercise(
    "01.1",
    "Replace the dots: how many numbers does the batch hold in all?",
    kind="number",
    solved="A picture has one number for each colour of each pixel, and the batch holds several pictures.",
)
def numbers_in_a_batch(answer: float, *, batch: torch.Tensor) -> str | None:
    """`batch` has the shape (N, C, H, W)."""
    num_images, num_channels, height, width = batch.shape
    if answer == batch.numel():
        return None
    if answer == num_channels * height * width:
        return f"That is one picture; the batch holds {num_images}."
    if answer == num_images * height * width:
        return "That counts one number for each pixel, but a pixel has three: red, green and blue."
    if answer == num_images:
        return "That is the number of pictures. How many numbers does each of them hold?"
    return f"Multiply the four sizes in the shape {tuple(batch.shape)}."


@exercise(
    "01.2",
    "Write softmax yourself: e to the power of each logit, divided by the sum of all of them.",
    kind="function",
    solved="Positive numbers that sum to one, in the same order as the logits: probabilities.",
)
def softmax_by_hand(answer: Callable[[torch.Tensor], torch.Tensor]) -> str | None:
    """`answer` turns logits (C,) into probabilities (C,)."""
    logits = torch.tensor([2.0, 1.0, 3.5, 0.5])
    result = answer(logits)
    if not isinstance(result, torch.Tensor) or result.shape != logits.shape:
        return f"The result should be a tensor of shape {tuple(logits.shape)}, one probability for each logit."
    if torch.allclose(result, logits.softmax(0), atol=1e-5):
        return None
    if torch.allclose(result, logits / logits.sum(), atol=1e-5):
        return "This divides the logits themselves by their sum. Take the exponential first: a logit may be negative."
    if torch.allclose(result, logits.exp(), atol=1e-5):
        return "The exponentials are right. Now divide them by their sum, so that they add up to one."
    if torch.allclose(result, logits.exp() / math.e ** logits.sum(), atol=1e-5):
        return "Divide by the sum of the exponentials, not by the exponential of the sum."
    return f"For the logits {logits.tolist()} the probabilities should sum to 1; yours sum to {result.sum():.3f}."


@exercise(
    "01.3",
    "Return one over the sum of the squared probabilities.",
    kind="function",
    solved="It counts the names a student is really choosing among. Statisticians call it the inverse Simpson index.",
)
def undecided_between(answer: Callable[[torch.Tensor], torch.Tensor]) -> str | None:
    """`answer` turns probabilities (C,) into the number of names that they are undecided between, 1 to C."""
    even, sure = torch.full((4,), 0.25), torch.tensor([1.0, 0.0, 0.0, 0.0])
    uneven = torch.tensor([0.7, 0.2, 0.1])
    wanted = 1 / (0.49 + 0.04 + 0.01)
    results = [float(answer(probabilities)) for probabilities in (even, sure, uneven)]
    if all(abs(got - right) < 1e-4 for got, right in zip(results, (4, 1, wanted), strict=True)):
        return None
    if abs(results[2] - 1 / wanted) < 1e-4:
        return "That is the sum of the squares. It falls as the student gets less sure; take one over it."
    if all(abs(got - 1) < 1e-4 for got in results):
        return "Square each probability before you sum: all of them together always sum to 1."
    return f"For four even probabilities the result should be 4; yours is {results[0]:.3g}."

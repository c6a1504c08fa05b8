"""The exercises of lesson 01, pretrained inference."""

from collections.abc import Callable

import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from course_utils.classroom.exercises import exercise
from course_utils.inference import predict_topk
from course_utils.transforms import InputSpec, build_eval_transform

SMALLEST_PART, SURE_ENOUGH = 80, 0.25  # pixels; probability


@exercise(
    "01.1",
    "Write the mended Compose: the same steps, with the two mistakes put right.",
    kind="anything",
    solved="Neither mistake raises an error: only the numbers tell. That is why one prints their range.",
)
def mend_the_transform(answer: v2.Transform, *, photograph: Image.Image, spec: InputSpec) -> str | None:
    """`answer` turns `photograph` into a tensor, as `build_eval_transform(spec)` does."""
    if not callable(answer):
        return f"`v2.Compose([...])` is asked for, not something of type `{type(answer).__name__}`."
    result, wanted = answer(photograph), build_eval_transform(spec)(photograph)
    if not isinstance(result, torch.Tensor) or result.shape != wanted.shape:
        came = tuple(result.shape) if isinstance(result, torch.Tensor) else f"a {type(result).__name__}"
        return f"A photograph comes out as {came}; due is a tensor of shape {tuple(wanted.shape)}."
    if torch.allclose(result, wanted, atol=1e-4):
        return None
    lowest, highest = float(result.min()), float(result.max())
    span = f"The numbers come out between {lowest:.1f} and {highest:.1f}, the student's own from about -2 to 2.6"
    if highest > 50:
        return f"{span}: they are still those of the file, 0 to 255. Which step divides, and what must it be told?"
    swapped = v2.functional.normalize(v2.functional.to_dtype(_cut(photograph, spec), scale=True), spec.std, spec.mean)
    if torch.allclose(result, swapped, atol=1e-4):
        return f"{span}. Normalize takes two lists, and the mean comes first."
    return f"{span}. Compare your steps, one by one, with `print(transform)`."


def _cut(photograph: Image.Image, spec: InputSpec) -> torch.Tensor:
    """Return the square that the network gets, as a tensor (3, H, W) of whole numbers."""
    cut: torch.Tensor = v2.Compose([*build_eval_transform(spec).transforms[:-3], v2.ToPureTensor()])(photograph)
    return cut


@exercise(
    "01.2",
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


@exercise(
    "01.3",
    "Cut the photograph so that the student's first answer is `sunglasses`.",
    kind="anything",
    solved="What a network answers depends on what is cut out for it. Whoever holds the camera has a say.",
)
def point_the_camera(answer: Image.Image, *, model: nn.Module) -> str | None:
    """`answer` is a part of the photograph; `model` as `inference.predict_topk` takes it."""
    if isinstance(answer, tuple):
        return "That is the place. `photograph.crop((left, top, right, bottom))` cuts it out."
    if not isinstance(answer, Image.Image):
        return f"A part of the photograph is asked for, not something of type `{type(answer).__name__}`."
    if min(answer.size) < SMALLEST_PART:
        return f"{answer.width} × {answer.height} pixels are too small a part: at least {SMALLEST_PART} each way."
    first = predict_topk(model, answer, k=1)[0]
    if not first.name.startswith("sunglass"):
        return f"Here the student sees {first.name}, {first.probability:.0%}. Where are the glasses, and how large?"
    if first.probability < SURE_ENOUGH:
        return (
            f"Sunglasses, but only {first.probability:.0%}: {SURE_ENOUGH:.0%} are asked for. Move the camera a little."
        )
    return None

"""The exercises of lesson 04, building the model."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.classroom.exercises import exercise
from course_utils.models import NUM_FEATURES, build_head, count_parameters

HIDDEN_SIZE, NUM_CLASSES = 64, 5


@exercise(
    "04.1",
    "Replace the dots by a filter (3, 3) that finds a bright dot.",
    kind="tensor",
    solved="Each square is held against its neighbours: even ground cancels out, and what stands out is found.",
)
def dot_finder(answer: Tensor) -> str | None:
    if answer.shape != (3, 3):
        return f"A filter of shape (3, 3) is asked for; yours is {tuple(answer.shape)}."
    kernel = answer.float()
    ground = kernel.sum().item()
    if abs(ground) > 1e-4:
        return f"On even ground of ones its sum is {ground:g}, not 0: positive and negative numbers have to cancel out."
    dark = torch.zeros(1, 1, 7, 7)
    dark[..., 3, 3] = 1
    found = F.conv2d(dark, kernel[None, None])[0, 0]  # (5, 5): in its middle the window's middle lies on the dot
    if not found.any():
        return "It finds nothing at all: every sum is 0."
    middle, highest = found[2, 2].item(), found.max().item()
    if middle < highest or (found == highest).sum() > 1:
        return f"With the dot under its middle the sum is {middle:g}; beside it, it is as large or larger, {highest:g}."
    return None


@exercise(
    "04.2",
    "Replace the dots: how many weights, biases included, does the head have?",
    kind="number",
    solved="Every Linear(a, b) has a · b weights and b biases, and the two layers add up.",
)
def weights_of_a_head(answer: float) -> str | None:
    inner, last = NUM_FEATURES * HIDDEN_SIZE, HIDDEN_SIZE * NUM_CLASSES
    if answer == inner + HIDDEN_SIZE + last + NUM_CLASSES:
        return None
    if answer == inner + last:
        return "The weights are right. Each output of a layer has a bias as well."
    if answer in (NUM_FEATURES * NUM_CLASSES, NUM_FEATURES * NUM_CLASSES + NUM_CLASSES):
        return "That is a head without an inner layer. Here 1,280 features become 64 numbers first."
    if answer in (inner, inner + HIDDEN_SIZE):
        return "That is the inner layer. The layer after it, from 64 numbers to the scores, has weights too."
    return "Add two layers: Linear(1280, 64) and Linear(64, 5). Linear(a, b) has a · b weights and b biases."


@exercise(
    "04.3",
    "Replace the line with the dots by your class `NewHead(nn.Module)`.",
    kind="function",
    solved="Both layers are registered, the ReLU stands between them, and the scores come out as they are.",
)
def head_with_inner_layer(answer: Callable[[int], nn.Module]) -> str | None:
    """`answer` is the class: called with the number of classes, it makes a head (N, 1280) -> (N, num_classes)."""
    head = answer(NUM_CLASSES)
    if not isinstance(head, nn.Module):
        return "`NewHead(5)` should be a network: begin with `class NewHead(nn.Module):`."
    wanted = count_parameters(build_head(NUM_CLASSES, hidden_size=HIDDEN_SIZE)).total
    registered = count_parameters(head).total
    if registered < wanted:
        return (
            f"`NewHead(5)` has {registered:,} registered weights, not {wanted:,}. A layer in a plain list or in a "
            "local variable is not registered: give each layer an attribute of its own, `self.name = ...`."
        )
    if registered > wanted:
        return (
            f"`NewHead(5)` has {registered:,} weights, not {wanted:,}: Linear(1280, 64), then Linear(64, num_classes)."
        )
    features = torch.randn(2, NUM_FEATURES)
    with torch.no_grad():
        scores = head(features)
        if not isinstance(scores, torch.Tensor) or scores.shape != (2, NUM_CLASSES):
            return f"For features (2, 1280), `forward` should return scores of shape (2, {NUM_CLASSES})."
        if torch.allclose(scores.sum(dim=1), torch.ones(2), atol=1e-4) and scores.min() >= 0:
            return "The scores of each picture sum to 1: there is a softmax. Leave it to the loss."
        added = head(features[:1] + features[1:]) + head(torch.zeros(1, NUM_FEATURES))
    if torch.allclose(added, scores[:1] + scores[1:], atol=1e-4):
        return "Without a ReLU between them, the two layers are no more than a single one."
    return None


@exercise(
    "04.4",
    "Let `start_practice` put the model into the right modes, and return the model.",
    kind="function",
    solved="The head learns, and the frozen backbone keeps its statistics: `train()` first, then `eval()` on a part.",
)
def start_practice(answer: Callable[[nn.Module], nn.Module]) -> str | None:
    """`answer` takes a model with a frozen `.backbone` and a `.head`, sets their modes and returns the model."""
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).requires_grad_(False)
    model.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2))
    if answer(model) is not model:
        return "Return the model itself."
    if all(part.training for part in model.backbone.modules()) and model.head.training:
        return (
            "The backbone is in training mode, so its BatchNorm would move. `model.train()` reaches every part: "
            "what shall stay in `eval()` has to be told so afterwards."
        )
    if not model.head.training:
        return "The head is in `eval()` mode, but it is the one that practises."
    if any(part.training for part in model.backbone.modules()):
        return "A part of the backbone is still in training mode: call `eval()` on the whole of it."
    if any(parameter.requires_grad for parameter in model.backbone.parameters()):
        return "The modes are right, but the backbone's weights learn now. Leave `requires_grad` as it was."
    return None

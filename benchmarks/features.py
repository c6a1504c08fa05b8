"""Taking revision notes with `extract_features`, against calling the backbone batch by batch as it stands."""

from statistics import median

import torch
from material import FULL, QUICK
from side_by_side import Result, describe, ratios

from course_utils import extract_features

CPU = torch.device("cpu")


def measure(*, full: bool) -> list[Result]:
    """Features per second on pictures in memory, and the largest difference between the two."""
    material = FULL if full else QUICK
    backbone = material.classifier().backbone.eval()
    loader = material.in_memory(320)

    def ours():
        return extract_features(backbone, loader, device=CPU, progress=False).tensors[0]

    @torch.no_grad()
    def theirs():
        return torch.cat([backbone(images) for images, _ in loader])

    difference = (ours() - theirs()).abs().max().item()
    speedups = sorted(1 / ratio for ratio in ratios(ours, theirs))
    return [
        Result(
            "`extract_features`, pictures a second",
            f"`model(x)` in a loop under `no_grad` ({material.name})",
            f"{describe(speedups)} × faster; features equal to {difference:.0e}",
            "≥ 2.5 ×, equal to 1e-4",
            median(speedups) >= 2.5 and difference < 1e-4,
        )
    ]

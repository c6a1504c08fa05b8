"""A frozen network that answers faster and says the same (lesson 07).

Memory in `channels_last` order, and each BatchNorm, which in `eval()` only scales and shifts, folded into the
convolution before it (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, 3.2). Both are tried on the first batch of
each shape beside the network as it stands, and left out where the answers differ.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

ROUNDING = 1e-4  # as a share of the largest answer: how far the fast way may be off; on a CPU it is off by 1e-6


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return a copy of `network`, in `eval()` mode, with every BatchNorm folded into the layer before it.

    For that its code is traced, which may raise anything.
    """
    from torch.fx.experimental.optimization import fuse  # here, because what is experimental may move

    folded: nn.Module = fuse(network)
    return folded


def make_fast(plain: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a function that answers as the frozen `plain` does, faster where that is possible."""
    fast = _folded(plain)
    trusted: dict[torch.Size, Callable[[Tensor], Tensor]] = {}  # by shape: the last batch may be smaller

    def answer(inputs: Tensor) -> Tensor:
        if inputs.shape not in trusted:
            trusted[inputs.shape] = fast if _agree(fast, plain, inputs) else plain
        return trusted[inputs.shape](inputs)

    return answer


def _folded(plain: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a faster function that should answer as `plain` does, or `plain` itself where there is none."""
    try:
        folded = fold_batch_norm(plain).to(memory_format=torch.channels_last)
    except Exception:  # tracing runs the learner's code on stand-ins for tensors: there is no error it could not raise
        return plain

    def fast(inputs: Tensor) -> Tensor:
        layout = torch.channels_last if inputs.ndim == 4 else torch.contiguous_format
        answers: Tensor = folded(inputs.contiguous(memory_format=layout))
        return answers

    return fast


def _agree(fast: Callable[[Tensor], Tensor], plain: nn.Module, inputs: Tensor) -> bool:
    due = plain(inputs)
    try:
        answers = fast(inputs)
    except Exception:  # code that no longer fits the memory's order, such as x.view(len(x), -1)
        return False
    # False as well where there are numbers that are none.
    return answers.shape == due.shape and bool((answers - due).abs().max() <= ROUNDING * due.abs().max())

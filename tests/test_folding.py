"""The fast way must say exactly what the network says as it stands."""

import sys
from pathlib import Path

import pytest
import torch
from made_up import frozen_backbone, random_pictures
from torch import Tensor, nn

from course_utils import folding
from course_utils.folding import fold_batch_norm, make_fast


@torch.no_grad()
def answers(network, batch_size):
    """What the fast way says of 22 pictures, batch by batch, and what the network says."""
    fast, batches = make_fast(network), random_pictures().tensors[0].split(batch_size)
    return torch.cat([fast(images) for images in batches]), torch.cat([network(images) for images in batches])


def test_the_fast_way_agrees_and_leaves_the_network_as_it_is():
    network = frozen_backbone()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fast, expected = answers(network, 8)
    torch.testing.assert_close(fast, expected, atol=1e-4, rtol=0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_plain_network_is_asked_once_for_each_shape_of_a_batch(monkeypatch):
    sizes = []
    original = nn.functional.batch_norm

    def counted(images, *rest, **options):
        sizes.append(len(images))
        return original(images, *rest, **options)

    fast = make_fast(frozen_backbone())
    monkeypatch.setattr(nn.functional, "batch_norm", counted)
    with torch.no_grad():
        for images in random_pictures().tensors[0].split(8):
            fast(images)
    assert sizes == [8, 8, 6, 6]  # two BatchNorm layers, in the plain network only
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fold_batch_norm(frozen_backbone()).modules())


@pytest.mark.parametrize(
    ("network", "inputs", "layout"),
    [
        (nn.Conv2d(3, 4, 2), torch.randn(2, 3, 4, 5), torch.channels_last),
        (nn.Identity(), torch.randn(3, 4).T, torch.contiguous_format),
    ],
    ids=["pictures", "numbers"],
)
def test_pictures_are_laid_out_by_channel_and_anything_else_by_row(monkeypatch, network, inputs, layout):
    seen = []
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    monkeypatch.setattr(folding, "fold_batch_norm", lambda _: network)
    with torch.no_grad():
        make_fast(network)(inputs)
    assert seen[-1].is_contiguous(memory_format=layout)
    assert all(weight.is_contiguous(memory_format=layout) for weight in network.parameters() if weight.ndim == 4)


def test_how_far_off_is_still_the_same_is_a_share_of_the_largest_answer():
    plain, inputs = nn.Identity(), torch.tensor([[0.0, 100.0]])
    assert folding._agree(lambda given: given + 0.009, plain, inputs)
    assert not folding._agree(lambda given: given + 0.011, plain, inputs)


class Branching(nn.Module):
    """Asks the pictures for its way: tracing raises TraceError."""

    def __init__(self):
        super().__init__()
        self.inner = frozen_backbone()

    def forward(self, images):
        return self.inner(images if images.sum() > 0 else images + 0)


class Measuring(Branching):
    """Asks for its batch's length: tracing raises RuntimeError (pytorch#53534)."""

    def forward(self, images):
        return self.inner(images).view(len(images), -1)


class Counting(Branching):
    """Tracing raises TypeError."""

    def forward(self, images):
        return self.inner(images) * float(images.shape[0])


class Viewing(Branching):
    """Traced, but its view fits one order of memory only."""

    def forward(self, images):
        return self.inner(images.view(-1).view(images.shape))


class Remembering(Branching):
    """Traced, but the trace keeps what was a question: is this batch full?"""

    def forward(self, images):
        return self.inner(images) * self.factor(images.shape)

    def factor(self, shape):
        return 1 if isinstance(shape, torch.Size) else 2


class Inexact(Branching):
    """Folded, it would answer in half the precision."""

    def forward(self, images):
        return self.inner(images) if isinstance(images, Tensor) else self.inner(images.bfloat16().float())


@pytest.mark.parametrize("kind", [Branching, Measuring, Counting, Viewing, Remembering, Inexact])
@pytest.mark.parametrize("batch_size", [8, 22])
def test_where_the_fast_way_fails_or_differs_the_plain_one_is_taken(kind, batch_size):
    fast, expected = answers(kind().requires_grad_(False).eval(), batch_size)
    torch.testing.assert_close(fast, expected, atol=1e-5, rtol=0)


def test_a_smaller_last_batch_is_compared_as_well():
    class Sized(Branching):
        def forward(self, images):
            scale = 1 if isinstance(images, Tensor) and len(images) < 8 else 2
            return self.inner(images) * scale

    fast, expected = answers(Sized().requires_grad_(False).eval(), 8)
    torch.testing.assert_close(fast, expected, atol=1e-4, rtol=0)


def test_a_release_without_the_experimental_part_still_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.fx.experimental.optimization", None)
    fast, expected = answers(frozen_backbone(), 22)
    assert torch.equal(fast, expected)


def test_what_can_be_built_for_speed_only_stands_in_one_file():
    root = Path(folding.__file__).parent.parent
    files = [path for folder in ("course_utils", "tools", "benchmarks") for path in (root / folder).rglob("*.py")]
    assert [path.name for path in files if "torch.fx" in path.read_text(encoding="utf-8")] == ["folding.py"]

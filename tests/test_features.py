"""Revision notes must say exactly what the backbone would have said, and refuse where they would be wrong."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

from course_utils import features
from course_utils.features import extract_features, fold_batch_norm
from course_utils.training import train_model


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())

    def forward(self, images):
        return images + self.layers(images)


def backbone():
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


def pictures(number=22):
    images = torch.randn(number, 3, 12, 12)
    return TensorDataset(images, (images.mean((1, 2, 3)) > 0).long())


def test_features_equal_the_plain_forward_pass():
    network, dataset = backbone(), pictures()
    before = copy.deepcopy(network)
    notes = extract_features(network, DataLoader(dataset, batch_size=8), device="cpu")
    with torch.no_grad():
        expected = before(dataset.tensors[0])
    torch.testing.assert_close(notes.tensors[0], expected, atol=1e-4, rtol=0)
    assert torch.equal(notes.tensors[1], dataset.tensors[1])
    assert [type(module) for module in network.modules()] == [type(module) for module in before.modules()]
    assert all(torch.equal(tensor, before.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_every_batch_norm_is_folded(monkeypatch):
    sizes = []
    original = nn.functional.batch_norm

    def counted(images, *rest, **options):
        sizes.append(len(images))
        return original(images, *rest, **options)

    monkeypatch.setattr(nn.functional, "batch_norm", counted)
    extract_features(backbone(), DataLoader(pictures(24), batch_size=8), device="cpu")
    assert sizes == [8, 8]  # of the plain backbone, asked once, for comparison
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fold_batch_norm(backbone()).modules())


def test_mobilenet_features_equal_the_plain_forward_pass():
    from torchvision.models import mobilenet_v2

    network = mobilenet_v2()
    network.classifier = nn.Identity()
    network.requires_grad_(False).eval()
    dataset = TensorDataset(torch.randn(3, 3, 64, 64), torch.arange(3))
    notes = extract_features(network, DataLoader(dataset, batch_size=2), device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(notes.tensors[0], network(dataset.tensors[0]), atol=1e-4, rtol=0)


def test_features_are_ordinary_tensors():
    for batch_size in (8, 22):  # one batch alone as well
        features = extract_features(backbone(), DataLoader(pictures(), batch_size=batch_size), device="cpu").tensors[0]
        assert not features.is_inference()
        nn.Linear(8, 2)(features[:10]).sum().backward()  # raises for tensors made in inference mode


def test_training_on_features_equals_training_through_the_frozen_backbone():
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = backbone(), nn.Linear(8, 2)

        def forward(self, images):
            return self.head(self.backbone(images))

        def train(self, mode=True):
            super().train(mode)
            self.backbone.eval()
            return self

    whole, dataset = Whole(), pictures()
    head = copy.deepcopy(whole.head)
    notes = extract_features(whole.backbone, DataLoader(dataset, batch_size=8), device="cpu")
    histories = []
    for model, data in ((whole, dataset), (head, notes)):
        shuffled = DataLoader(data, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(3))
        optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.01)
        options = {"criterion": nn.CrossEntropyLoss(), "optimizer": optimizer, "device": "cpu", "progress": False}
        histories.append(train_model(model, shuffled, DataLoader(data, batch_size=8), num_epochs=4, **options))
    torch.testing.assert_close(whole.head.weight, head.weight, atol=1e-4, rtol=1e-4)
    assert histories[0].val_loss == pytest.approx(histories[1].val_loss, rel=1e-4)
    assert histories[0].val_accuracy == histories[1].val_accuracy


class Branching(nn.Module):
    """Asks the pictures for its way: tracing raises TraceError."""

    def __init__(self):
        super().__init__()
        self.inner = backbone()

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
    network, dataset = kind().requires_grad_(False).eval(), pictures()
    notes = extract_features(network, DataLoader(dataset, batch_size=batch_size), device="cpu")
    expected = torch.cat([network(images) for images in dataset.tensors[0].split(batch_size)])
    torch.testing.assert_close(notes.tensors[0], expected, atol=1e-5, rtol=0)


def test_a_smaller_last_batch_is_compared_as_well():
    class Sized(Branching):
        def forward(self, images):
            scale = 1 if isinstance(images, Tensor) and len(images) < 8 else 2
            return self.inner(images) * scale

    network, dataset = Sized().requires_grad_(False).eval(), pictures()
    notes = extract_features(network, DataLoader(dataset, batch_size=8), device="cpu")
    expected = torch.cat([network(images) for images in dataset.tensors[0].split(8)])
    torch.testing.assert_close(notes.tensors[0], expected, atol=1e-4, rtol=0)


def test_a_release_without_the_experimental_part_still_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.fx.experimental.optimization", None)
    network, dataset = backbone(), pictures()
    notes = extract_features(network, DataLoader(dataset, batch_size=22), device="cpu")
    assert torch.equal(notes.tensors[0], network(dataset.tensors[0]))


def test_what_can_be_built_for_speed_only_stands_in_one_file():
    root = Path(features.__file__).parent.parent
    files = [path for folder in ("course_utils", "tools", "benchmarks") for path in (root / folder).rglob("*.py")]
    assert [path.name for path in files if "torch.fx" in path.read_text(encoding="utf-8")] == ["features.py"]


@pytest.mark.parametrize(
    ("spoil", "way_out"),
    [
        (lambda network: network[0].requires_grad_(True), r"freeze\(model.backbone\)"),
        (lambda network: network.train(), r"model.backbone.eval\(\)"),
        (lambda network: network[1].train(), r"model.backbone.eval\(\)"),
    ],
    ids=["unfrozen", "training", "one layer training"],
)
def test_a_backbone_that_would_change_is_refused(spoil, way_out):
    network = backbone()
    spoil(network)
    with pytest.raises(ValueError, match=way_out):
        extract_features(network, DataLoader(pictures(), batch_size=8), device="cpu")


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"shuffle": True}, "in order"), ({"drop_last": True}, "drops the last 6 of 22")],
)
def test_a_loader_that_shuffles_or_drops_is_refused(options, reason):
    with pytest.raises(ValueError, match=rf"{reason}.*train_eval"):
        extract_features(backbone(), DataLoader(pictures(), batch_size=8, **options), device="cpu")


def test_drop_last_that_drops_nothing_is_accepted():
    notes = extract_features(backbone(), DataLoader(pictures(24), batch_size=8, drop_last=True), device="cpu")
    assert len(notes) == 24


def test_a_data_set_that_augments_is_refused():
    class Flipping(Dataset):
        def __len__(self):
            return 22

        def __getitem__(self, index):
            picture = torch.arange(3 * 144.0).reshape(3, 12, 12)
            return (picture.flip(2) if torch.rand(()) < 0.5 else picture), index % 2

    with pytest.raises(ValueError, match=r"augments.*train_eval"):
        extract_features(backbone(), DataLoader(Flipping(), batch_size=8), device="cpu")


def test_labels_of_any_form_are_read_twice_without_harm():
    for labels in (torch.rand(22, 3), torch.full((22,), torch.nan), torch.arange(22).reshape(22, 1)):
        dataset = TensorDataset(torch.randn(22, 3, 12, 12), labels)
        notes = extract_features(backbone(), DataLoader(dataset, batch_size=8), device="cpu")
        assert torch.equal(notes.tensors[1].nan_to_num(), labels.nan_to_num())


def test_a_shuffling_batch_sampler_is_refused_too():
    dataset = pictures()
    batches = BatchSampler(RandomSampler(dataset), batch_size=8, drop_last=False)
    with pytest.raises(ValueError, match=r"in order \(RandomSampler\)"):
        extract_features(backbone(), DataLoader(dataset, batch_sampler=batches), device="cpu")


def test_an_empty_loader_is_refused():
    with pytest.raises(ValueError, match="The loader is empty"):
        extract_features(backbone(), DataLoader(pictures(0), batch_size=8), device="cpu")


def test_pictures_of_different_sizes_are_explained():
    samples = [(torch.randn(3, 12, 12 + index), index % 2) for index in range(4)]
    with pytest.raises(ValueError, match=r"differ in shape.*v2.Resize"):
        extract_features(backbone(), DataLoader(samples, batch_size=2), device="cpu")


def test_a_backbone_on_another_device_stays_there():
    class Watched(nn.Sequential):
        def to(self, *where, **how):
            moved.append(self)
            return super().to(*where, **how)

    network, moved = Watched(backbone()).requires_grad_(False).eval(), []
    extract_features(network, DataLoader(pictures(), batch_size=8), device="cpu:0")  # to PyTorch not the device "cpu"
    assert moved
    assert not any(part is network for part in moved)

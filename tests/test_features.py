"""Revision notes must say exactly what the backbone would have said, and refuse where they would be wrong."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from course_utils.features import extract_features
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
    calls = []
    original = nn.functional.batch_norm
    monkeypatch.setattr(nn.functional, "batch_norm", lambda *a, **k: (calls.append(1), original(*a, **k))[1])
    extract_features(backbone(), DataLoader(pictures(), batch_size=8), device="cpu")
    assert not calls


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


def test_a_backbone_that_cannot_be_traced_still_works():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = backbone()

        def forward(self, images):
            return self.inner(images if images.sum() > 0 else images + 0)

    network, dataset = Branching().requires_grad_(False).eval(), pictures()
    notes = extract_features(network, DataLoader(dataset, batch_size=8), device="cpu")
    torch.testing.assert_close(notes.tensors[0], network(dataset.tensors[0]), atol=1e-4, rtol=0)


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

"""The network: its shapes and numbers, and what frozen means."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from course_utils import pretrained
from course_utils.models import (
    PretrainedClassifier,
    TransferClassifier,
    build_classifier,
    build_head,
    count_parameters,
    freeze,
    load_pretrained,
    split_for_fine_tuning,
    unfreeze,
    unfreeze_last_blocks,
)
from course_utils.transforms import InputSpec

COURSE_CLASSES = ["goldfish", "bullfrog", "tailed frog", "mud turtle"]
COURSE_SPEC = InputSpec(image_size=64, resize_size=None, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def course_network():
    torch.manual_seed(1)
    network = mobilenet_v2(num_classes=len(COURSE_CLASSES))
    network(torch.randn(4, 3, 32, 32))  # moves the BatchNorm statistics off 0 and 1
    return network.eval()


@pytest.fixture(scope="module")
def course_file(course_network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "course.pt"
    digest = pretrained.save_course_weights(
        path, course_network, classes=COURSE_CLASSES, spec=COURSE_SPEC, card={"top1": 0.3}
    )
    return path, digest


@pytest.fixture
def course_weights(course_file, monkeypatch):
    """Put random weights for four classes in the place of the shipped ones."""
    monkeypatch.setattr(pretrained, "COURSE_WEIGHTS_FILE", course_file[0])
    monkeypatch.setattr(pretrained, "COURSE_WEIGHTS_SHA256", course_file[1])


@pytest.fixture(scope="module")
def built():
    return build_classifier(3, weights=None)


@pytest.fixture
def model(built):
    """A frozen backbone of random weights under a head for three classes."""
    return copy.deepcopy(built)


def snapshot(module):
    """Parameters and buffers, copied."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before, module):
    """The names of the parameters and buffers that are no longer bit-identical."""
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


def train_two_steps(model):
    """A real training: batches far from the running statistics, every parameter offered, weight decay."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(2):
        model.train()
        loss = nn.functional.cross_entropy(model(torch.randn(4, 3, 32, 32) + 1), torch.tensor([0, 1, 2, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def batch_norms(module):
    return [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]


# Numbers


def test_parameter_counts_are_the_documented_ones():
    assert count_parameters(build_classifier(10, weights=None)) == (12_810, 2_223_872, 2_236_682)
    assert count_parameters(mobilenet_v2()).total == 3_504_872


def test_the_backbone_turns_224_pixels_into_7x7_maps_and_1280_features(model):
    model.eval()
    pictures = torch.zeros(1, 3, 224, 224)
    with torch.no_grad():
        assert model.backbone.features(pictures).shape == (1, 1280, 7, 7)
        assert model.backbone(pictures).shape == (1, 1280)
        assert model(pictures).shape == (1, 3)
    assert len(batch_norms(model)) == 52


def test_the_features_are_the_mean_over_the_maps(model):
    model.eval()
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.backbone(pictures), model.backbone.features(pictures).mean(dim=(2, 3)))
        torch.testing.assert_close(model(pictures), model.head(model.backbone(pictures)))


def test_count_parameters_follows_freezing_and_ignores_buffers():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    freeze(module[0])
    assert count_parameters(module) == (6, 15, 21)
    unfreeze(module[0])
    assert count_parameters(module) == (21, 0, 21)


# Pretrained networks


@pytest.mark.usefixtures("course_weights")
def test_course_weights_come_with_their_spec_classes_and_source(course_network):
    model = load_pretrained("course")
    assert (model.spec, model.classes, model.source) == (COURSE_SPEC, COURSE_CLASSES, "course (Tiny ImageNet)")
    assert isinstance(model.spec.mean, tuple)
    assert not model.training
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(pictures), course_network(pictures), rtol=2e-3, atol=2e-3)
    assert "weights: course (Tiny ImageNet); pictures: 64x64; classes: 4" in repr(model)


@pytest.mark.usefixtures("course_weights")
def test_a_pretrained_model_can_be_trained_further():
    model = load_pretrained("course")
    before = snapshot(model)
    train_two_steps(model)
    assert changed(before, model) == before.keys()


@pytest.mark.usefixtures("course_weights")
def test_loading_draws_no_random_numbers_so_that_a_seed_gives_one_head():
    torch.manual_seed(7)
    expected = nn.Linear(1280, 10)
    torch.manual_seed(7)
    assert torch.equal(build_classifier(10, weights="course").head.weight, expected.weight)


@pytest.mark.usefixtures("imagenet_weights")
def test_imagenet_weights_agree_with_torchvision():
    weights = MobileNet_V2_Weights.IMAGENET1K_V1
    reference = mobilenet_v2(weights=weights).eval()
    model = load_pretrained("imagenet")
    pictures = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(model(pictures), reference(pictures))
    preset = weights.transforms()
    assert model.spec == (preset.crop_size[0], preset.resize_size[0], tuple(preset.mean), tuple(preset.std))
    assert model.classes == weights.meta["categories"]
    assert model.source.startswith("imagenet")
    assert count_parameters(model) == (3_504_872, 0, 3_504_872)


def test_an_unknown_word_for_the_weights_is_refused():
    for build in (load_pretrained, lambda weights: build_classifier(10, weights=weights)):
        with pytest.raises(ValueError, match="Unknown weights 'resnet': use 'course' or 'imagenet'"):
            build("resnet")


# Building


@pytest.mark.usefixtures("course_weights")
def test_the_new_classifier_stands_on_the_trained_backbone():
    original = load_pretrained("course")
    model = build_classifier(3, weights="course", classes=["hat", "shirt", "shoes"])
    assert changed(snapshot(original.backbone), model.backbone) == set()
    assert (model.spec, model.classes, model.source) == (
        COURSE_SPEC,
        ["hat", "shirt", "shoes"],
        "course (Tiny ImageNet)",
    )
    assert model.training


def test_without_weights_every_seed_gives_another_backbone():
    torch.manual_seed(1)
    first = build_classifier(3, weights=None)
    torch.manual_seed(1)
    second = build_classifier(3, weights=None)
    assert changed(snapshot(first), second) == set()
    third = build_classifier(3, weights=None)
    assert "backbone.features.0.0.weight" in changed(snapshot(first), third)
    assert third.classes == ["class 0", "class 1", "class 2"]
    assert "random initial weights" in repr(third)


def test_the_head_is_built_as_asked():
    assert repr(build_head(10)) == repr(nn.Linear(1280, 10))
    assert repr(build_head(10, dropout=0.2)) == repr(nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 10)))
    smallest = nn.Sequential(nn.Linear(1280, 1), nn.ReLU(), nn.Dropout(1), nn.Linear(1, 1))
    assert repr(build_head(1, hidden_size=1, dropout=1)) == repr(smallest)
    inner = nn.Sequential(nn.Linear(1280, 100), nn.ReLU(), nn.Dropout(0.5), nn.Linear(100, 10))
    model = build_classifier(10, weights=None, hidden_size=100, dropout=0.5)
    assert repr(model.head) == repr(inner)
    assert count_parameters(model).trainable == 1280 * 100 + 100 + 100 * 10 + 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes=0"),
        ({"num_classes": 3, "hidden_size": 0}, "hidden_size=0"),
        ({"num_classes": 3, "classes": ["hat", "shirt"]}, "2 names for num_classes=3"),
        ({"num_classes": 3, "dropout": 1.5}, "dropout=1.5 is a share"),
    ],
)
def test_impossible_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_classifier(**arguments, weights=None)


@pytest.mark.parametrize("impossible", [{"num_classes": 0}, {"hidden_size": -1}, {"dropout": -0.1}])
def test_an_impossible_head_is_refused_wherever_it_is_built(impossible):
    with pytest.raises(ValueError, match=f"{next(iter(impossible))}={next(iter(impossible.values()))}"):
        build_head(**{"num_classes": 2} | impossible)


def test_a_classifier_has_an_output_for_each_name():
    model = TransferClassifier(nn.Identity(), classes=np.array(["hat", "shoe"]), spec=InputSpec(32), source="test")
    assert model(torch.zeros(1, 1280)).shape == (1, 2)
    assert [type(name) for name in model.classes] == [str, str]  # NumPy's own could not be saved


def test_a_pretrained_network_with_more_outputs_than_names_is_refused():
    network = nn.Module()
    network.classifier = nn.Sequential(nn.Dropout(), nn.Linear(1280, 3))
    with pytest.raises(ValueError, match="3 outputs for 2 class names"):
        PretrainedClassifier(network, spec=InputSpec(32), classes=["hat", "shoe"], source="test")


def test_weights_of_another_network_are_refused_by_name(course_network, monkeypatch):
    state_dict = course_network.state_dict() | {"classifier.1.bias": torch.zeros(5), "more": torch.zeros(1)}
    del state_dict["features.18.0.weight"]
    stored = pretrained.TrainedWeights(state_dict, COURSE_CLASSES, COURSE_SPEC, {}, "imagenet (not torchvision's)")
    monkeypatch.setattr("course_utils.models.read_imagenet_weights", lambda: stored)
    with pytest.raises(ValueError, match=r"imagenet \(not torchvision's\).* does not fit this network: ") as error:
        load_pretrained("imagenet")
    assert "features.18.0.weight is missing, due is (1280, 320, 1, 1)" in str(error.value)
    assert "classifier.1.bias is (5,), due is (4,)" in str(error.value)
    assert "more is (1,), due is nothing" in str(error.value)


# Frozen and unfrozen


def test_a_frozen_backbone_is_bit_identical_after_training(model):
    before = snapshot(model)
    train_two_steps(model)
    assert changed(before, model) == {"head.weight", "head.bias"}


def test_a_frozen_backbone_stays_in_eval_while_the_head_trains():
    model = build_classifier(3, weights=None, dropout=0.5)
    for mode in (True, False, True):
        assert model.train(mode) is model
        assert (model.training, model.head.training, model.backbone.training) == (mode, mode, False)
    assert not any(layer.training for layer in batch_norms(model))


def test_an_unfrozen_backbone_trains_statistics_included():
    model = build_classifier(3, weights=None, freeze_backbone=False)
    before = snapshot(model)
    train_two_steps(model)
    assert changed(before, model) == before.keys()


def test_freezing_in_the_middle_of_training_holds_at_once(model):
    unfreeze(model.backbone)
    model.train()
    assert all(layer.training for layer in batch_norms(model))
    freeze(model.backbone)
    before = snapshot(model.backbone)
    model(torch.randn(2, 3, 32, 32))
    assert changed(before, model.backbone) == set()


def test_unfreezing_undoes_freezing_mode_and_gradients():
    part = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    freeze(part)
    assert not any(module.training for module in part.modules())
    assert not any(parameter.requires_grad for parameter in part.parameters())
    unfreeze(part)
    assert all(module.training for module in part.modules())
    assert all(parameter.requires_grad for parameter in part.parameters())


@pytest.mark.parametrize("num_blocks", [1, 3])
def test_only_the_last_blocks_learn_with_their_batch_norms(model, num_blocks):
    unfreeze_last_blocks(model, num_blocks)
    before = snapshot(model)
    train_two_steps(model)
    open_blocks = tuple(f"backbone.features.{index}." for index in range(19 - num_blocks, 19))
    assert changed(before, model) == {name for name in before if name.startswith(("head.", *open_blocks))}


def test_batch_norms_in_unfrozen_blocks_can_stay_frozen(model):
    unfreeze_last_blocks(model, 2, batch_norm=False)
    before = snapshot(model)
    train_two_steps(model)
    convolutions = {
        f"backbone.{name}.weight"
        for name, layer in model.backbone.named_modules()
        if isinstance(layer, nn.Conv2d) and name.startswith(("features.17.", "features.18."))
    }
    assert changed(before, model) == convolutions | {"head.weight", "head.bias"}


def test_unfreezing_blocks_freezes_nothing(model):
    unfreeze_last_blocks(model, 19)
    assert count_parameters(model).frozen == 0
    assert all(layer.training for layer in batch_norms(model))
    unfreeze_last_blocks(model, 1)
    assert count_parameters(model).frozen == 0
    unfreeze_last_blocks(model, 0, batch_norm=False)
    assert count_parameters(model).frozen == 0
    freeze(model.backbone)
    unfreeze_last_blocks(model, 0)
    assert count_parameters(model).trainable == count_parameters(model.head).total
    assert not model.backbone.training


def test_unfreezing_keeps_an_evaluating_model_in_eval(model):
    model.eval()
    unfreeze_last_blocks(model, 2)
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("num_blocks", [-1, 20])
def test_a_number_of_blocks_that_is_not_there_is_refused(model, num_blocks):
    with pytest.raises(ValueError, match=f"num_blocks={num_blocks}: the backbone has 19 blocks, choose 0 to 19"):
        unfreeze_last_blocks(model, num_blocks)


def test_dropout_in_an_unfrozen_part_trains_and_in_a_frozen_one_does_not():
    backbone = nn.Sequential(
        nn.Sequential(nn.Linear(1280, 8), nn.Dropout(0.5)), nn.Sequential(nn.Linear(8, 1280), nn.Dropout(0.5))
    )
    model = TransferClassifier(backbone, spec=InputSpec(32), classes=["a", "b"], source="test")
    freeze(model.backbone[0])
    model.train()
    assert not model.backbone[0][1].training
    assert model.backbone[1][1].training


def test_blocks_of_a_backbone_that_has_none_are_refused():
    model = TransferClassifier(nn.Linear(4, 1280), spec=InputSpec(32), classes=["a", "b"], source="test")
    with pytest.raises(TypeError, match=r"Linear has no \.features to take blocks from"):
        unfreeze_last_blocks(model, 1)


@pytest.mark.parametrize("num_blocks", [1, 3, 12, 18])
def test_the_trunk_and_the_part_that_learns_are_the_model(num_blocks):
    model = build_classifier(3, weights=None).eval()
    trunk, part = split_for_fine_tuning(model, num_blocks)
    for size in (32, 70):  # last maps of 1 x 1 and of 3 x 3
        images = torch.randn(2, 3, size, size)
        with torch.no_grad():
            assert torch.equal(part(trunk(images)), model(images))
    shared = {id(tensor) for tensor in model.state_dict(keep_vars=True).values()}
    parts = [*trunk.state_dict(keep_vars=True).values(), *part.state_dict(keep_vars=True).values()]
    assert {id(tensor) for tensor in parts} == shared
    assert len(trunk) == 19 - num_blocks


def test_splitting_changes_no_modes_and_the_part_keeps_what_is_frozen_in_eval():
    model = build_classifier(3, weights=None, dropout=0.5)
    unfreeze_last_blocks(model, 2, batch_norm=False)
    modes = {name: module.training for name, module in model.named_modules()}
    trunk, part = split_for_fine_tuning(model, 3)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert not any(module.training for module in trunk.modules())
    assert trunk.training is False
    part.eval()
    part.train()
    assert part.head.training
    for block, learns in zip(part.blocks, [False, True, True], strict=False):
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert not module.training
            elif isinstance(module, nn.Conv2d):
                assert module.training == learns


@pytest.mark.parametrize("num_blocks", [-1, 0, 19])
def test_a_cut_that_leaves_one_side_empty_is_refused(num_blocks):
    with pytest.raises(ValueError, match=f"num_blocks={num_blocks}: choose 1 to 18"):
        split_for_fine_tuning(build_classifier(3, weights=None), num_blocks)


def test_a_backbone_without_blocks_cannot_be_cut():
    model = build_classifier(3, weights=None)
    model.backbone = nn.Flatten()
    with pytest.raises(TypeError, match=r"has no \.features"):
        split_for_fine_tuning(model, 3)

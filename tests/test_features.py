"""Revision notes must say exactly what the backbone would have said, and refuse where they would be wrong."""

import copy
import warnings
from types import SimpleNamespace

import pytest
import torch
from made_up import frozen_backbone as backbone
from made_up import random_pictures as pictures
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

from course_utils import features
from course_utils.features import Notes, check_notes, extract_features
from course_utils.inference import load_classifier, save_classifier
from course_utils.models import build_classifier, split_for_fine_tuning, unfreeze_last_blocks
from course_utils.runtime import progress_bar, set_seed
from course_utils.training import train_model
from course_utils.transforms import InputSpec


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


def test_mobilenet_features_equal_the_plain_forward_pass():
    from torchvision.models import mobilenet_v2

    network = mobilenet_v2()
    network.classifier = nn.Identity()
    network.requires_grad_(False).eval()
    dataset = TensorDataset(torch.randn(3, 3, 64, 64), torch.arange(3))
    notes = extract_features(network, DataLoader(dataset, batch_size=2), device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(notes.tensors[0], network(dataset.tensors[0]), atol=1e-4, rtol=0)


def test_every_batch_is_told_as_it_is_done():
    done = []
    extract_features(backbone(), DataLoader(pictures(22), batch_size=8), device="cpu", on_batch=done.append)
    assert done == [8, 8, 6]


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
    ("options", "reason", "way_out"),
    [
        (
            {"shuffle": True},
            "This loader does not give the samples in order (RandomSampler). Features are taken once and shuffled "
            "later: ",
            "DataLoader(..., shuffle=False).",
        ),
        (
            {"drop_last": True},
            "This loader drops the last 6 of 22 samples (drop_last=True), which would be missing from the notes: ",
            "DataLoader(..., drop_last=False).",
        ),
    ],
    ids=["shuffles", "drops"],
)
def test_a_loader_that_shuffles_or_drops_is_refused(options, reason, way_out):
    with pytest.raises(ValueError, match="This loader") as refused:
        extract_features(backbone(), DataLoader(pictures(), batch_size=8, **options), device="cpu")
    assert str(refused.value) == f"{reason}use make_dataloaders(...).train_eval, or {way_out}"


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


def test_every_view_is_noted_in_order_and_drawn_at_random():
    network, dataset = backbone(), pictures()
    views = ("plain", "mirrored", "closer")
    notes = extract_features(network, DataLoader(dataset, batch_size=8), device="cpu", views=views, progress=False)
    images, stored = dataset.tensors[0], notes.tensors[0]
    assert (stored.dtype, stored.shape) == (torch.float16, (22, 3, 8))
    for place, view in enumerate((images, images.flip(-1), features.VIEWS["closer"](images))):
        torch.testing.assert_close(stored[:, place].float(), network(view), atol=1e-3, rtol=1e-3)
    drawn = torch.stack([notes[5][0] for _ in range(300)])
    counts = [(drawn == stored[5, place].float()).all(dim=1).sum().item() for place in range(3)]
    assert sum(counts) == 300
    assert min(counts) > 60
    assert drawn.dtype == torch.float32
    assert all(int(notes[index][1]) == int(dataset.tensors[1][index]) for index in range(22))


def test_closer_shows_the_middle_enlarged():
    picture = torch.zeros(1, 3, 32, 64)
    picture[..., 2:-2, 4:-4] = 1
    assert torch.equal(features.VIEWS["closer"](picture), torch.ones(1, 3, 32, 64))
    assert torch.equal(
        features.VIEWS["closer mirrored"](picture[..., :40]), features.VIEWS["closer"](picture[..., :40]).flip(-1)
    )


def test_closer_is_seven_eighths_of_either_side():
    rows = torch.arange(320.0)[:, None].expand(3, 320, 160)[None]
    assert features.VIEWS["closer"](rows).aminmax() == (pytest.approx(20, abs=0.1), pytest.approx(299, abs=0.1))
    columns = rows.transpose(2, 3)
    assert features.VIEWS["closer"](columns).aminmax() == (pytest.approx(20, abs=0.1), pytest.approx(299, abs=0.1))


def test_notes_have_a_place_for_each_view():
    assert len(Notes(torch.zeros(4, 2), torch.arange(4), views=["plain", "mirrored"])) == 4
    for shape in ((4,), (4, 1), (4, 3, 2)):
        with pytest.raises(ValueError, match=rf"Notes of 2 views are \(N, 2, \.\.\.\), not \({shape[0]},"):
            Notes(torch.zeros(shape), torch.arange(4), views=["plain", "mirrored"])


def test_reading_the_notes_of_one_view_leaves_chance_alone():
    notes = Notes(torch.arange(12.0).reshape(4, 3, 1), torch.arange(4), views=["plain", "mirrored", "closer"])
    first, state = notes.of_view("plain"), torch.get_rng_state()
    assert [first[index][0].item() for index in range(4)] == [0, 3, 6, 9]
    assert torch.equal(torch.get_rng_state(), state)
    two = Notes(notes.tensors[0][:, :2], notes.tensors[1], views=["plain", "mirrored"])
    assert {two[0][0].item() for _ in range(50)} == {0, 1}


def test_a_bar_counts_the_samples(monkeypatch):
    made = []

    def recorded(*rest, **options):
        made.append(options)
        return progress_bar(*rest, **options | {"show": False})

    monkeypatch.setattr(features, "progress_bar", recorded)
    for progress in (True, False):
        extract_features(backbone(), DataLoader(pictures(), batch_size=8), device="cpu", progress=progress)
    look = {"total": 22, "description": "revision notes", "unit": " samples"}
    assert made == [look | {"show": True}, look | {"show": False}]


def test_the_notes_of_one_view_are_the_same_each_time():
    loader = DataLoader(pictures(), batch_size=8)
    notes = extract_features(backbone(), loader, device="cpu", views=("plain", "mirrored"), progress=False)
    exam = notes.of_view("mirrored")
    assert exam.views == ("mirrored",)
    assert torch.equal(torch.stack([exam[index][0] for index in range(22)]), notes.tensors[0][:, 1].float())
    with pytest.raises(ValueError, match="'closer', only of plain, mirrored"):
        notes.of_view("closer")


@pytest.mark.parametrize("views", [(), ("plain", "upside down"), ("plain", "plain")])
def test_views_that_are_not_there_are_refused_by_name(views):
    with pytest.raises(ValueError, match="'plain', 'mirrored', 'closer'"):
        extract_features(backbone(), DataLoader(pictures(), batch_size=8), device="cpu", views=views)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_taken(monkeypatch, capsys):
    loader = DataLoader(pictures(), batch_size=8)
    needed = 22 * 2 * 8 * 2  # samples, views, numbers, bytes of a float16
    for free, fits in ((needed / 0.8 - 1, False), (needed / 0.8 + 1, True)):
        monkeypatch.setattr(features.psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        if fits:
            extract_features(backbone(), loader, device="cpu", views=("plain", "mirrored"))
            assert capsys.readouterr().out.startswith("notes of 22 samples in 2 views: 0 MB")
        else:
            with pytest.raises(MemoryError, match="fewer blocks"):
                extract_features(backbone(), loader, device="cpu", views=("plain", "mirrored"))


def test_the_sizes_are_said_in_megabytes_and_the_ways_out_with_them(monkeypatch, capsys):
    loader = DataLoader(pictures(), batch_size=8)
    say_nothing = [{"views": ("plain", "mirrored"), "progress": False}, {"views": "plain"}, {}]
    for options in say_nothing:
        extract_features(backbone(), loader, device="cpu", **options)
        assert "MB" not in capsys.readouterr().out
    task = features._Task(backbone(), loader, 1000, ("plain", "mirrored"), torch.float16)
    monkeypatch.setattr(features.psutil, "virtual_memory", lambda: SimpleNamespace(available=4_990_000))
    features._make_room(task, (2, 998), tell=print)
    assert capsys.readouterr().out == "notes of 1,000 samples in 2 views: 4 MB\n"
    with pytest.raises(MemoryError) as refused:
        features._make_room(task, (2, 1000), tell=None)
    assert str(refused.value) == (
        "There is no room for notes of 1,000 samples in 2 views: 4 MB, and 5 MB of memory are free. Let fewer blocks "
        "learn (the maps are smaller nearer the head), take fewer views or fewer samples, or train on the pictures."
    )


def test_a_network_that_can_learn_is_refused_with_the_ways_out():
    network = nn.Sequential(*(nn.Linear(2, 2) for _ in range(3))).eval()
    with pytest.raises(ValueError, match="can still learn") as refused:
        check_notes(network, DataLoader(pictures(), batch_size=8))
    assert str(refused.value) == (
        "6 parameter tensors of the network can still learn (0.weight, 0.bias, 1.weight, ...), so notes taken now "
        "would soon be out of date. Call freeze(model.backbone), and pass model.backbone rather than the whole model; "
        "to fine-tune its last blocks, split_for_fine_tuning gives the trunk below them."
    )
    network.requires_grad_(False)[1].train()
    with pytest.raises(ValueError, match=r"^The network is in train\(\) mode \(1\): its BatchNorm would") as refused:
        check_notes(network, DataLoader(pictures(), batch_size=8))
    assert str(refused.value).endswith("on chance. Call its eval() first, such as model.backbone.eval().")


def test_notes_beyond_float16_are_refused():
    network = backbone()
    network[0].bias.data += 1e6
    for place in (1, 2, 3):
        network[place] = nn.Identity().eval()
    with pytest.raises(ValueError, match="not finite in float16"):
        extract_features(network, DataLoader(pictures(), batch_size=8), device="cpu", views=("plain",))


def classifier(num_blocks):
    set_seed(0)
    model = build_classifier(3, weights=None, classes=["a", "b", "c"])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # not 0 and 1, as after schooling
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    # BatchNorm stays frozen: over so few small maps its statistics would blow up the smallest rounding.
    unfreeze_last_blocks(model, num_blocks, batch_norm=False)
    return model


@pytest.mark.parametrize(("views", "tolerance"), [(None, 1e-4), (("plain",), 0.02)], ids=["float32", "float16"])
def test_fine_tuning_on_notes_equals_fine_tuning_through_the_pictures(views, tolerance, tmp_path):
    dataset = TensorDataset(torch.randn(12, 3, 32, 32), torch.arange(12) % 3)
    whole, cut = classifier(3), classifier(3)
    before = copy.deepcopy(cut)
    trunk, part = split_for_fine_tuning(cut, 3)
    notes = extract_features(trunk, DataLoader(dataset, batch_size=4), device="cpu", views=views, progress=False)
    losses = []
    for model, data in ((whole, dataset), (part, notes)):
        shuffled = DataLoader(data, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(3))
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
        options = {"criterion": nn.CrossEntropyLoss(), "optimizer": optimizer, "device": "cpu", "progress": False}
        losses.append(train_model(model, shuffled, DataLoader(data, batch_size=4), num_epochs=3, **options).val_loss)
    assert losses[0] == pytest.approx(losses[1], rel=tolerance)
    assert not torch.equal(cut.head.weight, before.head.weight)
    for name, tensor in cut.state_dict().items():
        torch.testing.assert_close(tensor, whole.state_dict()[name], atol=tolerance, rtol=tolerance)
        block = int(name.split(".")[2]) if name.startswith("backbone.features") else 19
        learned = block > 15
        assert learned or torch.equal(tensor, before.state_dict()[name]), f"{name} belongs to the trunk"
    save_classifier(tmp_path / "student.pt", cut)
    loaded = load_classifier(tmp_path / "student.pt")
    with torch.no_grad():
        torch.testing.assert_close(loaded(dataset.tensors[0]), cut.eval()(dataset.tensors[0]))


def test_notes_can_be_taken_of_notes():
    dataset = TensorDataset(torch.randn(6, 3, 32, 32), torch.arange(6) % 3)
    model = classifier(0)
    trunk, part = split_for_fine_tuning(model, 3)
    maps = extract_features(trunk, DataLoader(dataset, batch_size=4), device="cpu", views=("plain",), progress=False)
    twice = extract_features(part.blocks, DataLoader(maps, batch_size=4), device="cpu")
    once = extract_features(model.backbone, DataLoader(dataset, batch_size=4), device="cpu")
    torch.testing.assert_close(twice.tensors[0], once.tensors[0], atol=2e-3, rtol=2e-3)


@pytest.fixture
def images_of_bytes():
    return DataLoader(TensorDataset(torch.rand(12, 3, 8, 8) * 255, torch.arange(12)), batch_size=4)


def test_pixels_that_are_not_normalised_are_warned_of_before_notes_are_taken(images_of_bytes):
    normalised = DataLoader(TensorDataset(torch.randn(12, 3, 8, 8).clamp(-2, 2), torch.arange(12)), batch_size=4)
    spec, backbone = InputSpec(image_size=8), nn.Flatten().eval()
    with pytest.warns(UserWarning, match="pixels"):
        assert check_notes(backbone, images_of_bytes, spec=spec) == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_notes(backbone, normalised, spec=spec) == 12


def test_the_warning_points_at_the_learners_line(images_of_bytes):
    with pytest.warns(UserWarning, match="pixels") as heard:
        check_notes(nn.Flatten().eval(), images_of_bytes, spec=InputSpec(image_size=8))
    assert heard[0].filename == __file__

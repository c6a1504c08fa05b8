"""Every beginner's mistake is explained, with figures and the way out; what is right is left in peace."""

import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

from course_utils.checks import check_batch, check_loader, check_optimizer, check_run
from course_utils.training import evaluate, train_model, train_one_epoch


def picture_model(num_classes=3):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


def pictures(number=8):
    return torch.randn(number, 3, 6, 6)


def check(inputs=None, targets=None, model=None, criterion=None, **more):
    inputs = pictures() if inputs is None else inputs
    targets = torch.arange(8) % 3 if targets is None else targets
    check_batch(model or picture_model(), inputs, targets, criterion=criterion or nn.CrossEntropyLoss(), **more)


def test_what_is_right_is_left_in_peace():
    check()
    check(criterion=nn.functional.cross_entropy)
    check(targets=torch.randn(8, 3).softmax(1))
    check(torch.randint(0, 9, (8, 5)), model=nn.Sequential(nn.EmbeddingBag(9, 4), nn.Linear(4, 3)))
    check(torch.rand(8, 4), torch.rand(8, 1), model=nn.Linear(4, 1), criterion=nn.MSELoss())
    check(torch.randn(8, 4), torch.full((8,), -100), model=nn.Linear(4, 3))
    check(torch.randn(8, 3, 6, 6), torch.zeros(8, 6, 6).long(), model=nn.Conv2d(3, 3, 1))  # a label for each pixel


MISTAKES = {
    "labels too high": ({"targets": torch.arange(8)}, r"between 0 and 7.*gives 3 scores.*num_classes=len"),
    "labels negative": ({"targets": torch.arange(8) % 3 - 1}, r"between -1 and 1.*Count classes from 0"),
    "labels of the wrong type": ({"targets": torch.arange(8, dtype=torch.int32) % 3}, r"torch.int32.*labels.long\(\)"),
    "labels as floats": ({"targets": torch.ones(8)}, r"torch.float32.*MSELoss"),
    "labels as a column": ({"targets": torch.zeros(8, 1).long()}, r"\(8, 1\), due is \(8,\).*squeeze\(1\)"),
    "labels one-hot": ({"targets": torch.eye(3)[[0] * 8].long()}, r"\(8, 3\), due is \(8,\).*argmax\(1\)"),
    "channels last": ({"inputs": torch.randn(8, 6, 6, 3)}, r"\(8, 6, 6, 3\).*permute\(0, 3, 1, 2\)"),
    "no batch": ({"inputs": pictures()[0], "targets": torch.tensor(1)}, r"\(3, 6, 6\).*unsqueeze\(0\)"),
    "no batch, targets in one": ({"inputs": pictures()[0]}, r"batch dimension is missing"),
    "bytes": ({"inputs": pictures().byte()}, r"torch.uint8.*ToDtype\(torch.float32, scale=True\)"),
    "a data set for a loader": ({"targets": 1}, r"pair of tensors.*DataLoader"),
    "another number of labels": ({"targets": torch.zeros(5).long()}, r"8 inputs but 5 targets"),
    "two devices": ({"device": "cuda"}, r"model is on cpu, the batch goes to cuda.*model.to\('cuda'\)"),
    "classes": ({"classes": ["cat", "dog"]}, r"2 classes \(cat, dog\).*3 scores"),
    "a loss for each sample": ({"criterion": nn.CrossEntropyLoss(reduction="none")}, "one loss per sample"),
    "class numbers for a measuring loss": ({"criterion": nn.MSELoss()}, r"torch.int64.*CrossEntropyLoss"),
    "shapes that would broadcast": (
        {"inputs": torch.rand(8, 4), "targets": torch.rand(8), "model": nn.Linear(4, 1), "criterion": nn.MSELoss()},
        r"shape \(8,\), the answers \(8, 1\).*unsqueeze\(1\)",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_explained(mistake):
    batch, explanation = MISTAKES[mistake]
    with pytest.raises(ValueError, match=explanation):
        check(**batch)


def test_the_loops_check_their_first_batch_and_explain_what_the_others_bring():
    model = nn.Linear(4, 3)
    wrong = (torch.randn(8, 4), torch.full((8,), 9))
    right = (torch.randn(8, 4), torch.zeros(8).long())
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="between 9 and 9"):
        evaluate(model, [wrong], **options)
    with pytest.raises(ValueError, match="between 9 and 9"):
        train_one_epoch(model, [wrong], optimizer=optimizer, **options)
    with pytest.raises(ValueError, match=r"A label is 9, which is no class.*PyTorch's words"):
        evaluate(model, [right, wrong], **options)


def test_the_check_changes_nothing():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    model[2].eval()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random_state = torch.get_rng_state()
    check(torch.randn(8, 4, generator=torch.Generator()), model=model)
    assert [module.training for module in model] == [True, True, False]
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)


# The optimizer


def test_an_optimizer_of_another_model_is_refused():
    optimizer = torch.optim.AdamW(picture_model().parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"none of the 4 trainable.*torch.optim.AdamW\("):
        check_optimizer(picture_model(), optimizer)


def test_an_optimizer_made_before_unfreezing_is_warned_of():
    model = picture_model()
    model[0].requires_grad_(False)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.1)
    check_optimizer(model, optimizer)
    model[0].requires_grad_(True)
    with pytest.warns(UserWarning, match=r"lacks 2 of 4.*0.weight, 0.bias.*torch.optim.Adam\("):
        check_optimizer(model, optimizer)


def test_a_model_that_is_frozen_all_over_is_refused():
    model = picture_model().requires_grad_(False)
    with pytest.raises(ValueError, match="nothing to train"):
        check_optimizer(model, torch.optim.SGD(model.parameters(), lr=0.1))


# Warnings under cross-entropy


def test_probabilities_where_logits_are_due_are_warned_of():
    model = nn.Sequential(picture_model(), nn.Softmax(1))
    with pytest.warns(UserWarning, match="probabilities.*Remove the Softmax"):
        check(model=model)
    check(model=model, criterion=nn.NLLLoss())  # wrong too, but not this mistake


@pytest.mark.parametrize(
    "inputs",
    [torch.rand(8, 3, 6, 6), torch.rand(8, 3, 6, 6) * 255, (torch.rand(8, 3, 6, 6) - 120) / 58],
    ids=["0 to 1", "0 to 255", "statistics of bytes after scaling"],
)
def test_pixels_that_look_unnormalised_are_warned_of(inputs):
    with pytest.warns(UserWarning, match=r"unnormalised.*Normalize"):
        check(inputs)


def test_pixels_are_held_against_the_models_own_specification():
    class Spec:
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    model = picture_model()
    model.spec = Spec()
    check(torch.rand(8, 3, 6, 6), model=model)


def test_only_pictures_under_cross_entropy_are_looked_at():
    check(torch.rand(8, 4), model=nn.Linear(4, 3))
    check(torch.rand(8, 3, 6, 6), torch.rand(8, 3), criterion=nn.MSELoss())


# The run


def data(number=8, classes=None):
    dataset = TensorDataset(torch.randn(number, 4), torch.arange(number) % 3)
    if classes:
        dataset.classes = classes
    return dataset


def run(train=None, val=None, classes=None, **more):
    model = nn.Linear(4, 3)
    if classes:
        model.classes = classes
    loaders = tuple(DataLoader(part or data(), batch_size=4, **more) for part in (train, val))
    check_run(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), loaders=loaders, num_epochs=1)


def test_an_empty_loader_is_refused_before_anything_is_trained():
    model = nn.Linear(4, 3)
    before = model.weight.clone()
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "num_epochs": 1, "progress": False}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    full, empty = DataLoader(data(), batch_size=4), DataLoader(data(3), batch_size=4, drop_last=True)
    with pytest.raises(ValueError, match=r"val_loader is empty: its data set holds 3 samples.*drop_last=False"):
        train_model(model, full, empty, optimizer=optimizer, **options)
    assert torch.equal(model.weight, before)
    with pytest.raises(ValueError, match="no sample"):
        evaluate(model, iter(()), criterion=nn.CrossEntropyLoss(), device="cpu", progress=False)
    check_loader("a stream", iter(()))  # only reading it would tell


def test_class_names_of_data_and_model_must_be_the_same():
    run(data(classes=["a", "b", "c"]), classes=["a", "b", "c"])
    run(data(classes=["a", "b", "c"]), classes=["class 0", "class 1", "class 2"])  # build_classifier's, none given
    with pytest.raises(ValueError, match=r"a, b, c, the model's c, b, a.*classes=dataset.classes"):
        run(data(classes=["a", "b", "c"]), classes=["c", "b", "a"])
    with pytest.raises(ValueError, match="the model's a, b, c"):
        run(val=Subset(data(classes=["a", "b"]), [0, 1]), classes=["a", "b", "c"])


@pytest.mark.parametrize("settings", [{"num_epochs": 0}, {"num_epochs": 1, "patience": 0}])
def test_epochs_and_patience_start_at_one(settings):
    model = nn.Linear(4, 3)
    loaders = (DataLoader(data()), DataLoader(data()))
    with pytest.raises(ValueError, match="from 1"):
        check_run(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), loaders=loaders, **settings)


def test_joined_data_sets_that_number_their_classes_differently_are_refused_and_named():
    joined = ConcatDataset([data(classes=["cat", "dog"]), data(classes=["bird", "cat"])])
    with pytest.raises(ValueError, match=r"cat, dog; bird, cat.*\['bird', 'cat', 'dog'\]"):
        run(joined)
    mended = ConcatDataset([data(classes=["bird", "cat", "dog"]), data(classes=["bird", "cat", "dog"])])
    run(mended, classes=["bird", "cat", "dog"])

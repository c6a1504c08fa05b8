"""Every beginner's mistake is explained, with figures and the way out; what is right is left in peace."""

import re

import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset
from torchvision.transforms import v2

from course_utils.checks import (
    check_batch,
    check_loader,
    check_optimizer,
    check_run,
    describe_clipped,
    describe_odd_pixels,
    describe_probabilities,
)
from course_utils.models import build_classifier
from course_utils.training import evaluate, train_model, train_one_epoch
from course_utils.transforms import InputSpec


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


def test_a_batch_is_looked_at_before_the_model_and_after():
    with pytest.raises(ValueError, match=r"looks like \(N, H, W, C\)"):
        check(torch.randn(8, 6, 6, 3))
    with pytest.raises(ValueError, match=r"2 classes \(cat, dog\)"):
        check(classes=["cat", "dog"])


def test_the_check_changes_nothing():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    model[2].eval()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random_state = torch.get_rng_state()
    check(torch.randn(8, 4, generator=torch.Generator()), model=model)
    assert [module.training for module in model] == [True, True, False]
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)


def test_the_first_two_samples_are_enough_and_a_model_of_one_batch_size_gets_all():
    class Counting(nn.Linear):
        sizes = []  # noqa: RUF012

        def forward(self, inputs):
            self.sizes.append(len(inputs))
            return super().forward(inputs)

    class OneSize(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs.view(8, 4))

    check(torch.randn(8, 4), model=(counting := Counting(4, 3)))
    assert counting.sizes == [2]
    check(torch.randn(8, 4), model=OneSize(4, 3))


def test_what_the_model_refuses_is_explained():
    with pytest.raises(ValueError, match=r"gets 5 numbers.*built for 4.*PyTorch's words"):
        check(torch.randn(8, 5), model=nn.Linear(4, 3))


def test_what_cannot_be_read_is_left_to_the_criterion():
    class Pair(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs), inputs

    check(torch.randn(8, 4), model=Pair(4, 3))
    check(torch.randn(8, 4), model=nn.Linear(4, 3), criterion=lambda outputs, _: outputs.mean())
    check(torch.randint(0, 9, (8, 3, 2, 2)), model=nn.Sequential(nn.Flatten(), nn.Embedding(9, 3), nn.Flatten()))


@pytest.mark.parametrize("meaning", ["a text", 3, object()])
def test_a_spec_or_classes_of_another_meaning_are_no_reason_to_stop(meaning):
    model = picture_model()
    model.spec = model.classes = meaning
    check(model=model)
    run(data(classes=["a", "b", "c"]), classes=meaning)


# What the loops explain, whatever the loader, a later batch or the criterion brings


def train(samples, model, *, criterion=None, batch_size=4, num_epochs=1, **more):
    loader = DataLoader(samples, batch_size=batch_size, **more)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return train_model(
        model,
        loader,
        DataLoader(samples, batch_size=2),
        criterion=criterion or nn.CrossEntropyLoss(),
        optimizer=optimizer,
        num_epochs=num_epochs,
        device="cpu",
        progress=False,
    )


def test_a_last_batch_of_one_sample_is_explained_and_drop_last_helps():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match=r"A batch of one sample.*drop_last=True"):
        train(data(9), model)
    assert len(train(data(9), model, drop_last=True)) == 1
    assert len(train(data(9), model, batch_size=5)) == 1, "the other way out: another batch_size"


def test_pictures_of_different_sizes_are_explained_in_training_and_in_an_exam():
    samples = [(torch.randn(3, 6, 6 + index), index % 3) for index in range(4)]
    with pytest.raises(ValueError, match=r"differ in shape.*v2.Resize"):
        train(samples, picture_model())
    with pytest.raises(ValueError, match=r"differ in shape.*v2.Resize"):
        evaluate(picture_model(), DataLoader(samples, batch_size=2), criterion=nn.CrossEntropyLoss(), device="cpu")


def test_class_weights_are_explained_before_anything_is_learned():
    model = nn.Linear(4, 3)
    before = model.weight.clone()
    weights = 1 / torch.tensor([3.0, 3.0, 2.0], dtype=torch.float64)
    for wrong in (weights, weights[:2].float()):
        with pytest.raises(ValueError, match="class weights"):
            train(data(), model, criterion=nn.CrossEntropyLoss(weight=wrong))
    assert torch.equal(model.weight, before)
    assert len(train(data(), model, criterion=nn.CrossEntropyLoss(weight=weights.to(torch.float32)))) == 1


def test_a_criterion_of_ones_own_that_fails_is_explained():
    def one_each(outputs, targets):
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    with pytest.raises(ValueError, match="more than one number"):
        train(data(), nn.Linear(4, 3), criterion=one_each)
    with pytest.raises(ZeroDivisionError):  # what is not known stays as it is
        train(data(), nn.Linear(4, 3), criterion=lambda *_: 1 / 0)


# The optimizer


def follow(message, model):
    """Make the optimizer as the message says, with a learning rate."""
    code = re.search(r"optimizer = (torch\.optim\..*?lr=\.\.\.\))", message)[1].replace("...", "0.01")
    return eval(code, {"torch": torch, "model": model})


def test_an_optimizer_of_another_model_is_refused_and_the_remedy_helps():
    optimizer = torch.optim.AdamW(picture_model().parameters(), lr=0.1)
    model = picture_model()
    with pytest.raises(ValueError, match=r"none of the 4 trainable.*torch.optim.AdamW\(") as refused:
        check_optimizer(model, optimizer)
    check_optimizer(model, follow(str(refused.value), model))


def test_an_optimizer_made_before_unfreezing_is_warned_of():
    model = picture_model()
    model[0].requires_grad_(False)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.1)
    check_optimizer(model, optimizer)
    model[0].requires_grad_(True)
    with pytest.warns(UserWarning, match=r"lacks 2 of 4.*0.weight, 0.bias.*well below 0.1") as warned:
        check_optimizer(model, optimizer)
    check_optimizer(model, follow(str(warned[0].message), model))


def test_no_more_than_five_missing_parameters_are_named():
    model = nn.ModuleList(nn.Linear(1, 1) for _ in range(4))
    with pytest.warns(UserWarning, match=r"lacks 7 of 8 .*\(0.bias, 1.weight, 1.bias, 2.weight, 2.bias and 2 more\)"):
        check_optimizer(model, torch.optim.SGD([model[0].weight], lr=0.1))
    with pytest.warns(UserWarning, match=r"lacks 6 of 8 .*\(1.weight, 1.bias, 2.weight, 2.bias, 3.weight and 1 more\)"):
        check_optimizer(model, torch.optim.SGD(model[0].parameters(), lr=0.1))
    with pytest.warns(UserWarning, match=r"lacks 5 of 8 .*\(1.bias, 2.weight, 2.bias, 3.weight, 3.bias\)"):
        check_optimizer(model, torch.optim.SGD([*model[0].parameters(), model[1].weight], lr=0.1))


def test_a_run_is_refused_for_its_optimizer_before_a_batch_is_read():
    class Untouched(TensorDataset):
        def __getitem__(self, index):
            raise AssertionError(f"sample {index} was read")

    model, loader = nn.Linear(4, 3), DataLoader(Untouched(*data().tensors))
    ingredients = {"model": model, "loaders": (loader, loader), "num_epochs": 1}
    with pytest.raises(ValueError, match="holds none of the 2 trainable"):
        check_run(optimizer=torch.optim.SGD(nn.Linear(4, 3).parameters(), lr=0.1), **ingredients)


def test_a_practice_is_refused_for_its_optimizer_and_an_exam_needs_none():
    model, batches = nn.Linear(4, 3), [(torch.randn(8, 4), torch.zeros(8).long())]
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False}
    with pytest.raises(ValueError, match="holds none of the 2 trainable"):
        train_one_epoch(model, batches, optimizer=torch.optim.SGD(nn.Linear(4, 3).parameters(), lr=0.1), **options)
    assert evaluate(model.requires_grad_(False), batches, **options).loss > 0


def test_warnings_of_a_run_point_at_the_learners_line():
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD([model.weight], lr=0.1)
    loader = DataLoader(data(), batch_size=4)
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False, "optimizer": optimizer}
    plan = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5)
    with pytest.warns(UserWarning, match="lacks 1 of 2|plans 5 steps") as caught:
        train_model(model, loader, loader, num_epochs=1, scheduler=plan, **options)
    places = {str(warning.message).split(" ")[1]: warning.filename for warning in caught[:2]}
    assert places == {"optimizer": __file__, "StepLR": __file__}
    with pytest.warns(UserWarning, match="lacks 1 of 2") as caught:
        train_one_epoch(model, loader, **options)
    assert caught[0].filename == __file__
    model = picture_model()
    options["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="unnormalised") as caught:
        train_one_epoch(model, [(torch.rand(8, 3, 6, 6), torch.zeros(8).long())], **options)
    assert caught[0].filename == __file__


def test_a_model_that_is_frozen_all_over_is_refused():
    model = picture_model().requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"^Every parameter .* nothing to train. Unfreeze the head at least\.$"):
        check_optimizer(model, optimizer)
    model[-1].requires_grad_(True)
    check_optimizer(model, optimizer)


# Warnings under cross-entropy


def test_probabilities_where_logits_are_due_are_warned_of():
    model = nn.Sequential(picture_model(), nn.Softmax(1))
    with pytest.warns(
        UserWarning, match=r"^The model's answers are probabilities.* applied to them again.*Remove the S"
    ):
        check(model=model)
    check(model=model[0])  # the remedy
    check(model=model, criterion=nn.NLLLoss())  # wrong too, but not this mistake


def test_a_relu_after_the_last_layer_is_warned_of():
    said = describe_clipped(torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]))
    assert said.startswith("No score is negative, and 67% of them are exactly 0: is there a ReLU")


def test_a_batch_shows_the_relu_after_the_last_layer():
    model = nn.Sequential(nn.Linear(6, 3), nn.ReLU())
    nn.init.zeros_(model[0].weight)
    model[0].bias.data = torch.tensor([1.0, -1.0, 2.0])
    batch = torch.randn(8, 6), torch.arange(8) % 3
    with pytest.warns(UserWarning, match="ReLU after the last layer"):
        check_batch(model, *batch, criterion=nn.CrossEntropyLoss())
    check_batch(model[0], *batch, criterion=nn.CrossEntropyLoss())  # the remedy


@pytest.mark.parametrize("outputs", [[[0.0, -1.0]], [[1.0, 2.0]], [[0.0, 0.0]], [[0.0], [1.0]], [0.0, 1.0]], ids=str)
def test_scores_that_no_relu_has_cut_are_left_alone(outputs):
    assert describe_clipped(torch.tensor(outputs)) is None


@pytest.mark.parametrize(("num_classes", "highest", "floor"), [(3, "57.6%", 0.55), (10, "23.2%", 1.46)])
def test_the_floor_that_two_softmaxes_give_the_loss_is_quoted(num_classes, highest, floor):
    sure = torch.eye(num_classes)[:1]
    assert nn.functional.cross_entropy(sure, torch.tensor([0])).item() == pytest.approx(floor, abs=0.005)
    assert f"{sure.softmax(1).max().item():.1%}" == highest
    said = describe_probabilities(sure)
    assert f"none can then get more than {highest}" in said
    assert f"cannot fall below {floor}" in said
    assert "slow" not in said
    assert describe_probabilities(sure * 2) is None
    assert describe_probabilities((sure, sure)) is None


@pytest.mark.parametrize(
    ("outputs", "are_probabilities"),
    [
        ([[0.4, 0.6], [1.0, 0.0]], True),
        ([[0.50004, 0.5]], True),  # rounded, as in half precision
        ([[0.5004, 0.5]], False),
        ([[1.5, -0.5]], False),  # sums to 1, but one of them is negative
        ([[1.0], [1.0]], False),  # one column is no choice
        ([0.4, 0.6], False),
    ],
)
def test_probabilities_are_none_negative_and_sum_to_one(outputs, are_probabilities):
    assert (describe_probabilities(torch.tensor(outputs)) is not None) == are_probabilities


# A specification under which black becomes -2 and white 6 in one channel, -1 and 1 in the others.
OWN = InputSpec(6, mean=(0.25, 0.5, 0.5), std=(0.125, 0.5, 0.5))


def pixels(low, high, number=2):
    """Pictures with every value between the two."""
    return torch.linspace(low, high, number * 3 * 36).view(number, 3, 6, 6)


@pytest.mark.parametrize(
    ("images", "are_odd"),
    [
        (pixels(-2, 6), False),
        (pixels(-5, 1), False),  # twice as dark as black, and one more
        (pixels(-5.1, 1), True),
        (pixels(-1, 13), False),  # twice as bright as white, and one more
        (pixels(-1, 13.1), True),
        (pixels(-0.52, -0.48), False),
        (pixels(-0.51, -0.49), True),  # next to nothing to be seen
        (pixels(0, 2), True),  # nothing darker than the mean in two pictures
        (pixels(0.1, 2), True),
        (pixels(-0.1, 2), False),
        (pixels(0, 2, number=1), False),  # one picture may be bright all over
        (pixels(0, 1, number=1), True),
        (pixels(0.1, 0.9, number=1), True),
        (pixels(0, 1.1, number=1), False),
    ],
)
def test_pixels_are_odd_beyond_these_borders_only(images, are_odd):
    assert (describe_odd_pixels(images, OWN) is not None) == are_odd


def test_where_black_is_zero_bright_pictures_are_not_odd():
    assert describe_odd_pixels(pixels(0, 1), InputSpec(6, mean=(0.0,) * 3, std=(1.0,) * 3)) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_coloured_pictures_are_looked_at(channels):
    model = nn.Sequential(nn.Conv2d(channels, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.warns(UserWarning, match="unnormalised"):
        check(torch.rand(8, channels, 6, 6), model=model)


@pytest.mark.parametrize("channels", [2, 4])
def test_maps_of_other_things_than_colours_are_not_looked_at(channels):
    check(torch.rand(8, channels, 6, 6), model=nn.Sequential(nn.Conv2d(channels, 3, 6), nn.Flatten()))


@pytest.mark.parametrize(
    "inputs",
    [torch.rand(8, 3, 6, 6), torch.rand(8, 3, 6, 6) * 255, (torch.rand(8, 3, 6, 6) - 120) / 58],
    ids=["0 to 1", "0 to 255", "statistics of bytes after scaling"],
)
def test_pixels_that_look_unnormalised_are_warned_of_and_the_remedy_helps(inputs):
    with pytest.warns(UserWarning, match=r"unnormalised.*Normalize") as warned:
        check(inputs)
    between_0_and_1 = (inputs - inputs.min()) / (inputs.max() - inputs.min())
    mean, std = (eval(re.search(rf"{name}=(\[.*?\])", str(warned[0].message))[1]) for name in ("mean", "std"))
    check(v2.Normalize(mean, std)(between_0_and_1))


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


def test_the_empty_loader_is_named():
    empty = DataLoader(data(3), batch_size=4, drop_last=True)
    for place, name in enumerate(("train_loader", "val_loader")):
        loaders = [DataLoader(data()), DataLoader(data())]
        loaders[place] = empty
        with pytest.raises(ValueError, match=rf"^{name} is empty: .* drop_last=False for small data sets\.$"):
            check_ingredients(loaders=loaders)


def test_lists_of_batches_are_loaders_too():
    batches = [(torch.randn(8, 4), torch.zeros(8).long())]
    check_ingredients(loaders=(batches, batches))


def check_ingredients(**given):
    """Check a run of four batches in practice and one in the exam."""
    ingredients = {"model": nn.Linear(4, 3), "loaders": (DataLoader(data(), batch_size=2), DataLoader(data()))}
    ingredients |= {"num_epochs": 3} | given
    if "optimizer" not in ingredients:
        ingredients["optimizer"] = torch.optim.SGD(ingredients["model"].parameters(), lr=0.1)
    check_run(**ingredients)


def plan(kind, *arguments, steps=0, **options):
    """Return the ingredients with a scheduler that has taken some steps."""
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, *arguments, **options)
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler}


def test_a_scheduler_is_held_against_the_batches_of_practice():
    check_ingredients(**plan("OneCycleLR", max_lr=0.1, total_steps=12))
    with pytest.raises(ValueError, match="planned for 24 steps, but 3 epochs of 4 batches take 12"):
        check_ingredients(**plan("OneCycleLR", max_lr=0.1, total_steps=24))
    check_ingredients(**plan("CyclicLR", 0.01, 0.1, 6, cycle_momentum=False))
    with pytest.warns(UserWarning, match="CyclicLR plans 14 steps .* after each batch, and 12 at most"):
        check_ingredients(**plan("CyclicLR", 0.01, 0.1, 7, cycle_momentum=False))


def test_a_scheduler_is_held_against_the_steps_taken_before():
    check_ingredients(**plan("OneCycleLR", max_lr=0.1, total_steps=12, steps=4), continuing=True)
    with pytest.raises(ValueError, match="has taken 4 of its 12 steps"):
        check_ingredients(**plan("OneCycleLR", max_lr=0.1, total_steps=12, steps=4))
    check_ingredients(**plan("StepLR", 5, steps=2))  # three more to come
    with pytest.warns(UserWarning, match="StepLR plans 5 steps .* 3 at most"):
        check_ingredients(**plan("StepLR", 5, steps=2), continuing=True)


def test_a_scheduler_is_held_against_what_is_monitored():
    check_ingredients(**plan("ReduceLROnPlateau", mode="min"), monitor="val_loss")
    check_ingredients(**plan("ReduceLROnPlateau", mode="max"))
    with pytest.raises(ValueError, match="shown what is monitored, val_loss,"):
        check_ingredients(**plan("ReduceLROnPlateau", mode="max"), monitor="val_loss")


def test_a_patience_of_one_epoch_and_a_run_of_one_are_right():
    check_ingredients(num_epochs=1, patience=1)


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
    with pytest.raises(ValueError, match="a list is empty: it gives no batch"):
        check_loader("a list", [])
    check_loader("with the remedy", DataLoader(data(3), batch_size=4, drop_last=False))


def test_a_stream_of_unknown_length_is_trained_on():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(data())

    model = nn.Linear(4, 3)
    stream = DataLoader(Stream(), batch_size=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "num_epochs": 2, "progress": False}
    for make in (
        lambda: None,
        lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2),
        lambda: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=4),
        lambda: torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, cycle_momentum=False),
    ):
        assert len(train_model(model, stream, stream, optimizer=optimizer, scheduler=make(), **options)) == 2


def test_class_names_of_data_and_model_must_be_the_same():
    run(data(classes=["a", "b", "c"]), classes=["a", "b", "c"])
    run(data(classes=["a", "b", "c"]), classes=["class 0", "class 1", "class 2"])  # build_classifier's, none given
    with pytest.raises(
        ValueError,
        match=r"a, b, c, the model's c, b, a: a label .* each. Build both from .*classes=dataset.classes\)\.$",
    ):
        run(data(classes=["a", "b", "c"]), classes=["c", "b", "a"])
    model = build_classifier(3, weights=None, classes=["a", "b", "c"])  # the remedy
    loader = DataLoader(data(classes=["a", "b", "c"]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    check_run(model=model, optimizer=optimizer, loaders=(loader, loader), num_epochs=1)
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


def test_a_plan_longer_than_the_run_is_warned_of_before_it_starts():
    model, loader = nn.Linear(4, 3), DataLoader(data(), batch_size=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5 * len(loader))
    with pytest.warns(UserWarning, match=r"CosineAnnealingLR plans 10 steps.*after each epoch"):
        check_run(model=model, optimizer=optimizer, loaders=(loader, loader), num_epochs=5, scheduler=scheduler)


def test_regression_is_told_what_to_monitor_and_the_remedy_helps():
    model = nn.Linear(4, 1)
    loader = DataLoader(ConcatDataset([TensorDataset(torch.randn(8, 4), torch.randn(8, 1))]), batch_size=4)
    ingredients = {"optimizer": torch.optim.SGD(model.parameters(), lr=0.1), "loaders": (loader, loader)}
    with pytest.raises(ValueError, match="use monitor='val_loss'"):
        check_run(model=model, num_epochs=1, **ingredients)
    check_run(model=model, num_epochs=1, monitor="val_loss", **ingredients)


def loaders_of(train_labels, *, shared=0):
    generator = torch.Generator().manual_seed(0)
    train, val = (torch.randn(40, 6, generator=generator) for _ in range(2))
    train[:shared] = val[:shared]
    data = TensorDataset(train, train_labels), TensorDataset(val, torch.arange(40) % 3)
    return DataLoader(data[0], batch_size=8), DataLoader(data[1], batch_size=8)


def test_sorted_practice_and_shared_samples_are_warned_of_before_the_run():
    model = nn.Linear(6, 3)
    settings = {"model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1), "num_epochs": 1}
    with pytest.warns(UserWarning, match="sorted by class"):
        check_run(loaders=loaders_of(torch.arange(40) // 14), **settings)
    with pytest.warns(UserWarning, match="10 of the 40 samples"):
        check_run(loaders=loaders_of(torch.arange(40) % 3, shared=10), **settings)
    check_run(loaders=loaders_of(torch.arange(40) % 3), **settings)
